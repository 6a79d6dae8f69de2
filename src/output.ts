import { resolve } from "node:path";
import { UserError } from "./errors.ts";
import { type Io, say } from "./io/terminal.ts";
import { type AnyFormat, FORMATS, type Format, formatOf, type Look } from "./report/text/formats.ts";

/** The flags of every command that prints results. */
export interface OutputOptions {
  readonly format?: AnyFormat;
  readonly json?: boolean;
  /** files; `-` is standard output */
  readonly output?: readonly string[];
}

/** One place where the answer goes, and how it may look there. */
export interface Target<F extends AnyFormat = Format> {
  readonly format: F;
  readonly look: Look;
  /** absent: standard output */
  readonly path: string | undefined;
}

export interface Output<F extends AnyFormat = Format> {
  readonly targets: readonly Target<F>[];
  /** All texts are there before the first is written. */
  readonly write: (render: Render<F>) => Promise<void>;
}

type Render<F extends AnyFormat> = (format: F, look: Look) => string | Promise<string>;

/** A file takes no colour and the width of a page. */
const FILE_LOOK: Look = { width: 120, color: false, unicode: true };

/** Where the flags send the answer, in formats that the command has; by default as its first one to standard output. */
export function output<F extends AnyFormat = Format>(
  options: OutputOptions,
  io: Io,
  formats: readonly F[] = FORMATS as readonly AnyFormat[] as readonly F[],
): Output<F> {
  if (options.json === true && options.format !== undefined && options.format !== "json")
    throw new UserError(`--json and --format ${options.format} contradict each other`);
  const asked = options.format ?? (options.json ? "json" : undefined);
  const targets = pathsOf(options).map((path): Target<F> => {
    const look = path === undefined ? { width: io.columns, color: io.color, unicode: io.unicode } : FILE_LOOK;
    return { format: readFormat(asked, path, formats), look, path };
  });
  return { targets, write: (render) => writeAll(targets, render, io) };
}

/** The files of `-o`, each once; `undefined` is standard output. */
export function pathsOf({ output: given = ["-"] }: Pick<OutputOptions, "output">): (string | undefined)[] {
  const twice = given.find((path, index) => given.findIndex((one) => resolve(one) === resolve(path)) < index);
  if (twice !== undefined) throw new UserError(`-o ${twice} is given twice`);
  return given.map((path) => (path === "-" ? undefined : path));
}

async function writeAll<F extends AnyFormat>(
  targets: readonly Target<F>[],
  render: Render<F>,
  io: Io,
): Promise<void> {
  const texts: string[] = [];
  for (const { format, look } of targets) texts.push(await render(format, look));
  for (const [index, { path }] of targets.entries()) {
    await writeText(path, texts[index]!, io);
    sayWritten(path, targets, io);
  }
}

export async function writeText(path: string | undefined, text: string, io: Io): Promise<void> {
  if (path === undefined) io.stdout(text);
  else (await import("./io/write.ts")).writeWhole(path, text);
}

/** Of several files each is named: whoever asked for one knows where it is. */
export function sayWritten(path: string | undefined, { length }: readonly unknown[], io: Io): void {
  if (path !== undefined && length > 1) say(io, `wrote ${path}`);
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
