import { closeSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { UserError } from "../errors.ts";
import { systemReason } from "./files.ts";

/** A file that grows line by line: whatever happens to its writer, it holds whole lines. */
export interface LineFile {
  readonly append: (text: string) => void;
  readonly close: () => void;
}

/** An empty file, or with `bytes` one that keeps its first bytes. */
export function openLines(path: string, bytes = 0): LineFile {
  try {
    const file = openSync(path, bytes === 0 ? "w" : "r+");
    ftruncateSync(file, bytes);
    let end = bytes;
    return {
      append: (text) => {
        end += writeAll(path, file, Buffer.from(text), end);
      },
      close: () => closeSync(file),
    };
  } catch (error) {
    throw new UserError(`cannot write ${path}: ${systemReason(error)}`);
  }
}

/** A text that did not fit is taken back, so that no line is cut in two. */
function writeAll(path: string, file: number, bytes: Uint8Array, start: number): number {
  let written = 0;
  try {
    while (written < bytes.length)
      written += writeSync(file, bytes, written, bytes.length - written, start + written);
    return bytes.length;
  } catch (error) {
    ftruncateSync(file, start);
    throw new UserError(`cannot write ${path}: ${systemReason(error)}`);
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
