import type { Model } from "../schema/model.ts";
import type { Scenario } from "../schema/scenario.ts";
import { BYTES_PER_ELEMENT } from "../schema/vocabulary.ts";
import { isBackward, isRecomputed, originalName } from "./backward.ts";
import { attendedTokens, type Dimensions, plainWeightBytes } from "./dimensions.ts";
import type { Operator } from "./kernel.ts";
import { readBytes, sumOf, writeBytes } from "./kernel.ts";
import { layerKinds, modelOfKind } from "./layer-kinds.ts";
import { ROW_STATISTICS } from "./normalization-passes.ts";
import { parameterCounts } from "./parameters.ts";

/** Parameters that one GPU of the group holds, by how they are stored. */
export interface HeldParameters {
  /** matrices of the layers, in the weights' type */
  readonly projections: number;
  /** embedding, output head and norms, in the type of the residual stream */
  readonly others: number;
}

/** The largest share of any GPU: experts are shared out over the expert-parallel group, all over tensor and pipeline. */
export function heldParameters(
  model: Model,
  { tensor, expert = 1, pipeline = 1 }: Scenario["parallelism"],
): HeldParameters {
  const { kinds, embedding, outputHead, finalNorm } = parameterCounts(model);
  const stages = Math.min(pipeline, model.layers);
  const layers = sumOf(kinds, (kind) => {
    const routed = routedParameters(modelOfKind(model, kind.name));
    return kind.layers * (kind.total - routed + routed / expert);
  });
  return {
    projections: layers / tensor / stages,
    others: (embedding + outputHead) / tensor + finalNorm,
  };
}

/** Of one layer: all its routed experts, without the router. */
function routedParameters({ experts, hidden, gated, bias }: Model): number {
  if (experts === undefined) return 0;
  const matrices = (gated ? 3 : 2) * hidden * experts.ffn;
  const biases = bias === "all" ? (gated ? 2 : 1) * experts.ffn + hidden : 0;
  return experts.count * (matrices + biases);
}

export const weightBytes = (held: HeldParameters, precision: Scenario["precision"]): number =>
  held.projections * BYTES_PER_ELEMENT[precision.weights] + held.others * plainWeightBytes(precision);

/** Keys and values of all layers of a stage, behind the step; none in training. */
export function kvCacheBytes(scenario: Scenario, d: Dimensions): number {
  const { model, workload, parallelism } = scenario;
  if (workload.phase === "train") return 0;
  const elements = d.latent ? d.latent.keyValueRank + d.latent.ropeDim : 2 * d.kvHeads * d.headDim;
  const perToken = d.sequences * elements * d.kvBytes;
  const all = sumOf(layerKinds(model), ({ name, layers }) => {
    const window = modelOfKind(model, name).slidingWindow ?? Number.POSITIVE_INFINITY;
    const tokens = Math.min(window, attendedTokens({ ...workload, window: Number.POSITIVE_INFINITY }, d));
    return layers * tokens * perToken;
  });
  return all / Math.min(parallelism.pipeline ?? 1, model.layers);
}

/** Bytes of the largest kernel's inputs and outputs: what a step needs beside weights and cache. */
export const workingBytes = (operators: readonly Operator[]): number =>
  Math.max(
    0,
    ...operators.flatMap(({ kernels }) =>
      kernels.map((kernel) => readBytes(kernel) - kernel.streamedBytes + writeBytes(kernel)),
    ),
  );

/**
 * Bytes of one layer's tensors that its backward pass reads from the forward one: read there before anything in the
 * backward pass has written them. Gradients come from the layer behind and are not kept, nor is what an exchange reads,
 * which has just been computed. A tensor is kept whole, also where its halves are read one after the other.
 */
export function savedBytes(operators: readonly Operator[]): number {
  const written = new Set<string>();
  const saved = new Map<string, number>();
  const whole = new Map<string, number>();
  for (const { kernels } of operators.filter((operator) => !isBackward(operator)))
    for (const { writes } of kernels) for (const { tensor, bytes } of writes) whole.set(tensor, bytes);
  for (const operator of operators.filter(isBackward)) {
    const exchanges = operator.class === "collective";
    for (const { reads, writes } of operator.kernels) {
      for (const { tensor, bytes } of exchanges ? [] : reads)
        if (!written.has(tensor) && !isGradient(tensor))
          saved.set(tensor, Math.max(bytes, saved.get(tensor) ?? 0, whole.get(tensor) ?? 0));
      for (const { tensor } of writes) written.add(tensor);
    }
    // a norm that runs again has its statistics again, which a forward kernel alone need not write
    if (operator.class === "normalization" && isRecomputed(operator))
      for (const statistic of ROW_STATISTICS) written.add(`${originalName(operator)} ${statistic}`);
  }
  return sumOf([...saved.values()], (bytes) => bytes);
}

const isGradient = (tensor: string): boolean => tensor.includes("gradient");
