#!/usr/bin/env node
import type { Io } from "./io/terminal.ts";
import { main } from "./main.ts";

const { env, stdout, stderr, stdin, platform } = process;

const io: Io = {
  stdout: (text) => void stdout.write(text),
  stderr: (text) => void stderr.write(text),
  stdin: readAll,
  columns: width(),
  color: wantsColor(),
  unicode: showsUnicode(),
};

/** The terminal's width, else COLUMNS, else 80; narrower than 60 no table can be read. */
function width(): number {
  const columns = stdout.columns || Number(env["COLUMNS"]) || 80;
  return Math.min(400, Math.max(60, Math.floor(columns)));
}

/** https://no-color.org and https://force-color.org; else colour on a terminal only. */
function wantsColor(): boolean {
  const { FORCE_COLOR: force = "", NO_COLOR: no = "", TERM: term } = env;
  if (no !== "") return false;
  if (force !== "") return force !== "0" && force !== "false";
  return stdout.isTTY === true && term !== "dumb";
}

/** Not where the locale says something else than UTF-8. */
function showsUnicode(): boolean {
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "";
  return platform === "win32" || locale === "" || /utf-?8/i.test(locale);
}

async function readAll(limit: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > limit) break;
  }
  return Buffer.concat(chunks);
}

// whoever reads us may stop reading: `| head` is no error
for (const stream of [stdout, stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

process.exitCode = await main(process.argv.slice(2), io);
