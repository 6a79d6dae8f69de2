import type { Device } from "../../engine/device/device.ts";
import { stepStartSeconds } from "../../engine/device/schedule.ts";
import { isRecomputed } from "../../engine/layer/backward.ts";
import { sumOf } from "../../engine/layer/kernel.ts";
import type { LayerResult } from "../../engine/layer-result.ts";
import { startedSecondsOn } from "../../engine/timed-layer.ts";
import { hbmBytesOf } from "../../schema/operator-sums.ts";
import { peakName } from "../../schema/peaks.ts";
import { trains } from "../../schema/phases.ts";
import type { OperatorResult } from "../../schema/result.ts";
import type { Scenario } from "../../schema/scenario.ts";
import { type Step, step, sumStep } from "./step.ts";

/** The figures of a result that are made of its operators', each with the names that the result gives them. */
export const totalSteps = (scenario: Scenario, result: LayerResult, target: Device): Step[] => [
  ...layerSums(result),
  ...normalizationSums(result),
  ...utilization(scenario, result),
  ...wholeModelSums(scenario, result, target),
  ...costSums(scenario, result),
];

type Value = (operator: OperatorResult) => number;

const operatorSum = (name: string, total: number, operators: readonly OperatorResult[], of: Value): Step =>
  sumStep(
    name,
    total,
    operators.map((operator) => [operator.name, of(operator)]),
  );

const layerSums = ({ layer, operators }: LayerResult): Step[] => [
  operatorSum("layer.seconds", layer.seconds, operators, ({ seconds }) => seconds),
  operatorSum("layer.idealSeconds", layer.idealSeconds, operators, ({ idealSeconds }) => idealSeconds),
  operatorSum("layer.flops", layer.flops, operators, ({ flops }) => flops),
  operatorSum("layer.hbmBytes", layer.hbmBytes, operators, hbmBytesOf),
];

function normalizationSums({ layer, normalization, operators }: LayerResult): Step[] {
  const norms = operators.filter((operator) => operator.class === "normalization");
  const sumAndShare = (field: "seconds" | "flops" | "hbmBytes", share: NormShare, of: Value): Step[] => {
    const [sum, part] = [normalization[field], normalization[share]];
    // without a calibration nobody knows how long norms take
    if (sum === null || part === null) return [];
    return [
      operatorSum(`normalization.${field}`, sum, norms, of),
      step(`normalization.${share}`, "$0 / $1", part, [
        [`normalization.${field}`, sum],
        [`layer.${field}`, layer[field]],
      ]),
    ];
  };
  return [
    ...sumAndShare("seconds", "shareOfTime", ({ seconds }) => seconds),
    ...sumAndShare("flops", "shareOfFlops", ({ flops }) => flops),
    ...sumAndShare("hbmBytes", "shareOfHbmBytes", hbmBytesOf),
  ];
}

type NormShare = "shareOfTime" | "shareOfFlops" | "shareOfHbmBytes";

function utilization({ hardware, precision }: Scenario, { layer, operators }: LayerResult): Step[] {
  const peak = peakName(hardware, precision.activations);
  const peakPath = `hardware.peakFlopsPerSecond.${peak}`;
  const bandwidthPath = "hardware.hbmBytesPerSecond";
  const peakRate = [peakPath, hardware.peakFlopsPerSecond[peak]!, peakPath] as const;
  const flops = ["layer.flops", layer.flops] as const;
  const seconds = ["layer.seconds", layer.seconds] as const;
  const recomputed = sumOf(operators, (one) => (isRecomputed(one) ? one.flops : 0));
  return [
    step("layer.modelFlopsUtilization", "($0 - $1) / ($2 * $3)", layer.modelFlopsUtilization, [
      flops,
      ["recomputed flops", recomputed],
      seconds,
      peakRate,
    ]),
    step("layer.hardwareFlopsUtilization", "$0 / ($1 * $2)", layer.hardwareFlopsUtilization, [
      flops,
      seconds,
      peakRate,
    ]),
    step("layer.bandwidthUtilization", "$0 / ($1 * $2)", layer.bandwidthUtilization, [
      ["layer.hbmTrafficBytes", layer.hbmTrafficBytes],
      seconds,
      [bandwidthPath, hardware.hbmBytesPerSecond, bandwidthPath],
    ]),
  ];
}

/** Not where the model is cut into stages: there a step is no sum of its layers. */
function wholeModelSums(scenario: Scenario, { wholeModel }: LayerResult, target: Device): Step[] {
  const { workload, training, parallelism } = scenario;
  if ((parallelism.pipeline ?? 1) > 1) return [];
  const batches = trains(workload.phase) ? (training?.gradientAccumulation ?? 1) : 1;
  return [
    layersStep(scenario, wholeModel, target),
    step("wholeModel.seconds", "$0 * ($1 + $2 + $3 + $4 + $5) + $6", wholeModel.seconds, [
      ["batches", batches],
      startOperand(scenario, target),
      ["wholeModel.embeddingSeconds", wholeModel.embeddingSeconds],
      ["wholeModel.layersSeconds", wholeModel.layersSeconds],
      ["wholeModel.finalNormSeconds", wholeModel.finalNormSeconds],
      ["wholeModel.headSeconds", wholeModel.headSeconds],
      ["wholeModel.optimizerSeconds", wholeModel.optimizerSeconds],
    ]),
    step("wholeModel.tokensPerSecond", "$0 * $1 * $2 * $3 / $4", wholeModel.tokensPerSecond, [
      ["batches", batches],
      ["workload.batch", workload.batch],
      ["workload.sequence", workload.sequence],
      ["parallelism.expert", parallelism.expert ?? 1],
      ["wholeModel.seconds", wholeModel.seconds],
    ]),
  ];
}

function layersStep(
  scenario: Scenario,
  { kinds, layersSeconds }: LayerResult["wholeModel"],
  target: Device,
): Step {
  const name = "wholeModel.layersSeconds";
  if (kinds === undefined)
    return step(name, "$0 * $1", layersSeconds, [
      ["model.layers", scenario.model.layers],
      ["layer.seconds without the start", startedSecondsOn(scenario)(target)],
    ]);
  return step(
    name,
    kinds.map((_, index) => `$${2 * index} * $${2 * index + 1}`).join(" + "),
    layersSeconds,
    kinds.flatMap(({ name: kind, layers, layerSeconds }) => [
      [`${kind} layers`, layers] as const,
      [`${kind} layerSeconds`, layerSeconds] as const,
    ]),
  );
}

/** A step that starts at no cost has that from no parameter. */
function startOperand({ workload, runtime }: Scenario, target: Device) {
  const seconds = stepStartSeconds(workload.phase, runtime, target.calibration);
  if (seconds === 0) return ["startSeconds", seconds] as const;
  const parameter = runtime === "graph" ? "launch.graphStartSeconds" : "host.stepSeconds";
  return ["startSeconds", seconds, `hardware.calibration.${parameter}`] as const;
}

function costSums({ hardware }: Scenario, { wholeModel, cost }: LayerResult): Step[] {
  const { gpuHourUsd: price, boardPowerWatts: watts } = hardware;
  const gpus = ["wholeModel.gpus", wholeModel.gpus] as const;
  const rate = ["wholeModel.tokensPerSecond", wholeModel.tokensPerSecond] as const;
  const usd = (value: number): Step =>
    step("cost.usdPerMillionTokens", "1e6 * ($0 / $1) * $2 / 3600", cost.usdPerMillionTokens!, [
      gpus,
      rate,
      ["hardware.gpuHourUsd", value, "hardware.gpuHourUsd.value"],
    ]);
  const joules = (value: number): Step =>
    step("cost.joulesPerToken", "$0 / $1 * $2", cost.joulesPerToken!, [
      gpus,
      rate,
      ["hardware.boardPowerWatts", value, "hardware.boardPowerWatts"],
    ]);
  return [
    ...(price === undefined ? [] : [usd(price.value)]),
    ...(watts === undefined ? [] : [joules(watts)]),
  ];
}
