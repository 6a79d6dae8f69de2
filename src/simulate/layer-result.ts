import { isBackward } from "../layer/backward.ts";
import type { Kernel, Operator } from "../layer/kernel.ts";
import { readBytes, sumOf, writeBytes } from "../layer/kernel.ts";
import { layerBuilder, layerOperators } from "../layer/layer.ts";
import { remembered } from "../layer/remembered.ts";
import { type Device, device, matmulPeak } from "../roofline/device.ts";
import { idealTiming } from "../roofline/ideal.ts";
import { kernelTiming } from "../roofline/kernel-time.ts";
import { type Traffic, trafficTracer } from "../roofline/residency.ts";
import type { Range } from "../roofline/reuse-plan.ts";
import { rereadBytes } from "../roofline/row-time.ts";
import { boundAt, type Schedule, scheduleKernels } from "../roofline/schedule.ts";
import type { Timing } from "../roofline/terms.ts";
import type { Bound, OperatorResult, Result } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import {
  cost,
  type LayerCost,
  memory,
  reportedKind,
  savedActivationBytes,
  wholeModel,
} from "./whole-model.ts";

/** Everything the engine finds about one layer: a result without what other scenarios would give. */
export type LayerResult = Pick<
  Result,
  "layer" | "operators" | "normalization" | "statisticalNormalization" | "wholeModel" | "memory" | "cost"
>;

/** The same, each part computed when it is asked for: who wants one figure of a million layers pays for that one. */
export type LayerFigures = { readonly [Part in keyof LayerResult]: () => LayerResult[Part] };

/** One layer of the scenario on its hardware: FLOPs, bytes, seconds and bound of every operator. Pure. */
export const layerResult = (scenario: Scenario): LayerResult => allFigures(layerSimulator()(scenario));

export const allFigures = (figures: LayerFigures): LayerResult => ({
  layer: figures.layer(),
  operators: figures.operators(),
  normalization: figures.normalization(),
  statisticalNormalization: figures.statisticalNormalization(),
  wholeModel: figures.wholeModel(),
  memory: figures.memory(),
  cost: figures.cost(),
});

/**
 * Simulates layers one after the other; what does not change from one to the next (operators, the times of kernels) is
 * not computed again, and no list is made that is not read. Scenarios should share the parts they have in common. The
 * figures are those of `layerResult`; read them before the next layer is simulated.
 */
export function layerSimulator(): (scenario: Scenario) => LayerFigures {
  const deviceOf = remembered(device);
  const time = layerTimer();
  const count = countKeeper();
  const costOf = kindCosts();
  let scenario: Scenario;
  let target: Device;
  let timed: TimedLayer;
  let counted: LayerCounts;
  let layer: Result["layer"] | undefined;
  let operators: OperatorResult[] | undefined;
  let normalization: Result["normalization"] | undefined;
  let whole: Result["wholeModel"] | undefined;
  const wholeModelNow = (): Result["wholeModel"] =>
    (whole ??= wholeModel(
      scenario,
      target,
      startSeconds(scenario, target),
      costOf(scenario, target, timed.schedule.startedSeconds, counted.total.flops),
    ));
  const figures: LayerFigures = {
    layer: () => (layer ??= layerTotals(timed, counted.total, scenario)),
    operators: () => (operators ??= operatorResults(timed, counted)),
    normalization: () => (normalization ??= normalizationTotals(timed, counted)),
    statisticalNormalization: () => statisticalTotals(timed, counted),
    wholeModel: wholeModelNow,
    memory: () => memory(scenario, (of) => (of === scenario ? timed.operators : layerOperators(of))),
    cost: () => cost(scenario, wholeModelNow()),
  };
  return (asked) => {
    scenario = asked;
    target = deviceOf(asked.hardware);
    timed = time(asked, target);
    counted = count(timed.operators, target);
    layer = undefined;
    operators = undefined;
    normalization = undefined;
    whole = undefined;
    return figures;
  };
}

/** Seconds of one layer among others on any device, and what only the first one of a graph or step pays besides. */
export function layerSecondsOn(
  scenario: Scenario,
): (target: Device) => { readonly startedSeconds: number; readonly startSeconds: number } {
  const time = layerTimer();
  return (target) => ({
    startedSeconds: time(scenario, target).schedule.startedSeconds,
    startSeconds: startSeconds(scenario, target),
  });
}

/** What starting costs, once for however many layers follow: launching the graph, or the start of a training step. */
export function startSeconds(scenario: Scenario, { calibration }: Device): number {
  if (calibration === undefined) return 0;
  if (scenario.runtime === "graph") return calibration.launch.graphStartSeconds;
  return scenario.workload.phase === "train" ? calibration.host.stepSeconds : 0;
}

/** A layer with the time of each of its kernels; `operatorSeconds` are sums over an operator's kernels. */
interface TimedLayer {
  readonly operators: readonly Operator[];
  readonly timings: readonly Timing[];
  readonly schedule: Schedule;
  readonly operatorSeconds: Float64Array;
  readonly layerSeconds: number;
}

/** Times layer after layer, into the same lists. */
function layerTimer(): (scenario: Scenario, target: Device) => TimedLayer {
  const build = layerBuilder();
  const listOf = kernelLister();
  const firstBackward = remembered(firstBackwardKernel);
  const timingsOf = timingKeeper();
  let kernelSeconds = new Float64Array(0);
  let operatorSeconds = new Float64Array(0);
  return (scenario, target) => {
    const operators = build(scenario);
    const list = listOf(operators);
    const timings = timingsOf(list, target);
    const backward = scenario.workload.phase === "train" ? firstBackward(operators) : timings.length;
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
function timingKeeper(): (list: KernelList, target: Device) => readonly Timing[] {
  const trace = trafficTracer();
  /** true: since the last trace there were layers on devices that need none */
  let untraced = false;
  let lastTarget: Device | undefined;
  let known: (Kernel | undefined)[] = [];
  let knownHbmBytes = new Float64Array(0);
  let knownL2Bytes = new Float64Array(0);
  let timings: Timing[] = [];
  return (list, target) => {
    const { kernels } = list;
    const { calibration } = target;
    if (calibration === undefined) {
      untraced = true;
      return kernels.map((kernel) => kernelTiming(kernel, uncached(kernel), target));
    }
    const { hbmBytes, l2Bytes, from, until } = trace(kernels, calibration.cache, untraced ? undefined : list);
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

/** Index of the first kernel of the backward pass; past the last kernel when there is none. */
function firstBackwardKernel(operators: readonly Operator[]): number {
  let index = 0;
  for (const operator of operators) {
    if (isBackward(operator)) return index;
    index += operator.kernels.length;
  }
  return index;
}

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

/** What an operator asks of a device, whenever it runs. */
interface OperatorCounts {
  readonly flops: number;
  readonly hbmReadBytes: number;
  readonly hbmWriteBytes: number;
  /** read and written */
  readonly hbmBytes: number;
  readonly idealSeconds: number;
}

function operatorCounts({ kernels }: Operator, target: Device): OperatorCounts {
  let flops = 0;
  let hbmReadBytes = 0;
  let hbmWriteBytes = 0;
  let idealSeconds = 0;
  for (const kernel of kernels) {
    flops += kernel.flops;
    hbmReadBytes += readBytes(kernel) + rereadBytes(kernel.work, target);
    hbmWriteBytes += writeBytes(kernel);
    idealSeconds += idealTiming(kernel, target).seconds;
  }
  return { flops, hbmReadBytes, hbmWriteBytes, hbmBytes: hbmReadBytes + hbmWriteBytes, idealSeconds };
}

/** Of each operator, and of all together. */
interface LayerCounts {
  readonly each: readonly OperatorCounts[];
  readonly total: OperatorCounts;
}

/** Counts of operators on a device; those of the same operators as in the last layer are kept. */
function countKeeper(): (operators: readonly Operator[], target: Device) => LayerCounts {
  let lastTarget: Device | undefined;
  let last: readonly Operator[] = [];
  let each: OperatorCounts[] = [];
  let counts: LayerCounts | undefined;
  return (operators, target) => {
    if (counts !== undefined && target === lastTarget && operators === last) return counts;
    if (target !== lastTarget || operators.length !== last.length) each = [];
    for (let index = 0; index < operators.length; index++)
      if (each[index] === undefined || operators[index] !== last[index])
        each[index] = operatorCounts(operators[index]!, target);
    lastTarget = target;
    last = operators;
    counts = { each, total: totalCounts(each) };
    return counts;
  };
}

function totalCounts(counts: readonly OperatorCounts[]): OperatorCounts {
  let flops = 0;
  let hbmReadBytes = 0;
  let hbmWriteBytes = 0;
  let hbmBytes = 0;
  let idealSeconds = 0;
  for (let index = 0; index < counts.length; index++) {
    const count = counts[index]!;
    flops += count.flops;
    hbmReadBytes += count.hbmReadBytes;
    hbmWriteBytes += count.hbmWriteBytes;
    hbmBytes += count.hbmBytes;
    idealSeconds += count.idealSeconds;
  }
  return { flops, hbmReadBytes, hbmWriteBytes, hbmBytes, idealSeconds };
}

function operatorResults(timed: TimedLayer, { each }: LayerCounts): OperatorResult[] {
  const { operators, operatorSeconds, layerSeconds } = timed;
  let next = 0;
  return operators.map((operator, index) => {
    const first = next;
    next += operator.kernels.length;
    const { flops, hbmReadBytes, hbmWriteBytes, hbmBytes, idealSeconds } = each[index]!;
    const seconds = operatorSeconds[index]!;
    return {
      name: operator.name,
      class: operator.class,
      flops,
      hbmReadBytes,
      hbmWriteBytes,
      kernels: operator.kernels.length,
      arithmeticIntensity: ratio(flops, hbmBytes),
      seconds,
      idealSeconds,
      bound: longestBound(timed, first, next),
      shareOfTime: ratio(seconds, layerSeconds),
    };
  });
}

/** The bound under which most of the time of the kernels from `first` to before `end` is spent. */
function longestBound({ timings, schedule }: TimedLayer, first: number, end: number): Bound {
  const seconds = new Map<Bound, number>();
  for (let index = first; index < end; index++) {
    const bound = boundAt(schedule, timings[index]!, index);
    seconds.set(bound, (seconds.get(bound) ?? 0) + schedule.seconds[index]!);
  }
  return [...seconds].reduce((most, entry) => (entry[1] > most[1] ? entry : most))[0];
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

function layerTotals(
  { operators, timings, layerSeconds: seconds }: TimedLayer,
  { flops, hbmBytes, idealSeconds }: OperatorCounts,
  scenario: Scenario,
): Result["layer"] {
  const { hardware, precision } = scenario;
  const peak = matmulPeak(hardware, precision.activations) ?? hardware.peakFlopsPerSecond.fp32Vector;
  return {
    seconds,
    idealSeconds,
    flops,
    hbmBytes,
    kernels: timings.length,
    modelFlopsUtilization: ratio(flops, seconds * peak),
    bandwidthUtilization: ratio(hbmBytes, seconds * hardware.hbmBytesPerSecond),
    savedActivationBytes: savedActivationBytes(scenario, operators),
  };
}

function normalizationTotals(timed: TimedLayer, { each, total }: LayerCounts): Result["normalization"] {
  const { seconds, flops, hbmBytes } = sumsOver(timed, each, isNormalization);
  return {
    seconds,
    shareOfTime: ratio(seconds, timed.layerSeconds),
    flops,
    shareOfFlops: ratio(flops, total.flops),
    hbmBytes,
    shareOfHbmBytes: ratio(hbmBytes, total.hbmBytes),
  };
}

const isNormalization = (operator: Operator): boolean => operator.class === "normalization";

/** Ivanov et al. (MLSys 2021) put softmax and normalization in one class; with flash attention softmax has no kernel. */
function statisticalTotals(
  timed: TimedLayer,
  { each, total }: LayerCounts,
): Result["statisticalNormalization"] {
  const { seconds, flops } = sumsOver(timed, each, isStatistical);
  return { shareOfTime: ratio(seconds, timed.layerSeconds), shareOfFlops: ratio(flops, total.flops) };
}

const isStatistical = (operator: Operator): boolean =>
  isNormalization(operator) || operator.name.startsWith("softmax");

function sumsOver(
  { operators, operatorSeconds }: TimedLayer,
  counts: readonly OperatorCounts[],
  isMember: (operator: Operator) => boolean,
): { readonly seconds: number; readonly flops: number; readonly hbmBytes: number } {
  let seconds = 0;
  let flops = 0;
  let hbmBytes = 0;
  for (let index = 0; index < operators.length; index++) {
    if (!isMember(operators[index]!)) continue;
    seconds += operatorSeconds[index]!;
    flops += counts[index]!.flops;
    hbmBytes += counts[index]!.hbmBytes;
  }
  return { seconds, flops, hbmBytes };
}

/** Costs of a model's kinds of layers, the reported one as it was found; the others by simulators of their own. */
function kindCosts() {
  const timers = new Map<string, ReturnType<typeof layerTimer>>();
  return (scenario: Scenario, target: Device, seconds: number, layerFlops: number): LayerCost =>
    (kind) => {
      if (kind === reportedKind(scenario)) return { seconds, flops: layerFlops };
      const time = timers.get(kind!) ?? layerTimer();
      timers.set(kind!, time);
      const timed = time({ ...scenario, layerKind: kind }, target);
      const flops = sumOf(timed.operators, ({ kernels }) => sumOf(kernels, (kernel) => kernel.flops));
      return { seconds: timed.schedule.startedSeconds, flops };
    };
}
