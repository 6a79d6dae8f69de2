import type { Solution } from "../../schema/solution.ts";
import { parseField } from "../../study/result-field.ts";
import { plural, significant } from "../../units.ts";
import { renderAnswer } from "./answer.ts";
import { unitText } from "./figure-text.ts";
import type { Format, Look } from "./formats.ts";
import type { Row, RowColumn } from "./rows.ts";
import { wrap } from "./terminal-text.ts";

const COLUMNS: readonly RowColumn[] = [
  { key: "parameter", title: "parameter", align: "left" },
  { key: "value", title: "value" },
  { key: "direction", title: "direction", align: "left" },
  { key: "kind", title: "kind", align: "left" },
  { key: "beforeValue", title: "before at" },
  { key: "before", title: "before" },
  { key: "after", title: "after" },
];

/** Where a field reaches a target, in every format. */
export const solveReport = (solution: Solution, title: string, format: Format, look: Look): Promise<string> =>
  renderAnswer(
    {
      values: [solution],
      columns: COLUMNS,
      rows: () => rows(solution),
      notes: [searched(solution)],
      lines: (width) => lines(solution, title).flatMap((line) => indented(line, width)),
    },
    format,
    look,
  );

const INDENT = "  ";

/** Wrapped, and further in where the line itself is. */
const indented = (line: string, width: number): string[] =>
  line.startsWith(INDENT)
    ? wrap(line.slice(INDENT.length), width - INDENT.length, INDENT).map((part) => INDENT + part)
    : wrap(line, width, INDENT);

const rows = ({ parameter, crossings }: Solution): Row[] =>
  crossings.map(({ value, direction, kind, before, after }) => ({
    parameter,
    value,
    direction,
    kind,
    beforeValue: before.parameter,
    before: before.field,
    after: after.field,
  }));

function lines(solution: Solution, title: string): string[] {
  const { field, target, parameter, crossings, nearest } = solution;
  const { unit } = parseField(field).field!;
  const shown = (value: number): string => unitText(value, unit);
  const close = (value: number): string => unitText(value, unit, 5);
  const at = (value: number): string => `${parameter} ${parameterText(value)}`;
  const found = crossings.map(({ value, direction, kind, before, after }) => {
    const verb = kind === "jump" ? "jumps" : direction === "rising" ? "rises" : "falls";
    return `${INDENT}${verb} ${direction === "rising" ? "above" : "below"} ${shown(target)} at ${at(value)} (${close(before.field)} at ${parameterText(before.parameter)}, ${close(after.field)} at ${parameterText(after.parameter)})`;
  });
  const never =
    nearest === null
      ? `${INDENT}no value of the range makes a scenario that has this number`
      : `${INDENT}never ${shown(target)} between ${parameterText(solution.range.from)} and ${parameterText(solution.range.to)}; nearest is ${shown(nearest.field)} at ${at(nearest.parameter)}`;
  return [
    title,
    "",
    `${field} = ${shown(target)}, by ${parameter}:`,
    ...(found.length > 0 ? found : [never]),
    "",
    searched(solution),
    ...solution.notes.map((note) => `Note: ${note}`),
  ];
}

const parameterText = (value: number): string =>
  Number.isInteger(value) && Math.abs(value) < 1e9 ? String(value) : scientific(value);

/** 3.35e12: parameters are shown as they would be typed. */
function scientific(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e6) return significant(value, 6);
  return Number(value.toPrecision(6)).toExponential().replace("e+", "e");
}

function searched({ parameter, range, evaluations }: Solution): string {
  const steps =
    range.step === null ? "" : range.step === 1 ? ", whole numbers" : `, in steps of ${range.step}`;
  return `Searched ${parameter} from ${parameterText(range.from)} to ${parameterText(range.to)}${steps}: ${plural(evaluations, "layer")}.`;
}
