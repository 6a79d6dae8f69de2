import type { Hardware } from "../schema/hardware.ts";
import { reportedKind } from "../schema/layer-kinds.ts";
import { hbmBytesOf } from "../schema/operator-sums.ts";
import { peakFlopsFor } from "../schema/peaks.ts";
import type { OperatorResult, Result } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import { type Device, device } from "./device/device.ts";
import { ratio } from "./device/math.ts";
import { isRecomputed } from "./layer/backward.ts";
import { type Operator, sumOf } from "./layer/kernel.ts";
import { layerOperators } from "./layer/layer.ts";
import { cost, type LayerCost, memory, savedActivationBytes, wholeModel } from "./model/whole-model.ts";
import { type TimedLayer, timedLayer } from "./timed-layer.ts";

/** Everything the engine finds about one layer: a result without what other scenarios would give. */
export type LayerResult = Pick<
  Result,
  "layer" | "operators" | "normalization" | "statisticalNormalization" | "wholeModel" | "memory" | "cost"
>;

/** The same, each part when it is asked for. */
export type LayerFigures = { readonly [Part in keyof LayerResult]: () => LayerResult[Part] };

/** One layer of the scenario on its hardware: FLOPs, bytes, seconds and bound of every operator. Pure. */
export const layerResult = (scenario: Scenario): LayerResult => allFigures(layerFigures(scenario));

const allFigures = (figures: LayerFigures): LayerResult => ({
  layer: figures.layer(),
  operators: figures.operators(),
  normalization: figures.normalization(),
  statisticalNormalization: figures.statisticalNormalization(),
  wholeModel: figures.wholeModel(),
  memory: figures.memory(),
  cost: figures.cost(),
});

/**
 * A layer of the scenario on its hardware, each figure computed when it is first asked for: who wants one figure of a
 * million layers pays for that one.
 */
export function layerFigures(scenario: Scenario): LayerFigures {
  const target = device(scenario.hardware);
  const timed = timedLayer(scenario, target);
  const layer = once(() => layerTotals(timed, scenario));
  const whole = once(() => wholeModel(scenario, target, kindCost(scenario, target, timed)));
  return {
    layer,
    operators: once(() => operatorResults(timed, scenario, layer().seconds)),
    normalization: once(() => normalizationTotals(timed, scenario, layer())),
    statisticalNormalization: () => statisticalTotals(timed, scenario, layer()),
    wholeModel: whole,
    memory: () => memory(scenario, layerOperators),
    cost: () => cost(scenario, whole()),
  };
}

function once<T>(compute: () => T): () => T {
  let value: T | undefined;
  return () => (value ??= compute());
}

/**
 * Whether it is known how long norms take on a device. A datasheet gives the time of matmuls at best; norm kernels are as
 * slow as their latencies, rows and reductions make them, which only measurements tell.
 */
export const knowsNormTimes = ({ calibration }: Hardware): boolean => calibration !== undefined;

const operatorResults = (
  { operators }: TimedLayer,
  { hardware }: Scenario,
  layerSeconds: number,
): OperatorResult[] =>
  operators.map(({ operator, flops, hbmReadBytes, hbmWriteBytes, seconds, idealSeconds, bound }) => ({
    name: operator.name,
    class: operator.class,
    flops,
    hbmReadBytes,
    hbmWriteBytes,
    kernels: operator.kernels.length,
    arithmeticIntensity: ratio(flops, hbmReadBytes + hbmWriteBytes),
    seconds,
    idealSeconds,
    bound,
    shareOfTime: isNormalization(operator) && !knowsNormTimes(hardware) ? null : ratio(seconds, layerSeconds),
  }));

function layerTotals(timed: TimedLayer, scenario: Scenario): Result["layer"] {
  const { operators } = timed;
  const { hardware, precision } = scenario;
  const peak = peakFlopsFor(hardware, precision.activations);
  const seconds = sumOf(operators, (one) => one.seconds);
  const flops = sumOf(operators, (one) => one.flops);
  const hbmBytes = sumOf(operators, hbmBytesOf);
  const hbmTrafficBytes = sumOf(operators, (one) => one.hbmTrafficBytes);
  return {
    seconds,
    kernelSeconds: sumOf(operators, (one) => one.kernelSeconds),
    idealSeconds: sumOf(operators, (one) => one.idealSeconds),
    flops,
    hbmBytes,
    hbmTrafficBytes,
    kernels: sumOf(operators, ({ operator }) => operator.kernels.length),
    modelFlopsUtilization: ratio(flops - recomputedFlops(timed), seconds * peak),
    hardwareFlopsUtilization: ratio(flops, seconds * peak),
    bandwidthUtilization: ratio(hbmTrafficBytes, seconds * hardware.hbmBytesPerSecond),
    savedActivationBytes: savedActivationBytes(
      scenario,
      operators.map(({ operator }) => operator),
    ),
  };
}

/** Of operators that training runs again for its backward pass: work of the hardware, not of the model. */
const recomputedFlops = ({ operators }: Pick<TimedLayer, "operators">): number =>
  sumOf(operators, ({ operator, flops }) => (isRecomputed(operator) ? flops : 0));

function normalizationTotals(
  timed: TimedLayer,
  { hardware }: Scenario,
  layer: Result["layer"],
): Result["normalization"] {
  const norms = timed.operators.filter(({ operator }) => isNormalization(operator));
  const seconds = knowsNormTimes(hardware) ? sumOf(norms, (one) => one.seconds) : null;
  const flops = sumOf(norms, (one) => one.flops);
  const hbmBytes = sumOf(norms, hbmBytesOf);
  return {
    seconds,
    shareOfTime: seconds === null ? null : ratio(seconds, layer.seconds),
    flops,
    shareOfFlops: ratio(flops, layer.flops),
    hbmBytes,
    shareOfHbmBytes: ratio(hbmBytes, layer.hbmBytes),
  };
}

const isNormalization = (operator: Operator): boolean => operator.class === "normalization";

/** Ivanov et al. (MLSys 2021) put softmax and normalization in one class; with flash attention softmax has no kernel. */
function statisticalTotals(
  timed: TimedLayer,
  { hardware }: Scenario,
  layer: Result["layer"],
): Result["statisticalNormalization"] {
  const those = timed.operators.filter(
    ({ operator }) => isNormalization(operator) || operator.name.startsWith("softmax"),
  );
  return {
    shareOfTime: knowsNormTimes(hardware)
      ? ratio(
          sumOf(those, (one) => one.seconds),
          layer.seconds,
        )
      : null,
    shareOfFlops: ratio(
      sumOf(those, (one) => one.flops),
      layer.flops,
    ),
  };
}

/** Costs of a model's kinds of layers, the reported one as it was found. */
const kindCost =
  (scenario: Scenario, target: Device, reported: TimedLayer): LayerCost =>
  (kind) => {
    const { operators, startedSeconds } =
      kind === reportedKind(scenario) ? reported : timedLayer({ ...scenario, layerKind: kind }, target);
    return {
      seconds: startedSeconds,
      kernelSeconds: sumOf(operators, ({ kernelSeconds }) => kernelSeconds),
      normalizationSeconds: sumOf(operators, ({ operator, kernelSeconds }) =>
        isNormalization(operator) ? kernelSeconds : 0,
      ),
      flops: sumOf(operators, ({ flops }) => flops),
      recomputedFlops: recomputedFlops({ operators }),
    };
  };
