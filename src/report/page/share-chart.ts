import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";
import type { Scenario } from "../../schema/scenario.ts";
import type { Reach, ShareCurve } from "../../study/reach.ts";
import type { Sample } from "../../study/scan.ts";
import { formatPercent } from "../../units.ts";
import { rounded } from "../chart/plot.ts";
import { spread } from "../chart/spread.ts";
import { FONT } from "../chart/style.ts";
import { label } from "../chart/svg-text.ts";
import { type Element, element } from "../chart/tree.ts";
import { normText } from "../text/scenario-text.ts";
import { TARGET } from "./data.ts";

interface ShareChart {
  readonly curves: readonly ShareCurve[];
  readonly reaches: readonly Reach[];
  /** the reader's own norm, and where it is */
  readonly norm: Scenario["normalization"];
  readonly here: Sample;
}

const MARGIN = { top: 26, right: 20, bottom: 44, left: 52 };
/** Room that the curves have above the highest of them, or above the article's line. */
const AIR = 1.12;
const LEAST_TOP = 0.34;
/** What is shown at least of the width. */
const [LEAST_WIDTH, MOST_WIDTH] = [256, 65_536];

type Scale = (value: number) => number;

/** Normalization's share over the width, the article's 25% across, the reader's own place marked. */
export function shareChart(chart: ShareChart, width: number, height: number): Element[] {
  const curves = chart.curves.map((curve) => ({ ...curve, samples: withMarked(curve, chart) }));
  const samples = [...curves.flatMap((curve) => curve.samples), chart.here];
  const widths = samples.map(({ x }) => x);
  const top = Math.min(1, Math.max(LEAST_TOP, ...samples.map(({ y }) => y * AIR)));
  const x = scaleLog()
    .domain([Math.min(LEAST_WIDTH, ...widths), Math.max(MOST_WIDTH, ...widths)])
    .range([MARGIN.left, width - MARGIN.right]);
  const y = scaleLinear()
    .domain([0, top])
    .range([height - MARGIN.bottom, MARGIN.top]);
  const frame = { left: MARGIN.left, right: width - MARGIN.right, bottom: height - MARGIN.bottom };
  return [
    ...axes(x, y, frame),
    target(y, frame),
    ...curves.map((curve) => drawCurve(curve, x, y)),
    ...hereMark(chart, x, y, frame),
    ...chart.reaches.flatMap((one) => crossingMarks(one, x, y, frame)),
    ...curveNames(curves, x, y, frame),
  ];
}

/** A curve's samples and all that is marked on it, so that the marks lie on the line. */
function withMarked({ norm, samples }: ShareCurve, { reaches, norm: own, here }: ShareChart): Sample[] {
  const isSame = (other: Scenario["normalization"]): boolean =>
    other.kind === norm.kind && other.implementation === norm.implementation;
  const crossings = reaches.flatMap((one) => (isSame(one.norm) ? one.crossings : []));
  const marked = [
    ...crossings.flatMap(({ before, after }) => [before, after]),
    ...(isSame(own) ? [here] : []),
  ];
  const all = new Map([...samples, ...marked].map((one) => [one.x, one]));
  return [...all.values()].sort((a, b) => a.x - b.x);
}

interface Frame {
  readonly left: number;
  readonly right: number;
  readonly bottom: number;
}

function axes(
  x: { domain: () => number[] } & Scale,
  y: { ticks: (count: number) => number[] } & Scale,
  { left, right, bottom }: Frame,
): Element[] {
  const [low, high] = x.domain() as [number, number];
  const first = Math.ceil(Math.log2(low));
  const powers = Array.from({ length: Math.floor(Math.log2(high)) - first + 1 }, (_, i) => 2 ** (first + i));
  const every = (right - left) / powers.length < 48 ? 2 : 1;
  return [
    ...y
      .ticks(5)
      .flatMap((at) => [
        element("line", { x1: left, y1: y(at), x2: right, y2: y(at), class: "grid" }),
        label(rounded(formatPercent(at)), left - 8, y(at), { class: "tick", "text-anchor": "end" }),
      ]),
    element("line", { x1: left, y1: bottom, x2: right, y2: bottom, class: "axis" }),
    ...powers
      .filter((_, index) => index % every === 0)
      .flatMap((at) => [
        element("line", { x1: x(at), y1: bottom, x2: x(at), y2: bottom + 4, class: "axis" }),
        label(String(at), x(at), bottom + 14, { class: "tick", "text-anchor": "middle" }),
      ]),
    label("hidden size (heads and FFN scale with it)", (left + right) / 2, bottom + 32, {
      class: "quiet",
      "text-anchor": "middle",
    }),
  ];
}

const target = (y: Scale, { left, right }: Frame): Element =>
  element("g", { class: "target" }, [
    element("line", { x1: left, y1: y(TARGET), x2: right, y2: y(TARGET) }),
    label("the article’s 25%", right - 4, y(TARGET) - 9, { class: "halo", "text-anchor": "end" }),
  ]);

function drawCurve({ norm, samples }: ShareCurve, x: Scale, y: Scale): Element {
  const path = line<Sample>()
    .x((one) => x(one.x))
    .y((one) => y(one.y))([...samples]);
  return element("g", { class: `series s${curveColor(norm)}` }, [
    element("path", { d: path ?? "", class: "series-line" }),
  ]);
}

/** Op-by-op LayerNorm has a colour of its own, wherever it stands. */
const curveColor = ({ kind, implementation }: ShareCurve["norm"]): number =>
  kind === "layernorm" && implementation === "eager" ? 3 : 1;

/** A name above the left end of each curve, where they are farthest apart. */
function curveNames(curves: readonly ShareCurve[], x: Scale, y: Scale, frame: Frame): Element[] {
  const { left, right, bottom } = frame;
  const starts = curves
    .flatMap(({ norm, samples }) => {
      const at = samples.find((one) => x(one.x) >= left + (right - left) * 0.06);
      const name = normText(norm);
      return at === undefined ? [] : [{ name, width: name.length * FONT.letterWidth, norm, at, samples }];
    })
    .sort((a, b) => y(a.at.y) - y(b.at.y));
  const wanted = starts.map(({ at, width, samples }) => {
    const below = samples.filter((one) => one.x >= at.x && x(one.x) <= x(at.x) + width);
    return Math.min(...below.map((one) => y(one.y))) - 12;
  });
  const places = spread(wanted, FONT.lineHeight, [MARGIN.top, bottom - FONT.lineHeight / 2]);
  return starts.map(({ name, norm, at }, index) =>
    label(name, x(at.x) + 6, places[index]!, { class: `halo series-name s${curveColor(norm)}` }),
  );
}

/** A line down from where the reader is. */
function hereMark({ here }: ShareChart, x: Scale, y: Scale, { right, bottom }: Frame): Element[] {
  const at = x(here.x);
  const text = `here: ${here.x}, ${formatPercent(here.y)}`;
  const isLeft = at + text.length * FONT.letterWidth > right;
  return [
    element("line", { x1: at, y1: MARGIN.top - 14, x2: at, y2: bottom, class: "pin here" }),
    element("circle", { cx: at, cy: y(here.y), r: 5, class: "here" }),
    label(text, at + (isLeft ? -8 : 8), MARGIN.top - 8, {
      class: "halo strong",
      "text-anchor": isLeft ? "end" : "start",
    }),
  ];
}

/** Where curves pass the target; the first place of each is named as the answers in words name it. */
function crossingMarks({ crossings }: Reach, x: Scale, y: Scale, { left, right }: Frame): Element[] {
  return crossings.slice(0, 3).flatMap(({ before, after, direction }, index) => {
    const passed = (TARGET - before.y) / (after.y - before.y);
    const at = x(before.x) + passed * (x(after.x) - x(before.x));
    const text = `25% ${direction === "falling" ? "below" : "from"} ${after.x}`;
    // below a line that falls there is room on the left, below one that rises on the right
    const room = (text.length + 2) * FONT.letterWidth;
    const isLeft = direction === "falling" ? at - room > left : at + room > right;
    const mark = element("circle", { cx: at, cy: y(TARGET), r: 6, class: "crossing" });
    if (index > 0) return [mark];
    const attributes = { class: "halo strong crossing-text", "text-anchor": isLeft ? "end" : "start" };
    return [mark, label(text, at + (isLeft ? -10 : 10), y(TARGET) + 14, attributes)];
  });
}
