import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type Ended, type Running, runProgram, startProgram } from "./program.ts";

export type Signal = "SIGINT" | "SIGTERM" | "SIGKILL";

/** When a sweep is ended: once its file holds this share of its bytes, and so much later. */
interface Moment {
  readonly share: number;
  readonly delayMs: number;
}

export interface SweepKill {
  /** without `-o` */
  readonly argv: readonly string[];
  readonly path: string;
  /** what the file holds when nobody interferes */
  readonly whole: Buffer;
  readonly signal: Signal;
  readonly moment: Moment;
}

export interface SweepKilled {
  /** how the killed process ended */
  readonly ended: Ended;
  /** bytes left behind; undefined where there was no file yet */
  readonly heldBytes: number | undefined;
  readonly isPrefix: boolean;
  /** the last line has no end */
  readonly isCut: boolean;
  readonly resumed: Ended;
  readonly isWholeAgain: boolean;
  /** files beside the output */
  readonly leftBehind: readonly string[];
}

/** Ends a sweep, looks at what it left, and goes on with it. The file's folder is to hold nothing else. */
export async function killSweep({ argv, path, whole, signal, moment }: SweepKill): Promise<SweepKilled> {
  rmSync(path, { force: true });
  const line = [...argv, "-o", path];
  const running = startProgram(line);
  // without a delay at once, perhaps in the middle of a write
  const atOnce = moment.delayMs === 0;
  await until(running, atOnce, () => sizeOf(path) >= moment.share * whole.length);
  if (!atOnce) await wait(moment.delayMs);
  running.process.kill(signal);
  const ended = await running.ended;
  const held = existsSync(path) ? readFileSync(path) : undefined;
  const resumed = await runProgram([...line, "--resume"]);
  return {
    ended,
    heldBytes: held?.length,
    isPrefix: held === undefined || whole.subarray(0, held.length).equals(held),
    isCut: held !== undefined && held.length > 0 && held.at(-1) !== 10,
    resumed,
    isWholeAgain: resumed.code === 0 && readFileSync(path).equals(whole),
    leftBehind: others(path),
  };
}

/** -1 where there is no such file: it has not even its first byte. */
const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? -1;

const others = (path: string): string[] =>
  readdirSync(dirname(path)).filter((name) => name !== basename(path));

const LOOK_MS = 5;

/** Ends where it holds or the process has ended; `closely` looks as often as it can, which takes a processor. */
async function until(running: Running, closely: boolean, holds: () => boolean): Promise<void> {
  let isRunning = true;
  void running.ended.finally(() => {
    isRunning = false;
  });
  while (isRunning) {
    const end = performance.now() + (closely ? LOOK_MS : 0);
    do if (holds()) return;
    while (performance.now() < end);
    await wait(closely ? 0 : LOOK_MS);
  }
}

/** Whether a signal's process ended as one should: by the signal, by its exit code, or because it was through. */
export const endedBy = (signal: Signal, { code, signal: by }: Ended): boolean =>
  by === signal || code === 0 || (signal !== "SIGKILL" && code === { SIGINT: 130, SIGTERM: 143 }[signal]);

export interface ReplaceKill {
  /** without `-o` */
  readonly argv: readonly string[];
  readonly path: string;
  readonly whole: Buffer;
  readonly signal: Signal;
  /** kill this long after the start, or where it is undefined when the temporary file is seen */
  readonly delayMs: number | undefined;
}

export interface ReplaceKilled {
  readonly ended: Ended;
  readonly holds: "old" | "new" | "something else";
  readonly leftBehind: readonly string[];
}

const OLD = "what was there before\n";

/** Ends a program that replaces a file. The file's folder is to hold nothing else. */
export async function killReplacing(kill: ReplaceKill): Promise<ReplaceKilled> {
  const { argv, path, whole, signal, delayMs } = kill;
  writeFileSync(path, OLD);
  const running = startProgram([...argv, "-o", path]);
  if (delayMs === undefined) await until(running, true, () => others(path).length > 0);
  else await Promise.race([wait(delayMs), running.ended]);
  running.process.kill(signal);
  const ended = await running.ended;
  const held = readFileSync(path);
  const leftBehind = others(path);
  rmSync(path);
  for (const name of leftBehind) rmSync(`${dirname(path)}/${name}`);
  return {
    ended,
    holds: held.toString() === OLD ? "old" : held.equals(whole) ? "new" : "something else",
    leftBehind,
  };
}
