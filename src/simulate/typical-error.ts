import type { Hardware } from "../schema/hardware.ts";
import type { Result } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";

type Validation = NonNullable<Hardware["validation"]>[number];

/** How far the profile was off on measured layers like the scenario's; null where nobody has measured such layers. */
export function typicalError(scenario: Scenario): Result["typicalError"] {
  const found = validationOf(scenario);
  if (found === undefined || unmeasured(scenario).length > 0) return null;
  return {
    layer: found.medianError,
    shareOfTime: found.shareErrorPoints / 100,
    layers: found.layers,
  };
}

function validationOf(scenario: Scenario): Validation | undefined {
  const { hardware, workload, runtime } = scenario;
  const kind = layersWith(scenario);
  return hardware.validation?.find(
    (one) => one.phase === workload.phase && one.runtime === runtime && one.layersWith === kind,
  );
}

function layersWith(scenario: Scenario): Validation["layersWith"] {
  if (scenario.model.experts !== undefined) return "experts";
  if (scenario.parallelism.tensor === 2) return "two GPUs";
  return isFp8(scenario) ? "fp8" : undefined;
}

/** Weights and activations in fp8: what layers in fp8 were measured with. */
const isFp8 = ({ precision: { activations, weights } }: Scenario): boolean =>
  activations === "fp8" && weights === "fp8";

/** Why a calibrated profile has no typical error for the scenario: a sentence, or nothing. */
export function extrapolation(scenario: Scenario): string[] {
  const { hardware } = scenario;
  if (hardware.calibration === undefined) return [];
  const reasons = unmeasured(scenario);
  if (reasons.length === 0 && validationOf(scenario) !== undefined) return [];
  const what =
    hardware.validation === undefined
      ? "whole layers on this device"
      : reasons.length > 0
        ? `layers with ${inWords(reasons)}`
        : runText(scenario);
  return [`Nobody has measured ${what}: the profile's laws are extrapolated.`];
}

/** `training in a CUDA graph of layers with experts` */
function runText(scenario: Scenario): string {
  const { workload, runtime } = scenario;
  const phase = workload.phase === "train" ? "training" : workload.phase;
  const kind = layersWith(scenario);
  return [
    phase,
    runtime === "graph" ? "in a CUDA graph" : "launched kernel by kernel",
    ...(kind === undefined ? [] : [`of layers with ${kind}`]),
  ].join(" ");
}

const inWords = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} or ${parts.at(-1)}`;

const HALF = ["bf16", "fp16"];
/** Of the layers that were measured. */
const HEAD_DIMENSIONS = [64, 96, 128, 256];
const HIDDEN = { least: 512, most: 16_384 };
const MOST_TOKENS = 131_072;

/** What of the layer no measured one has. */
function unmeasured(scenario: Scenario): string[] {
  const { model, workload, precision, parallelism, kernels } = scenario;
  const { activations, weights, kvCache } = precision;
  const { tensor, sequenceParallel, expert = 1 } = parallelism;
  const experts = model.experts !== undefined;
  const fp8 = isFp8(scenario);
  const cached = workload.phase === "decode" || workload.context > 0;
  const length = Math.max(workload.sequence, workload.context);
  const reasons: readonly (readonly [applies: boolean, text: string])[] = [
    [!HALF.includes(activations) && !fp8, `${activations} arithmetic`],
    [HALF.includes(activations) && !HALF.includes(weights), `${weights} weights`],
    [cached && !HALF.includes(kvCache), `a cache in ${kvCache}`],
    [fp8 && kernels.quantization === "fused", "quantization inside other kernels"],
    [model.hidden < HIDDEN.least || model.hidden > HIDDEN.most, `a hidden size of ${model.hidden}`],
    [length > MOST_TOKENS, `sequences of ${length} tokens`],
    [model.latentAttention !== undefined, "latent attention"],
    [
      model.latentAttention === undefined && !HEAD_DIMENSIONS.includes(model.headDim),
      `heads of ${model.headDim}`,
    ],
    [kernels.attention === "materialized", "scores that are written to memory"],
    [expert > 1, "experts on several GPUs"],
    [tensor > 2, `${tensor} GPUs to a layer`],
    [tensor === 2 && experts, "experts and two GPUs to a layer"],
    [fp8 && (tensor === 2 || experts), "fp8 and experts or two GPUs"],
    [tensor > 1 && sequenceParallel, "sequence parallelism"],
  ];
  return reasons.filter(([applies]) => applies).map(([, text]) => text);
}
