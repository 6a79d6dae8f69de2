import { scaleLinear, scaleLog } from "d3-scale";

/** A position for each value, and the values that get a tick. */
export interface Placed {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** Values that span this factor are spread over their logarithm. */
const LOG_FROM = 8;
/** Quantities over this factor would lie on the axis. */
const DECADES = 60;
/** So many values are all named under the axis. */
const FEW = 9;

/** Numbers along an axis; the values themselves are its ticks where they are few. */
export function placeNumbers(
  values: readonly number[],
  range: readonly [number, number],
  room: number,
): Placed {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const isLog = low > 0 && high / low >= LOG_FROM;
  const scale = (isLog ? scaleLog() : scaleLinear()).domain(low === high ? [low - 1, high + 1] : [low, high]);
  scale.range([...range]);
  const all = values.length <= FEW ? [...values] : isLog ? powersOf2(low, high) : scale.ticks(6);
  return { at: (value) => scale(value), ticks: apart(all, (value) => scale(value), room) };
}

/** A measured quantity: from zero where that shows its shape, over its logarithm where it spans decades. */
export function placeQuantity(
  values: readonly number[],
  range: readonly [number, number],
  mayBeLog: boolean,
): Placed {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (mayBeLog && low > 0 && high / low >= DECADES) {
    const scale = scaleLog()
      .domain([low, high])
      .nice()
      .range([...range]);
    const all = scale.ticks(6).filter((tick) => Number.isInteger(Math.log10(tick)));
    return { at: (value) => scale(value), ticks: all.length >= 2 ? all : [low, high] };
  }
  const scale = scaleLinear()
    .domain([Math.min(0, low), Math.max(0, high) || (low < 0 ? 0 : 1)])
    .nice(5)
    .range([...range]);
  return { at: (value) => scale(value), ticks: scale.ticks(5) };
}

function powersOf2(low: number, high: number): number[] {
  const first = Math.ceil(Math.log2(low) - 1e-9);
  const last = Math.floor(Math.log2(high) + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => 2 ** (first + index));
}

/** Ticks with at least `room` between them. */
function apart(values: readonly number[], at: (value: number) => number, room: number): number[] {
  const kept: number[] = [];
  for (const value of values) {
    const before = kept.at(-1);
    if (before === undefined || Math.abs(at(value) - at(before)) >= room) kept.push(value);
  }
  return kept;
}
