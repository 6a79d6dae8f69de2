import { scaleLinear } from "d3-scale";
import type { Axis } from "../../ask/space.ts";
import { unitText } from "../text/figure-text.ts";
import type { Block } from "./document.ts";
import type { Panel } from "./panel.ts";
import { FONT } from "./style.ts";
import { label, shortened, tickTexts } from "./svg-text.ts";
import type { SweepShape } from "./sweep-shape.ts";
import { type Element, element } from "./tree.ts";

type Map2 = Extract<SweepShape, { kind: "map" }>;

const MARGIN = { top: 60, bottom: 44, left: 110, right: 10 };
const CELL_HEIGHT = { least: 5, most: 26 };
const MOST_HEIGHT = 420;

/** Cividis (Nuñez, Anderton, Renslow 2018): even steps for eyes of every kind, in print as well. */
const SEQUENTIAL = ["#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838"];
/** Below zero blue, above it orange. */
const DIVERGING = ["#08519c", "#6baed6", "#f2f2f2", "#f0a35e", "#a63603"];

/** A field over two axes: a cell a point, its value written where there is room. */
export function heatMap({ field, unit, rows }: Panel, { x, y }: Map2, width: number): Block {
  const cellWidth = (width - MARGIN.left - MARGIN.right) / x.values.length;
  const fit = Math.min(CELL_HEIGHT.most, MOST_HEIGHT / y.values.length);
  const cellHeight = Math.max(CELL_HEIGHT.least, fit);
  const values = rows.flatMap((row) => (typeof row[field] === "number" ? [row[field]] : []));
  const color = colorScale(values);
  const height = MARGIN.top + cellHeight * y.values.length + MARGIN.bottom;
  const texts = rows.map((row) => (typeof row[field] === "number" ? unitText(row[field], unit) : ""));
  const isWritten =
    cellHeight >= FONT.lineHeight &&
    Math.max(...texts.map((text) => text.length)) * FONT.letterWidth + 4 <= cellWidth;
  const cells = rows.map((row, index): Element => {
    const value = row[field];
    const at = {
      x: MARGIN.left + x.values.indexOf(row[x.name]!) * cellWidth,
      // the first value of an upright axis is at its foot
      y: MARGIN.top + (y.values.length - 1 - y.values.indexOf(row[y.name]!)) * cellHeight,
    };
    return cell(
      at,
      [cellWidth, cellHeight],
      typeof value === "number" ? color(value) : undefined,
      isWritten ? texts[index]! : "",
      `${x.name} ${row[x.name]}, ${y.name} ${row[y.name]}: ${texts[index] || "no such number"}`,
    );
  });
  return {
    height,
    parts: [
      label(field, 0, 12, { class: "heading" }),
      ...key(values, color, unit, width),
      element("g", { class: "cells" }, cells),
      ...ticks(x, y, cellWidth, cellHeight),
    ],
  };
}

type ColorScale = (value: number) => string;

function colorScale(values: readonly number[]): ColorScale {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
  const isDiverging = low < 0 && high > 0;
  const colors = isDiverging ? DIVERGING : SEQUENTIAL;
  const [from, to] = isDiverging ? [-most, most] : [low, low === high ? low + 1 : high];
  const stops = colors.map((_, index) => from + ((to - from) * index) / (colors.length - 1));
  const scale = scaleLinear<string>().domain(stops).range(colors);
  return (value) => scale(value);
}

function cell(
  at: { readonly x: number; readonly y: number },
  [width, height]: readonly [number, number],
  color: string | undefined,
  text: string,
  title: string,
): Element {
  const box = { ...at, width: width + 0.5, height: height + 0.5 };
  const written = label(text, at.x + width / 2, at.y + height / 2, {
    "text-anchor": "middle",
    style: color === undefined ? undefined : `fill:${inkOn(color)}`,
  });
  return element("g", {}, [
    element("rect", { ...box, fill: color ?? "none", class: color === undefined ? "grid" : undefined }, [
      element("title", {}, [title]),
    ]),
    ...(text === "" ? [] : [written]),
  ]);
}

/** Black or white, whichever is read better on the colour (relative luminance, WCAG). */
function inkOn(color: string): string {
  const [red, green, blue] = (color.match(/\d+/g) ?? []).map((part) => {
    const share = Number(part) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue! > 0.179 ? "#000" : "#fff";
}

const KEY = { width: 180, steps: 36, height: 10, y: 20 };

/** The colours from the lowest to the highest value. */
function key(values: readonly number[], color: ColorScale, unit: Panel["unit"], width: number): Element[] {
  if (values.length === 0) return [];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const left = width - MARGIN.right - KEY.width;
  const step = KEY.width / KEY.steps;
  const [lowest, highest] = tickTexts([low, high], unit);
  return [
    ...Array.from({ length: KEY.steps }, (_, index) =>
      element("rect", {
        x: left + index * step,
        y: KEY.y,
        width: step + 0.5,
        height: KEY.height,
        fill: color(low + ((high - low) * index) / (KEY.steps - 1)),
      }),
    ),
    label(lowest!, left, KEY.y + KEY.height + 10, { class: "tick" }),
    label(highest!, left + KEY.width, KEY.y + KEY.height + 10, {
      class: "tick",
      "text-anchor": "end",
    }),
  ];
}

function ticks(x: Axis, y: Axis, cellWidth: number, cellHeight: number): Element[] {
  const bottom = MARGIN.top + cellHeight * y.values.length;
  const words = (axis: Axis): string[] => axis.values.map((value) => shortened(String(value), 14));
  const everyX = Math.ceil(
    ((Math.max(...words(x).map((word) => word.length)) + 1) * FONT.letterWidth) / cellWidth,
  );
  const everyY = Math.ceil(FONT.lineHeight / cellHeight);
  const names = words(x).map((text, index) =>
    index % everyX === 0
      ? [
          label(text, MARGIN.left + (index + 0.5) * cellWidth, bottom + 13, {
            class: "tick",
            "text-anchor": "middle",
          }),
        ]
      : [],
  );
  const sides = words(y).map((text, index) =>
    index % everyY === 0
      ? [
          label(text, MARGIN.left - 7, bottom - (index + 0.5) * cellHeight, {
            class: "tick",
            "text-anchor": "end",
          }),
        ]
      : [],
  );
  const middle = MARGIN.left + (cellWidth * x.values.length) / 2;
  return [
    ...names.flat(),
    ...sides.flat(),
    label(x.name, middle, bottom + 31, { class: "quiet", "text-anchor": "middle" }),
    label(y.name, MARGIN.left - 7, MARGIN.top - 12, { class: "quiet", "text-anchor": "end" }),
  ];
}
