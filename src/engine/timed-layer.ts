import type { Bound } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import type { Device } from "./device/device.ts";
import { idealTiming } from "./device/ideal.ts";
import { kernelTiming } from "./device/kernel-time.ts";
import { rereadBytes } from "./device/norm-row-per-block.ts";
import { layerTraffic, type Traffic } from "./device/residency.ts";
import { type Slot, schedule, stepStartSeconds } from "./device/schedule.ts";
import { firstBackwardKernel } from "./layer/backward.ts";
import { type Kernel, type Operator, readBytes, sumOf, writeBytes } from "./layer/kernel.ts";
import { layerOperators } from "./layer/layer.ts";

/** An operator with what its kernels ask of the device and how long they take there. */
interface TimedOperator {
  readonly operator: Operator;
  readonly flops: number;
  readonly hbmReadBytes: number;
  readonly hbmWriteBytes: number;
  /** of what it asks for, what HBM serves: hits in the L2 left out, write-backs that it causes counted */
  readonly hbmTrafficBytes: number;
  readonly idealSeconds: number;
  readonly seconds: number;
  /** of its kernels alone, without gaps, starts and waits */
  readonly kernelSeconds: number;
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

/**
 * A step starts once for all its layers: this one bears its share, each kernel in proportion to its time. The layers of
 * all pipeline stages count as one step.
 */
function timedOperators(operators: readonly Operator[], scenario: Scenario, target: Device): TimedLayer {
  const kernels = kernelsOf(operators, scenario.runtime, target);
  const startedSeconds = sumOf(kernels, ({ seconds }) => seconds);
  const { model, workload, runtime } = scenario;
  const startSeconds = stepStartSeconds(workload.phase, runtime, target.calibration) / model.layers;
  const factor = startedSeconds === 0 ? 1 : (startedSeconds + startSeconds) / startedSeconds;
  let next = 0;
  const timed = operators.map((operator) => {
    const first = next;
    next += operator.kernels.length;
    return timedOperator(operator, kernels.slice(first, next), factor, target);
  });
  return { operators: timed, startedSeconds };
}

/** Seconds of a layer's kernels on any device, without what starting costs. */
export function startedSecondsOn(scenario: Scenario): (target: Device) => number {
  const operators = layerOperators(scenario);
  return (target) => sumOf(kernelsOf(operators, scenario.runtime, target), ({ seconds }) => seconds);
}

/** A kernel, the bytes of it that HBM serves, and when it runs. */
interface TimedKernel extends Slot {
  readonly kernel: Kernel;
  readonly hbmTrafficBytes: number;
}

function kernelsOf(
  operators: readonly Operator[],
  runtime: Scenario["runtime"],
  target: Device,
): readonly TimedKernel[] {
  const kernels: Kernel[] = [];
  for (const operator of operators) kernels.push(...operator.kernels);
  const backward = firstBackwardKernel(operators);
  const traffic = trafficOf(kernels, backward, target);
  const timings = kernels.map((kernel, index) => kernelTiming(kernel, traffic[index]!, target));
  return schedule(timings, backward, runtime, target.calibration).map(
    ({ seconds, kernelSeconds, bound }, index) => ({
      kernel: kernels[index]!,
      kernelSeconds,
      hbmTrafficBytes: traffic[index]!.hbmBytes,
      seconds,
      bound,
    }),
  );
}

function timedOperator(
  operator: Operator,
  kernels: readonly TimedKernel[],
  startFactor: number,
  target: Device,
): TimedOperator {
  const rereads = sumOf(kernels, ({ kernel }) => rereadBytes(kernel.work, target));
  return {
    operator,
    flops: sumOf(kernels, ({ kernel }) => kernel.flops),
    hbmReadBytes: sumOf(kernels, ({ kernel }) => readBytes(kernel)) + rereads,
    hbmWriteBytes: sumOf(kernels, ({ kernel }) => writeBytes(kernel)),
    hbmTrafficBytes: sumOf(kernels, (one) => one.hbmTrafficBytes) + rereads,
    idealSeconds: sumOf(kernels, ({ kernel }) => idealTiming(kernel, target).seconds),
    seconds: sumOf(kernels, ({ seconds }) => seconds) * startFactor,
    kernelSeconds: sumOf(kernels, ({ kernelSeconds }) => kernelSeconds),
    bound: longestBound(kernels),
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
