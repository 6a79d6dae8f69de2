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
 * `firstBackward` is the index of the first backward kernel; there the host pays for starting autograd.
 */
export function schedule(
  timings: readonly Timing[],
  firstBackward: number,
  runtime: "graph" | "eager",
  calibration: CalibrationValues | undefined,
): Slot[] {
  if (calibration === undefined) return timings.map((t) => ({ seconds: t.seconds, bound: boundOf(t.terms) }));
  return runtime === "graph"
    ? scheduleGraph(timings, calibration.launch)
    : scheduleEager(timings, firstBackward, calibration);
}

function scheduleGraph(timings: readonly Timing[], launch: CalibrationValues["launch"]): Slot[] {
  return timings.map((t, index) => {
    const start = launch.gapSeconds + (index === 0 ? launch.graphStartSeconds : 0);
    return { seconds: start + t.seconds, bound: boundOf({ ...t.terms, latency: t.terms.latency + start }) };
  });
}

function scheduleEager(
  timings: readonly Timing[],
  firstBackward: number,
  { host, launch }: CalibrationValues,
): Slot[] {
  let issued = host.startSeconds;
  let ended = 0;
  return timings.map((t, index) => {
    const backward = index >= firstBackward;
    if (index === firstBackward) issued += host.backwardStartSeconds;
    issued += backward ? host.backwardSecondsPerKernel : host.secondsPerKernel;
    const ready = ended + launch.gapSeconds;
    const waited = Math.max(0, issued - ready);
    const seconds = launch.gapSeconds + waited + t.seconds;
    ended += seconds;
    const onDevice = { ...t.terms, latency: t.terms.latency + launch.gapSeconds };
    return { seconds, bound: waited > t.seconds ? "host" : boundOf(onDevice) };
  });
}

/** The largest term; where two are equal the one named first. */
export function boundOf(terms: Terms): Bound {
  let bound: keyof Terms = "memory";
  for (const name of ["compute", "memory", "cache", "latency", "network"] as const)
    if (terms[name] > terms[bound]) bound = name;
  return bound;
}
