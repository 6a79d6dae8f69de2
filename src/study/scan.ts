import { power } from "../engine/device/math.ts";

/** A place where a function passes a target: the last point before and the first one behind it. */
interface Crossing {
  readonly before: Sample;
  readonly after: Sample;
  readonly direction: "rising" | "falling";
  /** a jump: the function leaps over the target between neighbouring points, and is steady beside it */
  readonly kind: "smooth" | "jump";
}

export interface Sample {
  readonly x: number;
  readonly y: number;
}

/** Where a function is looked at: whole steps between two ends, or real numbers. */
export interface Range {
  readonly from: number;
  readonly to: number;
  /** distance of neighbouring points; undefined: real numbers */
  readonly step: number | undefined;
}

export interface Scan {
  readonly crossings: readonly Crossing[];
  /** the point whose value is nearest to the target; undefined where the function is defined nowhere */
  readonly nearest: Sample | undefined;
  readonly evaluations: number;
}

/** Ranges of no more points than this are looked at point by point. */
const ALL_POINTS = 4096;
/** Of longer ranges, this many points evenly spread over the logarithm; then every passage is narrowed down. */
const SPREAD_POINTS = 2048;
const RELATIVE_WIDTH = 1e-9;
/** A leap this many times the steps beside it is a jump. */
const LEAP = 5;

/**
 * Every passage of f through the target that the scan can tell apart, narrowed down to neighbouring points. Points at
 * which f is undefined are left out. Deterministic.
 */
export function scan(f: (x: number) => number | undefined, target: number, range: Range): Scan {
  let evaluations = 0;
  const at = (x: number): Sample | undefined => {
    evaluations++;
    const y = f(x);
    return y === undefined || !Number.isFinite(y) ? undefined : { x, y };
  };
  const samples = points(range).flatMap((x) => at(x) ?? []);
  const passages = samples.flatMap((sample, index) => {
    const next = samples[index + 1];
    return next !== undefined && isAbove(sample, target) !== isAbove(next, target) ? [index] : [];
  });
  const crossings = passages.map((index) => {
    const [before, after] = narrow(at, target, samples[index]!, samples[index + 1]!, range.step);
    const steps = [slope(samples[index - 1], before), slope(after, samples[index + 2])];
    const leap = Math.abs(after.y - before.y);
    const direction = after.y > before.y ? ("rising" as const) : ("falling" as const);
    return { before, after, direction, kind: isJump(leap, after.x - before.x, steps, before.y) };
  });
  return { crossings, nearest: nearestTo(target, samples, crossings), evaluations };
}

const isAbove = ({ y }: Sample, target: number): boolean => y >= target;

function points({ from, to, step }: Range): number[] {
  if (step !== undefined && (to - from) / step < ALL_POINTS) {
    const count = Math.floor((to - from) / step) + 1;
    return Array.from({ length: count }, (_, index) => from + index * step);
  }
  // zero has no logarithm: ranges that begin there are spread from their first step on
  const first = from > 0 ? from : (step ?? to / 1e6);
  const ratio = power(to / first, 1 / (SPREAD_POINTS - 1));
  const spread = Array.from({ length: SPREAD_POINTS }, (_, index) => first * power(ratio, index));
  const onStep = (x: number): number =>
    step === undefined ? x : from + Math.round((x - from) / step) * step;
  return [...new Set([from, ...spread.map((x) => Math.min(to, onStep(x))), to])];
}

function narrow(
  at: (x: number) => Sample | undefined,
  target: number,
  low: Sample,
  high: Sample,
  step: number | undefined,
): [Sample, Sample] {
  let [before, after] = [low, high];
  const width = (): number => after.x - before.x;
  while (step === undefined ? width() > RELATIVE_WIDTH * Math.abs(after.x) : width() > step * 1.5) {
    const middle =
      step === undefined ? (before.x + after.x) / 2 : before.x + Math.floor(width() / step / 2) * step;
    const found = nextDefined(at, middle, after.x, step);
    if (found === undefined) break;
    if (isAbove(found, target) === isAbove(before, target)) before = found;
    else after = found;
  }
  return [before, after];
}

const MOST_SKIPPED = 64;

/** The first point from `x` on, below `end`, at which the function is defined. */
function nextDefined(
  at: (x: number) => Sample | undefined,
  x: number,
  end: number,
  step: number | undefined,
): Sample | undefined {
  const stride = step ?? (end - x) / MOST_SKIPPED;
  for (let skipped = 0; skipped < MOST_SKIPPED && x + skipped * stride < end; skipped++) {
    const found = at(x + skipped * stride);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** How fast the function changes between two points, per unit of x; undefined where one of them is missing. */
const slope = (a: Sample | undefined, b: Sample | undefined): number | undefined =>
  a === undefined || b === undefined || a.x === b.x ? undefined : Math.abs((b.y - a.y) / (b.x - a.x));

function isJump(
  leap: number,
  width: number,
  slopes: readonly (number | undefined)[],
  y: number,
): Crossing["kind"] {
  const steady = Math.max(...slopes.map((value) => value ?? 0)) * width;
  return leap > LEAP * steady && leap > 1e-6 * Math.abs(y) ? "jump" : "smooth";
}

function nearestTo(
  target: number,
  samples: readonly Sample[],
  crossings: readonly Crossing[],
): Sample | undefined {
  const all = [...samples, ...crossings.flatMap(({ before, after }) => [before, after])];
  let best: Sample | undefined;
  for (const sample of all)
    if (best === undefined || Math.abs(sample.y - target) < Math.abs(best.y - target)) best = sample;
  return best;
}
