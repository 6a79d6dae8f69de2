import type { Measured, Validation } from "../schema/hardware.ts";
import { generates, PHASE_FACTS, trains } from "../schema/phases.ts";
import type { OperatorResult, Result } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import { modelOfKind } from "./layer/layer-kinds.ts";

/** How far the profile was off on measured layers like the scenario's, or why nobody knows. */
interface KnownError {
  readonly typicalError: Result["typicalError"];
  /** sentences; none where there is an error, or no calibration, which another warning says */
  readonly unknownBecause: readonly string[];
}

export function knownError(scenario: Scenario, operators: readonly OperatorResult[]): KnownError {
  if (scenario.hardware.calibration === undefined) return { typicalError: null, unknownBecause: [] };
  const found = validationOf(scenario);
  const unknownBecause = [...extrapolation(scenario, found), ...otherHost(scenario, operators)];
  if (found === undefined || unknownBecause.length > 0) return { typicalError: null, unknownBecause };
  const { medianError, shareErrorPoints, layers } = found;
  return {
    typicalError: { layer: medianError, shareOfTime: shareErrorPoints / 100, layers },
    unknownBecause,
  };
}

export function validationOf(scenario: Scenario): Validation | undefined {
  const { hardware, workload, runtime } = scenario;
  const kind = kindOf(scenario);
  return hardware.validation?.find(
    (one) => one.phase === workload.phase && one.runtime === runtime && one.layersWith === kind,
  );
}

const layerModel = ({ model, layerKind }: Scenario): Scenario["model"] => modelOfKind(model, layerKind);

/** What layers have beyond a dense one on one GPU; no more than two were measured. */
export function layersWith(experts: boolean, tensor: number, fp8: boolean): Validation["layersWith"] {
  if (experts) return "experts";
  if (tensor > 1) return "two GPUs";
  return fp8 ? "fp8" : undefined;
}

const kindOf = (scenario: Scenario): Validation["layersWith"] =>
  layersWith(layerModel(scenario).experts !== undefined, scenario.parallelism.tensor, isFp8(scenario));

/** Weights and activations in fp8: what layers in fp8 were measured with. */
const isFp8 = ({ precision: { activations, weights } }: Scenario): boolean =>
  activations === "fp8" && weights === "fp8";

function extrapolation(scenario: Scenario, found: Validation | undefined): string[] {
  const { validation } = scenario.hardware;
  const unlike = beyondAllMeasured(scenario);
  if (validation === undefined) return [extrapolated("whole layers on this device")];
  if (unlike.length > 0) return [extrapolated(`layers with ${inWords(unlike)}`)];
  if (found === undefined) return [extrapolated(runText(scenario))];
  if (found.measured === undefined)
    return ["The profile does not say which layers its error was measured on: calibrate it again."];
  const outside = outsideOf(found.measured, scenario);
  return outside.length > 0 ? [extrapolated(`${runText(scenario)} with ${inWords(outside)}`)] : [];
}

const extrapolated = (what: string): string =>
  `Nobody has measured ${what}: the profile's laws are extrapolated.`;

/** How fast kernels are launched is the host's: the profile has that of the machine it was measured on. */
function otherHost({ runtime }: Scenario, operators: readonly OperatorResult[]): string[] {
  const waits = runtime === "eager" && operators.some(({ bound }) => bound === "host");
  return waits
    ? ["The layer waits for the host, and the profile has that of another machine: its error is not known."]
    : [];
}

/** `training in a CUDA graph of layers with experts` */
function runText(scenario: Scenario): string {
  const { workload, runtime } = scenario;
  const kind = kindOf(scenario);
  return [
    PHASE_FACTS[workload.phase].title,
    runtime === "graph" ? "in a CUDA graph" : "launched kernel by kernel",
    ...(kind === undefined ? [] : [`of layers with ${kind}`]),
  ].join(" ");
}

const inWords = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} or ${parts.at(-1)}`;

type Reason = readonly [applies: boolean, text: string];

const those = (reasons: readonly Reason[]): string[] =>
  reasons.filter(([applies]) => applies).map(([, text]) => text);

const HALF = ["bf16", "fp16"];

/** What the layer has and a measured one cannot have: measurements have no field for it. */
function beyondAllMeasured(scenario: Scenario): string[] {
  const { workload, precision, parallelism, kernels, training } = scenario;
  const model = layerModel(scenario);
  const { activations, weights, kvCache } = precision;
  const { tensor, sequenceParallel, expert = 1 } = parallelism;
  const experts = model.experts !== undefined;
  const fp8 = isFp8(scenario);
  const { phase, sequence, context } = workload;
  const keys = generates(phase) ? context : context + sequence;
  return those([
    [!HALF.includes(activations) && !fp8, `${activations} arithmetic`],
    [HALF.includes(activations) && !HALF.includes(weights), `${weights} weights`],
    [context > 0 && !HALF.includes(kvCache), `a cache in ${kvCache}`],
    [fp8 && kernels.quantization === "fused", "quantization inside other kernels"],
    [model.slidingWindow !== undefined && model.slidingWindow < keys, "a sliding window"],
    [model.latentAttention !== undefined, "latent attention"],
    [kernels.attention === "materialized", "scores that are written to memory"],
    [trains(phase) && training?.recomputation === "full", "full recomputation"],
    [expert > 1, "experts on several GPUs"],
    [tensor > 2, `${tensor} GPUs to a layer`],
    [tensor === 2 && experts, "experts and two GPUs to a layer"],
    [fp8 && (tensor === 2 || experts), "fp8 and experts or two GPUs"],
    [tensor > 1 && sequenceParallel, "sequence parallelism"],
  ]);
}

/** Where the layer leaves the measured ones: `a batch of 100000 (measured: 1 to 128)`. */
function outsideOf(measured: Measured, scenario: Scenario): string[] {
  const { workload, normalization, kernels } = scenario;
  const { batch, sequence, context } = workload;
  const { hidden, headDim } = layerModel(scenario);
  const norm = normText(normalization);
  return those([
    beyond(measured.batch, batch, `a batch of ${batch}`),
    beyond(measured.tokens, batch * sequence, `${batch * sequence} new tokens`),
    beyond(measured.context, context, `a context of ${context} tokens`),
    beyond(measured.hidden, hidden, `a hidden size of ${hidden}`),
    [!measured.headDims.includes(headDim), `heads of ${headDim} (measured: ${measured.headDims.join(", ")})`],
    [!measured.norms.includes(norm), `${norm} norms`],
    [!measured.pointwise.includes(kernels.pointwise), `${kernels.pointwise} RoPE and activation`],
  ]);
}

export const normText = ({ kind, implementation }: Scenario["normalization"]): string =>
  typeof implementation === "string" ? `${kind}.${implementation}` : "your own";

const beyond = ([least, most]: readonly [number, number], value: number, what: string): Reason => [
  value < least || value > most,
  `${what} (measured: ${least === most ? least : `${least} to ${most}`})`,
];
