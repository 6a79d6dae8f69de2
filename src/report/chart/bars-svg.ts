import { scaleLinear } from "d3-scale";
import { stack } from "d3-shape";
import type { OperatorClass } from "../../schema/result.ts";
import { formatPercent, formatSeconds } from "../../units.ts";
import type { Bar } from "./bars.ts";
import { rounded } from "./plot.ts";
import { FONT } from "./style.ts";
import { label, shortened } from "./svg-text.ts";
import { type Element, element } from "./tree.ts";

const ROW = 22;
const THICKNESS = 14;
const AXIS = 34;
const NARROW = 560;

export const barsHeight = (bars: readonly Bar[]): number => bars.length * ROW + AXIS;

/** Stacked bars below each other, normalization on the axis; `width` pixels wide. On a page each is described in words. */
export function barsChart(bars: readonly Bar[], width: number, isInteractive = false): Element[] {
  const isNarrow = width < NARROW;
  const names = isNarrow ? 150 : 178;
  const room = isNarrow ? 72 : 200;
  const x = scaleLinear()
    .domain([0, Math.max(...bars.map(({ seconds }) => seconds)) || 1])
    .range([names, width - room]);
  const bottom = bars.length * ROW + 4;
  const ticks = x.ticks(isNarrow ? 3 : 6);
  return [
    element("g", { class: "axes", "aria-hidden": "true" }, [
      ...ticks.map((at) => element("line", { x1: x(at), y1: 0, x2: x(at), y2: bottom, class: "grid" })),
      ...ticks.map((at) =>
        label(rounded(formatSeconds(at)), x(at), bottom + 12, { class: "tick", "text-anchor": "middle" }),
      ),
      element("line", { x1: names, y1: 0, x2: names, y2: bottom, class: "axis" }),
    ]),
    ...bars.map((bar, index) =>
      element(
        "g",
        isInteractive ? { class: "bar", role: "img", "aria-label": barText(bar) } : { class: "bar" },
        [...row(bar, index * ROW + ROW / 2, x, names, isNarrow)],
      ),
    ),
  ];
}

function row(bar: Bar, y: number, x: (value: number) => number, names: number, isNarrow: boolean): Element[] {
  const strong = bar.isGiven ? "strong" : "";
  const text = isNarrow ? bar.text.replace(/,.*/, "") : bar.text;
  const letters = Math.floor((names - 8) / FONT.letterWidth);
  return [
    label(shortened(bar.name, letters), names - 8, y, { class: strong, "text-anchor": "end" }),
    ...stacked(bar).map(({ from, to, class: name }) =>
      element(
        "rect",
        {
          x: x(from),
          y: y - THICKNESS / 2,
          width: Math.max(0, x(to) - x(from)),
          height: THICKNESS,
          class: `part c-${name}`,
        },
        [element("title", {}, [`${name} ${formatSeconds(to - from)}`])],
      ),
    ),
    label(text, x(bar.seconds) + 6, y, { class: strong || "quiet" }),
  ];
}

/** Where each class begins and ends. */
function stacked({
  parts,
}: Bar): { readonly class: OperatorClass; readonly from: number; readonly to: number }[] {
  const seconds: Record<string, number> = Object.fromEntries(parts.map((part) => [part.class, part.seconds]));
  const classes = parts.map((part) => part.class);
  return stack<Record<string, number>, OperatorClass>()
    .keys(classes)([seconds])
    .map((layer) => ({ class: layer.key, from: layer[0]![0], to: layer[0]![1] }));
}

const barText = ({ name, text, parts, seconds }: Bar): string =>
  `${name}: ${text}; ${parts.map((part) => `${part.class} ${formatPercent(seconds === 0 ? 0 : part.seconds / seconds)}`).join(", ")}`;
