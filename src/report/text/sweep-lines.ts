import type { SweepPlan, SweepPoint } from "../../study/sweep.ts";
import { csvCell } from "./csv.ts";
import { jsonText } from "./json.ts";

/** Formats with a line a point. */
export type LineFormat = "csv" | "jsonl";

const columnNames = ({ space, columns }: SweepPlan): readonly string[] => [
  ...space.axes.map(({ name }) => name),
  ...columns,
];

/** The line above all rows, or nothing. */
export const headerLine = (plan: SweepPlan, format: LineFormat): string =>
  format === "csv" ? `${columnNames(plan).map(csvCell).join(",")}\n` : "";

/** Writes a point as a line of its own. */
export function lineWriter(plan: SweepPlan, format: LineFormat): (point: SweepPoint) => string {
  const names = columnNames(plan);
  return ({ keys, values }) => {
    const cells = [...keys, ...values];
    return format === "csv"
      ? `${cells.map((cell) => csvCell(cell ?? "")).join(",")}\n`
      : `${jsonText(Object.fromEntries(cells.map((cell, column) => [names[column], cell])))}\n`;
  };
}
