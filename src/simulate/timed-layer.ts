import { firstBackwardKernel } from "../layer/backward.ts";
import { type Kernel, type Operator, readBytes, writeBytes } from "../layer/kernel.ts";
import { layerBuilder } from "../layer/layer.ts";
import { remembered } from "../layer/remembered.ts";
import type { Device } from "../roofline/device.ts";
import { kernelTiming } from "../roofline/kernel-time.ts";
import { type Traffic, trafficTracer } from "../roofline/residency.ts";
import type { Range } from "../roofline/reuse-plan.ts";
import { type Schedule, scheduleKernels } from "../roofline/schedule.ts";
import type { Timing } from "../roofline/terms.ts";
import type { Scenario } from "../schema/scenario.ts";

/** A layer with the time of each of its kernels; `operatorSeconds` are sums over an operator's kernels. */
export interface TimedLayer {
  readonly operators: readonly Operator[];
  readonly timings: readonly Timing[];
  readonly schedule: Schedule;
  readonly operatorSeconds: Float64Array;
  readonly layerSeconds: number;
}

/** Times layer after layer, into the same lists. */
export function layerTimer(): (scenario: Scenario, target: Device) => TimedLayer {
  const build = layerBuilder();
  const listOf = kernelLister();
  const firstBackward = remembered(firstBackwardKernel);
  const timingsOf = timingKeeper();
  let kernelSeconds = new Float64Array(0);
  let operatorSeconds = new Float64Array(0);
  return (scenario, target) => {
    const operators = build(scenario);
    const list = listOf(operators);
    const train = scenario.workload.phase === "train";
    const backward = train ? firstBackward(operators) : list.kernels.length;
    const timings = timingsOf(list, backward, target);
    if (kernelSeconds.length !== timings.length) kernelSeconds = new Float64Array(timings.length);
    if (operatorSeconds.length !== operators.length) operatorSeconds = new Float64Array(operators.length);
    const { runtime } = scenario;
    const schedule = scheduleKernels(timings, backward, runtime, target.calibration, kernelSeconds);
    const layerSeconds = sumByOperator(list, kernelSeconds, operatorSeconds);
    return { operators, timings, schedule, operatorSeconds, layerSeconds };
  };
}

/** The kernels of a layer, where those of each operator end, and which may be others than in the layer before. */
interface KernelList extends Range {
  readonly kernels: readonly Kernel[];
  readonly ends: readonly number[];
}

/** Kernels of layer after layer, in the same list: only those of operators that are not the last layer's are put there. */
function kernelLister(): (operators: readonly Operator[]) => KernelList {
  let last: readonly Operator[] = [];
  const kernels: Kernel[] = [];
  const ends: number[] = [];
  const list = { kernels, ends, from: 0, until: 0 };
  return (operators) => {
    list.from = 0;
    list.until = 0;
    if (operators === last) return list;
    let next = 0;
    // once an operator has another number of kernels, all behind it move
    let moved = operators.length !== last.length;
    for (let index = 0; index < operators.length; index++) {
      const operator = operators[index]!;
      const end = next + operator.kernels.length;
      if (!moved && operator === last[index]) {
        next = end;
        continue;
      }
      moved ||= end !== ends[index];
      if (list.until === 0) list.from = next;
      list.until = end;
      ends[index] = end;
      for (const kernel of operator.kernels) kernels[next++] = kernel;
    }
    // setting the length takes time even where it is the same
    if (kernels.length !== next) kernels.length = next;
    if (ends.length !== operators.length) ends.length = operators.length;
    last = operators;
    return list;
  };
}

/** Times of kernels on a device; those whose kernel and traffic are what they were in the last layer are kept. */
function timingKeeper(): (list: KernelList, backward: number, target: Device) => readonly Timing[] {
  const trace = trafficTracer();
  /** true: since the last trace there were layers on devices that need none */
  let untraced = false;
  let lastTarget: Device | undefined;
  let known: (Kernel | undefined)[] = [];
  let knownHbmBytes = new Float64Array(0);
  let knownL2Bytes = new Float64Array(0);
  let timings: Timing[] = [];
  return (list, backward, target) => {
    const { kernels } = list;
    const { calibration } = target;
    if (calibration === undefined) {
      untraced = true;
      return kernels.map((kernel) => kernelTiming(kernel, uncached(kernel), target));
    }
    const { hbmBytes, l2Bytes, from, until } = trace(
      kernels,
      calibration.cache,
      backward,
      untraced ? undefined : list,
    );
    untraced = false;
    const anew = target !== lastTarget || known.length !== kernels.length;
    if (anew) {
      known = kernels.map(() => undefined);
      knownHbmBytes = new Float64Array(kernels.length);
      knownL2Bytes = new Float64Array(kernels.length);
      timings = [];
    }
    lastTarget = target;
    const end = anew ? kernels.length : until;
    for (let index = anew ? 0 : from; index < end; index++) {
      const kernel = kernels[index]!;
      const hbm = hbmBytes[index]!;
      const l2 = l2Bytes[index]!;
      if (known[index] === kernel && knownHbmBytes[index] === hbm && knownL2Bytes[index] === l2) continue;
      known[index] = kernel;
      knownHbmBytes[index] = hbm;
      knownL2Bytes[index] = l2;
      timings[index] = kernelTiming(kernel, { hbmBytes: hbm, l2Bytes: l2 }, target);
    }
    return timings;
  };
}

const uncached = (kernel: Kernel): Traffic => ({
  hbmBytes: readBytes(kernel) + writeBytes(kernel),
  l2Bytes: 0,
});

/** Writes the seconds of each operator into `sums`; the layer's are theirs together. */
function sumByOperator({ ends }: KernelList, kernelSeconds: Float64Array, sums: Float64Array): number {
  let layerSeconds = 0;
  let next = 0;
  for (let index = 0; index < ends.length; index++) {
    let seconds = 0;
    for (const end = ends[index]!; next < end; next++) seconds += kernelSeconds[next]!;
    sums[index] = seconds;
    layerSeconds += seconds;
  }
  return layerSeconds;
}
