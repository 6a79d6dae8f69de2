import { layerKinds } from "../../schema/layer-kinds.ts";
import { peakFlopsFor } from "../../schema/peaks.ts";
import { trains } from "../../schema/phases.ts";
import type { Result } from "../../schema/result.ts";
import type { Scenario } from "../../schema/scenario.ts";
import type { Device } from "../device/device.ts";
import { idealTiming } from "../device/ideal.ts";
import { kernelTiming } from "../device/kernel-time.ts";
import { layerTraffic } from "../device/residency.ts";
import { schedule, stepStartSeconds, totalSeconds } from "../device/schedule.ts";
import { firstBackwardKernel } from "../layer/backward.ts";
import { type Dimensions, dimensions, plainWeightBytes } from "../layer/dimensions.ts";
import { type Operator, sumOf } from "../layer/kernel.ts";
import { matmulTypes, normStyle, wideMatmulTypes } from "../layer/layout.ts";
import {
  type HeldParameters,
  heldParameters,
  heldTotal,
  kvCacheBytes,
  longestStage,
  savedBytes,
  weightBytes,
  workingBytes,
} from "./memory.ts";
import { BEFORE_ENDS, type ModelEnds, modelEnds, optimizerStep } from "./model-ends.ts";
import { parameterCounts } from "./parameters.ts";

/** Seconds and FLOPs of one layer of a kind, and how many layers of the model are of it. */
interface KindTime extends Times {
  readonly name: string;
  readonly layers: number;
  readonly flops: number;
  readonly recomputedFlops: number;
}

/** Time and FLOPs of a layer, started only once for however many follow; some of its FLOPs run a second time. */
export type LayerCost = (kind: string | undefined) => Omit<KindTime, "name" | "layers">;

/** How long kernels take one after the other, of that their own durations, and of these those of norms. */
interface Times {
  readonly seconds: number;
  readonly kernelSeconds: number;
  readonly normalizationSeconds: number;
}

const NO_TIME: Times = { seconds: 0, kernelSeconds: 0, normalizationSeconds: 0 };

/** Of several parts of a step, each as often as it runs. */
const timesOf = (parts: readonly (readonly [times: Times, count: number])[]): Times => ({
  seconds: sumOf(parts, ([{ seconds }, count]) => count * seconds),
  kernelSeconds: sumOf(parts, ([{ kernelSeconds }, count]) => count * kernelSeconds),
  normalizationSeconds: sumOf(parts, ([{ normalizationSeconds }, count]) => count * normalizationSeconds),
});

/** GPUs that hold one copy of the model. */
function gpuCount({ parallelism, model }: Scenario): number {
  const { tensor, expert = 1, pipeline = 1 } = parallelism;
  return tensor * expert * Math.min(pipeline, model.layers);
}

/**
 * A step of the whole model: embedding, all layers one after the other, final norm and output head; in training with
 * their backward passes and the optimizer. Launching the graph, or starting the step, is paid once. Through
 * `pipeline` stages a step takes all stages' time and the exchanges between them; inference keeps every stage busy with
 * another batch, training fills and empties the stages once for all accumulated batches.
 */
export function wholeModel(scenario: Scenario, target: Device, costOf: LayerCost): Result["wholeModel"] {
  const { model, workload, parallelism, precision, hardware, training } = scenario;
  const d = stepDimensions(scenario);
  const ends = endsOf(scenario, d);
  const kinds = layerKinds(model).map(
    ({ name, layers }): KindTime => ({ name, layers, ...costOf(model.layerKinds && name) }),
  );
  const timeOf = (operators: readonly Operator[], passes: Passes) =>
    operatorTimes(operators, passes, scenario, target);
  const embedding = timeOf(ends.embedding, "apart");
  const finalNorm = timeOf(ends.finalNorm, "apart");
  const head = timeOf(ends.head, "together");
  const held = heldParameters(model, parallelism);
  const updates = trains(workload.phase)
    ? optimizerStep(
        heldTotal(held),
        plainWeightBytes(precision),
        training?.optimizer,
        training?.optimizerStates,
      )
    : [];
  const optimizer = timeOf(updates, "together");
  const layers = timesOf(kinds.map((kind) => [kind, kind.layers]));
  const startSeconds = stepStartSeconds(workload.phase, scenario.runtime, target.calibration);
  const passSeconds = startSeconds + embedding.seconds + layers.seconds + finalNorm.seconds + head.seconds;
  const batches = trains(workload.phase) ? (training?.gradientAccumulation ?? 1) : 1;
  const all = timesOf([
    ...[embedding, layers, finalNorm, head].map((part) => [part, batches] as const),
    [optimizer, 1],
  ]);
  const time = throughStages(passSeconds, batches, stageExchangeSeconds(scenario, d, target), scenario);
  const seconds = time.seconds + optimizer.seconds;
  const flops =
    batches *
    (sumOf(kinds, (kind) => kind.layers * kind.flops) +
      flopsOf([...ends.embedding, ...ends.finalNorm, ...ends.head]));
  const recomputedFlops = batches * sumOf(kinds, (kind) => kind.layers * kind.recomputedFlops);
  const tokens = batches * workload.batch * workload.sequence * (parallelism.expert ?? 1);
  const stepSeconds = trains(workload.phase) ? seconds : time.stageSeconds;
  const peak = peakFlopsFor(hardware, precision.activations);
  const counts = parameterCounts(model);
  const tokensPerSecond = ratio(tokens, stepSeconds);
  const gpus = gpuCount(scenario);
  const known = hardware.calibration !== undefined;
  return {
    layers: model.layers,
    seconds,
    kernelSeconds: all.kernelSeconds,
    tokensPerSecond,
    tokensPerSecondPerGpu: tokensPerSecond / gpus,
    normalization: {
      seconds: known ? all.normalizationSeconds : null,
      shareOfTime: known ? ratio(all.normalizationSeconds, all.kernelSeconds) : null,
    },
    embeddingSeconds: embedding.seconds,
    layersSeconds: layers.seconds,
    finalNormSeconds: finalNorm.seconds,
    headSeconds: head.seconds,
    optimizerSeconds: optimizer.seconds,
    flops,
    modelFlopsUtilization: ratio(flops - recomputedFlops, stages(scenario) * stepSeconds * peak),
    hardwareFlopsUtilization: ratio(flops, stages(scenario) * stepSeconds * peak),
    parameters: counts.total,
    activeParameters: counts.active,
    gpus,
    ...(model.layerKinds === undefined
      ? {}
      : { kinds: kinds.map(({ name, layers, seconds }) => ({ name, layers, layerSeconds: seconds })) }),
  };
}

const stepDimensions = ({ model, workload, precision, parallelism }: Scenario): Dimensions =>
  dimensions(model, workload.batch, workload.sequence, precision, parallelism);

const stages = ({ model, parallelism }: Scenario): number =>
  Math.min(parallelism.pipeline ?? 1, model.layers);

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

const flopsOf = (operators: readonly Operator[]): number =>
  sumOf(operators, ({ kernels }) => sumOf(kernels, (kernel) => kernel.flops));

/** Whether all other layers run between the two passes of a training step, or nothing does. */
type Passes = "apart" | "together";

/** Operators back to back in the scenario's runtime, on their own; what starting costs is counted elsewhere. */
function operatorTimes(
  operators: readonly Operator[],
  passes: Passes,
  { runtime }: Scenario,
  target: Device,
): Times {
  const kernels = operators.flatMap((operator) => operator.kernels);
  if (kernels.length === 0) return NO_TIME;
  const { calibration } = target;
  if (calibration === undefined) {
    const seconds = sumOf(kernels, (kernel) => idealTiming(kernel, target).seconds);
    return { seconds, kernelSeconds: seconds, normalizationSeconds: 0 };
  }
  const backward = firstBackwardKernel(operators);
  const secondPass = passes === "apart" ? backward : kernels.length;
  const traffic = layerTraffic(kernels, calibration.cache, secondPass, BEFORE_ENDS);
  const timings = kernels.map((kernel, index) => kernelTiming(kernel, traffic[index]!, target));
  const isNorm = operators.flatMap(({ class: kind, kernels: own }) =>
    own.map(() => kind === "normalization"),
  );
  const slots = schedule(timings, backward, runtime, calibration);
  return {
    seconds: totalSeconds(slots),
    kernelSeconds: sumOf(slots, ({ kernelSeconds }) => kernelSeconds),
    normalizationSeconds: slots.reduce(
      (sum, { kernelSeconds }, index) => sum + (isNorm[index] ? kernelSeconds : 0),
      0,
    ),
  };
}

/** The residual stream from one stage to the next; back too in training. */
function stageExchangeSeconds({ workload }: Scenario, d: Dimensions, target: Device): number {
  const bytes = d.normTokens * d.hidden * d.activationBytes;
  const network = target.calibration?.network;
  const wire = bytes / (target.linkBytesPerSecond * (network?.linkFraction ?? 1));
  const once = (network?.latencySeconds ?? 0) + wire;
  return trains(workload.phase) ? 2 * once : once;
}

function throughStages(
  passSeconds: number,
  batches: number,
  exchangeSeconds: number,
  scenario: Scenario,
): { readonly seconds: number; readonly stageSeconds: number } {
  const count = stages(scenario);
  if (count === 1) return { seconds: batches * passSeconds, stageSeconds: batches * passSeconds };
  // the longest stage has the layers that do not divide evenly
  const uneven = (longestStage(scenario.model, scenario.parallelism) * count) / scenario.model.layers;
  const stageSeconds = (passSeconds * uneven) / count + exchangeSeconds;
  if (trains(scenario.workload.phase)) return { seconds: (batches + count - 1) * stageSeconds, stageSeconds };
  return { seconds: passSeconds + (count - 1) * exchangeSeconds, stageSeconds };
}

/**
 * Bytes that the largest share of the model takes on one GPU. In training all layers of a stage keep what their
 * backward passes read, for as many batches as the stages have under way at once. `layerOf` builds a layer of a scenario.
 */
export function memory(
  scenario: Scenario,
  layerOf: (scenario: Scenario) => readonly Operator[],
): Result["memory"] {
  const { model, workload, parallelism, precision, hardware, training } = scenario;
  const d = stepDimensions(scenario);
  const held = heldParameters(model, parallelism);
  const weights = weightBytes(held, precision);
  const kvCache = kvCacheBytes(scenario, d);
  const train = trains(workload.phase);
  const layers = layersOfEachKind(scenario, layerOf);
  const activations = (train ? keptBytes(scenario, layers) : 0) + largestKernelBytes(scenario, d, layers);
  const optimizer = train ? trainingStateBytes(held, precision, training) : 0;
  return {
    weightBytes: weights,
    kvCacheBytes: kvCache,
    activationBytes: activations,
    optimizerBytes: optimizer,
    totalBytes: weights + kvCache + activations + optimizer,
    deviceBytes: hardware.hbmBytes,
  };
}

/** How many of the model's layers are like this one. */
interface LayersOfKind {
  readonly layers: number;
  readonly operators: readonly Operator[];
}

const layersOfEachKind = (
  scenario: Scenario,
  layerOf: (scenario: Scenario) => readonly Operator[],
): readonly LayersOfKind[] =>
  layerKinds(scenario.model).map(({ name, layers }) => ({
    layers,
    operators: layerOf(scenario.model.layerKinds === undefined ? scenario : { ...scenario, layerKind: name }),
  }));

/** What all layers of the longest stage keep for their backward passes, for the batches that are under way in it. */
function keptBytes(scenario: Scenario, layersOfKinds: readonly LayersOfKind[]): number {
  const { model, training, parallelism } = scenario;
  const underWay = Math.min(stages(scenario), training?.gradientAccumulation ?? 1);
  const all = sumOf(layersOfKinds, ({ layers, operators }) => layers * savedBytes(operators));
  return (all * underWay * longestStage(model, parallelism)) / model.layers;
}

/** Of a layer of any kind, or of embedding and output head: in training the logits are often the largest. */
function largestKernelBytes(
  scenario: Scenario,
  d: Dimensions,
  layersOfKinds: readonly LayersOfKind[],
): number {
  const { embedding, finalNorm, head } = endsOf(scenario, d);
  const ofLayers = layersOfKinds.map(({ operators }) => workingBytes(operators));
  return Math.max(...ofLayers, workingBytes([...embedding, ...finalNorm, ...head]));
}

function endsOf({ model, workload, precision, normalization, kernels }: Scenario, d: Dimensions): ModelEnds {
  const types = wideMatmulTypes(precision);
  const style = normStyle(normalization, matmulTypes(precision), types, model.normOffset);
  return modelEnds(model, workload.phase, d, style, types, kernels);
}

/** Gradients in the weights' type, and what the optimizer keeps: master weights and two moments in fp32. */
function trainingStateBytes(
  held: HeldParameters,
  precision: Scenario["precision"],
  training: Scenario["training"],
): number {
  const parameters = heldTotal(held);
  const gradientBytes = plainWeightBytes(precision);
  if (training?.optimizer === "none") return parameters * gradientBytes;
  // two moments as wide as the weights, which are updated in place
  if (training?.optimizerStates === "weights") return parameters * 3 * gradientBytes;
  const master = gradientBytes < 4 ? 4 : 0;
  return parameters * (gradientBytes + master + 8);
}

/** Tensors that one layer of the reported kind keeps for its backward pass; 0 in inference. */
export const savedActivationBytes = (scenario: Scenario, operators: readonly Operator[]): number =>
  trains(scenario.workload.phase) ? savedBytes(operators) : 0;

type Throughput = Pick<Result["wholeModel"], "tokensPerSecond" | "gpus">;

const SECONDS_PER_HOUR = 3600;

const gpuSecondsPerToken = ({ tokensPerSecond, gpus }: Throughput): number => ratio(gpus, tokensPerSecond);

export const usdPerMillionTokens = (step: Throughput, gpuHourUsd: number): number =>
  (1e6 * gpuSecondsPerToken(step) * gpuHourUsd) / SECONDS_PER_HOUR;

/** Money and energy of a token, where the profile knows price and power: all GPUs at their price and board power. */
export function cost({ hardware }: Scenario, step: Throughput): Result["cost"] {
  const { gpuHourUsd, boardPowerWatts } = hardware;
  return {
    ...(gpuHourUsd === undefined
      ? {}
      : {
          gpuHourUsd: gpuHourUsd.value,
          usdPerMillionTokens: usdPerMillionTokens(step, gpuHourUsd.value),
        }),
    ...(boardPowerWatts === undefined
      ? {}
      : { boardPowerWatts, joulesPerToken: gpuSecondsPerToken(step) * boardPowerWatts }),
  };
}
