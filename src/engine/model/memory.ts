import { layerKinds } from "../../schema/layer-kinds.ts";
import type { Model } from "../../schema/model.ts";
import { trains } from "../../schema/phases.ts";
import type { Scenario } from "../../schema/scenario.ts";
import { BYTES_PER_ELEMENT } from "../../schema/vocabulary.ts";
import { isBackward, isRecomputed, originalName } from "../layer/backward.ts";
import { attendedTokens, type Dimensions, plainWeightBytes } from "../layer/dimensions.ts";
import { isGradient, isWeightGradient } from "../layer/gradients.ts";
import type { Operator } from "../layer/kernel.ts";
import { sumOf } from "../layer/kernel.ts";
import { modelOfKind } from "../layer/layer-kinds.ts";
import { ROW_STATISTICS } from "../layer/norm-kinds.ts";
import { parameterCounts } from "./parameters.ts";
import { layerWeights } from "./weights.ts";

/** Parameters that one GPU of the group holds, by how they are stored. */
export interface HeldParameters {
  /** matrices of the layers and their biases, in the weights' type */
  readonly projections: number;
  /** embedding, output head, norms and routers, in the type of the residual stream */
  readonly others: number;
}

/**
 * The largest share of any GPU. Projections, embedding and head are shared out over the tensor-parallel group, experts
 * over the expert-parallel one too; norms, routers and what compresses latents are copied. Stages hold whole layers, of
 * several kinds the mean, the first stage the embedding besides and the last the head, a copy where it is tied.
 */
export function heldParameters(model: Model, parallelism: Scenario["parallelism"]): HeldParameters {
  const { embedding, outputHead, finalNorm } = parameterCounts(model);
  const layers = heldInLayers(model, parallelism);
  const { tensor, pipeline = 1 } = parallelism;
  const stages = Math.min(pipeline, model.layers);
  const table = model.vocabulary * model.hidden;
  const shard = Math.ceil(model.vocabulary / tensor) * model.hidden;
  const first = embedding - table + shard;
  const hasHead = outputHead > 0 || (stages > 1 && (model.outputHead ?? model.causal));
  const last = finalNorm + (hasHead ? shard : 0);
  const stage = (count: number, ends: number): HeldParameters => ({
    projections: (layers.projections * count) / model.layers,
    others: (layers.others * count) / model.layers + ends,
  });
  if (stages === 1) return stage(model.layers, first + last);
  // where they do not divide evenly, the first stages have a layer more than the last
  const begin = stage(longestStage(model, parallelism), first);
  const end = stage(Math.floor(model.layers / stages), last);
  // Stryker disable next-line EqualityOperator: of two that hold as much either will do
  return heldTotal(begin) >= heldTotal(end) ? begin : end;
}

export const heldTotal = ({ projections, others }: HeldParameters): number => projections + others;

/** Of all layers of the model, as if there were one stage. */
function heldInLayers(model: Model, { tensor, expert = 1 }: Scenario["parallelism"]): HeldParameters {
  const heldBy = {
    tensor: 1 / tensor,
    // more ranks than key heads: each keeps a copy of one
    "key-heads": Math.max(1 / tensor, 1 / model.kvHeads),
    copied: 1,
  } as const;
  let projections = 0;
  let others = 0;
  for (const kind of layerKinds(model))
    for (const { elements, over, projection, routed } of layerWeights(model, kind)) {
      const held = (kind.layers * elements * heldBy[over]) / (routed ? expert : 1);
      if (projection) projections += held;
      else others += held;
    }
  return { projections, others };
}

/** Layers of the stage that has the most. */
export const longestStage = ({ layers }: Model, { pipeline = 1 }: Scenario["parallelism"]): number =>
  Math.ceil(layers / Math.min(pipeline, layers));

export const weightBytes = (held: HeldParameters, precision: Scenario["precision"]): number =>
  held.projections * BYTES_PER_ELEMENT[precision.weights] + held.others * plainWeightBytes(precision);

/** Keys and values of all layers of the longest stage, behind the step; none in training. */
export function kvCacheBytes(scenario: Scenario, d: Dimensions): number {
  const { model, workload, parallelism } = scenario;
  if (trains(workload.phase)) return 0;
  const tokens = attendedTokens({ ...workload, window: Number.POSITIVE_INFINITY }, d);
  const all = sumOf(layerKinds(model), ({ name, layers }) => {
    const kind = modelOfKind(model, name);
    return layers * Math.min(kind.slidingWindow ?? tokens, tokens) * cachedElements(kind, parallelism);
  });
  return (d.sequences * d.kvBytes * all * longestStage(model, parallelism)) / model.layers;
}

/** Of one token in one layer on one GPU. */
function cachedElements(
  { latentAttention: latent, kvHeads, headDim }: Model,
  { tensor }: Scenario["parallelism"],
): number {
  if (latent !== undefined) return latent.keyValueRank + latent.ropeDim;
  // more ranks than KV heads: each rank keeps a copy of one
  return 2 * Math.max(1, kvHeads / tensor) * headDim;
}

/**
 * Bytes of the largest kernel's inputs and outputs: what a step needs beside weights and cache. Gradients of weights
 * are counted with the weights.
 */
export const workingBytes = (operators: readonly Operator[]): number =>
  Math.max(
    0,
    ...operators.flatMap(({ kernels }) =>
      kernels.map(
        ({ reads, writes }) =>
          sumOf(reads, ({ bytes }) => bytes) +
          sumOf(writes, ({ tensor, bytes }) => (isWeightGradient(tensor) ? 0 : bytes)),
      ),
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
