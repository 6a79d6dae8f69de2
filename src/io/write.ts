import { randomUUID } from "node:crypto";
import { existsSync, lstatSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UserError } from "../errors.ts";
import { systemReason, whatIsAt } from "./files.ts";

/** Writes a file whole or not at all: under a temporary name beside it, then renamed. */
export function writeWhole(path: string, text: string): void {
  try {
    // a device or pipe cannot be replaced by a file, and behind /dev/stdout there may be one without a path
    if (!exists(path)) replace(path, text, 0o666);
    else if (statSync(path).isFile()) replace(realpathSync(path), text, statSync(path).mode & 0o777);
    else writeThrough(path, text);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** What was read may not be written over: the same command could never be asked again. */
export function keepInputs(outputs: readonly string[], inputs: Iterable<string>): void {
  const read = [...inputs].map(whatIsAt);
  for (const output of outputs) {
    const found = whatIsAt(output);
    if (!found?.isFile()) continue;
    if (read.some((input) => input?.ino === found.ino && input.dev === found.dev))
      throw new UserError(`-o ${output} would replace a file that is read: name another one`);
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

function writeThrough(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    // whoever reads a pipe may stop: no error
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
  }
}

/** Of a long name the temporary one keeps so much that it is not too long. */
const NAME_CHARACTERS = 50;

/** With the mode of the file before it: one that others may not read stays so. */
function replace(target: string, text: string, mode: number): void {
  const temporary = join(
    dirname(target),
    `.${basename(target).slice(0, NAME_CHARACTERS)}.${randomUUID()}.tmp`,
  );
  try {
    writeFileSync(temporary, text, { flag: "wx", mode });
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

const exists = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
