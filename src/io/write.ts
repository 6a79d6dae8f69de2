import { randomUUID } from "node:crypto";
import { lstatSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UserError } from "../errors.ts";
import { systemReason } from "./files.ts";

/** Writes a file whole or not at all: under a temporary name beside it, then renamed. */
export function writeWhole(path: string, text: string): void {
  try {
    // a device or pipe cannot be replaced by a file, and behind /dev/stdout there may be one without a path
    if (!exists(path)) replace(path, text);
    else if (statSync(path).isFile()) replace(realpathSync(path), text);
    else writeThrough(path, text);
  } catch (error) {
    throw new UserError(`cannot write ${path}: ${systemReason(error)}`);
  }
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

function replace(target: string, text: string): void {
  const temporary = join(
    dirname(target),
    `.${basename(target).slice(0, NAME_CHARACTERS)}.${randomUUID()}.tmp`,
  );
  try {
    writeFileSync(temporary, text, { flag: "wx" });
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

const exists = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
