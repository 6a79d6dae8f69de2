import { generates } from "../../schema/phases.ts";
import type { Result } from "../../schema/result.ts";
import type { Scenario } from "../../schema/scenario.ts";
import type { NormImplementation, NormKind } from "../../schema/vocabulary.ts";
import { answersOf } from "../../study/answers.ts";
import { savingErrorOfGiven, savingOfGiven } from "../../study/result-field.ts";
import { formatPercent, formatSeconds, significant } from "../../units.ts";
import { visible } from "../../visible.ts";
import type { Cell } from "./csv.ts";
import { ERROR_NOTE, savingText } from "./figure-text.ts";
import type { Format, Look } from "./formats.ts";
import { json, jsonLines } from "./json.ts";
import { type Row, type RowColumn, renderRows, UNKNOWN_CELL, UNKNOWN_NOTE } from "./rows.ts";
import { precisionText, runtimeText, shortName, workloadText } from "./scenario-text.ts";
import { cut } from "./terminal-text.ts";

/** One line of the comparison: its name for machines and people, its value, and how people read it. */
interface Measure {
  readonly key: string;
  readonly title: string;
  readonly value: (result: Result) => Cell | null | undefined;
  readonly text?: (value: number) => string;
  /** where people read another text than machines */
  readonly short?: (result: Result) => string;
}

const MEASURES: readonly Measure[] = [
  { key: "model", title: "model", value: ({ scenario }) => scenario.model.name },
  { key: "hardware", title: "hardware", value: ({ scenario }) => shortName(scenario.hardware.name) },
  {
    key: "workload",
    title: "workload",
    value: ({ scenario }) => workloadText(scenario),
    short: ({ scenario }) => shortWorkload(scenario),
  },
  { key: "precision", title: "precision", value: ({ scenario }) => precisionText(scenario) },
  { key: "runtime", title: "runtime", value: ({ scenario }) => runtimeText(scenario) },
  { key: "normKind", title: "norm", value: ({ scenario }): NormKind => scenario.normalization.kind },
  { key: "normImplementation", title: "norm kernels", value: normImplementationText },
  { key: "layerSeconds", title: "layer", value: ({ layer }) => layer.seconds, text: formatSeconds },
  {
    key: "idealSeconds",
    title: "layer, ideal",
    value: ({ layer }) => layer.idealSeconds,
    text: formatSeconds,
  },
  {
    key: "normalizationSeconds",
    title: "norms",
    value: ({ normalization }) => normalization.seconds,
    text: formatSeconds,
  },
  share("normalizationShareOfTime", "norm share of time", (r) => r.normalization.shareOfTime),
  share("normalizationShareOfFlops", "norm share of FLOPs", (r) => r.normalization.shareOfFlops),
  share("normalizationShareOfHbmBytes", "norm share of bytes", (r) => r.normalization.shareOfHbmBytes),
  saving("rmsnormSavesShareOfTime", "RMSNorm saves, same kernels", undefined),
  saving("fusedRmsnormSavesShareOfTime", "RMSNorm saves, fused", "fused"),
  saving("residualFusedRmsnormSavesShareOfTime", "RMSNorm saves, residual fused", "residual-fused"),
  saving("eagerRmsnormSavesShareOfTime", "RMSNorm saves, op by op", "eager"),
  share("modelFlopsUtilization", "of peak FLOP/s", (r) => r.layer.modelFlopsUtilization),
  share("bandwidthUtilization", "of peak bandwidth", (r) => r.layer.bandwidthUtilization),
  {
    key: "wholeModelSeconds",
    title: "all layers",
    value: ({ wholeModel }) => wholeModel.seconds,
    text: formatSeconds,
  },
  {
    key: "tokensPerSecond",
    title: "tokens/s",
    value: ({ wholeModel }) => wholeModel.tokensPerSecond,
    text: significant,
  },
  { key: "typicalError", title: "typical error", value: errorText },
];

function share(key: string, title: string, value: Measure["value"]): Measure {
  return { key, title, value, text: formatPercent };
}

/** What RMSNorm saves, for people with its typical error. */
function saving(key: string, title: string, rms: NormImplementation | undefined): Measure {
  const value = (result: Result): number | null | undefined => savingOfGiven(answersOf(result), rms);
  return {
    key,
    title,
    value,
    short: (result) => {
      const saved = value(result);
      if (saved === undefined) return "";
      return saved === null ? UNKNOWN_CELL : savingText(saved, savingErrorOfGiven(answersOf(result), rms));
    },
  };
}

function normImplementationText({ scenario }: Result): string {
  const { implementation } = scenario.normalization;
  return typeof implementation === "string" ? implementation : "own passes";
}

/** What is known of a column by its datasheet alone is marked in its head. */
const isIdeal = ({ scenario }: Result): boolean => scenario.hardware.calibration === undefined;

/** What the times of a column are worth. */
function errorText(result: Result): string {
  const { typicalError } = result;
  if (isIdeal(result)) return "ideal";
  return typicalError === null ? "not known" : `±${formatPercent(typicalError.layer)}`;
}

const IDEAL_NOTE =
  "Columns marked (datasheet) are their datasheet's roofline, without floors, launches or caches: compare them by the ideal row alone.";
const NOTE = "RMSNorm saves: of the layer's time with LayerNorm by the kernels given (negative: it costs).";

/** Scenarios as columns for people, as rows or whole results for machines. */
export async function compareReport(
  labels: readonly string[],
  results: readonly Result[],
  format: Format,
  look: Look,
): Promise<string> {
  switch (format) {
    case "json":
      return json(results, true);
    case "jsonl":
      return jsonLines(results);
    case "csv":
      return renderRows(
        SCENARIO_COLUMNS,
        results.map((result, i) => scenarioRow(labels[i]!, result)),
        format,
        look,
      );
    case "md":
    case "table":
      return sideBySide(labels, results, format, look);
  }
}

const SCENARIO_COLUMNS: readonly RowColumn[] = [
  { key: "scenario", title: "scenario" },
  ...MEASURES.map(({ key, title }): RowColumn => ({ key, title })),
];

const scenarioRow = (scenario: string, result: Result): Row => ({
  scenario,
  ...Object.fromEntries(MEASURES.map(({ key, value }) => [key, value(result)])),
});

const LABEL_WIDTH = 29;
const LONGEST_COLUMN = 30;
const GAP = 2;

/** Names that a column has no room for: what was changed about a model or a device stands at their end. */
function cutNames(results: readonly Result[]): string[] {
  const names = results.flatMap(({ scenario: { model, hardware } }) => [
    visible(model.name),
    shortName(hardware.name),
  ]);
  const long = names.filter((name) => name.length > LONGEST_COLUMN);
  return long.length === 0 ? [] : [`In full: ${[...new Set(long)].join("; ")}.`];
}

/** As many scenarios beside each other as fit; the others in further tables below. */
async function sideBySide(
  labels: readonly string[],
  results: readonly Result[],
  format: "md" | "table",
  look: Look,
): Promise<string> {
  const names = labels.map((label, i) => headOf(visible(label), results[i]!));
  const bodies = results.map((result) =>
    MEASURES.map((measure) => cut(cellText(measure, result), LONGEST_COLUMN)),
  );
  const groups = format === "md" ? [names.map((_, i) => i)] : columnsThatFit(names, bodies, look.width);
  const notes = [
    NOTE,
    ERROR_NOTE,
    ...cutNames(results),
    ...(results.some(isIdeal) ? [IDEAL_NOTE, UNKNOWN_NOTE] : []),
  ];
  const tables = groups.map((group, index) => {
    const columns: RowColumn[] = [
      { key: "measure", title: "", align: "left" },
      ...group.map((i): RowColumn => ({ key: String(i), title: names[i]! })),
    ];
    const rows = MEASURES.map(
      ({ title }, line): Row => ({
        measure: title,
        ...Object.fromEntries(group.map((i) => [String(i), bodies[i]![line]!])),
      }),
    );
    return renderRows(columns, rows, format, look, index === groups.length - 1 ? notes : []);
  });
  return (await Promise.all(tables)).join("\n");
}

const IDEAL_MARK = " (datasheet)";

const headOf = (label: string, result: Result): string =>
  isIdeal(result) ? cut(label, LONGEST_COLUMN - IDEAL_MARK.length) + IDEAL_MARK : cut(label, LONGEST_COLUMN);

/** Two columns of a decode step beside each other in 80 columns. */
function shortWorkload(scenario: Scenario): string {
  const { phase, batch, context } = scenario.workload;
  return generates(phase) ? `${phase} ${batch} after ${context}` : workloadText(scenario);
}

function cellText({ value, text, short }: Measure, result: Result): string {
  const cell = short === undefined ? value(result) : short(result);
  if (cell === undefined) return "";
  if (cell === null) return UNKNOWN_CELL;
  return typeof cell === "number" && text !== undefined ? text(cell) : visible(String(cell));
}

function columnsThatFit(
  names: readonly string[],
  bodies: readonly (readonly string[])[],
  width: number,
): number[][] {
  const groups: number[][] = [];
  let room = 0;
  names.forEach((name, index) => {
    const own = GAP + Math.max(name.length, ...bodies[index]!.map((cell) => cell.length));
    if (groups.length === 0 || own > room) {
      groups.push([]);
      room = width - LABEL_WIDTH;
    }
    groups.at(-1)!.push(index);
    room -= own;
  });
  return groups;
}
