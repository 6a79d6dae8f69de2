import type { FlagName, Point } from "../../ask/flags.ts";
import type { Result } from "../../schema/result.ts";
import { answersOf } from "../../study/answers.ts";
import { savingOfGiven } from "../../study/result-field.ts";
import { formatPercent, formatSeconds } from "../../units.ts";
import type { Cell } from "./csv.ts";
import type { Format, Look } from "./formats.ts";
import { type Row, type RowColumn, renderRows } from "./rows.ts";

/** Where a row of the grid comes from. */
export interface GridPoint {
  readonly label: string;
  /** what was changed about the model and the hardware of all */
  readonly reshaped: readonly string[];
  readonly point: Point;
  readonly notes: readonly string[];
}

const seconds = (value: Cell | undefined): string => formatSeconds(Number(value));
const percent = (value: Cell | undefined): string =>
  value === undefined ? "" : formatPercent(Number(value));

const ANSWERS: readonly RowColumn[] = [
  { key: "layerSeconds", title: "layer", text: seconds },
  { key: "normalizationShareOfTime", title: "norm time", text: percent },
  { key: "normalizationShareOfFlops", title: "FLOPs", text: percent },
  { key: "rmsnormSavesShareOfTime", title: "RMS saves", text: percent },
  { key: "eagerRmsnormSavesShareOfTime", title: "eager", text: percent },
];

const LEGEND =
  "norm time, FLOPs: normalization's share of the layer. RMS saves: of the layer's time, RMSNorm instead of LayerNorm with the same kernels. eager: the same with RMSNorm op by op (negative: it costs).";

/** One row a combination of the flags' values, the last flag fastest. */
export function gridReport(
  points: readonly GridPoint[],
  results: readonly Result[],
  varied: readonly FlagName[],
  format: Format,
  look: Look,
): Promise<string> {
  const several = new Set(points.map(({ label }) => label)).size > 1;
  const keys = [...(several ? ["scenario"] : []), ...varied];
  const columns: RowColumn[] = [
    ...keys.map((key): RowColumn => ({ key, title: key, align: isNumeric(points, key) ? "right" : "left" })),
    ...ANSWERS,
  ];
  const rows = points.map((point, index) => gridRow(point, results[index]!, keys));
  const notes = [...new Set(points.flatMap((point) => point.notes))];
  const shown = notes.length > MOST_NOTES ? [...notes.slice(0, MOST_NOTES), "..."] : notes;
  return renderRows(columns, rows, format, look, [...baseText(points, several), LEGEND, ...shown]);
}

function baseText([first]: readonly GridPoint[], several: boolean): string[] {
  const { label, reshaped = [] } = first ?? {};
  const changes = reshaped.length === 0 ? "" : ` with ${reshaped.join(", ")}`;
  if (!several) return [`Scenario: ${label}${changes}.`];
  return changes === "" ? [] : [`All${changes}.`];
}

const MOST_NOTES = 8;

const isNumeric = (points: readonly GridPoint[], key: string): boolean =>
  points.every(({ point }) => typeof point[key as FlagName] === "number");

function gridRow({ label, point }: GridPoint, result: Result, keys: readonly string[]): Row {
  const answers = answersOf(result);
  return {
    ...Object.fromEntries(keys.map((key) => [key, key === "scenario" ? label : point[key as FlagName]])),
    layerSeconds: result.layer.seconds,
    normalizationShareOfTime: result.normalization.shareOfTime,
    normalizationShareOfFlops: result.normalization.shareOfFlops,
    rmsnormSavesShareOfTime: savingOfGiven(answers),
    eagerRmsnormSavesShareOfTime: savingOfGiven(answers, "eager"),
  };
}
