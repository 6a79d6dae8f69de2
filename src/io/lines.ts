import { closeSync, fstatSync, ftruncateSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { UserError } from "../errors.ts";
import { systemReason } from "./files.ts";
import { cannotWrite } from "./write.ts";

/** A file that grows line by line: whatever happens to its writer, it holds whole lines. */
export interface LineFile {
  readonly append: (text: string) => void;
  readonly close: () => void;
}

/** An empty file, or with `bytes` one that keeps its first bytes; a pipe or a device takes lines as they come. */
export function openLines(path: string, bytes = 0): LineFile {
  try {
    const file = openSync(path, bytes === 0 ? "w" : "r+");
    const close = (): void => closeSync(file);
    if (!fstatSync(file).isFile())
      return { append: (text) => writeAll(path, file, Buffer.from(text)), close };
    ftruncateSync(file, bytes);
    let end = bytes;
    return {
      append: (text) => {
        const line = Buffer.from(text);
        writeAll(path, file, line, end);
        end += line.length;
      },
      close,
    };
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** Without a place to `start` nothing can be taken back; else a text that did not fit is, so that no line is cut. */
function writeAll(path: string, file: number, bytes: Uint8Array, start?: number): void {
  let written = 0;
  try {
    while (written < bytes.length)
      written += writeSync(
        file,
        bytes,
        written,
        bytes.length - written,
        start === undefined ? null : start + written,
      );
  } catch (error) {
    if (start !== undefined) ftruncateSync(file, start);
    throw cannotWrite(path, error);
  }
}

/** What a file of lines holds: its first and last whole line, how many there are, and where the last one ends. */
export interface LinesFound {
  readonly lines: number;
  readonly bytes: number;
  readonly first: string;
  readonly second: string;
  readonly last: string;
}

const PIECE_BYTES = 1 << 20;
const NEWLINE = 10;

/** Reads a file piece by piece; undefined where there is none. */
export function findLines(path: string): LinesFound | undefined {
  // opening a pipe to read it waits for somebody to write to it
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false)
    throw new UserError(`${path} is not a file: only the lines of a file can be gone on with`);
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new UserError(`cannot read ${path}: ${systemReason(error)}`);
  }
  try {
    const starts = { first: 0, second: 0, last: 0 };
    let lines = 0;
    let bytes = 0;
    let position = 0;
    const piece = Buffer.alloc(PIECE_BYTES);
    for (
      let length = readSync(file, piece);
      length > 0;
      length = readSync(file, piece, 0, PIECE_BYTES, position)
    ) {
      for (let i = piece.indexOf(NEWLINE); i >= 0 && i < length; i = piece.indexOf(NEWLINE, i + 1)) {
        lines++;
        if (lines === 1) starts.second = position + i + 1;
        starts.last = bytes;
        bytes = position + i + 1;
      }
      position += length;
    }
    const line = (start: number): string => lineAt(file, start, bytes);
    return {
      lines,
      bytes,
      first: lines > 0 ? line(0) : "",
      second: lines > 1 ? line(starts.second) : "",
      last: lines > 0 ? line(starts.last) : "",
    };
  } finally {
    closeSync(file);
  }
}

const LONGEST_LINE_BYTES = 1 << 16;

/** The line that starts at a byte, its end included. */
function lineAt(file: number, start: number, end: number): string {
  const bytes = Buffer.alloc(Math.min(LONGEST_LINE_BYTES, end - start));
  const length = readSync(file, bytes, 0, bytes.length, start);
  const stop = bytes.subarray(0, length).indexOf(NEWLINE);
  return bytes.toString("utf8", 0, stop < 0 ? length : stop + 1);
}
