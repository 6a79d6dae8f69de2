import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built program as a process of its own. */
export function start(argv: readonly string[]): ChildProcess {
  return spawn(process.execPath, [CLI, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
}

function ended(child: ChildProcess): Promise<Ended> {
  let stdout = "";
  let stderr = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) =>
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr })),
  );
}

export const run = (argv: readonly string[]): Promise<Ended> => ended(start(argv));

export const KILLS = ["SIGINT", "SIGTERM", "SIGKILL"] as const;

export interface Kill {
  readonly signal: (typeof KILLS)[number];
  readonly afterMs: number;
  readonly jobs: number;
  readonly format: "csv" | "jsonl";
}

/** A sweep long enough to be killed in its middle. */
export const LONG_SWEEP = [
  ...["sweep", "llama-3-70b-decode-h100", "--batch", "1-250", "--context", "256-65536+256"],
  ...["--columns", "layer.seconds,normalization.shareOfTime"],
];

/**
 * Kills a sweep that writes to `path`, then lets `--resume` go on: what is wrong with the file in between or at the
 * end, or nothing. `whole` is what the sweep writes when nobody kills it.
 */
export async function killAndResume(path: string, kill: Kill, whole: string): Promise<string | undefined> {
  const argv = [...LONG_SWEEP, "--format", kill.format, "--jobs", String(kill.jobs), "-o", path];
  const child = start(argv);
  const timer = setTimeout(() => child.kill(kill.signal), kill.afterMs);
  const { code, signal, stderr } = await ended(child);
  clearTimeout(timer);
  if (/^\s+at /m.test(stderr)) return `a stack: ${stderr.slice(0, 200)}`;
  if (signal === null && ![0, 130, 143].includes(code!)) return `exit code ${code}: ${stderr.slice(0, 200)}`;
  const held = readOrNothing(path);
  if (!whole.startsWith(held)) return "the file holds something else than the sweep's beginning";
  // a process that the system ends in the middle of a write may leave a cut line: --resume drops it
  if (held !== "" && !held.endsWith("\n") && kill.signal !== "SIGKILL") return "the file ends in half a line";
  const resumed = await run([...argv, "--resume"]);
  if (resumed.code !== 0) return `--resume exits with ${resumed.code}: ${resumed.stderr.slice(0, 200)}`;
  return readFileSync(path, "utf8") === whole ? undefined : "the resumed file has other bytes";
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
