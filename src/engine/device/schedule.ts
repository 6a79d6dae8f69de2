import type { CalibrationValues } from "../../schema/calibration.ts";
import { type Phase, trains } from "../../schema/phases.ts";
import type { Bound } from "../../schema/result.ts";
import { sumOf } from "../layer/kernel.ts";
import type { Terms, Timing } from "./timing.ts";

/** When a kernel runs: its time runs from the end of the one before it to its own end, so that times add up. */
export interface Slot {
  readonly seconds: number;
  /** what a profiler says of the kernel: without the gap before it and any wait */
  readonly kernelSeconds: number;
  readonly bound: Bound;
}

/**
 * Lays kernels one after the other. In a graph each starts a small gap after the one before it. Eagerly, each starts
 * when the host has issued it and the one before it has ended: a kernel that the device waits for is host-bound.
 * `firstBackward` is the index of the first backward kernel, past the last one when there is none.
 */
export function schedule(
  timings: readonly Timing[],
  firstBackward: number,
  runtime: "graph" | "eager",
  calibration: CalibrationValues | undefined,
): readonly Slot[] {
  if (calibration === undefined) return timings.map((timing) => slot(timing, 0, 0, 0));
  const { launch, host } = calibration;
  if (runtime === "graph")
    return timings.map((timing) => slot(timing, launch.gapSeconds, 0, launch.profiledSeconds));
  const issue = { firstBackward, host, launch };
  const alone = issueEagerly(timings, issue, 0);
  if (firstBackward < timings.length) return alone;
  // in inference one layer follows the other: the device may still be busy when the host begins to issue this one
  const issueSeconds = timings.length * host.secondsPerKernel;
  return issueEagerly(timings, issue, Math.max(0, totalSeconds(alone) - issueSeconds));
}

export const totalSeconds = (slots: readonly Slot[]): number => sumOf(slots, ({ seconds }) => seconds);

/** A kernel behind a gap and a wait for the host. */
const slot = (timing: Timing, gapSeconds: number, waitedSeconds: number, profiledSeconds: number): Slot => ({
  seconds: gapSeconds + waitedSeconds + timing.seconds,
  kernelSeconds: timing.seconds + profiledSeconds,
  bound: waitedSeconds > timing.seconds ? "host" : boundOf(timing.terms, gapSeconds),
});

interface Issue {
  readonly firstBackward: number;
  readonly host: CalibrationValues["host"];
  readonly launch: CalibrationValues["launch"];
}

/** `busySeconds`: how long the device is still busy with earlier work when the host begins. */
function issueEagerly(
  timings: readonly Timing[],
  { firstBackward, host, launch }: Issue,
  busySeconds: number,
): readonly Slot[] {
  const { streamGapSeconds: gapSeconds, profiledSeconds } = launch;
  let issued = 0;
  let ended = busySeconds;
  return timings.map((timing, index) => {
    issued += index < firstBackward ? host.secondsPerKernel : host.backwardSecondsPerKernel;
    const one = slot(timing, gapSeconds, Math.max(0, issued - (ended + gapSeconds)), profiledSeconds);
    ended += one.seconds;
    return one;
  });
}

/**
 * What starting costs a step, however many layers and kernels it has: launching its graph, or, in eager training, the
 * time in which the device waits for its first kernel.
 */
export function stepStartSeconds(
  phase: Phase,
  runtime: "graph" | "eager",
  calibration: CalibrationValues | undefined,
): number {
  if (calibration === undefined) return 0;
  if (runtime === "graph") return calibration.launch.graphStartSeconds;
  return trains(phase) ? calibration.host.stepSeconds : 0;
}

/** The largest term, the gap before the kernel added to its latency; where two are equal the one named first. */
export function boundOf(terms: Terms, gapSeconds = 0): Bound {
  let bound: keyof Terms = "memory";
  let longest = terms.memory;
  for (const name of BOUNDS) {
    const seconds = name === "latency" ? terms.latency + gapSeconds : terms[name];
    if (seconds <= longest) continue;
    bound = name;
    longest = seconds;
  }
  return bound;
}

const BOUNDS = ["compute", "memory", "cache", "latency", "network"] as const;
