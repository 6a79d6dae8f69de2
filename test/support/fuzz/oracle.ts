import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, type Ran } from "../command.ts";
import { answerProblems, withoutScripts } from "./answer.ts";
import { argvIn, fileIn, type Input } from "./input.ts";

/** What one run did, and everything that it should not have done. */
export interface Verdict {
  readonly code: number;
  readonly problems: readonly string[];
  readonly milliseconds: number;
}

/** Runs the program in this process on an input, with a folder of its own to write to. */
export async function judged(input: Input, folder: string): Promise<Verdict> {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
  writeFileSync(fileIn(folder), input.content);
  const argv = argvIn(input, folder);
  const before = filesIn(folder);
  const prototype = prototypeKeys();
  const start = performance.now();
  const ran = await attempt(argv, input.content);
  const milliseconds = performance.now() - start;
  const pollution = prototypeKeys() === prototype ? [] : ["Object.prototype has other keys than before"];
  if ("stack" in ran)
    return { code: Number.NaN, problems: [`threw ${ran.stack}`, ...pollution], milliseconds };
  const problems = [
    ...pollution,
    ...runProblems(ran),
    ...(ran.code === 2
      ? refusalProblems(ran, before, filesIn(folder))
      : answerProblems(ran.stdout, argv, given(input, argv))),
  ];
  return { code: ran.code, problems, milliseconds };
}

const given = ({ content }: Input, argv: readonly string[]): string =>
  `${argv.join(" ")} ${Buffer.from(content).toString("latin1")}`;

const prototypeKeys = (): string => Reflect.ownKeys(Object.prototype).map(String).join();

const filesIn = (folder: string): string =>
  readdirSync(folder)
    .map((name) => `${name} ${readFileSync(join(folder, name), "latin1")}`)
    .join("\n");

/** What a user does to a sweep over a million points. */
const PATIENCE_MS = 50;

async function attempt(
  argv: readonly string[],
  stdin: Uint8Array,
): Promise<Ran | { readonly stack: string }> {
  try {
    return await command(argv, {
      stdin,
      onInterrupt: (stop) => {
        const timer = setTimeout(() => stop("SIGINT"), PATIENCE_MS);
        return () => clearTimeout(timer);
      },
    });
  } catch (error) {
    return { stack: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

/** 130: the sweep that was interrupted. */
const CODES = [0, 1, 2, 130];
const STACK = /^\s+at .*:\d+:\d+/m;
const CONTROL = /[^\P{Cc}\n]/u;
const LOW_CONTROL = /[^\P{Cc}\n\u007f-\u009f]/u;
const LONGEST_MESSAGE = 20_000;

function runProblems({ code, stdout, stderr }: Ran): string[] {
  return [
    ...(CODES.includes(code) ? [] : [`exit code ${code}`]),
    ...(STACK.test(stderr) || STACK.test(stdout) ? ["printed a stack"] : []),
    ...(CONTROL.test(stderr) ? ["standard error holds control characters"] : []),
    // JSON escapes those below 0x20, which are the ones that every terminal obeys
    ...((/^[[{]/.test(stdout) ? LOW_CONTROL : CONTROL).test(withoutScripts(stdout))
      ? ["standard output holds control characters"]
      : []),
    ...(stderr.length > LONGEST_MESSAGE ? [`${stderr.length} characters on standard error`] : []),
  ];
}

function refusalProblems({ stdout, stderr }: Ran, before: string, after: string): string[] {
  return [
    ...(stdout === "" ? [] : ["exit 2 with something on standard output"]),
    ...(stderr.trim() === "" ? ["exit 2 without a word"] : []),
    ...(before === after ? [] : ["exit 2 with a file written"]),
  ];
}
