import { isBackward } from "../layer/backward.ts";
import type { Kernel, Operator } from "../layer/kernel.ts";
import { readBytes, sumOf, writeBytes } from "../layer/kernel.ts";
import { layerBuilder } from "../layer/layer.ts";
import { remembered } from "../layer/remembered.ts";
import { type Device, device, matmulPeak } from "../roofline/device.ts";
import { idealTiming } from "../roofline/ideal.ts";
import { kernelTiming } from "../roofline/kernel-time.ts";
import { type Traffic, trafficTracer } from "../roofline/residency.ts";
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
export function layerResult(scenario: Scenario): LayerResult {
  const figures = layerSimulator()(scenario);
  return {
    layer: figures.layer(),
    operators: figures.operators(),
    normalization: figures.normalization(),
    statisticalNormalization: figures.statisticalNormalization(),
    wholeModel: figures.wholeModel(),
    memory: figures.memory(),
    cost: figures.cost(),
  };
}

/**
 * Simulates layers one after the other; what does not change from one to the next (operators, the times of kernels) is
 * not computed again. Scenarios should share the parts they have in common. The figures are those of `layerResult`;
 * read them before the next layer is simulated.
 */
export function layerSimulator(): (scenario: Scenario) => LayerFigures {
  const time = layerTimer();
  const counts = countKeeper();
  const totals = remembered(totalCounts);
  const costOf = kindCosts();
  return (scenario) => {
    const target = device(scenario.hardware);
    const timed = time(scenario, target);
    const counted = counts(timed.operators, target);
    const total = totals(counted);
    let layer: Result["layer"] | undefined;
    let operators: OperatorResult[] | undefined;
    let normalization: Result["normalization"] | undefined;
    let whole: Result["wholeModel"] | undefined;
    const wholeModelNow = (): Result["wholeModel"] =>
      (whole ??= wholeModel(
        scenario,
        target,
        startSeconds(scenario, target),
        costOf(scenario, target, timed.schedule.startedSeconds, total.flops),
      ));
    return {
      layer: () => (layer ??= layerTotals(timed, total, scenario)),
      operators: () => (operators ??= operatorResults(timed, counted)),
      normalization: () => (normalization ??= normalizationTotals(timed, counted, total)),
      statisticalNormalization: () => statisticalTotals(timed, counted, total),
      wholeModel: wholeModelNow,
      memory: () => memory(scenario),
      cost: () => cost(scenario, wholeModelNow()),
    };
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
  readonly operatorSeconds: readonly number[];
  readonly layerSeconds: number;
}

function layerTimer(): (scenario: Scenario, target: Device) => TimedLayer {
  const build = layerBuilder();
  const kernelsOf = remembered(allKernels);
  const firstBackward = remembered(firstBackwardKernel);
  const timingsOf = timingKeeper();
  return (scenario, target) => {
    const operators = build(scenario);
    const timings = timingsOf(kernelsOf(operators), target);
    const backward = scenario.workload.phase === "train" ? firstBackward(operators) : timings.length;
    const schedule = scheduleKernels(timings, backward, scenario.runtime, target.calibration);
    const operatorSeconds = sumByOperator(operators, schedule.seconds);
    return { operators, timings, schedule, operatorSeconds, layerSeconds: sum(operatorSeconds) };
  };
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** A plain loop: `flatMap` takes as long as everything else that a sweep does for a layer. */
function allKernels(operators: readonly Operator[]): readonly Kernel[] {
  const all: Kernel[] = [];
  for (const { kernels } of operators) for (const kernel of kernels) all.push(kernel);
  return all;
}

/** Times of kernels on a device; those whose kernel and traffic are what they were in the last layer are kept. */
function timingKeeper(): (kernels: readonly Kernel[], target: Device) => readonly Timing[] {
  const trace = trafficTracer();
  let lastTarget: Device | undefined;
  let kept: {
    readonly kernels: (Kernel | undefined)[];
    readonly traffic: Traffic[];
    readonly timings: Timing[];
  };
  return (kernels, target) => {
    if (target !== lastTarget || kept.kernels.length !== kernels.length)
      kept = { kernels: kernels.map(() => undefined), traffic: [], timings: [] };
    lastTarget = target;
    const { calibration } = target;
    if (calibration === undefined)
      return kernels.map((kernel) => kernelTiming(kernel, uncached(kernel), target));
    const { hbmBytes, l2Bytes } = trace(kernels, calibration.cache);
    for (let index = 0; index < kernels.length; index++) {
      const kernel = kernels[index]!;
      const hbm = hbmBytes[index]!;
      const l2 = l2Bytes[index]!;
      if (kept.kernels[index] === kernel) {
        const before = kept.traffic[index]!;
        if (before.hbmBytes === hbm && before.l2Bytes === l2) continue;
      }
      const traffic = { hbmBytes: hbm, l2Bytes: l2 };
      kept.kernels[index] = kernel;
      kept.traffic[index] = traffic;
      kept.timings[index] = kernelTiming(kernel, traffic, target);
    }
    return kept.timings;
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

function sumByOperator(operators: readonly Operator[], kernelSeconds: readonly number[]): readonly number[] {
  const sums: number[] = [];
  let next = 0;
  for (const { kernels } of operators) {
    let seconds = 0;
    for (const end = next + kernels.length; next < end; next++) seconds += kernelSeconds[next]!;
    sums.push(seconds);
  }
  return sums;
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

function totalCounts(counts: readonly OperatorCounts[]): OperatorCounts {
  const total = { flops: 0, hbmReadBytes: 0, hbmWriteBytes: 0, hbmBytes: 0, idealSeconds: 0 };
  for (const count of counts) {
    total.flops += count.flops;
    total.hbmReadBytes += count.hbmReadBytes;
    total.hbmWriteBytes += count.hbmWriteBytes;
    total.hbmBytes += count.hbmBytes;
    total.idealSeconds += count.idealSeconds;
  }
  return total;
}

/** Counts of operators on a device; those of the same operators as in the last layer are kept. */
function countKeeper(): (operators: readonly Operator[], target: Device) => readonly OperatorCounts[] {
  let lastTarget: Device | undefined;
  let last: readonly Operator[] = [];
  let counts: readonly OperatorCounts[] = [];
  return (operators, target) => {
    if (target !== lastTarget || operators !== last) {
      const sameTarget = target === lastTarget;
      counts = operators.map((operator, index) =>
        sameTarget && operator === last[index] ? counts[index]! : operatorCounts(operator, target),
      );
      lastTarget = target;
      last = operators;
    }
    return counts;
  };
}

function operatorResults(timed: TimedLayer, counts: readonly OperatorCounts[]): OperatorResult[] {
  const { operators, operatorSeconds, layerSeconds } = timed;
  let next = 0;
  return operators.map((operator, index) => {
    const first = next;
    next += operator.kernels.length;
    const { flops, hbmReadBytes, hbmWriteBytes, hbmBytes, idealSeconds } = counts[index]!;
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

function normalizationTotals(
  timed: TimedLayer,
  counts: readonly OperatorCounts[],
  total: OperatorCounts,
): Result["normalization"] {
  const { seconds, flops, hbmBytes } = sumsOver(timed, counts, isNormalization);
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
  counts: readonly OperatorCounts[],
  total: OperatorCounts,
): Result["statisticalNormalization"] {
  const { seconds, flops } = sumsOver(timed, counts, isStatistical);
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
      const flops = sum(timed.operators.map((operator) => sumOf(operator.kernels, (kernel) => kernel.flops)));
      return { seconds: timed.schedule.startedSeconds, flops };
    };
}
