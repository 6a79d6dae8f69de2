import type { Sensitivity } from "../../schema/sensitivity.ts";
import { formatPercent, formatSeconds, significant } from "../../units.ts";
import type { Cell } from "./csv.ts";
import { savingText, UNKNOWN } from "./figure-text.ts";
import type { Format, Look } from "./formats.ts";
import { json, jsonLines } from "./json.ts";
import { type Row, type RowColumn, renderRows } from "./rows.ts";
import { title } from "./scenario-text.ts";

const change =
  (digits: number) =>
  (value: Cell | undefined): string => {
    const percent = 100 * Number(value);
    const text = percent.toFixed(digits);
    return percent > 0 && Number(text) !== 0 ? `+${text}` : Number(text) === 0 ? "0" : text;
  };

const COLUMNS: readonly RowColumn[] = [
  { key: "parameter", title: "10% more of", align: "left" },
  { key: "value", title: "now", text: (value) => quantity(Number(value)) },
  { key: "shareOfTimeChange", title: "norm share", text: change(3) },
  { key: "savingChange", title: "RMS saves", text: change(3) },
  { key: "layerSecondsChange", title: "layer", text: (value) => `${change(2)(value)}%` },
];

function quantity(value: number): string {
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-2 && size < 1e6))
    return Number.isInteger(value) ? String(value) : significant(value);
  return Number(value.toPrecision(3)).toExponential().replace("e+", "e");
}

/** What moves the answer most, in every format. */
export async function sensitivityReport(found: Sensitivity, format: Format, look: Look): Promise<string> {
  if (format === "json") return json([found], false);
  if (format === "jsonl") return jsonLines([found]);
  const rows = found.effects.map((effect): Row => ({ ...effect, parameter: short(effect.parameter) }));
  if (format === "csv")
    return renderRows(
      COLUMNS,
      found.effects.map((effect): Row => effect),
      format,
      look,
    );
  return renderRows(COLUMNS, rows, format, look, [title(found.scenario), ...notes(found)]);
}

/** The last words of a path are what tells parameters apart. */
const short = (parameter: string): string =>
  parameter.replace(/^hardware\.(calibration\.)?/, "").replace(/\.value$/, "");

function notes({ shareOfTime, saving, savingError, layerSeconds, band, warnings }: Sensitivity): string[] {
  const now =
    shareOfTime === null || saving === null
      ? `normalization's share and what RMSNorm saves: ${UNKNOWN}`
      : `normalization ${formatPercent(shareOfTime)} of the time, RMSNorm by the same kernels saves ${savingText(saving, savingError)}`;
  const order = shareOfTime === null ? "layer" : "share";
  return [
    `Now: ${now}, layer ${formatSeconds(layerSeconds)}.`,
    `norm share and RMS saves: change in percentage points; largest effect on the ${order} first.`,
    band === null
      ? `${warnings.join(" ")} There is no error band.`
      : `Error band of the profile here: ±${formatPercent(band.layerError)} of the layer, ±${significant(100 * band.shareError)} points of the share (median over ${band.layers} measured layers).`,
  ];
}
