/**
 * Nearly valid files and senseless command lines, thousands of them: none may make the program do anything but answer,
 * or refuse with a reason. What is found is printed in its smallest form; exit code 1 where something is.
 *
 *     npm run fuzz -- --runs 20000 --seed 7 --kind scenario
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { type Input, shownInput } from "../test/support/fuzz/input.ts";
import { KINDS } from "../test/support/fuzz/kinds.ts";
import { judged } from "../test/support/fuzz/oracle.ts";
import { runsAndSeed } from "./runs-and-seed.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "30000" },
    seed: { type: "string", default: "1" },
    kind: { type: "string" },
  },
});
const { runs: asked, seed } = runsAndSeed(values);
if (values.kind !== undefined && !Object.hasOwn(KINDS, values.kind))
  throw new Error(`--kind: expected one of ${Object.keys(KINDS).join(", ")}`);

/** Inputs until the next finding of a kind is looked for: a batch ends with its first one. */
const BATCH = 250;
const HANG_MILLISECONDS = 30_000;

const work = mkdtempSync(join(tmpdir(), "norm-roofline-fuzz-"));
const folder = join(work, "run");
const lastInput = join(work, "last-input.txt");
mkdirSync(folder);

/** Ends the process where a run has no end: another thread has to, as this one is the one that hangs. */
const heartbeat = new Int32Array(new SharedArrayBuffer(4));
const WATCHDOG = `
  const { kill, pid } = process;
  const { workerData: { heartbeat, milliseconds, lastInput } } = require("node:worker_threads");
  const { readFileSync, writeSync } = require("node:fs");
  while (Atomics.wait(heartbeat, 0, 0, milliseconds) !== "timed-out");
  writeSync(2, "no end after " + milliseconds / 1000 + " s:\\n" + readFileSync(lastInput) + "\\n");
  kill(pid, "SIGKILL");`;
new Worker(WATCHDOG, {
  eval: true,
  workerData: { heartbeat, milliseconds: HANG_MILLISECONDS, lastInput },
}).unref();

/** The first line, and of a stack the first place in the program, without figures and names. */
const kindOf = (message: string): string => {
  const [place = ""] = /at \S+ \([^)]*\/src\/[^)]*\)/.exec(message) ?? [];
  return `${message.split("\n", 1)[0]!.slice(0, 40).replace(/\d+/g, "0")} ${place}`;
};

const cut = (message: string): string =>
  message
    .split("\n")
    .slice(0, 12)
    .map((line) => line.slice(0, 200))
    .join("\n");

interface Tally {
  runs: number;
  readonly codes: Map<number, number>;
  seconds: number;
  slowest: { milliseconds: number; input: Input | undefined };
  readonly findings: Map<string, string>;
}

async function fuzz(arbitrary: fc.Arbitrary<Input>, runs: number, seed: number): Promise<Tally> {
  const tally: Tally = {
    runs: 0,
    codes: new Map(),
    seconds: 0,
    slowest: { milliseconds: 0, input: undefined },
    findings: new Map(),
  };
  const property = fc.asyncProperty(arbitrary, async (input) => {
    writeFileSync(lastInput, shownInput(input));
    const { code, problems, milliseconds } = await judged(input, folder);
    Atomics.notify(heartbeat, 0);
    tally.runs++;
    tally.seconds += milliseconds / 1000;
    tally.codes.set(code, (tally.codes.get(code) ?? 0) + 1);
    if (milliseconds > tally.slowest.milliseconds) tally.slowest = { milliseconds, input };
    if (problems.length > 0) throw new Error(problems.join("\n"));
  });
  for (let batch = 0; tally.runs < runs; batch++) {
    const numRuns = Math.min(BATCH, runs - tally.runs);
    const { failed, counterexample, errorInstance } = await fc.check(property, {
      numRuns,
      seed: seed + batch,
    });
    if (!failed) continue;
    const message = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
    // the same mistake with other figures is found once
    tally.findings.set(kindOf(message), `${cut(message)}\n  ${shownInput(counterexample![0])}`);
  }
  return tally;
}

const kinds = Object.entries(KINDS).filter(([name]) => values.kind === undefined || values.kind === name);
const share = Math.ceil(asked / kinds.length);

const print = (...cells: readonly (string | number)[]): void =>
  console.log(
    cells.map((cell, index) => (index === 0 ? `${cell}`.padEnd(14) : `${cell}`.padStart(9))).join(""),
  );

print("kind", "inputs", "exit 0", "exit 1", "exit 2", "stopped", "findings", "seconds", "slowest");
let found = 0;
for (const [name, arbitrary] of kinds) {
  const { runs, codes, seconds, slowest, findings } = await fuzz(arbitrary, share, seed);
  const exits = [0, 1, 2, 130].map((code) => codes.get(code) ?? 0);
  print(
    name,
    runs,
    ...exits,
    findings.size,
    seconds.toFixed(1),
    `${(slowest.milliseconds / 1000).toFixed(2)}`,
  );
  for (const text of findings.values()) console.log(`\n${text}\n`);
  if (slowest.milliseconds > 2000) console.log(`slowest: ${shownInput(slowest.input!)}\n`);
  found += findings.size;
}
rmSync(work, { recursive: true });
process.exitCode = found > 0 ? 1 : 0;
