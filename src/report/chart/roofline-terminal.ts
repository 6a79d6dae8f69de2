import { formatByteRate, formatFlopRate, formatIntensity, formatSeconds } from "../../units.ts";
import { visible } from "../../visible.ts";
import { shareText } from "../text/figure-text.ts";
import type { Look } from "../text/formats.ts";
import { type Paint, paint } from "../text/paint.ts";
import { cut, wrap } from "../text/terminal-text.ts";
import { type Canvas, canvas } from "./canvas.ts";
import { classesOf, classLook } from "./classes.ts";
import { CELL_PADDING, isStrong, type Plot, type PlottedDot, plot, type Sheet } from "./plot.ts";
import type { Dot, Roofline } from "./roofline.ts";

const LEFT = 7;
const RIGHT = 19;
/** Rows above and below the frame: the unit of its axis, the ticks. */
const TOP = 1;
const BOTTOM = 2;

/** A roofline for a terminal: as wide as it, marks for classes, names beside them, a key for those without room. */
export function terminalRoofline(model: Roofline, look: Look): string[] {
  const style = paint(look);
  const rows = Math.min(32, Math.max(18, Math.round(look.width * 0.27)));
  const drawing = canvas(look.width, rows, look.unicode);
  const safe = { ...model, dots: model.dots.map((dot) => ({ ...dot, name: visible(dot.name) })) };
  const drawn = plot(safe, sheetOf(look, rows, drawing));
  const letters = new Map(drawn.unlabelled.map((name, index) => [name, keyLetter(index)]));
  drawAxes(drawn, drawing, look, style);
  drawLimits(drawn, drawing, look, style);
  drawLabels(drawn, drawing, style);
  drawDots(drawn, drawing, letters, look, style);
  return [
    ...drawing.rows(),
    ...wrap(legend(drawn.dots, look), look.width, "  "),
    ...wrap(limitsText(model), look.width, "  "),
    ...keyLines(drawn, letters, look),
  ];
}

function sheetOf({ width, unicode }: Look, rows: number, { cell }: Canvas): Sheet {
  return {
    width: width * cell.width,
    height: rows * cell.height,
    margin: {
      top: TOP * cell.height,
      right: RIGHT * cell.width,
      bottom: BOTTOM * cell.height,
      left: LEFT * cell.width,
    },
    letter: cell,
    onGrid: true,
    // every mark is one cell: an area cannot be told from another
    largestDot: 50,
    smallestDot: 50,
    reach: unicode ? 60 : 23,
  };
}

const keyLetter = (index: number): string => "abcdefghijklmnopqrstuvwxyz"[index] ?? "*";

/** `989T`: the axis names the unit. */
const shortRate = (flopsPerSecond: number): string =>
  formatFlopRate(flopsPerSecond).replace("FLOP/s", "").replaceAll(" ", "");

function drawAxes(
  { frame, xTicks, yTicks }: Plot,
  { put, cell }: Canvas,
  { unicode }: Look,
  style: Paint,
): void {
  const left = frame.x / cell.width - 1;
  const top = frame.y / cell.height;
  const bottom = top + frame.height / cell.height;
  const right = (frame.x + frame.width) / cell.width;
  put("FLOP/s", 0, 0, style.quiet);
  for (let row = top; row < bottom; row++) put(unicode ? "│" : "|", left, row, style.quiet);
  put(`${unicode ? "└" : "+"}${(unicode ? "─" : "-").repeat(right - left - 1)}`, left, bottom, style.quiet);
  const unit = "FLOP/B";
  put(unit, right + 1, bottom, style.quiet);
  for (const { at, text } of yTicks.filter(({ isMajor }) => isMajor)) {
    const short = text.replace("FLOP/s", "").replaceAll(" ", "");
    put(short.padStart(left - 1), 0, Math.min(bottom - 1, Math.floor(at / cell.height)), style.quiet);
    put(unicode ? "┤" : "+", left, Math.min(bottom - 1, Math.floor(at / cell.height)), style.quiet);
  }
  for (const { at, text } of xTicks.filter(({ isMajor }) => isMajor)) {
    const column = Math.floor(at / cell.width);
    put(unicode ? "┴" : "+", column, bottom, style.quiet);
    put(text, column - Math.floor(text.length / 2), bottom + 1, style.quiet);
  }
}

function drawLimits({ roofs, slopes, ridges, frame }: Plot, drawing: Canvas, look: Look, style: Paint): void {
  const { cell, put } = drawing;
  const quiet = style.quiet;
  for (const { line, isMain, origin } of roofs) {
    // up to the last cell of the frame, not into the one behind it
    const to = { ...line[1], x: line[1].x - cell.width };
    drawing.line(line[0], to, isMain ? (origin === "datasheet" ? 1 : 2) : 3, isMain ? undefined : quiet);
  }
  // a few percent below the datasheet's slope: the same cells
  for (const { line, name, origin } of slopes)
    if (name !== "HBM" || origin === "datasheet") drawing.line(...line, origin === "datasheet" ? 1 : 3);
  for (const { center, origin } of ridges)
    if (origin === "datasheet")
      put(look.unicode ? "○" : "o", Math.floor(center.x / cell.width), Math.floor(center.y / cell.height));
  const right = (frame.x + frame.width) / cell.width;
  for (const roof of roofs) {
    const text = cut(`${roof.name.replace(", ", ",")} ${shortRate(roof.flopsPerSecond)}`, RIGHT - 1);
    put(text, right + 1, Math.floor(roof.labelY / cell.height), roof.isMain ? undefined : quiet);
  }
}

/** Its padding is drawn too: no line runs into a name. */
function drawLabels({ labels }: Plot, drawing: Canvas, style: Paint): void {
  const { cell, put } = drawing;
  const padding = " ".repeat(CELL_PADDING);
  for (const { leader } of labels) if (leader !== undefined) drawing.line(...leader, 1, style.quiet);
  for (const { text, box, class: name } of labels)
    put(
      `${padding}${text}${padding}`,
      Math.round(box.x / cell.width),
      Math.round(box.y / cell.height),
      (part) =>
        isStrong({ class: name }) ? style.strong(style.ofClass(name, part)) : style.ofClass(name, part),
    );
}

/** Short operators last: a long one must not hide them. */
function drawDots(
  { dots }: Plot,
  { put, cell }: Canvas,
  letters: ReadonlyMap<string, string>,
  look: Look,
  style: Paint,
): void {
  for (const dot of dots)
    put(
      letters.get(dot.name) ?? markOf(dot, look),
      Math.floor(dot.center.x / cell.width),
      Math.floor(dot.center.y / cell.height),
      (part) => style.strong(style.ofClass(dot.class, part)),
    );
}

const markOf = ({ class: name }: Pick<Dot, "class">, { unicode }: Look): string =>
  unicode ? classLook(name).mark : classLook(name).asciiMark;

const legend = (dots: readonly Dot[], look: Look): string =>
  `${classesOf(dots)
    .map((name) => `${markOf({ class: name }, look)} ${name}`)
    .join("  ")}   percentages: share of the layer's time`;

function limitsText({ slopes, ridges }: Roofline): string {
  const rate = ({ name, bytesPerSecond, origin }: Roofline["slopes"][number]): string =>
    `${name} ${formatByteRate(bytesPerSecond)}${origin === "achievable" ? " achievable" : ""}`;
  const ridge =
    ridges[0] === undefined ? "" : `; ridge point ${formatIntensity(ridges[0].flopsPerByte)} FLOP/B`;
  return `Slopes: ${slopes.map(rate).join(", ")}${ridge}. Dashed: achievable.`;
}

/** Operators that have a letter instead of a name in the chart. */
const keyLines = ({ dots }: Plot, letters: ReadonlyMap<string, string>, look: Look): string[] =>
  [...letters].flatMap(([name, letter]) => {
    const dot = dots.find((one) => one.name === name);
    return dot === undefined ? [] : [cut(`${letter} ${keyText(dot)}`, look.width)];
  });

const keyText = (dot: PlottedDot): string =>
  `${dot.name} (${dot.class}) ${shareText(dot.shareOfTime)}, ${formatSeconds(dot.seconds)}, ${formatIntensity(dot.flopsPerByte)} FLOP/B, ${formatFlopRate(dot.flopsPerSecond)}`;
