import type { Hardware } from "../../schema/hardware.ts";
import { formatPercent } from "../../units.ts";
import type { Look } from "./formats.ts";
import { type RowColumn, renderRows } from "./rows.ts";

/** What is said of a fit. */
interface FitSummary {
  readonly profile: Pick<Hardware, "validation">;
  readonly stages: readonly {
    readonly name: string;
    readonly rows: number;
    readonly medianError: number;
    readonly percentile90Error: number;
  }[];
  readonly undetermined: readonly string[];
}

const STAGES: readonly RowColumn[] = [
  { key: "name", title: "fitted", align: "left" },
  { key: "rows", title: "rows" },
  { key: "median", title: "median error" },
  { key: "percentile90", title: "90th pct" },
];

const LAYERS: readonly RowColumn[] = [
  { key: "name", title: "layers not fitted", align: "left" },
  { key: "rows", title: "rows" },
  { key: "median", title: "median error" },
  { key: "percentile90", title: "90th pct" },
];

/** What a calibration found, for the person who ran it. */
export async function calibrationReport(fit: FitSummary, look: Look): Promise<string> {
  const stages = fit.stages.map((stage) => ({
    name: stage.name,
    rows: stage.rows,
    median: formatPercent(stage.medianError),
    percentile90: formatPercent(stage.percentile90Error),
  }));
  const layers = (fit.profile.validation ?? []).map((row) => ({
    name: `${row.phase}, ${row.runtime}`,
    rows: row.layers,
    median: formatPercent(row.medianError),
    percentile90: formatPercent(row.percentile90Error),
  }));
  const parts = [await renderRows(STAGES, stages, "table", look, undeterminedNote(fit))];
  if (layers.length > 0) parts.push(await renderRows(LAYERS, layers, "table", look));
  return parts.join("\n");
}

const undeterminedNote = ({ undetermined }: FitSummary): string[] =>
  undetermined.length === 0
    ? []
    : [`The data does not determine these, they keep the base's values: ${undetermined.join(", ")}.`];
