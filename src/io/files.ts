import { isUtf8 } from "node:buffer";
import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { UserError } from "../errors.ts";

/** Nothing that we read is near this size; a file that is was named by mistake. */
export const LARGEST_INPUT_BYTES = 8e6;

/** A text file's content; every way in which it can be none is a UserError that names the file. */
export function readText(path: string, label = path): string {
  return decodeText(readBytes(path, label), label);
}

export function decodeText(bytes: Uint8Array, label: string): string {
  if (bytes.length > LARGEST_INPUT_BYTES)
    throw new UserError(`${label} is larger than ${LARGEST_INPUT_BYTES / 1e6} MB`);
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    throw new UserError(`${label} is UTF-16 text: save it as UTF-8`);
  if (!isUtf8(bytes) || bytes.includes(0))
    throw new UserError(`${label} is not a text file (its bytes are not UTF-8)`);
  // TextDecoder drops a byte order mark, as some editors write one
  const text = new TextDecoder().decode(bytes);
  if (text.trim() === "") throw new UserError(`${label} is empty`);
  return text;
}

function readBytes(path: string, label: string): Uint8Array {
  const file = attempt(label, () => openSync(path, "r"));
  try {
    const found = fstatSync(file);
    if (found.isDirectory()) throw new UserError(`${label} is a folder, not a file`);
    return attempt(label, () => (found.isFile() ? readAtRest(file, label) : readUpTo(file, null)));
  } finally {
    closeSync(file);
  }
}

/** How often a file that is being written is read again, and how long to leave its writer in between, ms. */
const MOST_READS = 20;
const PATIENCE_MS = 5;

/** A file that somebody writes to while we read is read again: its beginning and its end may not belong together. */
function readAtRest(file: number, label: string): Uint8Array {
  for (let reads = 0; reads < MOST_READS; reads++) {
    const before = fstatSync(file);
    const bytes = readUpTo(file, 0);
    const after = fstatSync(file);
    if (after.size === before.size && after.mtimeMs === before.mtimeMs) return bytes;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PATIENCE_MS);
  }
  throw new UserError(`cannot read ${label}: something else keeps writing to it`);
}

/** Reads pipes and devices too, whose size is not known before: so the limit holds for what was read. */
function readUpTo(file: number, start: number | null): Uint8Array {
  const limit = LARGEST_INPUT_BYTES + 1;
  const chunks: Uint8Array[] = [];
  let length = 0;
  while (length < limit) {
    const chunk = new Uint8Array(Math.min(65_536, limit - length));
    const position = start === null ? null : start + length;
    const count = readSync(file, chunk, 0, chunk.length, position);
    if (count === 0) break;
    chunks.push(chunk.subarray(0, count));
    length += count;
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

/** The result of asking the system, or a UserError that says why it would not. */
export function attempt<T>(label: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new UserError(`cannot read ${label}: ${systemReason(error)}`);
  }
}

/** What is at a path; undefined where nothing is or the system does not say: whoever reads it will be told. */
export function whatIsAt(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    systemReason(error);
    return undefined;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EACCES: "permission denied",
  ERR_ACCESS_DENIED: "permission denied",
  ERR_INVALID_ARG_VALUE: "a name holds no null character",
  EPERM: "permission denied",
  EISDIR: "it is a folder",
  ENAMETOOLONG: "the name is too long",
  ENOSPC: "no space left on the device",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file would be larger than is allowed",
  EIO: "the device failed",
  EROFS: "the file system is read-only",
  ELOOP: "too many symbolic links",
};

/** The operating system's error in words; anything that is not one is a bug and keeps its stack. */
export function systemReason(error: unknown): string {
  if (!(error instanceof Error) || !("code" in error)) throw error;
  const code = String(error.code);
  return Object.hasOwn(REASONS, code) ? REASONS[code]! : code;
}
