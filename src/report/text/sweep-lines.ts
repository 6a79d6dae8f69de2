import { type AxisValue, digitsAt, type Space, scenariosOf } from "../../ask/space.ts";
import { type Answers, answersFor } from "../../study/answers.ts";
import type { ResultField } from "../../study/result-field.ts";
import { columnFields, type SweepPlan } from "../../study/sweep.ts";
import { csvCell } from "./csv.ts";
import { jsonText } from "./json.ts";

/** Formats with a line a point. */
export type LineFormat = "csv" | "jsonl";

/** The line above all rows, or nothing. */
export const headerLine = ({ space, columns }: SweepPlan, format: LineFormat): string =>
  format === "csv" ? `${[...space.axes.map(({ name }) => name), ...columns].map(csvCell).join(",")}\n` : "";

/**
 * Writes rows of a sweep: the lines of the points from `from` to before `to`, ends of line included. Points that follow
 * each other are cheap: the simulator remembers the last one.
 */
export function rowWriter(plan: SweepPlan, format: LineFormat): (from: number, to: number) => string {
  const { axes } = plan.space;
  const scenarioAt = scenariosOf(plan.space);
  const fields = columnFields(plan.columns);
  const [line, columnsOf] =
    format === "csv" ? [csvLine, csvColumns(fields)] : [jsonLine, jsonColumns(fields)];
  const keys = axes.map(({ name, values }) => values.map((value) => axisText(format, name, value)));
  const digits: number[] = [];
  return (from, to) => {
    digitsAt(axes, from, digits);
    const blocks: string[] = [];
    for (let start = from; start < to; start += BLOCK_LINES) {
      const lines: string[] = [];
      for (let index = start; index < Math.min(to, start + BLOCK_LINES); index++) {
        lines.push(line(keys, digits, columnsOf(answersFor(scenarioAt(digits)))));
        advance(plan.space, digits);
      }
      lines.push("");
      blocks.push(lines.join("\n"));
    }
    return blocks.join("");
  };
}

/** A line is a tree of its pieces until it is joined with others; thousands of trees would be what a sweep moves about. */
const BLOCK_LINES = 64;

/** The next point: as an odometer, the last axis first. */
function advance({ axes }: Space, digits: number[]): void {
  for (let axis = axes.length - 1; axis >= 0; axis--) {
    digits[axis]!++;
    if (digits[axis]! < axes[axis]!.values.length) return;
    digits[axis] = 0;
  }
}

/** The line of a point: what its axes say there, then its columns. */
type Line = (keys: readonly (readonly string[])[], digits: readonly number[], columns: string) => string;

const csvLine: Line = (keys, digits, columns) => {
  let text = "";
  for (let axis = 0; axis < keys.length; axis++) text += `${keys[axis]![digits[axis]!]!},`;
  return text + columns;
};

const jsonLine: Line = (keys, digits, columns) => {
  const members = keys.map((texts, axis) => texts[digits[axis]!]!);
  if (columns !== "") members.push(columns);
  return `{${members.join(",")}}`;
};

/**
 * Columns of one point after the other, separated by commas, nothing where there is no number. JSON writes numbers as
 * join does, in half the time: V8 looks for each number that is joined in a cache of texts, and sweeps seldom repeat one.
 */
function csvColumns(fields: readonly ResultField[]): (answers: Answers) => string {
  const values: (number | null | undefined)[] = fields.map(() => undefined);
  return (answers) => {
    let missing = false;
    for (let column = 0; column < fields.length; column++) {
      const value = fields[column]!.read(answers);
      if (value === undefined || value === null) missing = true;
      values[column] = value;
    }
    return missing ? values.join(",") : JSON.stringify(values).slice(1, -1);
  };
}

/** Members of an object, without braces; none where there is no number, null where nobody knows it. */
function jsonColumns(fields: readonly ResultField[]): (answers: Answers) => string {
  const record: Record<string, number | null | undefined> = {};
  return (answers) => {
    for (const { name, read } of fields) record[name] = read(answers);
    return JSON.stringify(record).slice(1, -1);
  };
}

function axisText(format: LineFormat, name: string, value: AxisValue): string {
  if (format === "csv") return csvCell(value);
  return `${jsonText(name)}:${jsonText(value)}`;
}
