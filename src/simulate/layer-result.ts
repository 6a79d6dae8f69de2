import { type Operator, sumOf } from "../layer/kernel.ts";
import { layerOperators } from "../layer/layer.ts";
import { remembered } from "../layer/remembered.ts";
import { type Device, device, matmulPeak } from "../roofline/device.ts";
import { boundAt } from "../roofline/schedule.ts";
import type { Bound, OperatorResult, Result } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import { countKeeper, type LayerCounts } from "./layer-counts.ts";
import { layerTimer, type TimedLayer } from "./timed-layer.ts";
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
      costOf(scenario, target, timed.schedule.startedSeconds, counted.flops),
    ));
  const figures: LayerFigures = {
    layer: () => (layer ??= layerTotals(timed, counted, scenario)),
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

function operatorResults(timed: TimedLayer, { each }: LayerCounts): OperatorResult[] {
  const { operators, operatorSeconds, layerSeconds } = timed;
  let next = 0;
  return operators.map((operator, index) => {
    const first = next;
    next += operator.kernels.length;
    const flops = each.flops[index]!;
    const hbmReadBytes = each.hbmReadBytes[index]!;
    const hbmWriteBytes = each.hbmWriteBytes[index]!;
    const seconds = operatorSeconds[index]!;
    return {
      name: operator.name,
      class: operator.class,
      flops,
      hbmReadBytes,
      hbmWriteBytes,
      kernels: operator.kernels.length,
      arithmeticIntensity: ratio(flops, hbmReadBytes + hbmWriteBytes),
      seconds,
      idealSeconds: each.idealSeconds[index]!,
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
  { flops, hbmBytes, idealSeconds }: LayerCounts,
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

function normalizationTotals(timed: TimedLayer, counted: LayerCounts): Result["normalization"] {
  const { seconds, flops, hbmBytes } = sumsOver(timed, counted, isNormalization);
  return {
    seconds,
    shareOfTime: ratio(seconds, timed.layerSeconds),
    flops,
    shareOfFlops: ratio(flops, counted.flops),
    hbmBytes,
    shareOfHbmBytes: ratio(hbmBytes, counted.hbmBytes),
  };
}

const isNormalization = (operator: Operator): boolean => operator.class === "normalization";

/** Ivanov et al. (MLSys 2021) put softmax and normalization in one class; with flash attention softmax has no kernel. */
function statisticalTotals(timed: TimedLayer, counted: LayerCounts): Result["statisticalNormalization"] {
  const { seconds, flops } = sumsOver(timed, counted, isStatistical);
  return { shareOfTime: ratio(seconds, timed.layerSeconds), shareOfFlops: ratio(flops, counted.flops) };
}

const isStatistical = (operator: Operator): boolean =>
  isNormalization(operator) || operator.name.startsWith("softmax");

function sumsOver(
  { operators, operatorSeconds }: TimedLayer,
  { each }: LayerCounts,
  isMember: (operator: Operator) => boolean,
): { readonly seconds: number; readonly flops: number; readonly hbmBytes: number } {
  let seconds = 0;
  let flops = 0;
  let hbmBytes = 0;
  for (let index = 0; index < operators.length; index++) {
    if (!isMember(operators[index]!)) continue;
    seconds += operatorSeconds[index]!;
    flops += each.flops[index]!;
    hbmBytes += each.hbmReadBytes[index]! + each.hbmWriteBytes[index]!;
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
