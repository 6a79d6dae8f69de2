/** A rectangle; x and y are its upper left corner. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A text that wants to stand beside its dot. The first ones choose first. */
export interface Wish {
  readonly text: string;
  readonly anchor: Point;
  /** of the dot */
  readonly radius: number;
  readonly width: number;
  readonly height: number;
}

/** A label in its place; `leader` joins it to its dot where it stands away from it. */
export interface Label {
  readonly text: string;
  readonly box: Box;
  readonly leader: readonly [from: Point, to: Point] | undefined;
}

export interface Room {
  readonly frame: Box;
  /** what no label may cover */
  readonly taken: readonly Box[];
  /** lines that a label should rather not cover */
  readonly lines: readonly (readonly [Point, Point])[];
  /** where labels may begin, as in a terminal's cells; anywhere when it is left out */
  readonly grid?: { readonly x: number; readonly y: number };
  /** farthest from its dot that a label may stand; without a limit it goes wherever there is room */
  readonly reach: number;
}

/** What a label costs, in pixels of distance: on a line, crossing another leader, passing over a dot. */
const ON_LINE = 14;
/** For each pixel of a line that the label covers. */
const COVERED = 1;
const CROSSING = 45;
const LEADER_OVER = 70;
/** From here on a label needs a line to its dot. */
const LEADER_FROM = 7;
const RINGS = [2, 5, 9, 15, 23, 33, 45, 60, 78, 100, 128, 160, 200, 250, 310, 380];
const DIRECTIONS = 24;

/**
 * A place for each label: inside the frame, on no other label, on nothing that is taken; near its dot, off the lines.
 * Greedy: a label takes the cheapest place that those before it have left; `undefined` where there is none.
 */
export function placeLabels(wishes: readonly Wish[], room: Room): (Label | undefined)[] {
  const placed: Label[] = [];
  return wishes.map((wish) => {
    const label =
      cheapest(wish, room, placed) ??
      (room.reach === Number.POSITIVE_INFINITY ? nearestRoom(wish, room, placed) : undefined);
    if (label !== undefined) placed.push(label);
    return label;
  });
}

function cheapest(wish: Wish, room: Room, placed: readonly Label[]): Label | undefined {
  let best: Label | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const { box, distance } of candidates(wish, room)) {
    // rings grow: nothing farther out can be cheaper
    if (distance >= least) break;
    if (!isFree(box, room, placed)) continue;
    const leader = distance > LEADER_FROM ? leaderTo(wish, box) : undefined;
    const cost = distance + costOf(box, leader, wish, room, placed);
    if (cost >= least) continue;
    least = cost;
    best = { text: wish.text, box, leader };
  }
  return best;
}

/** The free place that is nearest, wherever it is, in steps of half a label's height. */
function nearestRoom(wish: Wish, room: Room, placed: readonly Label[]): Label | undefined {
  const { frame } = room;
  const { width, height, anchor } = wish;
  let best: Box | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let y = frame.y; y + height <= frame.y + frame.height; y += height / 2) {
    for (let x = frame.x; x + width <= frame.x + frame.width; x += height) {
      const distance = Math.hypot(x + width / 2 - anchor.x, y + height / 2 - anchor.y);
      const box = { x, y, width, height };
      if (distance >= least || !isFree(box, room, placed)) continue;
      least = distance;
      best = box;
    }
  }
  return best && { text: wish.text, box: best, leader: leaderTo(wish, best) };
}

interface Candidate {
  readonly box: Box;
  readonly distance: number;
}

/** Boxes around the dot, the nearest first; right and left before above and below. */
function* candidates({ anchor, radius, width, height }: Wish, { grid, reach }: Room): Generator<Candidate> {
  for (const gap of RINGS) {
    if (gap > reach) return;
    for (let step = 0; step < DIRECTIONS; step++) {
      const side = step % 2 === 0 ? 1 : -1;
      const angle = (Math.PI * side * Math.ceil(step / 2)) / (DIRECTIONS / 2);
      const box = snapped(beside(anchor, radius + gap, angle, width, height), grid);
      yield { box, distance: gap + Math.abs(Math.sin(angle)) * TILT };
    }
  }
}

/** Beside reads better than above. */
const TILT = 2;

/** The box whose edge touches a circle around the dot in this direction. */
function beside({ x, y }: Point, distance: number, angle: number, width: number, height: number): Box {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const alongX = x + distance * cos - (width / 2) * (1 - clampUnit(cos * 1.6));
  const alongY = y + distance * sin - (height / 2) * (1 - clampUnit(sin * 1.6));
  return { x: alongX, y: alongY, width, height };
}

const clampUnit = (value: number): number => Math.min(1, Math.max(-1, value));

function snapped(box: Box, grid: Room["grid"]): Box {
  if (grid === undefined) return box;
  return { ...box, x: Math.round(box.x / grid.x) * grid.x, y: Math.round(box.y / grid.y) * grid.y };
}

const isFree = (box: Box, { frame, taken }: Room, placed: readonly Label[]): boolean =>
  isInside(box, frame) &&
  !taken.some((other) => overlap(box, other)) &&
  !placed.some((label) => overlap(box, label.box));

const isInside = (box: Box, frame: Box): boolean =>
  box.x >= frame.x &&
  box.y >= frame.y &&
  box.x + box.width <= frame.x + frame.width &&
  box.y + box.height <= frame.y + frame.height;

export const overlap = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** From the edge of the dot to the nearest point of the label. */
function leaderTo({ anchor, radius }: Wish, box: Box): readonly [Point, Point] {
  const to = {
    x: Math.min(box.x + box.width, Math.max(box.x, anchor.x)),
    y: Math.min(box.y + box.height - box.height / 4, Math.max(box.y + box.height / 4, anchor.y)),
  };
  const length = Math.hypot(to.x - anchor.x, to.y - anchor.y) || 1;
  const from = {
    x: anchor.x + ((to.x - anchor.x) / length) * radius,
    y: anchor.y + ((to.y - anchor.y) / length) * radius,
  };
  return [from, to];
}

function costOf(
  box: Box,
  leader: Label["leader"],
  wish: Wish,
  { lines, taken }: Room,
  placed: readonly Label[],
): number {
  let cost = 0;
  for (const line of lines) {
    const covered = lengthInside(box, line);
    if (covered > 0) cost += ON_LINE + COVERED * covered;
  }
  for (const other of placed) if (other.leader && touches(box, other.leader)) cost += CROSSING;
  if (leader === undefined) return cost;
  for (const other of placed) {
    if (touches(other.box, leader)) cost += LEADER_OVER;
    if (other.leader && cross(leader, other.leader)) cost += CROSSING;
  }
  for (const other of taken) if (!holds(other, wish.anchor) && touches(other, leader)) cost += LEADER_OVER;
  return cost;
}

const holds = (box: Box, { x, y }: Point): boolean =>
  x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height;

type Segment = readonly [Point, Point];

/** Whether a segment lies on one side of a box: most do. */
const isBeside = ({ x, y, width, height }: Box, [a, b]: Segment): boolean =>
  (a.x < x && b.x < x) ||
  (a.x > x + width && b.x > x + width) ||
  (a.y < y && b.y < y) ||
  (a.y > y + height && b.y > y + height);

/** Whether a segment runs through a box. */
function touches(box: Box, segment: Segment): boolean {
  if (isBeside(box, segment)) return false;
  const { x, y, width, height } = box;
  const [a, b] = segment;
  const side = (px: number, py: number): number => (b.x - a.x) * (py - a.y) - (b.y - a.y) * (px - a.x);
  const corners = [side(x, y), side(x + width, y), side(x, y + height), side(x + width, y + height)];
  return Math.min(...corners) <= 0 && Math.max(...corners) >= 0;
}

/** How much of a segment lies in a box. */
function lengthInside(box: Box, segment: Segment): number {
  if (isBeside(box, segment)) return 0;
  const { x, y, width, height } = box;
  const [a, b] = segment;
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  let [from, to] = [0, 1];
  for (const [delta, low, high] of [
    [dx, x - a.x, x + width - a.x],
    [dy, y - a.y, y + height - a.y],
  ] as const) {
    if (delta === 0) {
      if (low > 0 || high < 0) return 0;
      continue;
    }
    const ends = [low / delta, high / delta];
    from = Math.max(from, Math.min(...ends));
    to = Math.min(to, Math.max(...ends));
  }
  return to > from ? (to - from) * Math.hypot(dx, dy) : 0;
}

function cross([a, b]: Segment, [c, d]: Segment): boolean {
  const side = (p: Point, q: Point, r: Point): number =>
    Math.sign((q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x));
  return side(a, b, c) !== side(a, b, d) && side(c, d, a) !== side(c, d, b);
}
