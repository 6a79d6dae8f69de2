import { parse } from "csv-parse/sync";
import { UserError } from "../errors.ts";
import type { DeviceEvent, Profile, ProfileFormat } from "../schema/profile.ts";
import { plural } from "../units.ts";

/** Tables of Nsight, told by their header; programs print lines of their own before it. */
interface Table {
  readonly format: ProfileFormat;
  /** columns that only it has */
  readonly columns: readonly RegExp[];
  readonly events: (rows: readonly Row[]) => DeviceEvent[];
}

type Row = Readonly<Record<string, string>>;

const TABLES: readonly Table[] = [
  { format: "nsys-cuda-gpu-trace", columns: [/^Start \(/, /^Duration \(/, /^Name$/], events: traceEvents },
  {
    format: "nsys-cuda-gpu-kern-sum",
    columns: [/^Total Time \(/, /^Instances$/, /^Name$/],
    events: summaryEvents,
  },
  {
    format: "nsight-compute",
    columns: [/^Kernel Name$/, /^(?:Metric Name|gpu__time_duration)/],
    events: computeEvents,
  },
];

/** Beginnings of files in which a line is the header of such a table. */
export const looksLikeTable = (head: Buffer): boolean => headerOf(head.toString("utf8")) !== undefined;

function headerOf(text: string): { table: Table; line: number } | undefined {
  const lines = text.split(/\r?\n/, MOST_LINES_BEFORE);
  for (const [line, content] of lines.entries()) {
    const cells = content.split(",").map((cell) => cell.trim().replace(/^"|"$/g, ""));
    const table = TABLES.find(({ columns }) =>
      columns.every((column) => cells.some((cell) => column.test(cell))),
    );
    if (table !== undefined) return { table, line };
  }
  return undefined;
}

const MOST_LINES_BEFORE = 60;

/** A table as a profile: names and times, no operators, shapes or steps. */
export function readTable(path: string, text: string): Profile {
  const { table, line } = headerOf(text)!;
  const rows = rowsOf(path, text, line);
  const events = table.events(rows);
  if (events.length === 0)
    throw new UserError(`${path} has no row with a time of a kernel`, [
      "expected nsys stats -r cuda_gpu_trace --format csv, or ncu --csv with the metric gpu__time_duration",
    ]);
  const { format } = table;
  const left = rows.length - events.length;
  return {
    format,
    gpus: [...new Set(rows.flatMap((row) => row["Device"]?.replace(/ \(\d+\)$/, "") ?? []))].filter((name) =>
      /[a-z]/i.test(name),
    ),
    events,
    operators: [],
    launches: new Map(),
    steps: [],
    rank: undefined,
    worldSize: undefined,
    problems:
      format !== "nsight-compute" && left > 0 ? [`${plural(left, "row")} without a time left out.`] : [],
  };
}

function rowsOf(path: string, text: string, line: number): Row[] {
  try {
    return parse(text, {
      columns: true,
      from_line: line + 1,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      trim: true,
    }) as Row[];
  } catch (error) {
    throw new UserError(
      `${path} is no table that can be read: ${error instanceof Error ? error.message : ""}`,
    );
  }
}

const UNITS: Readonly<Record<string, number>> = {
  s: 1,
  second: 1,
  ms: 1e-3,
  msecond: 1e-3,
  us: 1e-6,
  usecond: 1e-6,
  ns: 1e-9,
  nsecond: 1e-9,
};

/** `Duration (ns)` of a row in seconds. */
function secondsIn(row: Row, column: string): number | undefined {
  const key = Object.keys(row).find((name) => name.startsWith(`${column} (`));
  return key === undefined ? undefined : seconds(row[key], /\((\w+)\)/.exec(key)?.[1]);
}

function seconds(text: string | undefined, unit: string | undefined): number | undefined {
  const value = Number((text ?? "").replaceAll(",", "") || Number.NaN);
  const factor = unit !== undefined && Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
  return Number.isFinite(value) && value >= 0 && value < LARGEST && factor !== undefined
    ? value * factor
    : undefined;
}

const LARGEST = 1e18;

function event(
  name: string | undefined,
  duration: number | undefined,
  start = 0,
  launches = 1,
): DeviceEvent[] {
  if (name === undefined || name === "" || duration === undefined) return [];
  const kind = /^\[CUDA memcpy/i.test(name) ? "copy" : /^\[CUDA memset/i.test(name) ? "fill" : "kernel";
  return [
    {
      kind,
      name,
      start,
      seconds: duration,
      launches,
      device: 0,
      correlation: undefined,
      operator: undefined,
    },
  ];
}

function traceEvents(rows: readonly Row[]): DeviceEvent[] {
  return rows.flatMap((row) => event(row["Name"], secondsIn(row, "Duration"), secondsIn(row, "Start")));
}

function summaryEvents(rows: readonly Row[]): DeviceEvent[] {
  return rows.flatMap((row) => {
    const instances = Number(row["Instances"]);
    return Number.isInteger(instances) && instances > 0
      ? event(row["Name"], secondsIn(row, "Total Time"), 0, instances)
      : [];
  });
}

/** A row a metric (`--page details`), or a row a kernel with units in the first one (`--page raw`). */
function computeEvents(rows: readonly Row[]): DeviceEvent[] {
  const [units] = rows;
  const raw = Object.keys(units ?? {}).find((name) => name.startsWith("gpu__time_duration"));
  if (raw !== undefined)
    return rows.slice(1).flatMap((row) => event(row["Kernel Name"], seconds(row[raw], units![raw])));
  return rows
    .filter((row) => /^(?:Duration|gpu__time_duration\.sum)$/.test(row["Metric Name"] ?? ""))
    .flatMap((row) => event(row["Kernel Name"], seconds(row["Metric Value"], row["Metric Unit"])));
}
