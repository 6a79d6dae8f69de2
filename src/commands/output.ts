import { UserError } from "../errors.ts";
import type { Io } from "../io/terminal.ts";
import { FORMATS, type Format, formatOf, type Look } from "../report/formats.ts";

/** The flags of every command that prints results. */
export interface OutputOptions {
  readonly format?: Format;
  readonly json?: boolean;
  readonly output?: string;
}

/** Where the text goes and how it may look there. */
export interface Output {
  readonly format: Format;
  readonly look: Look;
  readonly write: (text: string) => Promise<void>;
}

/** A file takes no colour and the width of a page. */
const FILE_LOOK: Look = { width: 120, color: false, unicode: true };

export function output(options: OutputOptions, io: Io): Output {
  const path = options.output;
  if (options.json === true && options.format !== undefined && options.format !== "json")
    throw new UserError(`--json and --format ${options.format} contradict each other`);
  const asked = options.format ?? (options.json ? "json" : undefined);
  const format = formatOf(asked, path);
  if (format === undefined)
    throw new UserError(
      `cannot tell the format from the name ${path}: add --format (${FORMATS.join(", ")}) or end it in .json, .jsonl, .csv, .md or .txt`,
    );
  if (path === undefined) {
    const look = { width: io.columns, color: io.color, unicode: io.unicode };
    return { format, look, write: async (text) => io.stdout(text) };
  }
  return {
    format,
    look: FILE_LOOK,
    write: async (text) => (await import("../io/write.ts")).writeWhole(path, text),
  };
}
