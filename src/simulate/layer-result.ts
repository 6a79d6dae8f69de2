import { isBackward } from "../layer/backward.ts";
import type { Kernel, Operator } from "../layer/kernel.ts";
import { readBytes, sumOf, writeBytes } from "../layer/kernel.ts";
import { layerOperators } from "../layer/layer.ts";
import { type Device, device, matmulPeak } from "../roofline/device.ts";
import { idealTiming } from "../roofline/ideal.ts";
import { kernelTiming } from "../roofline/kernel-time.ts";
import { layerTraffic, type Traffic } from "../roofline/residency.ts";
import { rereadBytes } from "../roofline/row-time.ts";
import { type Slot, schedule } from "../roofline/schedule.ts";
import type { Bound, OperatorResult, Result } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";

/** Everything the engine finds about one layer: a result without what other scenarios would give. */
export type LayerResult = Pick<
  Result,
  "layer" | "operators" | "normalization" | "statisticalNormalization" | "wholeModel"
>;

/** One layer of the scenario on its hardware: FLOPs, bytes, seconds and bound of every operator. Pure. */
export function layerResult(scenario: Scenario): LayerResult {
  const target = device(scenario.hardware);
  const operators = layerOperators(scenario);
  const slots = timeKernels(operators, scenario, target);
  const results = operatorResults(operators, slots, target);
  const layer = layerTotals(results, scenario);
  return {
    layer,
    operators: results,
    normalization: normalizationTotals(results, layer),
    statisticalNormalization: statisticalTotals(results, layer),
    wholeModel: wholeModel(scenario, layer.seconds, target),
  };
}

/** Seconds of one layer alone on a device, and how much of that only the first layer of a graph pays. */
export function layerSecondsOn(
  scenario: Scenario,
  target: Device,
): { seconds: number; startSeconds: number } {
  const slots = timeKernels(layerOperators(scenario), scenario, target);
  return { seconds: sumOf(slots, (slot) => slot.seconds), startSeconds: startSeconds(scenario, target) };
}

/** What starting costs, once for however many layers follow: launching the graph, or the start of a training step. */
function startSeconds(scenario: Scenario, { calibration }: Device): number {
  if (calibration === undefined) return 0;
  if (scenario.runtime === "graph") return calibration.launch.graphStartSeconds;
  return scenario.workload.phase === "train" ? calibration.host.stepSeconds : 0;
}

function timeKernels(operators: readonly Operator[], scenario: Scenario, target: Device): Slot[] {
  const kernels = operators.flatMap((operator) => operator.kernels);
  const traffic: readonly Traffic[] = target.calibration
    ? layerTraffic(kernels, target.calibration.cache)
    : kernels.map((kernel) => ({ hbmBytes: readBytes(kernel) + writeBytes(kernel), l2Bytes: 0 }));
  const timings = kernels.map((kernel, index) => kernelTiming(kernel, traffic[index]!, target));
  return schedule(timings, firstBackwardKernel(operators), scenario.runtime, target.calibration);
}

/** Index of the first kernel of the backward pass; past the last kernel when there is none. */
function firstBackwardKernel(operators: readonly Operator[]): number {
  let index = 0;
  for (const operator of operators) {
    if (isBackward(operator)) return index;
    index += operator.kernels.length;
  }
  return index;
}

function operatorResults(
  operators: readonly Operator[],
  slots: readonly Slot[],
  target: Device,
): OperatorResult[] {
  const layerSeconds = sumOf(slots, (slot) => slot.seconds);
  let next = 0;
  return operators.map((operator) => {
    const own = slots.slice(next, next + operator.kernels.length);
    next += operator.kernels.length;
    const flops = sumOf(operator.kernels, (kernel) => kernel.flops);
    const hbmReadBytes = sumOf(
      operator.kernels,
      (kernel) => readBytes(kernel) + rereadBytes(kernel.work, target),
    );
    const hbmWriteBytes = sumOf(operator.kernels, writeBytes);
    const seconds = sumOf(own, (slot) => slot.seconds);
    return {
      name: operator.name,
      class: operator.class,
      flops,
      hbmReadBytes,
      hbmWriteBytes,
      kernels: operator.kernels.length,
      arithmeticIntensity: ratio(flops, hbmReadBytes + hbmWriteBytes),
      seconds,
      idealSeconds: sumOf(operator.kernels, (kernel: Kernel) => idealTiming(kernel, target).seconds),
      bound: longestBound(own),
      shareOfTime: ratio(seconds, layerSeconds),
    };
  });
}

/** The bound under which most of the operator's time is spent. */
function longestBound(slots: readonly Slot[]): Bound {
  const seconds = new Map<Bound, number>();
  for (const slot of slots) seconds.set(slot.bound, (seconds.get(slot.bound) ?? 0) + slot.seconds);
  return [...seconds].reduce((most, entry) => (entry[1] > most[1] ? entry : most))[0];
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

function layerTotals(operators: readonly OperatorResult[], scenario: Scenario): Result["layer"] {
  const { hardware, precision } = scenario;
  const seconds = sumOf(operators, (operator) => operator.seconds);
  const flops = sumOf(operators, (operator) => operator.flops);
  const hbmBytes = sumOf(operators, (operator) => operator.hbmReadBytes + operator.hbmWriteBytes);
  const peak = matmulPeak(hardware, precision.activations) ?? hardware.peakFlopsPerSecond.fp32Vector;
  return {
    seconds,
    idealSeconds: sumOf(operators, (operator) => operator.idealSeconds),
    flops,
    hbmBytes,
    kernels: sumOf(operators, (operator) => operator.kernels),
    modelFlopsUtilization: ratio(flops, seconds * peak),
    bandwidthUtilization: ratio(hbmBytes, seconds * hardware.hbmBytesPerSecond),
  };
}

function normalizationTotals(
  operators: readonly OperatorResult[],
  layer: Result["layer"],
): Result["normalization"] {
  const norms = operators.filter((operator) => operator.class === "normalization");
  const seconds = sumOf(norms, (operator) => operator.seconds);
  const flops = sumOf(norms, (operator) => operator.flops);
  const hbmBytes = sumOf(norms, (operator) => operator.hbmReadBytes + operator.hbmWriteBytes);
  return {
    seconds,
    shareOfTime: ratio(seconds, layer.seconds),
    flops,
    shareOfFlops: ratio(flops, layer.flops),
    hbmBytes,
    shareOfHbmBytes: ratio(hbmBytes, layer.hbmBytes),
  };
}

/** Ivanov et al. (MLSys 2021) put softmax and normalization in one class; with flash attention softmax has no kernel. */
function statisticalTotals(
  operators: readonly OperatorResult[],
  layer: Result["layer"],
): Result["statisticalNormalization"] {
  const members = operators.filter(
    (operator) => operator.class === "normalization" || operator.name.startsWith("softmax"),
  );
  return {
    shareOfTime: ratio(
      sumOf(members, (operator) => operator.seconds),
      layer.seconds,
    ),
    shareOfFlops: ratio(
      sumOf(members, (operator) => operator.flops),
      layer.flops,
    ),
  };
}

/** All layers one after the other, in one graph; embedding, final norm and output head are not counted. */
function wholeModel(scenario: Scenario, layerSeconds: number, target: Device): Result["wholeModel"] {
  const { layers } = scenario.model;
  const { batch, sequence } = scenario.workload;
  const start = startSeconds(scenario, target);
  const seconds = layers * (layerSeconds - start) + start;
  return { layers, seconds, tokensPerSecond: ratio(batch * sequence, seconds) };
}
