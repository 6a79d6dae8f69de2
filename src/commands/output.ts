import { UserError } from "../errors.ts";
import type { Io } from "../io/terminal.ts";
import { type AnyFormat, FORMATS, type Format, formatOf, type Look } from "../report/formats.ts";

/** The flags of every command that prints results. */
export interface OutputOptions {
  readonly format?: AnyFormat;
  readonly json?: boolean;
  readonly output?: string;
}

/** Where the text goes and how it may look there. */
export interface Output<F extends AnyFormat = Format> {
  readonly format: F;
  readonly look: Look;
  readonly write: (text: string) => Promise<void>;
}

/** A file takes no colour and the width of a page. */
const FILE_LOOK: Look = { width: 120, color: false, unicode: true };

/** The output that the flags ask for, in one of the formats that the command has; the first of them by default. */
export function output<F extends AnyFormat = Format>(
  options: OutputOptions,
  io: Io,
  formats: readonly F[] = FORMATS as readonly AnyFormat[] as readonly F[],
): Output<F> {
  const path = options.output;
  if (options.json === true && options.format !== undefined && options.format !== "json")
    throw new UserError(`--json and --format ${options.format} contradict each other`);
  const asked = options.format ?? (options.json ? "json" : undefined);
  const format = readFormat(asked, path, formats);
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

/** One of the command's formats; its first where neither flags nor a file's ending name one. */
function readFormat<F extends AnyFormat>(
  asked: AnyFormat | undefined,
  path: string | undefined,
  formats: readonly F[],
): F {
  const wanted = asked === undefined && path === undefined ? formats[0] : formatOf(asked, path);
  const format = formats.find((one) => one === wanted);
  if (format !== undefined) return format;
  const known = formats.join(", ");
  throw new UserError(
    wanted === undefined
      ? `cannot tell the format from the name ${path}: add --format (${known}) or end it in ${formats.map(endingOf).join(", ")}`
      : `this command has no ${wanted} format${asked === undefined ? `, which ${path} asks for` : ""}: it has ${known}`,
  );
}

const endingOf = (format: AnyFormat): string => (format === "table" ? ".txt" : `.${format}`);
