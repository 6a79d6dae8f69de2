import { parseField } from "../../study/result-field.ts";
import type { SweepPlan } from "../../study/sweep.ts";
import { type Block, svgDocument } from "./document.ts";
import { heatMap } from "./heat-map.ts";
import { lineChart } from "./line-chart.ts";
import type { Panel, SweepRow } from "./panel.ts";
import { label, shortened } from "./svg-text.ts";
import { type SweepShape, sweepShape } from "./sweep-shape.ts";

const WIDTH = 820;

/** A sweep as pictures, one for each of its columns: lines along an axis, or a map of two. */
export function sweepSvg({ space, columns }: SweepPlan, rows: readonly SweepRow[], base: string): string {
  const shape = sweepShape(space.axes);
  const axes = space.axes.map(({ name }) => name).join(" and ");
  const panels = columns.map((field): Panel => ({ field, unit: parseField(field).field!.unit, rows }));
  return svgDocument(`${columns.join(", ")} over ${axes}`, `Sweep of ${base}`, WIDTH, [
    heading(shortened(base, 100), `over ${axes}`),
    ...panels.map((panel) => block(panel, shape)),
  ]);
}

const heading = (title: string, subtitle: string): Block => ({
  height: 46,
  parts: [label(title, 0, 10, { class: "title" }), label(subtitle, 0, 30, { class: "quiet" })],
});

function block(panel: Panel, shape: SweepShape): Block {
  const drawn = shape.kind === "lines" ? lineChart(panel, shape, WIDTH) : heatMap(panel, shape, WIDTH);
  return { height: drawn.height + GAP, parts: drawn.parts };
}

const GAP = 18;
