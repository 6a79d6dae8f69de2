import type { AccuracyAnswer, Difference, Errors } from "../../schema/accuracy.ts";
import { formatPercent } from "../../units.ts";
import { visible } from "../../visible.ts";
import type { Cell } from "./csv.ts";
import type { Format, Look } from "./formats.ts";
import { json, jsonLines } from "./json.ts";
import { ofNumbers, type Row, type RowColumn, renderRows } from "./rows.ts";

const share = ofNumbers(formatPercent);
const points = ofNumbers((value) => value.toFixed(2));

/** Names of norms as a narrow column takes them. */
const short = (value: Cell | undefined): string =>
  String(value)
    .replaceAll("layernorm", "LN")
    .replaceAll("rmsnorm", "RMS")
    .replace("residual-fused", "res-fused");

const ERROR_COLUMNS: readonly RowColumn[] = [
  { key: "name", title: "name", align: "left" },
  { key: "rows", title: "rows" },
  { key: "medianError", title: "median", text: share },
  { key: "percentile90Error", title: "90th pct", text: share },
  { key: "worstError", title: "worst", text: share },
  { key: "bias", title: "bias", text: share },
  { key: "datasheetMedianError", title: "datasheet", text: share },
];

/** Where the profile's own measurements are compared: how a fit without each size predicts it. */
const LEFT_OUT_COLUMN: RowColumn = { key: "leftOutMedianError", title: "left out", text: share };

const titled = (title: string): readonly RowColumn[] =>
  ERROR_COLUMNS.map((column) => (column.key === "name" ? { ...column, title } : column));

const FITTED_NOTE = ["* layers of models that were fitted"];

const DIFFERENCE_COLUMNS: readonly RowColumn[] = [
  { key: "name", title: "share or saving", align: "left", text: short },
  { key: "phase", title: "phase", align: "left" },
  { key: "rows", title: "rows" },
  { key: "resolved", title: "resolved" },
  { key: "medianErrorPoints", title: "median", text: points },
  { key: "percentile90ErrorPoints", title: "90th pct", text: points },
  { key: "rightSign", title: "sign right", text: share },
];

const ALL_COLUMNS: readonly RowColumn[] = [
  { key: "against", title: "against", align: "left" },
  { key: "section", title: "section", align: "left" },
  ...ERROR_COLUMNS,
  LEFT_OUT_COLUMN,
  ...DIFFERENCE_COLUMNS.filter(({ key }) => !ERROR_COLUMNS.some((column) => column.key === key)),
];

/** Error tables of every file compared; machines get the same numbers in base units. */
export async function accuracyReport(
  reports: readonly AccuracyAnswer[],
  format: Format,
  look: Look,
): Promise<string> {
  if (format === "json") return json(reports, reports.length !== 1);
  if (format === "jsonl") return jsonLines(reports);
  if (format === "csv") return renderRows(ALL_COLUMNS, reports.flatMap(flatRows), format, look);
  const parts = await Promise.all(reports.map((report) => oneReport(report, format, look)));
  return parts.join("\n");
}

async function oneReport(report: AccuracyAnswer, format: Format, look: Look): Promise<string> {
  const sections = [await heading(report, format)];
  if (report.kernels.length > 0) sections.push(await kernelSection(report, format, look));
  if (report.layers.length > 0)
    sections.push(await renderRows(titled("layers"), report.layers.map(layerRow), format, look, FITTED_NOTE));
  if (report.differences.length > 0) {
    sections.push(
      await renderRows(DIFFERENCE_COLUMNS, report.differences.map(differenceRow), format, look, [
        "Shares and savings in percentage points, over the rows whose measured difference exceeds its spread.",
      ]),
    );
  }
  return sections.join("\n");
}

/** A profile's name is its author's, a file's whose it is. */
async function heading({ profile, against }: AccuracyAnswer, format: Format): Promise<string> {
  if (format !== "md") return `${visible(profile)} against\n${visible(against)}\n`;
  const { escapeMarkdown } = await import("./markdown.ts");
  return `## ${escapeMarkdown(`${profile} against ${against}`)}\n`;
}

function kernelSection(report: AccuracyAnswer, format: Format, look: Look): Promise<string> {
  const rows = report.kernels.map((row) => kernelRow(row, report));
  const columns = titled("kernels");
  if (rows.every((row) => row["leftOutMedianError"] === undefined))
    return renderRows(columns, rows, format, look);
  return renderRows([...columns, LEFT_OUT_COLUMN], rows, format, look, [
    "left out: median error on sizes that the fit has not seen, each left out in turn.",
  ]);
}

const errorRow = ({ name, ...errors }: { name: string } & Errors): Row => ({ name, ...errors });

/** A class of kernels, with its cross-validation beside it. */
const kernelRow = (row: AccuracyAnswer["kernels"][number], report: AccuracyAnswer): Row => ({
  ...errorRow(row),
  leftOutMedianError: report.crossValidation?.find(({ name }) => name === row.name)?.medianError,
});

/** Layers that a fit has seen say less about the next one. */
const layerRow = ({ name, fitted, ...errors }: AccuracyAnswer["layers"][number]): Row => ({
  name: fitted ? `${name} *` : name,
  ...errors,
});

const differenceRow = (difference: Difference): Row => ({ ...difference });

function flatRows(report: AccuracyAnswer): Row[] {
  const { against } = report;
  return [
    ...report.kernels.map((row) => ({ against, section: "kernels", ...kernelRow(row, report) })),
    ...report.layers.map((row) => ({
      against,
      section: row.fitted ? "layers, fitted" : "layers",
      ...errorRow(row),
    })),
    ...report.differences.map((row) => ({ against, section: "differences", ...differenceRow(row) })),
  ];
}
