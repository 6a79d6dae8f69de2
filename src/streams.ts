import { fstatSync, statSync, writeSync } from "node:fs";
import { UserError } from "./errors.ts";

/**
 * Standard output and error. `process.stdout` takes a few milliseconds to come to life, so a pipe or a file is written
 * to directly: all of it at once, in order, and nothing is left to flush at the end. A terminal gets the stream.
 */
export function writer(descriptor: 1 | 2, stream: () => NodeJS.WriteStream): (text: string) => void {
  if (isTerminal(descriptor, stream)) return (text) => void stream().write(text);
  return (text) => writeAll(descriptor, Buffer.from(text));
}

/** Asks the stream only about what may be a terminal: a character device that is not the null device. */
export function isTerminal(descriptor: 1 | 2, stream: () => NodeJS.WriteStream): boolean {
  try {
    const own = fstatSync(descriptor);
    if (!own.isCharacterDevice()) return false;
    return own.rdev !== statSync("/dev/null", { throwIfNoEntry: false })?.rdev && stream().isTTY === true;
  } catch {
    return false;
  }
}

/** A pipe, named or not, or a socket: something on whose reader we wait. */
export function isPipe(descriptor: 1 | 2): boolean {
  try {
    const own = fstatSync(descriptor);
    return own.isFIFO() || own.isSocket();
  } catch {
    return false;
  }
}

const readersGone = new Set<number>();

/** Whether whoever read a pipe has stopped: what is still to be written, nobody wants. */
export const isReaderGone = (descriptor: 1 | 2): boolean => readersGone.has(descriptor);

/** How long to wait for the reader of a full pipe that does not block, ms. */
const PATIENCE = 2;

function writeAll(descriptor: 1 | 2, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      // whoever reads us may stop reading: `| head` is no error; and where messages cannot be written, none can say so
      if (code === "EPIPE" || (descriptor === 2 && code !== "EAGAIN")) {
        readersGone.add(descriptor);
        return;
      }
      if (code !== "EAGAIN") throw new UserError(`cannot write standard output: ${code}`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PATIENCE);
    }
  }
}
