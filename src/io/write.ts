import { randomUUID } from "node:crypto";
import { existsSync, lstatSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UserError } from "../errors.ts";
import { systemReason } from "./files.ts";

/** Writes a file whole or not at all: under a temporary name beside it, then renamed. */
export function writeWhole(path: string, text: string): void {
  try {
    // a device or pipe (/dev/stdout, /dev/fd/63) cannot be replaced by a file
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) writeFileSync(path, text);
    else replace(exists(path) ? realpathSync(path) : path, text);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** The error of an output file in words: what is wrong with the file, or with the folder it should be in. */
export function cannotWrite(path: string, error: unknown): UserError {
  return new UserError(`cannot write ${path}: ${writeReason(path, error)}`);
}

function writeReason(path: string, error: unknown): string {
  const reason = systemReason(error);
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") return reason;
  if (exists(path)) return "it is a symbolic link to a file that does not exist";
  const folder = dirname(path);
  return existsSync(folder) ? reason : `there is no folder ${folder}`;
}

function replace(target: string, text: string): void {
  const temporary = join(dirname(target), `.${basename(target).slice(0, 100)}.${randomUUID()}.tmp`);
  try {
    writeFileSync(temporary, text, { flag: "wx" });
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

const exists = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
