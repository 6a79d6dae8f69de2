import {
  line,
  symbol,
  symbolCircle,
  symbolDiamond,
  symbolSquare,
  symbolStar,
  symbolTriangle,
} from "d3-shape";
import type { Axis } from "../../ask/space.ts";
import { unitText } from "../text/figure-text.ts";
import { type Placed, placeNumbers, placeQuantity } from "./axis-scale.ts";
import type { Block } from "./document.ts";
import type { Panel, SweepRow } from "./panel.ts";
import { spread } from "./spread.ts";
import { FONT } from "./style.ts";
import { label, shortened, tickTexts } from "./svg-text.ts";
import { isNumeric, type SweepShape } from "./sweep-shape.ts";
import { type Element, element } from "./tree.ts";

const HEIGHT = 250;
const MARGIN = { top: 34, bottom: 44, left: 84 };
const LONGEST_LABEL = 30;

/** One line of the chart: the points of one combination of the other axes. */
interface Series {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number | undefined }[];
}

type Lines = Extract<SweepShape, { kind: "lines" }>;

/** A field along one axis, a line for each combination of the others, each named at its end. */
export function lineChart(panel: Panel, shape: Lines, width: number): Block {
  const series = seriesOf(panel, shape);
  const names = series.map(({ name }) => shortened(name, LONGEST_LABEL));
  const right = LEADER.to + 12 + Math.max(...names.map((name) => name.length)) * FONT.letterWidth;
  const bottom = HEIGHT - MARGIN.bottom;
  const x = placeAxis(shape.x, [MARGIN.left, width - right]);
  const values = series.flatMap(({ points }) => points.flatMap(({ y }) => (y === undefined ? [] : [y])));
  const y = placeQuantity(
    values.length === 0 ? [0, 1] : values,
    [bottom, MARGIN.top],
    panel.unit !== "share",
  );
  return {
    height: HEIGHT,
    parts: [
      label(panel.field, 0, 12, { class: "heading" }),
      ...frame(panel, shape.x, x, y, [MARGIN.left, width - right], bottom),
      ...series.map((one, index) => drawLine(one, index, x, y, panel, shape.x)),
      ...endLabels(series, names, x, y, width - right),
    ],
  };
}

function seriesOf({ field, rows }: Panel, { x, series }: Lines): Series[] {
  const found = new Map<string, SweepRow[]>();
  for (const row of rows) {
    const name = series.map((axis) => `${axis.name} ${row[axis.name]}`).join(", ");
    found.set(name, [...(found.get(name) ?? []), row]);
  }
  return [...found].map(([name, own]) => ({
    name,
    points: own
      .map((row) => ({ x: placeOf(x, row), y: typeof row[field] === "number" ? row[field] : undefined }))
      .sort((a, b) => a.x - b.x),
  }));
}

/** Words stand at their place in the list. */
const placeOf = (axis: Axis, row: SweepRow): number =>
  isNumeric(axis) ? (row[axis.name] as number) : axis.values.indexOf(row[axis.name]!);

const TICK_ROOM = 44;

function placeAxis(axis: Axis, range: readonly [number, number]): Placed {
  return isNumeric(axis)
    ? placeNumbers(axis.values as readonly number[], range, TICK_ROOM)
    : placeWords(axis.values.length, range);
}

function placeWords(count: number, [from, to]: readonly [number, number]): Placed {
  const step = (to - from) / count;
  return {
    at: (index) => from + (index + 0.5) * step,
    ticks: Array.from({ length: count }, (_, index) => index),
  };
}

function frame(
  { unit }: Panel,
  axis: Axis,
  x: Placed,
  y: Placed,
  [left, right]: readonly [number, number],
  bottom: number,
): Element[] {
  const tick = (value: number): string => (isNumeric(axis) ? String(value) : String(axis.values[value]));
  const letters = Math.max(4, Math.floor((right - left) / x.ticks.length / FONT.letterWidth));
  const amounts = tickTexts(y.ticks, unit);
  return [
    element("g", { class: "axes", "aria-hidden": "true" }, [
      ...y.ticks.map((at) =>
        element("line", { x1: left, y1: y.at(at), x2: right, y2: y.at(at), class: "grid" }),
      ),
      ...y.ticks.map((at, index) =>
        label(amounts[index]!, left - 8, y.at(at), { class: "tick", "text-anchor": "end" }),
      ),
      element("line", { x1: left, y1: bottom, x2: right, y2: bottom, class: "axis" }),
      ...x.ticks.map((at) =>
        element("line", { x1: x.at(at), y1: bottom, x2: x.at(at), y2: bottom + 4, class: "axis" }),
      ),
      ...x.ticks.map((at) =>
        label(shortened(tick(at), letters), x.at(at), bottom + 14, {
          class: "tick",
          "text-anchor": "middle",
        }),
      ),
      label(axis.name, (left + right) / 2, bottom + 32, { class: "quiet", "text-anchor": "middle" }),
    ]),
  ];
}

const SHAPES = [symbolCircle, symbolSquare, symbolTriangle, symbolDiamond, symbolStar];
/** Marks on every point where they do not run into each other. */
const MOST_MARKS = 40;

function drawLine(
  { name, points }: Series,
  index: number,
  x: Placed,
  y: Placed,
  { field, unit }: Panel,
  axis: Axis,
): Element {
  const path = line<Series["points"][number]>()
    .defined((point) => point.y !== undefined)
    .x((point) => x.at(point.x))
    .y((point) => y.at(point.y!))([...points]);
  const shape = symbol(SHAPES[index % SHAPES.length], 40)() ?? "";
  const marks = points.length > MOST_MARKS ? [] : points;
  const at = (value: number): string => `${axis.name} ${isNumeric(axis) ? value : axis.values[value]}`;
  return element("g", { class: `series s${index}` }, [
    // between words there is nothing
    ...(isNumeric(axis) ? [element("path", { d: path ?? "", class: "series-line" })] : []),
    ...marks.flatMap((point) =>
      point.y === undefined
        ? []
        : [
            element(
              "path",
              {
                d: shape,
                transform: `translate(${x.at(point.x).toFixed(1)},${y.at(point.y).toFixed(1)})`,
                class: "series-mark",
              },
              [
                element("title", {}, [
                  [name, at(point.x), `${field} ${unitText(point.y, unit)}`].filter(Boolean).join(", "),
                ]),
              ],
            ),
          ],
    ),
  ]);
}

/** Between the end of a line and its name. */
const LEADER = { from: 6, to: 20, gap: 3 } as const;
/** A name that stands this far from its line is joined to it. */
const LEADER_FROM = 3;

/** Each line's name at its end; names that would touch move apart and are joined to their lines. */
function endLabels(
  series: readonly Series[],
  names: readonly string[],
  x: Placed,
  y: Placed,
  right: number,
): Element[] {
  const ends = series
    .map(({ points }, index) => ({ index, last: points.findLast((point) => point.y !== undefined) }))
    .flatMap(({ index, last }) => (last === undefined ? [] : [{ index, x: x.at(last.x), y: y.at(last.y!) }]))
    .sort((a, b) => a.y - b.y);
  const places = spread(
    ends.map((end) => end.y),
    FONT.lineHeight,
    [MARGIN.top, HEIGHT - MARGIN.bottom],
  );
  return ends.flatMap((end, index) => {
    const at = places[index]!;
    const leader = {
      ...{ x1: end.x + LEADER.from, y1: end.y, x2: right + LEADER.to - LEADER.gap, y2: at },
      class: "leader",
    };
    return [
      ...(Math.abs(at - end.y) > LEADER_FROM ? [element("line", leader)] : []),
      label(names[end.index]!, right + LEADER.to, at, { class: `series-name s${end.index}` }),
    ];
  });
}
