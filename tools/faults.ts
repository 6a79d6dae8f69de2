/**
 * Ends sweeps and reports at random moments, rewrites what is being read, starts many processes at once, and counts
 * what was found: the tests of test/faults, hundreds of times. Exits with 1 where anything was found that should not
 * be. Needs `npm run build`.
 *
 *     npm run faults -- --runs 200 --seed 1
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { textTable } from "../src/report/text/text-table.ts";
import { endedBy, killReplacing, killSweep, type Signal } from "../test/support/kills.ts";
import { runProgram } from "../test/support/program.ts";
import { askWhileRewritten } from "../test/support/races.ts";
import { REWRITES } from "../test/support/rewriting.ts";
import { runsAndSeed } from "./runs-and-seed.ts";

const { values } = parseArgs({
  options: { runs: { type: "string", default: "200" }, seed: { type: "string", default: "1" } },
});
const { runs, seed } = runsAndSeed(values);

const folder = mkdtempSync(join(tmpdir(), "faults-"));
const AT_ONCE = { print: 100, write: 20 } as const;

type Row = Record<string, string | number>;

/** How many of what was tried were as they should not be. */
let wrong = 0;
const wrongs: string[] = [];

function mustBe(holds: boolean, what: string): number {
  if (holds) return 0;
  wrong++;
  wrongs.push(what);
  return 1;
}

function print(title: string, rows: readonly Row[]): void {
  const keys = Object.keys(rows[0]!);
  const lines = textTable(
    keys.map((name) => ({ title: name, align: typeof rows[0]![name] === "number" ? "right" : "left" })),
    rows.map((row) => keys.map((key) => String(row[key]))),
  );
  console.log(`${title}\n\n${lines.map((line) => `  ${line}`).join("\n")}\n`);
}

async function bytesOf(argv: readonly string[]): Promise<Buffer> {
  const { code, stdout, stderr } = await runProgram(argv);
  if (code !== 0) throw new Error(`${argv.join(" ")}: ${stderr}`);
  return Buffer.from(stdout);
}

const SIGNALS: readonly Signal[] = ["SIGINT", "SIGTERM", "SIGKILL"];

const GRID = "sweep llama-3-70b-decode-h100 --batch 1-20 --context 128-131072+128 --columns".split(" ");
const COLUMNS = "layer.seconds,layer.idealSeconds,normalization.shareOfTime,normalization.shareOfFlops";

/** A kind of sweep: every one is ended by every signal. */
const SWEEPS = [1, 3].flatMap((jobs) =>
  (["csv", "jsonl"] as const).map((format) => ({
    jobs,
    format,
    argv: [...GRID, COLUMNS, "--format", format],
  })),
);

/** Half of the moments in the middle of a write, as near as one gets to it; some before there is a file. */
const moments = (count: number) =>
  fc.sample(
    fc.record({
      share: fc.double({ min: -0.1, max: 0.95, noNaN: true }),
      delayMs: fc.oneof(fc.constant(0), fc.nat(60)),
    }),
    { seed, numRuns: count },
  );

async function killedSweeps(): Promise<Row[]> {
  const rows: Row[] = [];
  const kinds = SWEEPS.flatMap((kind) => SIGNALS.map((signal) => ({ ...kind, signal })));
  const each = Math.ceil(runs / kinds.length);
  const drawn = moments(each * kinds.length);
  for (const { argv, format, jobs, signal } of kinds) {
    const whole = await bytesOf(argv);
    const path = join(mkdtempSync(join(folder, "sweep-")), `out.${format}`);
    const row = { signal, jobs, format, tried: 0, "no lines yet": 0, "some lines": 0, "all lines": 0 };
    const found = {
      "cut line": 0,
      "no beginning": 0,
      "ended otherwise": 0,
      "not resumed": 0,
      "left behind": 0,
    };
    for (const moment of drawn.splice(0, each)) {
      const line = [...argv, "--jobs", String(jobs)];
      const killed = await killSweep({ argv: line, path, whole, signal, moment });
      const held = killed.heldBytes ?? 0;
      const what = `${signal} at ${JSON.stringify(moment)} of ${line.join(" ")}`;
      row.tried++;
      row[held === 0 ? "no lines yet" : held === whole.length ? "all lines" : "some lines"]++;
      found["cut line"] += killed.isCut ? 1 : 0;
      mustBe(!killed.isCut || signal === "SIGKILL", `a cut line: ${what}`);
      found["no beginning"] += mustBe(killed.isPrefix, `not a beginning of the whole: ${what}`);
      found["ended otherwise"] += mustBe(endedBy(signal, killed.ended), `${killed.ended.stderr}: ${what}`);
      found["not resumed"] += mustBe(killed.isWholeAgain, `${killed.resumed.stderr} on --resume: ${what}`);
      found["left behind"] += mustBe(killed.leftBehind.length === 0, `${killed.leftBehind} left: ${what}`);
    }
    rows.push({ ...row, ...found });
  }
  return rows;
}

const REPLACING = [
  { argv: ["report"], file: "out.html" },
  { argv: ["calibrate", "measurements/h100-sxm/counters.jsonl", "--base", "l4"], file: "out.json" },
  { argv: ["run", "--batch", "1-50", "--json"], file: "out.json" },
] as const;
/** Longer than any of them runs on a machine with nothing else to do. */
const LONGEST_MS = 800;

async function killedReplacing(): Promise<Row[]> {
  const rows: Row[] = [];
  const each = Math.ceil(runs / (3 * REPLACING.length * SIGNALS.length));
  for (const { argv, file } of REPLACING) {
    const whole = await bytesOf(argv);
    for (const signal of SIGNALS) {
      const path = join(mkdtempSync(join(folder, "replace-")), file);
      const row = { command: argv[0], signal, tried: 0, old: 0, new: 0, "something else": 0 };
      const found = { "ended otherwise": 0, "temporary file left": 0 };
      const delays = fc.sample(fc.option(fc.nat(LONGEST_MS), { nil: undefined, freq: 1 }), {
        seed,
        numRuns: each,
      });
      for (const delayMs of delays) {
        const killed = await killReplacing({ argv, path, whole, signal, delayMs });
        row.tried++;
        row[killed.holds]++;
        mustBe(
          killed.holds !== "something else",
          `${argv.join(" ")} -o: neither the old file nor the new one`,
        );
        found["ended otherwise"] += mustBe(endedBy(signal, killed.ended), killed.ended.stderr);
        found["temporary file left"] += killed.leftBehind.length;
      }
      rows.push({ ...row, ...found });
    }
  }
  return rows;
}

async function rewritten(): Promise<Row[]> {
  const rows: Row[] = [];
  const each = Math.ceil(runs / REWRITES.length);
  for (const how of REWRITES) {
    const answered = await askWhileRewritten(join(folder, `${how}.json`), how, each);
    for (const text of answered.wrong) mustBe(false, `rewritten by ${how}: ${text}`);
    rows.push({ "rewritten by": how, asked: each, ...answered, wrong: answered.wrong.length });
  }
  return rows;
}

async function atOnce(): Promise<Row[]> {
  const whole = (await bytesOf(["run", "--json"])).toString();
  const place = mkdtempSync(join(folder, "one-"));
  const path = join(place, "out.json");
  const rows: Row[] = [];
  for (const [how, argv, expected] of [
    ["print", ["run", "--json"], whole],
    ["write", ["run", "-o", path], ""],
  ] as const) {
    const all = await Promise.all(Array.from({ length: AT_ONCE[how] }, () => runProgram(argv)));
    const good = all.filter(({ code, stdout, stderr }) => code === 0 && stdout === expected && stderr === "");
    mustBe(good.length === all.length, `${all.length - good.length} of ${all.length} at once did not ${how}`);
    rows.push({ "at once": how, processes: all.length, "as one alone": good.length });
  }
  mustBe(readFileSync(path, "utf8") === whole, "the file that all wrote is not whole");
  mustBe(readdirSync(place).length === 1, "beside the file that all wrote something is left");
  return rows;
}

try {
  print("Sweeps ended at random moments, then gone on with", await killedSweeps());
  print("Programs ended while they replace a file", await killedReplacing());
  print("A scenario file that another process rewrites", await rewritten());
  print("Many processes at once", await atOnce());
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const text of wrongs.slice(0, 20)) console.log(`wrong: ${text}`);
console.log(wrong === 0 ? "nothing found that should not be" : `${wrong} found that should not be`);
process.exitCode = wrong === 0 ? 0 : 1;
