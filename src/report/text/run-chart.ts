import type { Result } from "../../schema/result.ts";
import { visible } from "../../visible.ts";
import { alternativeBars, barsTitle } from "../chart/bars.ts";
import { terminalBars } from "../chart/bars-terminal.ts";
import { classesOf, classLook } from "../chart/classes.ts";
import { roofline } from "../chart/roofline.ts";
import { terminalRoofline } from "../chart/roofline-terminal.ts";
import { offChartText } from "../chart/run-svg.ts";
import type { Look } from "./formats.ts";
import { paint } from "./paint.ts";
import { headline } from "./run-table.ts";
import { toAscii, wrap } from "./terminal-text.ts";

/** The report as pictures for a terminal: where the operators lie under the roofline, and the layer with other norms. */
export function runChart(results: readonly Result[], look: Look): string {
  const text = results.map((result) => oneChart(result, look)).join(`\n\n${"─".repeat(look.width)}\n\n`);
  return `${look.unicode ? text : toAscii(text)}\n`;
}

function oneChart(result: Result, look: Look): string {
  const style = paint(look);
  const model = roofline(result);
  const bars = alternativeBars(result);
  const sections = [
    headline(result, look, style),
    [
      ...terminalRoofline(model, look),
      ...(model.offChart.length === 0
        ? []
        : wrap(visible(offChartText(model.offChart, result)), look.width, "  ")),
    ],
    bars.length === 0
      ? wrap(`${barsTitle(bars)}.`, look.width)
      : [
          ...wrap(`${barsTitle(bars)} (${barLegend(result, look)}):`, look.width),
          ...terminalBars(bars, look),
        ],
  ];
  return sections.map((lines) => lines.join("\n")).join("\n\n");
}

const barLegend = ({ operators }: Result, { unicode }: Look): string =>
  classesOf(operators)
    .map((name) => `${unicode ? classLook(name).fill : classLook(name).asciiFill} ${name}`)
    .join(", ");
