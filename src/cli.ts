#!/usr/bin/env node
import { UserError } from "./errors.ts";
import type { Interrupt } from "./io/terminal.ts";
import { main } from "./main.ts";
import { isPipe, isReaderGone, isTerminal, writer } from "./streams.ts";

const { env, platform } = process;

/** The terminal's width, else COLUMNS, else 80; narrower than 60 no table can be read. */
function width(terminal: boolean): number {
  const columns = (terminal && process.stdout.columns) || Number(env["COLUMNS"]) || 80;
  return Math.min(400, Math.max(60, Math.floor(columns)));
}

/** https://no-color.org and https://force-color.org; else colour on a terminal only. */
function wantsColor(terminal: boolean): boolean {
  const { FORCE_COLOR: force = "", NO_COLOR: no = "", TERM: term } = env;
  if (no !== "") return false;
  if (force !== "") return force !== "0" && force !== "false";
  return terminal && term !== "dumb";
}

/** Not where the locale says something else than UTF-8. */
function showsUnicode(): boolean {
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "";
  return platform === "win32" || locale === "" || /utf-?8/i.test(locale);
}

async function readInput(limit: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of process.stdin) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length > limit) break;
    }
  } catch (error) {
    throw new UserError(`cannot read standard input: ${(error as NodeJS.ErrnoException).code}`);
  }
  return Buffer.concat(chunks);
}

const stdout = () => process.stdout;
const stderr = () => process.stderr;
const terminal = isTerminal(1, stdout);

function onInterrupt(stop: (signal: Interrupt) => void): () => void {
  process.on("SIGINT", stop).on("SIGTERM", stop);
  return () => process.off("SIGINT", stop).off("SIGTERM", stop);
}

/** Set where this runs as the built program, which is CommonJS. */
declare const __dirname: string | undefined;

// no top-level await: the command is built as CommonJS, which starts faster
main(process.argv.slice(2), {
  stdout: writer(1, stdout),
  stderr: writer(2, stderr),
  stdin: readInput,
  columns: width(terminal),
  color: wantsColor(terminal),
  unicode: showsUnicode(),
  watched: isTerminal(2, stderr),
  isPipe: isPipe(1),
  isReaderGone: () => isReaderGone(1),
  onInterrupt,
  environment: env,
  workerScript: typeof __dirname === "string" ? `${__dirname}/sweep-worker.js` : undefined,
}).then((code) => {
  process.exitCode = code;
});
