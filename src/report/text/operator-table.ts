import { hbmBytesOf, layerIntensity } from "../../schema/operator-sums.ts";
import type { OperatorResult, Result } from "../../schema/result.ts";
import { formatBytes, formatCount, formatIntensity, formatPercent, formatSeconds } from "../../units.ts";
import { UNKNOWN_CELL } from "./rows.ts";
import { bar } from "./terminal-text.ts";
import type { Column } from "./text-table.ts";

/** An operator, or their sum, which has no bound of its own. */
type Row = Omit<OperatorResult, "class" | "bound"> & { readonly bound?: OperatorResult["bound"] };

interface Field extends Column {
  readonly cell: (row: Row) => string;
}

const NAME: Field = { title: "operator", align: "left", cell: ({ name }) => name };
const FLOPS: Field = { title: "FLOPs", cell: ({ flops }) => formatCount(flops) };
const INTENSITY: Field = {
  title: "FLOP/B",
  cell: ({ arithmeticIntensity }) => formatIntensity(arithmeticIntensity),
};
const BOUND: Field = { title: "bound", align: "left", cell: ({ bound = "" }) => bound };
const TIME: Field = { title: "time", cell: ({ seconds }) => formatSeconds(seconds) };
const SHARE: Field = {
  title: "share",
  cell: ({ shareOfTime }) => (shareOfTime === null ? UNKNOWN_CELL : formatPercent(shareOfTime)),
};
const BYTES: Field = { title: "bytes", cell: (operator) => formatBytes(hbmBytesOf(operator)) };
const READ: Field = { title: "read", cell: ({ hbmReadBytes }) => formatBytes(hbmReadBytes) };
const WRITE: Field = { title: "written", cell: ({ hbmWriteBytes }) => formatBytes(hbmWriteBytes) };
const KERNELS: Field = { title: "kernels", cell: ({ kernels }) => String(kernels) };
const IDEAL: Field = { title: "ideal", cell: ({ idealSeconds }) => formatSeconds(idealSeconds) };

const NARROW = [NAME, FLOPS, BYTES, INTENSITY, BOUND, TIME, SHARE];
const WIDE = [NAME, KERNELS, FLOPS, READ, WRITE, INTENSITY, BOUND, IDEAL, TIME, SHARE];

/** From this width on there is room for kernels, reads and writes apart, and the ideal time. */
const WIDE_FROM = 112;
const LONGEST_BAR = 20;
const GAP = 1;

export interface TextTable {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

/** Operators in the order they run, the layer's sum last; a bar of the share of time where there is room. */
export function operatorTable(result: Result, width: number): TextTable {
  const fields = width >= WIDE_FROM ? WIDE : NARROW;
  const { columns, rows } = plainOperatorTable(result, fields);
  const taken = columns.reduce((sum, { title }, index) => sum + GAP + longest(title, rows, index), 0);
  const room = Math.min(LONGEST_BAR, width - taken);
  if (room < 2) return { columns, rows };
  const most = Math.max(...result.operators.map(({ shareOfTime }) => shareOfTime ?? 0), 1e-9);
  const bars = result.operators.map(({ shareOfTime }) => bar((shareOfTime ?? 0) / most, room));
  return {
    columns: [...columns, { title: "", align: "left" }],
    rows: rows.map((row, index) => [...row, bars[index] ?? ""]),
  };
}

const longest = (title: string, rows: TextTable["rows"], index: number): number =>
  Math.max(title.length, ...rows.map((row) => row[index]!.length));

export function plainOperatorTable(result: Result, fields: readonly Field[] = WIDE): TextTable {
  const all: Row[] = [...result.operators, layerRow(result)];
  return { columns: fields, rows: all.map((operator) => fields.map(({ cell }) => cell(operator))) };
}

function layerRow({ layer, operators }: Result): Row {
  const sum = (amount: (operator: OperatorResult) => number): number =>
    operators.reduce((total, operator) => total + amount(operator), 0);
  return {
    ...layer,
    name: "layer",
    hbmReadBytes: sum(({ hbmReadBytes }) => hbmReadBytes),
    hbmWriteBytes: sum(({ hbmWriteBytes }) => hbmWriteBytes),
    arithmeticIntensity: layerIntensity(layer),
    shareOfTime: layer.seconds === 0 ? 0 : 1,
  };
}
