import { join } from "node:path";

/** One run of the program: its command line, what standard input holds, and what the file that it may name holds. */
export interface Input {
  readonly argv: readonly string[];
  readonly content: Uint8Array;
}

/** Stands on a command line for the folder in which a run may write. */
export const FOLDER = "{folder}";
/** Stands for the file with the input's content. */
export const FILE = `${FOLDER}/input.json`;

export const fileIn = (folder: string): string => join(folder, "input.json");

export const argvIn = ({ argv }: Input, folder: string): string[] =>
  argv.map((word) => word.replaceAll(FOLDER, folder));

const SHOWN_CHARACTERS = 1000;

/** An input as one may type it again, cut short. */
export function shownInput({ argv, content }: Input): string {
  const text = Buffer.from(content).toString("utf8");
  const cut = (long: string): string =>
    long.length > SHOWN_CHARACTERS
      ? `${long.slice(0, SHOWN_CHARACTERS)}... (${long.length} characters)`
      : long;
  return `${argv.map((word) => JSON.stringify(cut(word))).join(" ")}\n  content: ${cut(text)}`;
}
