import { fieldsGiven } from "../ask/command-line/contradictions.ts";
import type { WhatIfOptions } from "../ask/command-line/given.ts";
import { loadOne, SWEEP } from "../ask/command-line/load-spaces.ts";
import { MOST_POINTS } from "../ask/numbers.ts";
import { scenarioAt } from "../ask/scenario-at.ts";
import { sizeOf } from "../ask/space.ts";
import { EXIT, UserError } from "../errors.ts";
import { chunks } from "../io/chunks.ts";
import { findLines, type Lines, openLines } from "../io/lines.ts";
import { progressOf } from "../io/progress.ts";
import { INTERRUPTED, type Interrupt, type Io } from "../io/terminal.ts";
import type { RowWorker } from "../io/workers.ts";
import { type OutputOptions, output, sayWritten, type Target, writeText } from "../output.ts";
import type { Cell } from "../report/text/csv.ts";
import { unitText } from "../report/text/figure-text.ts";
import { DRAWN_FORMATS } from "../report/text/formats.ts";
import { type Row, type RowColumn, renderRows } from "../report/text/rows.ts";
import { title } from "../report/text/scenario-text.ts";
import { headerLine, type LineFormat } from "../report/text/sweep-lines.ts";
import { parseField, type Unit } from "../study/result-field.ts";
import { DEFAULT_COLUMNS, type SweepPlan, shardRange, sweepRows } from "../study/sweep.ts";
import { rowWriter } from "../sweep-rows.ts";

export type SweepOptions = OutputOptions &
  WhatIfOptions & {
    readonly columns?: string;
    readonly shard?: string;
    readonly resume?: boolean;
    readonly jobs?: string;
  };

/** `sweep`: a row a point, the last axis typed fastest. */
export async function sweep(
  reference: string | undefined,
  options: SweepOptions,
  argv: readonly string[],
  io: Io,
): Promise<number> {
  const { targets } = output(options, io, DRAWN_FORMATS);
  const columns = readColumns(options.columns);
  const jobs = options.jobs === undefined ? undefined : readJobs(options.jobs);
  const shard = readShard(options.shard);
  const space = await loadOne(reference, options, { ...SWEEP, argv }, io);
  const plan: SweepPlan = { space, columns };
  const lines = { shard, jobs, resume: options.resume === true };
  // all are asked before the first is written
  const writers = targets.map((target) => sweepWriter(plan, target, lines, io));
  for (const [index, write] of writers.entries()) {
    const code = await write();
    if (code !== EXIT.ok) return code;
    sayWritten(targets[index]!.path, targets, io);
  }
  return EXIT.ok;
}

type SweepTarget = Target<(typeof DRAWN_FORMATS)[number]>;

/** Writes a sweep to one of its targets, or says that it cannot be written there. */
function sweepWriter(
  plan: SweepPlan,
  target: SweepTarget,
  { shard, jobs, resume }: LineOptions,
  io: Io,
): () => Promise<number> {
  const { format, path } = target;
  const size = sizeOf(plan.space);
  if (format === "csv" || format === "jsonl") {
    const { k, n } = shard ?? { k: 1, n: 1 };
    const range = { ...shardRange(size, k, n), headed: k === 1 };
    const resumed = resume ? resumePoint(plan, format, range, path) : undefined;
    return () => stream(plan, format, range, { path, resumed, jobs }, io);
  }
  if (shard !== undefined || resume)
    throw new UserError(
      `--${shard === undefined ? "resume" : "shard"} needs a format with a line a point: --format csv or jsonl`,
    );
  checkSize(size, format);
  return async () => {
    await writeText(path, await wholeText(plan, target), io);
    return EXIT.ok;
  };
}

interface LineOptions {
  readonly shard: { readonly k: number; readonly n: number } | undefined;
  readonly jobs: number | undefined;
  readonly resume: boolean;
}

/** What a heat map has cells for. */
const MOST_DRAWN = 40_000;

function checkSize(size: number, format: SweepTarget["format"]): void {
  if (format === "svg" && size > MOST_DRAWN)
    throw new UserError(`${size} points are too many to draw: expected at most ${MOST_DRAWN}`);
  if (format !== "svg" && size > MOST_POINTS)
    throw new UserError(
      `${size} points are too many for ${format}: write --format csv or jsonl, or -o file.csv`,
    );
}

async function wholeText(plan: SweepPlan, { format, look }: SweepTarget): Promise<string> {
  const rows: readonly Row[] = sweepRows(plan);
  if (format !== "svg") return renderRows(tableColumns(plan), rows, format, look);
  const { sweepSvg } = await import("../report/chart/sweep-svg.ts");
  const moving = plan.space.axes.flatMap(({ name, values }) => fieldsGiven(name, values.map(String)));
  return sweepSvg(plan, rows, title(scenarioAt({ ...plan.space, axes: [] }), moving));
}

function tableColumns({ space, columns }: SweepPlan): RowColumn[] {
  const axes = space.axes.map(
    ({ name, values }): RowColumn => ({
      key: name,
      title: name,
      align: typeof values[0] === "number" ? "right" : "left",
    }),
  );
  return [
    ...axes,
    ...columns.map((name) => {
      const unit: Unit = parseField(name).field!.unit;
      const text = (value: Cell | undefined): string =>
        value === undefined ? "" : unitText(Number(value), unit);
      return { key: name, title: columnTitle(name), text };
    }),
  ];
}

/** What a narrow table has room for: the norm or the operator, and what is asked of it. */
const columnTitle = (field: string): string =>
  field
    .replace(/^(alternatives|operators)\./, "")
    .replace("layerSeconds", "layer seconds")
    .replace("normalization.", "norm ")
    .replace(/\.(\w+)$/, " $1")
    .replace("savedShareOfTime", "saves")
    .replace("eagerRmsnormSavesShareOfTime", "op-by-op RMSNorm saves")
    .replace("rmsnormSavesShareOfTime", "RMSNorm saves")
    .replace("normalizationShareOf", "norm shareOf")
    .replace("shareOfTime", "of time")
    .replace("shareOfFlops", "of FLOPs")
    .replace("shareOfHbmBytes", "of bytes");

function readColumns(text: string | undefined): readonly string[] {
  if (text === undefined) return DEFAULT_COLUMNS;
  const names = text.split(",").map((name) => name.trim());
  const problems = names.flatMap((name) => parseField(name).problem ?? []);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) problems.push(`${twice} is given twice`);
  if (problems.length > 0) throw new UserError("--columns cannot be read", problems);
  return names;
}

function readShard(text: string | undefined): { readonly k: number; readonly n: number } | undefined {
  if (text === undefined) return undefined;
  const [, k, n] = /^(\d{1,9})\/(\d{1,9})$/.exec(text.trim()) ?? [];
  if (k === undefined || n === undefined || Number(k) < 1 || Number(k) > Number(n))
    throw new UserError(`--shard: expected k/n with k from 1 to n, such as 3/8, got ${JSON.stringify(text)}`);
  return { k: Number(k), n: Number(n) };
}

function readJobs(text: string): number {
  const jobs = Number(text);
  if (!Number.isInteger(jobs) || jobs < 1 || jobs > 256)
    throw new UserError(`--jobs: expected a whole number from 1 to 256, got ${JSON.stringify(text)}`);
  return jobs;
}

/** The points that a command writes, of all of the sweep. */
interface ShardPoints {
  readonly from: number;
  readonly to: number;
  /** whether the lines begin with the header */
  readonly headed: boolean;
}

interface StreamOptions {
  readonly path: string | undefined;
  readonly resumed: Resumed | undefined;
  readonly jobs: number | undefined;
}

async function stream(
  plan: SweepPlan,
  format: LineFormat,
  range: ShardPoints,
  { path, resumed, jobs }: StreamOptions,
  io: Io,
): Promise<number> {
  const from = resumed?.from ?? range.from;
  const header = range.headed && resumed === undefined ? headerLine(plan, format) : "";
  const out = path === undefined ? standardOutput(io) : openLines(path, resumed?.bytes);
  let stopped: Interrupt | undefined;
  // a pipe that nobody reads would keep a signal waiting as long, and has no lines to keep whole
  const undo = out.isPipe
    ? undefined
    : io.onInterrupt?.((signal) => {
        stopped = signal;
      });
  const progress = progressOf(range.to - from, io);
  let done = 0;
  try {
    if (header !== "") out.append(header);
    const own = rowWriter(plan, format);
    const others = await otherThreads({ plan, format }, range.to - from, jobs, io);
    for await (const { text, points } of chunks(own, others, from, range.to)) {
      out.append(text);
      done += points;
      progress.at(done);
      if (stopped !== undefined || out.isReaderGone()) break;
    }
  } finally {
    progress.end();
    undo?.();
    out.close();
  }
  if (stopped === undefined) return EXIT.ok;
  const left = range.to - from - done;
  io.stderr(
    `stopped with ${left} of ${range.to - range.from} points left${path === undefined ? "" : `; the same command with --resume goes on`}\n`,
  );
  return INTERRUPTED[stopped];
}

/** Fewer points than this are done before threads have started. */
const WORTH_THREADS = 40_000;

/** The threads that make lines beside this one. */
async function otherThreads(
  data: { readonly plan: SweepPlan; readonly format: LineFormat },
  points: number,
  jobs: number | undefined,
  { workerScript }: Io,
): Promise<RowWorker[]> {
  const { processors, rowWorkers } = await import("../io/workers.ts");
  const threads = jobs ?? (points >= WORTH_THREADS ? processors() : 1);
  return threads > 1 && workerScript !== undefined ? rowWorkers(threads - 1, workerScript, data) : [];
}

const standardOutput = (io: Io): Lines => ({
  append: io.stdout,
  close: () => {},
  isReaderGone: io.isReaderGone ?? (() => false),
  isPipe: io.isPipe === true,
});

interface Resumed {
  readonly from: number;
  readonly bytes: number;
}

/** Where an interrupted output goes on; nothing where there is no output yet. */
function resumePoint(
  plan: SweepPlan,
  format: LineFormat,
  { from, to, headed }: ShardPoints,
  path: string | undefined,
): Resumed | undefined {
  if (path === undefined) throw new UserError("--resume needs the file to go on with: -o file.csv");
  const found = findLines(path);
  if (found === undefined || found.lines === 0) return undefined;
  const other = (what: string): UserError =>
    new UserError(`${path} is not from this sweep: ${what}`, [
      "name another file, or leave --resume out to write it anew",
    ]);
  const header = headed ? headerLine(plan, format) : "";
  const above = header === "" ? 0 : 1;
  if (above === 1 && found.first !== header) throw other("its first line is another");
  const rows = found.lines - above;
  if (rows > to - from) throw other(`it has ${rows} rows, this sweep ${to - from}`);
  const lines = rowWriter(plan, format);
  if (rows > 0) {
    if ((above === 1 ? found.second : found.first) !== lines(from, from + 1))
      throw other("its first row is another");
    if (found.last !== lines(from + rows - 1, from + rows)) throw other("its last row is another");
  }
  return { from: from + rows, bytes: found.bytes };
}
