import {
  type SymbolType,
  symbol,
  symbolCircle,
  symbolCross,
  symbolDiamond,
  symbolSquare,
  symbolStar,
  symbolTriangle,
} from "d3-shape";
import { formatFlopRate, formatIntensity, formatSeconds } from "../../units.ts";
import { shareText } from "../text/figure-text.ts";
import { type ClassLook, classLook } from "./classes.ts";
import { isStrong, type Plot, type PlottedDot, plot, type Sheet } from "./plot.ts";
import type { Roofline } from "./roofline.ts";
import { FONT } from "./style.ts";
import { label } from "./svg-text.ts";
import { type Element, element } from "./tree.ts";

const SYMBOLS: Record<ClassLook["shape"], SymbolType> = {
  circle: symbolCircle,
  cross: symbolCross,
  diamond: symbolDiamond,
  square: symbolSquare,
  star: symbolStar,
  triangle: symbolTriangle,
};

/** Below this there is no room for the roofs' names beside the chart. */
const NARROW = 560;

/** The sheet of a chart of this size, pixels. */
export function svgSheet(width: number, height: number): Sheet {
  const isNarrow = width < NARROW;
  return {
    width,
    height,
    margin: { top: 14, right: isNarrow ? 8 : 174, bottom: 46, left: isNarrow ? 58 : 84 },
    letter: { width: FONT.letterWidth, height: FONT.lineHeight },
    onGrid: false,
    largestDot: isNarrow ? 700 : 1500,
    smallestDot: 28,
    // on a page a dot tells its name itself, where a narrow chart has no room for it
    reach: isNarrow ? 130 : Number.POSITIVE_INFINITY,
  };
}

/** A chart, and the operators that it has no room to name. */
interface DrawnRoofline {
  readonly parts: readonly Element[];
  readonly unlabelled: readonly string[];
}

/** The chart's parts from back to front; on a page dots can be reached by keyboard and a script shows their text. */
export function rooflineChart(
  model: Roofline,
  width: number,
  height: number,
  isInteractive = false,
): DrawnRoofline {
  const drawn = plot(model, svgSheet(width, height));
  const parts = [
    grid(drawn),
    axes(drawn),
    limits(drawn),
    element(
      "g",
      { class: "dots" },
      drawn.dots.map((dot) => dotMark(dot, isInteractive)),
    ),
    element("g", { class: "labels", "aria-hidden": "true" }, labels(drawn)),
  ];
  return { parts, unlabelled: drawn.unlabelled };
}

function grid({ frame, xTicks, yTicks }: Plot): Element {
  const bottom = frame.y + frame.height;
  const right = frame.x + frame.width;
  return element("g", { class: "gridlines", "aria-hidden": "true" }, [
    ...xTicks.map(({ at }) => line(at, frame.y, at, bottom, "grid")),
    ...yTicks.map(({ at }) => line(frame.x, at, right, at, "grid")),
  ]);
}

const line = (x1: number, y1: number, x2: number, y2: number, name: string): Element =>
  element("line", { x1, y1, x2, y2, class: name });

function axes({ frame, xTicks, yTicks, sheet }: Plot): Element {
  const bottom = frame.y + frame.height;
  return element("g", { class: "axes", "aria-hidden": "true" }, [
    line(frame.x, bottom, frame.x + frame.width, bottom, "axis"),
    line(frame.x, frame.y, frame.x, bottom, "axis"),
    ...xTicks
      .filter(({ isMajor }) => isMajor)
      .map(({ at, text }) => label(text, at, bottom + 14, { class: "tick", "text-anchor": "middle" })),
    ...yTicks
      .filter(({ isMajor }) => isMajor)
      .map(({ at, text }) =>
        label(tickText(text, sheet), frame.x - 8, at, { class: "tick", "text-anchor": "end" }),
      ),
    label(
      sheet.width < NARROW
        ? "FLOP per byte of HBM traffic"
        : "arithmetic intensity, FLOP per byte of HBM traffic",
      frame.x + frame.width / 2,
      bottom + 34,
      { class: "quiet", "text-anchor": "middle" },
    ),
    // narrow charts name the unit once
    ...(sheet.width < NARROW ? [label("FLOP/s", frame.x + 5, frame.y + 7, { class: "quiet halo" })] : []),
  ]);
}

const tickText = (text: string, { width }: Sheet): string =>
  width < NARROW ? text.replace("FLOP/s", "") : text;

function limits({ roofs, slopes, slopeLabels, ridges, sheet, frame }: Plot): Element {
  const isNarrow = sheet.width < NARROW;
  return element("g", { class: "limits", "aria-hidden": "true" }, [
    ...slopes.map((one) => limit(one.line, one.name === "HBM", one.origin)),
    ...roofs.map((one) => limit(one.line, one.isMain, one.origin)),
    ...ridges.map(({ center }) => element("circle", { cx: center.x, cy: center.y, r: 3.2, class: "ridge" })),
    ...ridges.slice(0, 1).flatMap(({ center, flopsPerByte }) => [
      line(center.x, center.y + 5, center.x, frame.y + frame.height, "pin"),
      label(`ridge ${formatIntensity(flopsPerByte)}`, center.x + 5, frame.y + frame.height - 9, {
        class: "quiet halo",
      }),
    ]),
    ...slopeLabels.map(({ text, at, degrees }) =>
      element(
        "text",
        {
          x: 0,
          y: -5,
          class: "quiet halo",
          transform: `translate(${at.x.toFixed(1)},${at.y.toFixed(1)}) rotate(${degrees.toFixed(1)})`,
        },
        [text],
      ),
    ),
    ...(isNarrow ? [] : roofs.flatMap((roof) => roofLabel(roof, frame.x + frame.width))),
  ]);
}

const limit = (
  [from, to]: Plot["roofs"][number]["line"],
  isMain: boolean,
  origin: Plot["roofs"][number]["origin"],
): Element => line(from.x, from.y, to.x, to.y, `limit ${origin}${isMain ? " main" : ""}`);

/** Beside the right end of its line, joined to it where it had to move. */
function roofLabel(
  { line: [, end], labelY, text, isMain, origin }: Plot["roofs"][number],
  right: number,
): Element[] {
  const joint = `M${right},${end.y.toFixed(1)}L${right + 6},${end.y.toFixed(1)}L${right + 10},${labelY.toFixed(1)}`;
  return [
    element("path", { d: joint, class: "pin" }),
    label(text, right + 13, labelY, { class: isMain ? (origin === "datasheet" ? "strong" : "") : "quiet" }),
  ];
}

/** One operator: its shape says the class, its area the time, its title everything. */
function dotMark(dot: PlottedDot, isInteractive: boolean): Element {
  const shape = symbol(SYMBOLS[classLook(dot.class).shape], dot.area)() ?? "";
  return element(
    "g",
    {
      class: "dot",
      "data-key": isInteractive ? dot.name : undefined,
      "data-operator": dot.name,
      role: isInteractive ? "img" : undefined,
      tabindex: isInteractive ? 0 : undefined,
      "aria-label": isInteractive ? dotText(dot) : undefined,
      transform: `translate(${dot.center.x.toFixed(1)},${dot.center.y.toFixed(1)})`,
    },
    [
      element(
        "path",
        { d: shape, class: `mark c-${dot.class}` },
        isInteractive ? [] : [element("title", {}, [dotText(dot)])],
      ),
    ],
  );
}

/** Everything about an operator in one line. */
const dotText = (dot: Omit<PlottedDot, "center" | "area" | "radius">): string =>
  `${dot.name} (${dot.class}): ${formatSeconds(dot.seconds)}, ${shareText(dot.shareOfTime)} of the layer; ${formatIntensity(dot.flopsPerByte)} FLOP/B, ${formatFlopRate(dot.flopsPerSecond)}; waits for ${dot.bound}`;

function labels({ labels: placed }: Plot): Element[] {
  return [
    ...placed.flatMap(({ leader }) =>
      leader === undefined ? [] : [line(leader[0].x, leader[0].y, leader[1].x, leader[1].y, "leader")],
    ),
    ...placed.map(({ text, box, class: name }) =>
      label(text, box.x, box.y + box.height / 2, {
        class: isStrong({ class: name }) ? "halo strong" : "halo",
      }),
    ),
  ];
}

/** The mark of a class, as in a legend. */
export const swatch = (name: string, x: number, y: number, area = 90): Element =>
  element("path", {
    d: symbol(SYMBOLS[classLook(name).shape], area)() ?? "",
    transform: `translate(${x},${y})`,
    class: `mark c-${name}`,
  });
