import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { UserError } from "../errors.ts";
import { systemReason } from "./files.ts";
import { cannotWrite } from "./write.ts";

/** Where lines go, one after the other. */
export interface Lines {
  readonly append: (text: string) => void;
  readonly close: () => void;
  /** whether whoever read a pipe has stopped */
  readonly isReaderGone: () => boolean;
  /** a pipe: to write to it may take as long as its reader likes */
  readonly isPipe: boolean;
}

/** An empty file, or with `bytes` one that keeps its first bytes. Whatever happens to its writer, it holds whole lines. */
export function openLines(path: string, bytes = 0): Lines {
  try {
    const file = openSync(path, bytes === 0 ? "w" : "r+");
    const found = fstatSync(file);
    return found.isFile()
      ? fileLines(path, file, bytes)
      : deviceLines(path, file, !found.isCharacterDevice());
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

function fileLines(path: string, file: number, start: number): Lines {
  ftruncateSync(file, start);
  let end = start;
  return {
    append: (text) => {
      end += writeAll(path, file, Buffer.from(text), end);
    },
    close: () => closeSync(file),
    isReaderGone: () => false,
    isPipe: false,
  };
}

/** Devices and pipes (/dev/stdout) have no places, and keep what they were given. */
function deviceLines(path: string, file: number, isPipe: boolean): Lines {
  let isReaderGone = false;
  return {
    append: (text) => {
      try {
        writeFileSync(file, text);
      } catch (error) {
        isReaderGone = (error as NodeJS.ErrnoException).code === "EPIPE";
        if (!isReaderGone) throw cannotWrite(path, error);
      }
    },
    close: () => closeSync(file),
    isReaderGone: () => isReaderGone,
    isPipe,
  };
}

/** A text that did not fit is taken back, so that no line is cut in two. */
function writeAll(path: string, file: number, bytes: Uint8Array, start: number): number {
  let written = 0;
  try {
    while (written < bytes.length)
      written += writeSync(file, bytes, written, bytes.length - written, start + written);
    return bytes.length;
  } catch (error) {
    takeBack(file, start);
    throw new UserError(`cannot write ${path}: ${systemReason(error)}`, [
      "the lines before are kept: the same command with --resume goes on",
    ]);
  }
}

function takeBack(file: number, start: number): void {
  try {
    ftruncateSync(file, start);
  } catch {
    // a cut line is dropped when the file is gone on with
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
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    // to read a pipe or a device may never end
    if (!found.isFile()) throw new UserError(`cannot go on with ${path}: it is not a file`);
    const file = openSync(path, "r");
    try {
      return linesIn(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new UserError(`cannot read ${path}: ${systemReason(error)}`);
  }
}

function linesIn(file: number): LinesFound {
  const starts = { second: 0, last: 0 };
  let lines = 0;
  let bytes = 0;
  let position = 0;
  const piece = Buffer.alloc(PIECE_BYTES);
  for (
    let length = readSync(file, piece, 0, PIECE_BYTES, 0);
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
}

const LONGEST_LINE_BYTES = 1 << 16;

/** The line that starts at a byte, its end included. */
function lineAt(file: number, start: number, end: number): string {
  const bytes = Buffer.alloc(Math.min(LONGEST_LINE_BYTES, end - start));
  const length = readSync(file, bytes, 0, bytes.length, start);
  const stop = bytes.subarray(0, length).indexOf(NEWLINE);
  return bytes.toString("utf8", 0, stop < 0 ? length : stop + 1);
}
