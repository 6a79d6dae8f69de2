import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";
import type { Reach, ShareCurve } from "../../study/reach.ts";
import type { Sample } from "../../study/scan.ts";
import { formatPercent } from "../../units.ts";
import { rounded } from "../chart/plot.ts";
import { FONT } from "../chart/style.ts";
import { label } from "../chart/text.ts";
import { type Element, element } from "../chart/tree.ts";
import { TARGET } from "./evaluate.ts";
import { normText } from "./reach-view.ts";

interface ShareChart {
  readonly curves: readonly ShareCurve[];
  readonly reaches: readonly Reach[];
  /** where the reader is */
  readonly hidden: number;
  readonly share: number;
}

const MARGIN = { top: 26, right: 14, bottom: 44, left: 52 };
/** Room that the curves have above the highest of them, or above the article's line. */
const AIR = 1.12;
const LEAST_TOP = 0.34;

type Scale = (value: number) => number;

/** Normalization's share over the width, the article's 25% across, the reader's own place marked. */
export function shareChart(chart: ShareChart, width: number, height: number): Element[] {
  const samples = chart.curves.flatMap((curve) => curve.samples);
  const widths = samples.map(({ x }) => x);
  const top = Math.min(1, Math.max(LEAST_TOP, ...samples.map(({ y }) => y * AIR), chart.share * AIR));
  const x = scaleLog()
    .domain([Math.min(256, ...widths), Math.max(65_536, ...widths)])
    .range([MARGIN.left, width - MARGIN.right]);
  const y = scaleLinear()
    .domain([0, top])
    .range([height - MARGIN.bottom, MARGIN.top]);
  const frame = { left: MARGIN.left, right: width - MARGIN.right, bottom: height - MARGIN.bottom };
  return [
    ...axes(x, y, frame),
    target(y, frame),
    ...chart.curves.map((curve) => drawCurve(curve, x, y)),
    ...hereMark(chart, x, y, frame),
    ...chart.reaches.flatMap((one) => crossingMarks(one, x, y, frame)),
    ...curveNames(chart.curves, x, y, frame),
  ];
}

interface Frame {
  readonly left: number;
  readonly right: number;
  readonly bottom: number;
}

function axes(
  x: Scale,
  y: { ticks: (count: number) => number[] } & Scale,
  { left, right, bottom }: Frame,
): Element[] {
  const powers = [256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536];
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

/** A name at the left end of each curve, where they are farthest apart. */
function curveNames(curves: readonly ShareCurve[], x: Scale, y: Scale, { left, right }: Frame): Element[] {
  let last = Number.NEGATIVE_INFINITY;
  const starts = curves
    .flatMap(({ norm, samples }) => {
      const at = samples.find((one) => x(one.x) >= left + (right - left) * 0.06);
      return at === undefined ? [] : [{ norm, at }];
    })
    .sort((a, b) => y(a.at.y) - y(b.at.y));
  return starts.map(({ norm, at }) => {
    const wanted = y(at.y) - 12;
    const place = Math.max(wanted, last + FONT.lineHeight);
    last = place;
    return label(normText(norm), x(at.x) + 6, place, { class: `halo series-name s${curveColor(norm)}` });
  });
}

/** A line down from where the reader is. */
function hereMark(
  { hidden, share }: ShareChart,
  x: Scale,
  y: Scale,
  { left, right, bottom }: Frame,
): Element[] {
  const at = Math.min(right, Math.max(left, x(hidden)));
  const text = `here: ${hidden}, ${formatPercent(share)}`;
  const isLeft = at + text.length * FONT.letterWidth > right;
  return [
    element("line", { x1: at, y1: MARGIN.top - 14, x2: at, y2: bottom, class: "pin here" }),
    element("circle", { cx: at, cy: y(share), r: 5, class: "here" }),
    label(text, at + (isLeft ? -8 : 8), MARGIN.top - 8, {
      class: "halo strong",
      "text-anchor": isLeft ? "end" : "start",
    }),
  ];
}

function crossingMarks({ crossings }: Reach, x: Scale, y: Scale, { right }: Frame): Element[] {
  return crossings.slice(0, 3).flatMap(({ after }, index) => {
    const text = `25% at ${after.x}`;
    const isLeft = x(after.x) + (text.length + 2) * FONT.letterWidth > right;
    return [
      element("circle", { cx: x(after.x), cy: y(TARGET), r: 6, class: "crossing" }),
      ...(index === 0
        ? [
            label(text, x(after.x) + (isLeft ? -10 : 10), y(TARGET) + 14, {
              class: "halo strong crossing-text",
              "text-anchor": isLeft ? "end" : "start",
            }),
          ]
        : []),
    ];
  });
}
