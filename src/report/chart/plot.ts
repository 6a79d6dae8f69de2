import { scaleLog } from "d3-scale";
import { formatByteRate, formatFlopRate, formatPercent, significant } from "../../units.ts";
import { classLook } from "./classes.ts";
import { type Box, type Label, overlap, type Point, placeLabels, type Wish } from "./labels.ts";
import type { Dot, Origin, Ridge, Roof, Roofline, Slope } from "./roofline.ts";

/** Size of a chart and of its letters, pixels; a terminal's cell is a letter. */
export interface Sheet {
  readonly width: number;
  readonly height: number;
  /** where the axes are: what is left around them holds their labels */
  readonly margin: {
    readonly top: number;
    readonly right: number;
    readonly bottom: number;
    readonly left: number;
  };
  readonly letter: { readonly width: number; readonly height: number };
  /** labels begin at whole cells */
  readonly onGrid: boolean;
  /** area of the longest operator's dot, square pixels; that of the smallest one drawn */
  readonly largestDot: number;
  readonly smallestDot: number;
  readonly reach: number;
}

type Segment = readonly [from: Point, to: Point];

/** A line of the chart and what stands beside it. */
interface PlottedRoof extends Roof {
  readonly line: Segment;
  readonly text: string;
  /** where its label stands, spread out so that no two overlap */
  readonly labelY: number;
}

interface PlottedSlope extends Slope {
  readonly line: Segment;
}

/** Text along a slope: turned by `degrees` about its lower left corner. */
interface SlopeLabel {
  readonly text: string;
  readonly at: Point;
  readonly degrees: number;
}

/** Operators that lie on each other are one dot each, under one label. */
export interface PlottedDot extends Dot {
  readonly center: Point;
  /** square pixels: proportional to time, except for the smallest */
  readonly area: number;
  readonly radius: number;
}

interface PlottedLabel extends Label {
  /** names of the operators that it stands for */
  readonly names: readonly string[];
  readonly class: Dot["class"];
}

interface Tick {
  readonly at: number;
  readonly text: string;
  readonly isMajor: boolean;
}

/** A roofline chart in pixels: all that a renderer draws, whatever it draws on. */
export interface Plot {
  readonly sheet: Sheet;
  readonly frame: Box;
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  readonly roofs: readonly PlottedRoof[];
  readonly slopes: readonly PlottedSlope[];
  readonly slopeLabels: readonly SlopeLabel[];
  readonly ridges: readonly (Ridge & { readonly center: Point })[];
  readonly dots: readonly PlottedDot[];
  readonly labels: readonly PlottedLabel[];
  /** operators whose label found no room */
  readonly unlabelled: readonly string[];
}

export function plot(model: Roofline, sheet: Sheet): Plot {
  const { margin } = sheet;
  const frame: Box = {
    x: margin.left,
    y: margin.top,
    width: sheet.width - margin.left - margin.right,
    height: sheet.height - margin.top - margin.bottom,
  };
  const domain = domainOf(model);
  const x = scaleLog()
    .domain(domain.x)
    .range([frame.x, frame.x + frame.width]);
  const y = scaleLog()
    .domain(domain.y)
    .range([frame.y + frame.height, frame.y]);
  const slopes = model.slopes.map((slope) => plotSlope(slope, model, x, y));
  const roofs = spread(
    model.roofs.map((roof) => plotRoof(roof, model, x, y)),
    frame,
    sheet.letter.height,
  );
  const ridges = model.ridges.map((ridge) => ({
    ...ridge,
    center: { x: x(ridge.flopsPerByte), y: y(ridge.flopsPerSecond) },
  }));
  const dots = plotDots(model.dots, x, y, sheet);
  const slopeLabels = sheet.onGrid ? [] : labelSlopes(slopes, dots, sheet, frame);
  const lines = [...roofs, ...slopes].map(({ line }) => line);
  const room = {
    frame,
    taken: [
      ...dots.map((dot) => boxOf(dot, sheet)),
      ...slopeLabels.flatMap((label) => boxesAlong(label, sheet)),
    ],
    lines,
    reach: sheet.reach,
    ...(sheet.onGrid ? { grid: { x: sheet.letter.width, y: sheet.letter.height } } : {}),
  };
  const groups = grouped(dots);
  const placed = placeLabels(
    groups.map((group) => wish(group, sheet)),
    room,
  );
  return {
    sheet,
    frame,
    xTicks: decades(x, sheet.letter.width * X_TICK_LETTERS, (value) => rounded(significant(value))),
    yTicks: decades(y, sheet.letter.height * 1.5, (value) => rounded(formatFlopRate(value))),
    roofs,
    slopes,
    slopeLabels,
    ridges,
    dots,
    labels: placed.flatMap((label, index) =>
      label === undefined
        ? []
        : [{ ...label, names: namesOf(groups[index]!), class: groups[index]![0]!.class }],
    ),
    unlabelled: groups.flatMap((group, index) => (placed[index] === undefined ? namesOf(group) : [])),
  };
}

type Scale = ReturnType<typeof scaleLog<number, number>>;

const X_TICK_LETTERS = 6;

/** Everything that is drawn, with some air around it. */
function domainOf({ dots, slopes, roofs, ridges }: Roofline): { x: [number, number]; y: [number, number] } {
  const intensities = dots.map(({ flopsPerByte }) => flopsPerByte);
  const rates = dots.map(({ flopsPerSecond }) => flopsPerSecond);
  const ridge = Math.max(...ridges.map(({ flopsPerByte }) => flopsPerByte));
  const left = Math.min(0.1, ...intensities.map((value) => value / 2));
  const steepest = Math.max(...slopes.map(({ bytesPerSecond }) => bytesPerSecond));
  const corner = Math.max(...roofs.map(({ flopsPerSecond }) => flopsPerSecond)) / steepest;
  const right = Math.max(ridge * 8, corner * 4, ...intensities.map((value) => value * 3));
  const bandwidth = Math.min(...slopes.map(({ bytesPerSecond }) => bytesPerSecond));
  const low = Math.min(left * bandwidth * 0.8, ...rates.map((value) => value / 2.5));
  const high = Math.max(...roofs.map(({ flopsPerSecond }) => flopsPerSecond), ...rates) * 1.8;
  return { x: [left, right], y: [low, high] };
}

/** Along the memory's bandwidth, from the frame's edge to the highest roof of the scenario's matmuls. */
function plotSlope(slope: Slope, { roofs }: Roofline, x: Scale, y: Scale): PlottedSlope {
  const [left] = x.domain() as [number, number];
  const [low] = y.domain() as [number, number];
  const top = topFor(slope.origin, roofs);
  const from = Math.max(left, low / slope.bytesPerSecond);
  const to = top / slope.bytesPerSecond;
  return {
    ...slope,
    line: [
      { x: x(from), y: y(from * slope.bytesPerSecond) },
      { x: x(to), y: y(top) },
    ],
  };
}

const topFor = (origin: Origin, roofs: readonly Roof[]): number => {
  const main = roofs.filter(({ isMain }) => isMain);
  return (main.find((roof) => roof.origin === origin) ?? main[0])!.flopsPerSecond;
};

/** From the steepest slope to the right edge. */
function plotRoof(roof: Roof, { slopes }: Roofline, x: Scale, y: Scale): PlottedRoof {
  const [, right] = x.domain() as [number, number];
  const fastest = Math.max(...slopes.map(({ bytesPerSecond }) => bytesPerSecond));
  const at = y(roof.flopsPerSecond);
  return {
    ...roof,
    line: [
      { x: x(roof.flopsPerSecond / fastest), y: at },
      { x: x(right), y: at },
    ],
    text: `${roof.name} ${formatFlopRate(roof.flopsPerSecond)}`,
    labelY: at,
  };
}

/** Labels of the roofs below each other, each as near to its line as the others let it be. */
function spread(roofs: readonly PlottedRoof[], frame: Box, height: number): PlottedRoof[] {
  const sorted = [...roofs].sort((a, b) => a.labelY - b.labelY);
  const places: number[] = [];
  for (const { labelY } of sorted)
    places.push(Math.max(labelY, (places.at(-1) ?? frame.y - height) + height));
  // pushed down too far: back up from the floor
  let floor = frame.y + frame.height;
  for (let index = places.length - 1; index >= 0; index--) {
    places[index] = Math.min(places[index]!, floor);
    floor = places[index]! - height;
  }
  return sorted.map((roof, index) => ({ ...roof, labelY: places[index]! }));
}

/** Largest first, so that small dots lie on top and labels of long operators choose first. */
function plotDots(dots: readonly Dot[], x: Scale, y: Scale, sheet: Sheet): PlottedDot[] {
  const longest = Math.max(...dots.map(({ seconds }) => seconds), 0) || 1;
  return dots
    .map((dot): PlottedDot => {
      const area = Math.max(sheet.smallestDot, (sheet.largestDot * dot.seconds) / longest);
      const center = centerOf({ x: x(dot.flopsPerByte), y: y(dot.flopsPerSecond) }, sheet);
      return { ...dot, center, area, radius: Math.sqrt(area / Math.PI) * reachOf(dot) };
    })
    .sort((a, b) => b.seconds - a.seconds);
}

/** The middle of its cell in a terminal. */
const centerOf = (at: Point, { onGrid, letter: { width, height } }: Sheet): Point =>
  onGrid
    ? { x: (Math.floor(at.x / width) + 0.5) * width, y: (Math.floor(at.y / height) + 0.5) * height }
    : at;

/** How far a shape reaches out, over a circle of the same area. */
const REACH = { circle: 1, square: 1, diamond: 1.25, triangle: 1.3, cross: 1.25, star: 1.4 } as const;
const reachOf = (dot: Dot): number => REACH[classLook(dot.class).shape];

/** What a dot covers; in a terminal its cell. */
function boxOf({ center, radius }: PlottedDot, { onGrid, letter }: Sheet): Box {
  const [width, height] = onGrid ? [letter.width, letter.height] : [2 * radius, 2 * radius];
  return { x: center.x - width / 2, y: center.y - height / 2, width, height };
}

/** Dots of one class that lie on each other share a label. */
function grouped(dots: readonly PlottedDot[]): PlottedDot[][] {
  const near = (a: PlottedDot, b: PlottedDot): boolean =>
    Math.hypot(a.center.x - b.center.x, a.center.y - b.center.y) < SAME;
  const groups: PlottedDot[][] = [];
  for (const dot of dots) {
    const group = groups.find(([first]) => first!.class === dot.class && near(first!, dot));
    if (group === undefined) groups.push([dot]);
    else group.push(dot);
  }
  return groups;
}

/** Pixels within which two dots are one to the eye. */
const SAME = 4;
/** Names that a shared label holds. */
const MOST_NAMES = 2;

const namesOf = (group: readonly PlottedDot[]): string[] => group.map(({ name }) => name);

function wish(group: readonly PlottedDot[], { letter, onGrid }: Sheet): Wish {
  const [first] = group as [PlottedDot, ...PlottedDot[]];
  const text = labelText(group);
  return {
    text,
    anchor: first.center,
    radius: first.radius,
    width: onGrid
      ? ([...text].length + 2 * CELL_PADDING) * letter.width
      : [...text].length * letter.width * (isStrong(first) ? BOLD : 1),
    height: letter.height,
  };
}

/** What this is all about stands in bold letters, which are wider. */
export const isStrong = ({ class: name }: Pick<Dot, "class">): boolean => name === "normalization";
const BOLD = 1.12;

/** Empty cells at either end of a label in a terminal. */
export const CELL_PADDING = 1;

const LONGEST_NAME = 28;

function labelText(group: readonly PlottedDot[]): string {
  const names = namesOf(group)
    .slice(0, MOST_NAMES)
    .map((name) => (name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name));
  const more = group.length > MOST_NAMES ? ` +${group.length - MOST_NAMES}` : "";
  const shares = group.flatMap(({ shareOfTime }) => shareOfTime ?? []);
  const share = shares.reduce((sum, one) => sum + one, 0);
  return `${names.join(", ")}${more} ${shares.length < group.length ? "?" : formatPercent(share)}`;
}

/** `10 ms` for `10.0 ms`: ticks are round numbers. */
export const rounded = (text: string): string =>
  text.replace(/(\.\d*?)0+(?!\d)/, (_, kept: string) => (kept === "." ? "" : kept));

/** A tick a decade; only every second or third has a text where there is no room. */
function decades(scale: Scale, room: number, text: (value: number) => string): Tick[] {
  const [first, last] = scale.domain() as [number, number];
  const from = Math.ceil(Math.log10(first) - 1e-9);
  const to = Math.floor(Math.log10(last) + 1e-9);
  const pixels = Math.abs(scale(10) - scale(1));
  const every = [1, 2, 3, 6].find((step) => step * pixels >= room) ?? 12;
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => {
    const power = from + index;
    const isMajor = power % every === 0;
    return { at: scale(10 ** power), text: isMajor ? text(Number(`1e${power}`)) : "", isMajor };
  });
}

/** One text a memory, datasheet and achievable rate together, where no dot is in its way. */
function labelSlopes(
  slopes: readonly PlottedSlope[],
  dots: readonly PlottedDot[],
  sheet: Sheet,
  frame: Box,
): SlopeLabel[] {
  const taken = dots.map((dot) => boxOf(dot, sheet));
  const placed: Box[] = [];
  return slopes.flatMap((slope, index) => {
    if (slopes.findIndex(({ name }) => name === slope.name) !== index) return [];
    const achievable = slopes.find(({ name, origin }) => name === slope.name && origin === "achievable");
    const text =
      slope.origin === "achievable" || achievable === undefined
        ? `${slope.name} ${formatByteRate(slope.bytesPerSecond)}${slope.origin === "achievable" ? " achievable" : ""}`
        : `${slope.name} ${formatByteRate(slope.bytesPerSecond)}, ${formatByteRate(achievable.bytesPerSecond)} achievable`;
    const label = along(slope.line, text, [...taken, ...placed], sheet, frame);
    if (label === undefined) return [];
    placed.push(...boxesAlong(label, sheet));
    return [label];
  });
}

/** The first free place along a line, from its middle outwards. */
function along(
  [from, to]: Segment,
  text: string,
  taken: readonly Box[],
  sheet: Sheet,
  frame: Box,
): SlopeLabel | undefined {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const own = text.length * sheet.letter.width;
  if (own > length) return undefined;
  const degrees = (Math.atan2(to.y - from.y, to.x - from.x) * 180) / Math.PI;
  for (const share of [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82, 0.1, 0.9, 0.02, 0.98]) {
    const start = (length - own) * share;
    const at = {
      x: from.x + ((to.x - from.x) * start) / length,
      y: from.y + ((to.y - from.y) * start) / length,
    };
    const label = { text, at, degrees };
    const boxes = boxesAlong(label, sheet);
    const fits = boxes.every((box) => box.x >= frame.x && box.y >= frame.y);
    if (fits && !boxes.some((box) => taken.some((other) => overlap(box, other)))) return label;
  }
  return undefined;
}

/** A turned text as a chain of boxes, one a letter or two. */
function boxesAlong({ text, at, degrees }: SlopeLabel, { letter }: Sheet): Box[] {
  const radians = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(radians), Math.sin(radians)];
  const size = letter.height;
  // the text stands a little above its line
  const up = { x: sin * size * 0.65, y: -cos * size * 0.65 };
  const count = Math.ceil((text.length * letter.width) / size) + 1;
  return Array.from({ length: count }, (_, index) => ({
    x: at.x + cos * index * size + up.x - size / 2,
    y: at.y + sin * index * size + up.y - size / 2,
    width: size,
    height: size,
  }));
}
