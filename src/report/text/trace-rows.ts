import type { NormRow, TraceAnswer } from "../../schema/trace.ts";
import { formatByteRate, formatPercent, formatSeconds, significant } from "../../units.ts";
import { ofNumbers, type Row, type RowColumn } from "./rows.ts";
import { countText, normName } from "./trace-words.ts";

const seconds = ofNumbers(formatSeconds);
const share = ofNumbers(formatPercent);
const count = ofNumbers(countText);
const number = ofNumbers(significant);
const rate = ofNumbers(formatByteRate);

export const CLASS_COLUMNS: readonly RowColumn[] = [
  { key: "class", title: "class", align: "left" },
  { key: "seconds", title: "time", text: seconds },
  { key: "shareOfKernelTime", title: "share", text: share },
  { key: "kernels", title: "kernels", text: count },
];

export const classRows = ({ classes, unknown, step }: TraceAnswer): Row[] => [
  ...classes.map((one) => ({ ...one })),
  ...(unknown.seconds > 0
    ? [
        {
          class: "  of these, unknown",
          seconds: unknown.seconds,
          shareOfKernelTime: unknown.seconds / step.kernelSeconds,
        },
      ]
    : []),
];

export const NORM_COLUMNS: readonly RowColumn[] = [
  { key: "norm", title: "norm", align: "left" },
  { key: "shape", title: "shape", align: "left" },
  { key: "count", title: "norms", text: count },
  { key: "kernels", title: "kernels", text: count },
  { key: "seconds", title: "time", text: seconds },
  { key: "bytesPerSecond", title: "moves", text: rate },
  { key: "shareOfRoof", title: "roof", text: share },
  { key: "bestSeconds", title: "best", text: seconds },
];

export const normTableRows = ({ norms }: TraceAnswer): Row[] => norms.map(normTableRow);

function normTableRow(norm: NormRow): Row {
  const { direction, rows, columns, dtype, fusedWith, bytes, roofSeconds, alternatives } = norm;
  const beside = fusedWith.filter(
    (what) => what !== "residual add" || norm.implementation !== "residual-fused",
  );
  return {
    norm: `${normName(norm)}${beside.length > 0 ? ` + ${beside.join(" + ")}` : ""}${direction === "backward" ? ", backward" : ""}`,
    shape: rows === null || columns === null ? "not recorded" : `${rows} × ${columns} ${dtype ?? ""}`.trim(),
    count: norm.count,
    kernels: norm.kernels,
    seconds: norm.seconds,
    ...(bytes === null ? {} : { bytesPerSecond: bytes / norm.seconds }),
    ...(roofSeconds === null ? {} : { shareOfRoof: roofSeconds / norm.seconds }),
    ...(alternatives[0] === undefined ? {} : { bestSeconds: alternatives[0].seconds }),
  };
}

export const OPERATOR_COLUMNS: readonly RowColumn[] = [
  { key: "name", title: "operator", align: "left" },
  { key: "count", title: "count", text: count },
  { key: "measuredSeconds", title: "measured", text: seconds },
  { key: "predictedSeconds", title: "predicted", text: seconds },
  { key: "ratio", title: "ratio", text: number },
];

export const operatorRows = ({ operators }: TraceAnswer): Row[] =>
  operators.map(({ predictedSeconds, ...one }) => ({
    ...one,
    ...(predictedSeconds === null ? {} : { predictedSeconds, ratio: predictedSeconds / one.measuredSeconds }),
  }));
