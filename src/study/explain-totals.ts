import { note, type Step } from "../explain/step.ts";
import { isRecomputed } from "../layer/backward.ts";
import { sumOf } from "../layer/kernel.ts";
import type { Device } from "../roofline/device.ts";
import { stepStartSeconds } from "../roofline/schedule.ts";
import { matmulPeak } from "../schema/peaks.ts";
import type { OperatorResult } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import type { LayerResult } from "../simulate/layer-result.ts";
import { startedSecondsOn } from "../simulate/timed-layer.ts";

/** The figures of a result that are made of its operators', each with the names that the result gives them. */
export function totalSteps(scenario: Scenario, result: LayerResult, target: Device): Step[] {
  const steps: Step[] = [];
  layerSums(steps, result);
  normalizationSums(steps, result);
  utilization(steps, scenario, result);
  wholeModelSums(steps, scenario, result, target);
  costSums(steps, scenario, result);
  return steps;
}

type Value = (operator: OperatorResult) => number;

const hbmBytes: Value = ({ hbmReadBytes, hbmWriteBytes }) => hbmReadBytes + hbmWriteBytes;

function sumStep(
  steps: Step[],
  name: string,
  total: number,
  operators: readonly OperatorResult[],
  of: Value,
) {
  const template = operators.map((_, index) => `$${index}`).join(" + ") || "0";
  note(
    steps,
    name,
    template,
    total,
    operators.map((operator) => [operator.name, of(operator)]),
  );
}

function layerSums(steps: Step[], { layer, operators }: LayerResult): void {
  sumStep(steps, "layer.seconds", layer.seconds, operators, ({ seconds }) => seconds);
  sumStep(steps, "layer.idealSeconds", layer.idealSeconds, operators, ({ idealSeconds }) => idealSeconds);
  sumStep(steps, "layer.flops", layer.flops, operators, ({ flops }) => flops);
  sumStep(steps, "layer.hbmBytes", layer.hbmBytes, operators, hbmBytes);
}

function normalizationSums(steps: Step[], { layer, normalization, operators }: LayerResult): void {
  const norms = operators.filter((operator) => operator.class === "normalization");
  const share = (name: string, value: number, part: keyof typeof normalization, whole: keyof typeof layer) =>
    note(steps, `normalization.${name}`, "$0 / $1", value, [
      [`normalization.${part}`, normalization[part]],
      [`layer.${whole}`, layer[whole]],
    ]);
  sumStep(steps, "normalization.seconds", normalization.seconds, norms, ({ seconds }) => seconds);
  share("shareOfTime", normalization.shareOfTime, "seconds", "seconds");
  sumStep(steps, "normalization.flops", normalization.flops, norms, ({ flops }) => flops);
  share("shareOfFlops", normalization.shareOfFlops, "flops", "flops");
  sumStep(steps, "normalization.hbmBytes", normalization.hbmBytes, norms, hbmBytes);
  share("shareOfHbmBytes", normalization.shareOfHbmBytes, "hbmBytes", "hbmBytes");
}

function utilization(
  steps: Step[],
  { hardware, precision }: Scenario,
  { layer, operators }: LayerResult,
): void {
  const peaks = hardware.peakFlopsPerSecond;
  const peak = matmulPeak(hardware, precision.activations);
  const type = peak === undefined || precision.activations === "fp32" ? "fp32Vector" : precision.activations;
  const seconds = ["layer.seconds", layer.seconds] as const;
  const flops = ["layer.flops", layer.flops] as const;
  const recomputed = sumOf(operators, (one) => (isRecomputed(one) ? one.flops : 0));
  const peakRate = [`hardware.peakFlopsPerSecond.${type}`, peaks[type], peaks, type] as const;
  note(steps, "layer.modelFlopsUtilization", "($0 - $1) / ($2 * $3)", layer.modelFlopsUtilization, [
    flops,
    ["recomputed flops", recomputed],
    seconds,
    peakRate,
  ]);
  note(steps, "layer.hardwareFlopsUtilization", "$0 / ($1 * $2)", layer.hardwareFlopsUtilization, [
    flops,
    seconds,
    peakRate,
  ]);
  note(steps, "layer.bandwidthUtilization", "$0 / ($1 * $2)", layer.bandwidthUtilization, [
    ["layer.hbmTrafficBytes", layer.hbmTrafficBytes],
    seconds,
    ["hardware.hbmBytesPerSecond", hardware.hbmBytesPerSecond, hardware, "hbmBytesPerSecond"],
  ]);
}

/** Not where the model is cut into stages: there a step is no sum of its layers. */
function wholeModelSums(steps: Step[], scenario: Scenario, { wholeModel }: LayerResult, target: Device) {
  const { workload, training, parallelism, model } = scenario;
  if ((parallelism.pipeline ?? 1) > 1) return;
  const start = startOperand(scenario, target);
  const { kinds, layersSeconds, seconds } = wholeModel;
  if (kinds === undefined)
    note(steps, "wholeModel.layersSeconds", "$0 * $1", layersSeconds, [
      ["model.layers", model.layers],
      ["layer.seconds without the start", startedSecondsOn(scenario)(target)],
    ]);
  else
    note(
      steps,
      "wholeModel.layersSeconds",
      kinds.map((_, index) => `$${2 * index} * $${2 * index + 1}`).join(" + "),
      layersSeconds,
      kinds.flatMap(({ name, layers, layerSeconds }) => [
        [`${name} layers`, layers] as const,
        [`${name} layerSeconds`, layerSeconds] as const,
      ]),
    );
  const batches = workload.phase === "train" ? (training?.gradientAccumulation ?? 1) : 1;
  note(steps, "wholeModel.seconds", "$0 * ($1 + $2 + $3 + $4 + $5) + $6", seconds, [
    ["batches", batches],
    start,
    ["wholeModel.embeddingSeconds", wholeModel.embeddingSeconds],
    ["wholeModel.layersSeconds", layersSeconds],
    ["wholeModel.finalNormSeconds", wholeModel.finalNormSeconds],
    ["wholeModel.headSeconds", wholeModel.headSeconds],
    ["wholeModel.optimizerSeconds", wholeModel.optimizerSeconds],
  ]);
  note(steps, "wholeModel.tokensPerSecond", "$0 * $1 * $2 * $3 / $4", wholeModel.tokensPerSecond, [
    ["batches", batches],
    ["workload.batch", workload.batch],
    ["workload.sequence", workload.sequence],
    ["parallelism.expert", parallelism.expert ?? 1],
    ["wholeModel.seconds", seconds],
  ]);
}

function startOperand(scenario: Scenario, target: Device) {
  const seconds = stepStartSeconds(scenario.workload.phase, scenario.runtime, target.calibration);
  const { launch, host } = seconds === 0 ? {} : (target.calibration ?? {});
  return scenario.runtime === "graph"
    ? (["startSeconds", seconds, launch, "graphStartSeconds"] as const)
    : (["startSeconds", seconds, host, "stepSeconds"] as const);
}

function costSums(steps: Step[], { hardware }: Scenario, { wholeModel, cost }: LayerResult): void {
  const { gpuHourUsd: price, boardPowerWatts: power } = hardware;
  const gpus = ["wholeModel.gpus", wholeModel.gpus] as const;
  const rate = ["wholeModel.tokensPerSecond", wholeModel.tokensPerSecond] as const;
  if (price !== undefined)
    note(steps, "cost.usdPerMillionTokens", "1e6 * ($0 / $1) * $2 / 3600", cost.usdPerMillionTokens, [
      gpus,
      rate,
      ["hardware.gpuHourUsd", price.value, price, "value"],
    ]);
  if (power !== undefined)
    note(steps, "cost.joulesPerToken", "$0 / $1 * $2", cost.joulesPerToken, [
      gpus,
      rate,
      ["hardware.boardPowerWatts", power, hardware, "boardPowerWatts"],
    ]);
}
