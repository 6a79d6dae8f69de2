import { firstBackwardKernel } from "../layer/backward.ts";
import { type Kernel, type Operator, readBytes, sumOf, writeBytes } from "../layer/kernel.ts";
import { layerOperators } from "../layer/layer.ts";
import type { Device } from "../roofline/device.ts";
import { idealTiming } from "../roofline/ideal.ts";
import { kernelTiming } from "../roofline/kernel-time.ts";
import { layerTraffic, type Traffic } from "../roofline/residency.ts";
import { rereadBytes } from "../roofline/row-time.ts";
import { type Slot, schedule, stepStartSeconds, totalSeconds } from "../roofline/schedule.ts";
import type { Bound } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";

/** An operator with what its kernels ask of the device and how long they take there. */
export interface TimedOperator {
  readonly operator: Operator;
  readonly flops: number;
  readonly hbmReadBytes: number;
  readonly hbmWriteBytes: number;
  readonly idealSeconds: number;
  readonly seconds: number;
  /** under which most of the time of its kernels is spent */
  readonly bound: Bound;
}

export interface TimedLayer {
  readonly operators: readonly TimedOperator[];
  /** of all kernels together, without what starting costs */
  readonly startedSeconds: number;
}

/** The layer of a scenario on a device: its operators as they run, one after the other. */
export const timedLayer = (scenario: Scenario, target: Device): TimedLayer =>
  timedOperators(layerOperators(scenario), scenario, target);

/** What starting costs is no kernel's own: each bears it in proportion to its time. */
function timedOperators(
  operators: readonly Operator[],
  { runtime, workload }: Scenario,
  target: Device,
): TimedLayer {
  const slots = slotsOf(operators, runtime, target);
  const startedSeconds = totalSeconds(slots);
  const startSeconds = stepStartSeconds(workload.phase, runtime, target.calibration);
  const factor = startedSeconds === 0 ? 1 : (startedSeconds + startSeconds) / startedSeconds;
  let next = 0;
  const timed = operators.map((operator) => {
    const first = next;
    next += operator.kernels.length;
    return timedOperator(operator, slots.slice(first, next), factor, target);
  });
  return { operators: timed, startedSeconds };
}

/** Seconds of a layer's kernels on any device, without what starting costs. */
export function startedSecondsOn(scenario: Scenario): (target: Device) => number {
  const operators = layerOperators(scenario);
  return (target) => totalSeconds(slotsOf(operators, scenario.runtime, target));
}

function slotsOf(
  operators: readonly Operator[],
  runtime: Scenario["runtime"],
  target: Device,
): readonly Slot[] {
  const kernels: Kernel[] = [];
  for (const operator of operators) kernels.push(...operator.kernels);
  const backward = firstBackwardKernel(operators);
  const traffic = trafficOf(kernels, backward, target);
  const timings = kernels.map((kernel, index) => kernelTiming(kernel, traffic[index]!, target));
  return schedule(timings, backward, runtime, target.calibration);
}

function timedOperator(
  operator: Operator,
  slots: readonly Slot[],
  startFactor: number,
  target: Device,
): TimedOperator {
  const { kernels } = operator;
  return {
    operator,
    flops: sumOf(kernels, ({ flops }) => flops),
    hbmReadBytes: sumOf(kernels, (one) => readBytes(one) + rereadBytes(one.work, target)),
    hbmWriteBytes: sumOf(kernels, writeBytes),
    idealSeconds: sumOf(kernels, (one) => idealTiming(one, target).seconds),
    seconds: totalSeconds(slots) * startFactor,
    bound: longestBound(slots),
  };
}

const trafficOf = (
  kernels: readonly Kernel[],
  backward: number,
  { calibration }: Device,
): readonly Traffic[] =>
  calibration === undefined
    ? kernels.map((kernel) => ({ hbmBytes: readBytes(kernel) + writeBytes(kernel), l2Bytes: 0 }))
    : layerTraffic(kernels, calibration.cache, backward);

/** The bound under which most of the time is spent; of equals the one met first. */
function longestBound(slots: readonly Slot[]): Bound {
  let longest = slots[0]!.bound;
  for (const { bound } of slots)
    if (secondsUnder(bound, slots) > secondsUnder(longest, slots)) longest = bound;
  return longest;
}

const secondsUnder = (bound: Bound, slots: readonly Slot[]): number =>
  sumOf(slots, (slot) => (slot.bound === bound ? slot.seconds : 0));
