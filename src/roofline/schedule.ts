import type { CalibrationValues } from "../schema/calibration.ts";
import type { Bound } from "../schema/result.ts";
import type { Terms, Timing } from "./terms.ts";

/** When a kernel runs: its time runs from the end of the one before it to its own end, so that times add up. */
export interface Slot {
  readonly seconds: number;
  readonly bound: Bound;
}

/** When kernels run: how long each takes from the end of the one before it, and how much of that it waits. */
export interface Schedule {
  readonly seconds: Float64Array;
  /** until the host has issued it; empty where nobody waits */
  readonly waitedSeconds: Float64Array;
  readonly gapSeconds: number;
  /** of all kernels together, without what starting costs */
  readonly startedSeconds: number;
}

/** The schedule kernel by kernel, with what each waits for most. */
export function schedule(...given: Parameters<typeof scheduleKernels>): Slot[] {
  const plan = scheduleKernels(...given);
  return given[0].map((timing, index) => ({
    seconds: plan.seconds[index]!,
    bound: boundAt(plan, timing, index),
  }));
}

/**
 * Lays kernels one after the other. In a graph each starts a small gap after the one before it. Eagerly, each starts
 * when the host has issued it and the one before it has ended: a kernel that the device waits for is host-bound.
 * What launching a graph or starting a training step costs is no kernel's own: each bears it in proportion to its time.
 * `firstBackward` is the index of the first backward kernel, past the last one when there is none. The seconds are
 * written into `into`, so that who schedules millions of layers makes no lists.
 */
export function scheduleKernels(
  timings: readonly Timing[],
  firstBackward: number,
  runtime: "graph" | "eager",
  calibration: CalibrationValues | undefined,
  into: Float64Array = new Float64Array(timings.length),
): Schedule {
  if (calibration === undefined) return backToBack(timings, 0, 0, into);
  const { launch, host } = calibration;
  if (runtime === "graph") return backToBack(timings, launch.gapSeconds, launch.graphStartSeconds, into);
  const eager = { firstBackward, host, gapSeconds: launch.streamGapSeconds, into };
  const alone = issueEagerly(timings, eager, 0);
  if (firstBackward < timings.length) return shareOut(host.stepSeconds, alone);
  // in inference one layer follows the other: the device may still be busy when the host begins to issue this one
  const issueSeconds = timings.length * host.secondsPerKernel;
  return issueEagerly(timings, eager, Math.max(0, alone.startedSeconds - issueSeconds));
}

function backToBack(
  timings: readonly Timing[],
  gapSeconds: number,
  startSeconds: number,
  seconds: Float64Array,
): Schedule {
  let sum = 0;
  for (let index = 0; index < timings.length; index++) {
    const taken = gapSeconds + timings[index]!.seconds;
    seconds[index] = taken;
    sum += taken;
  }
  return shareOut(startSeconds, { seconds, waitedSeconds: NOBODY_WAITS, gapSeconds, startedSeconds: sum });
}

const NOBODY_WAITS = new Float64Array(0);

/** Every kernel bears what starting costs in proportion to its time. */
const startFactor = (startSeconds: number, sum: number): number =>
  // Stryker disable next-line ConditionalExpression: no start is a factor of 1 in any case
  startSeconds === 0 || sum === 0 ? 1 : (sum + startSeconds) / sum;

function shareOut(startSeconds: number, plan: Schedule): Schedule {
  const { seconds } = plan;
  const factor = startFactor(startSeconds, plan.startedSeconds);
  // Stryker disable next-line EqualityOperator: behind its end an array takes nothing
  for (let index = 0; index < seconds.length; index++) seconds[index]! *= factor;
  return plan;
}

interface Issue {
  readonly firstBackward: number;
  readonly host: CalibrationValues["host"];
  readonly gapSeconds: number;
  readonly into: Float64Array;
}

/** `busySeconds`: how long the device is still busy with earlier work when the host begins. */
function issueEagerly(
  timings: readonly Timing[],
  { firstBackward, host, gapSeconds, into: seconds }: Issue,
  busySeconds: number,
): Schedule {
  const waitedSeconds = new Float64Array(timings.length);
  let issued = 0;
  let ended = busySeconds;
  let startedSeconds = 0;
  for (let index = 0; index < timings.length; index++) {
    issued += index < firstBackward ? host.secondsPerKernel : host.backwardSecondsPerKernel;
    const waited = Math.max(0, issued - (ended + gapSeconds));
    const taken = gapSeconds + waited + timings[index]!.seconds;
    waitedSeconds[index] = waited;
    seconds[index] = taken;
    ended += taken;
    startedSeconds += taken;
  }
  return { seconds, waitedSeconds, gapSeconds, startedSeconds };
}

/** What a kernel of the schedule waits for most: the host, or its longest term with the gap before it as latency. */
export function boundAt({ waitedSeconds, gapSeconds }: Schedule, timing: Timing, index: number): Bound {
  if ((waitedSeconds[index] ?? 0) > timing.seconds) return "host";
  return boundOf({ ...timing.terms, latency: timing.terms.latency + gapSeconds });
}

/** The largest term; where two are equal the one named first. */
export function boundOf(terms: Terms): Bound {
  let bound: keyof Terms = "memory";
  for (const name of ["compute", "memory", "cache", "latency", "network"] as const)
    if (terms[name] > terms[bound]) bound = name;
  return bound;
}
