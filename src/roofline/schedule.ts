import type { CalibrationValues } from "../schema/calibration.ts";
import type { Bound } from "../schema/result.ts";
import type { Terms, Timing } from "./terms.ts";

/** When a kernel runs: its time runs from the end of the one before it to its own end, so that times add up. */
export interface Slot {
  readonly seconds: number;
  readonly bound: Bound;
}

/**
 * Lays kernels one after the other. In a graph each starts a small gap after the one before it. Eagerly, each starts
 * when the host has issued it and the one before it has ended: a kernel that the device waits for is host-bound.
 * What launching a graph or starting a training step costs is no kernel's own: each bears it in proportion to its time.
 * `firstBackward` is the index of the first backward kernel, past the last one when there is none.
 */
export function schedule(
  timings: readonly Timing[],
  firstBackward: number,
  runtime: "graph" | "eager",
  calibration: CalibrationValues | undefined,
): Slot[] {
  if (calibration === undefined) return timings.map((t) => ({ seconds: t.seconds, bound: boundOf(t.terms) }));
  const { launch, host } = calibration;
  if (runtime === "graph")
    return shareOut(launch.graphStartSeconds, scheduleGraph(timings, launch.gapSeconds));
  const issued = issueTimes(timings.length, firstBackward, host);
  const alone = scheduleEager(timings, issued, launch.streamGapSeconds, 0);
  if (firstBackward < timings.length) return shareOut(host.stepSeconds, alone);
  // in inference one layer follows the other: the device may still be busy when the host begins to issue this one
  const busy = Math.max(0, totalSeconds(alone) - (issued.at(-1) ?? 0));
  return scheduleEager(timings, issued, launch.streamGapSeconds, busy);
}

function shareOut(startSeconds: number, slots: readonly Slot[]): Slot[] {
  const total = totalSeconds(slots);
  const factor = total === 0 ? 1 : (total + startSeconds) / total;
  return slots.map((slot) => ({ ...slot, seconds: slot.seconds * factor }));
}

function scheduleGraph(timings: readonly Timing[], gapSeconds: number): Slot[] {
  return timings.map((t) => ({
    seconds: gapSeconds + t.seconds,
    bound: boundOf({ ...t.terms, latency: t.terms.latency + gapSeconds }),
  }));
}

/** When the host has issued each kernel, from the moment it begins with the first. */
function issueTimes(kernels: number, firstBackward: number, host: CalibrationValues["host"]): number[] {
  let now = 0;
  return Array.from({ length: kernels }, (_, index) => {
    now += index < firstBackward ? host.secondsPerKernel : host.backwardSecondsPerKernel;
    return now;
  });
}

/** `busySeconds`: how long the device is still busy with earlier work when the host begins. */
function scheduleEager(
  timings: readonly Timing[],
  issued: readonly number[],
  gapSeconds: number,
  busySeconds: number,
): Slot[] {
  let ended = busySeconds;
  return timings.map((t, index) => {
    const waited = Math.max(0, issued[index]! - (ended + gapSeconds));
    const seconds = gapSeconds + waited + t.seconds;
    ended += seconds;
    const onDevice = { ...t.terms, latency: t.terms.latency + gapSeconds };
    return { seconds, bound: waited > t.seconds ? "host" : boundOf(onDevice) };
  });
}

const totalSeconds = (slots: readonly Slot[]): number => slots.reduce((sum, slot) => sum + slot.seconds, 0);

/** The largest term; where two are equal the one named first. */
export function boundOf(terms: Terms): Bound {
  let bound: keyof Terms = "memory";
  for (const name of ["compute", "memory", "cache", "latency", "network"] as const)
    if (terms[name] > terms[bound]) bound = name;
  return bound;
}
