import type { Model } from "../schema/model.ts";
import type { Scenario } from "../schema/scenario.ts";
import { type AttentionStyle, flashAttentionBackward, materializedAttentionBackward } from "./attention.ts";
import { blockGather, blockReduce } from "./collective.ts";
import type { Dimensions, ExpertSizes, LatentSizes } from "./dimensions.ts";
import { router, sharedGate } from "./experts.ts";
import {
  combineBackward,
  dispatchBackward,
  selectExpertsBackward,
  sharedScaleBackward,
} from "./experts-backward.ts";
import { activationBackward } from "./feed-forward.ts";
import type { Kernel, Operator } from "./kernel.ts";
import {
  joinLatentBackward,
  joinTurnedBackward,
  keyValueUp,
  type LatentParts,
  turnedPart,
} from "./latent-attention.ts";
import type { FeedForward, Layout } from "./layout.ts";
import { type MatmulTypes, type Projection, projectionBackward } from "./matmul.ts";
import { type NormSite, type NormStyle, normalizationBackward } from "./normalization.ts";
import { pointwise, pointwiseOperator } from "./pointwise.ts";
import { addGradients, isParallel } from "./residual.ts";
import { rotaryBackward } from "./rotary.ts";

/** Name of the operator that computes an operator's gradients. */
const backwardName = (name: string): string => `${name}-backward`;
const recomputedName = (name: string): string => `${name}-recomputed`;

export const isRecomputed = ({ name }: Operator): boolean => name.endsWith(recomputedName(""));

/** Of the forward operator that is run again. */
export const originalName = ({ name }: Operator): string => name.slice(0, -recomputedName("").length);

/** Work of the backward pass, which begins with what it computes again. */
export const isBackward = (operator: Operator): boolean =>
  operator.name.endsWith(backwardName("")) || isRecomputed(operator);

/**
 * What the backward pass computes again before it begins: the whole layer, or of attention's core what was not kept
 * (flash attention never keeps its scores: its own backward kernel computes them again). Exchanges between GPUs are
 * repeated too, as in a checkpointed layer.
 */
export function recomputedOperators(
  forward: readonly Operator[],
  which: "none" | "selective" | "full",
): readonly Operator[] {
  if (which === "none") return [];
  const chosen = which === "full" ? forward : forward.filter(({ name }) => SCORES.has(name));
  return chosen.map((operator) => ({ ...operator, name: recomputedName(operator.name) }));
}

const SCORES = new Set(["attention-scores", "softmax"]);

export function backwardOperators(
  model: Model,
  kernels: Scenario["kernels"],
  layer: Layout,
  style: NormStyle,
  attends: AttentionStyle,
): readonly Operator[] {
  const { d } = layer;
  const norm = (site: NormSite | undefined) => normBackward(site, style);
  const feedForward = feedForwardBackward(model, kernels, layer);
  const attention = attentionBackward(model, kernels, layer, style, attends);
  // behind one norm both blocks read the same tokens, gathered
  const together = isParallel(model.normPlacement) && layer.ffnNorm === undefined;
  const addFfn = addGradients(d, "ffn-residual-backward", together ? "block" : "stream");
  const addAttention = addGradients(d, "attention-residual-backward", "stream");
  const ffnGather = backward(blockGather)(d, "ffn");
  const ffnReduce = backward(blockReduce)(d, "ffn");
  if (isParallel(model.normPlacement)) {
    // the gradients of what both blocks read are added where they are not yet summed over the ranks
    return [
      ...ffnGather,
      ...feedForward,
      ...(together ? [] : [...ffnReduce, ...norm(layer.ffnNorm)]),
      ...attention,
      ...(together ? [addFfn] : []),
      ...backward(blockReduce)(d, "attention"),
      ...norm(layer.attentionNorm),
      ...(together ? [] : [addFfn]),
      addAttention,
    ];
  }
  const post = model.normPlacement === "post";
  const ffnPart = [
    ...norm(layer.postFfnNorm),
    ...ffnGather,
    ...feedForward,
    ...ffnReduce,
    ...(post ? [] : norm(layer.ffnNorm)),
    addFfn,
  ];
  const attentionPart = [
    ...norm(layer.postAttentionNorm),
    ...backward(blockGather)(d, "attention"),
    ...attention,
    ...backward(blockReduce)(d, "attention"),
    ...(post ? [] : norm(layer.attentionNorm)),
    addAttention,
  ];
  return post
    ? [...norm(layer.ffnNorm), ...ffnPart, ...norm(layer.attentionNorm), ...attentionPart]
    : [...ffnPart, ...attentionPart];
}

const normBackward = (site: NormSite | undefined, style: NormStyle): Operator[] =>
  site === undefined ? [] : [normalizationBackward(site.place, style)(site.rows, site.columns)];

const projectBackward = (projection: Projection, types: MatmulTypes): Operator => ({
  name: backwardName(projection.name),
  class: "matmul",
  kernels: projectionBackward(projection, types),
});

function feedForwardBackward(model: Model, kernels: Scenario["kernels"], layer: Layout): Operator[] {
  const { d, types, feedForward, sharedExperts } = layer;
  const block = (name: string, { input, activation, output }: FeedForward): Operator[] => [
    projectBackward(output, types),
    pointwiseOperator(backwardName(name), activationBackward(model, activation, kernels.pointwise)),
    projectBackward(input, types),
  ];
  if (d.experts === undefined) return block("activation", feedForward);
  const shared = sharedExperts === undefined ? [] : block("shared-activation", sharedExperts);
  return [
    ...sharedGradients(layer, d.experts, shared),
    ...combineBackward(d, d.experts, kernels.pointwise, layer.ffnResult),
    ...block("activation", feedForward),
    ...dispatchBackward(d, d.experts, layer.expertInput),
    selectExpertsBackward(d, d.experts, kernels.pointwise),
    projectBackward(router(d, d.experts, layer.expertInput, model.bias === "all"), layer.wideTypes),
    addGradients(d, "router-input-backward", "block"),
  ];
}

/** Gradients of the shared experts, and the add that joins them with those of the routed ones. */
function sharedGradients(layer: Layout, e: ExpertSizes, block: readonly Operator[]): Operator[] {
  if (block.length === 0) return [];
  const { d, wideTypes, expertInput } = layer;
  const add = addGradients(d, "shared-expert-add-backward", "block");
  if (!e.sharedGate) return [...block, add];
  return [
    sharedScaleBackward(d, layer.ffnResult),
    projectBackward(sharedGate(d, expertInput), wideTypes),
    ...block,
    add,
    addGradients(d, "shared-gate-input-backward", "block"),
  ];
}

/** From the gradient of the output projection to that of the block's input. */
function attentionBackward(
  model: Model,
  kernels: Scenario["kernels"],
  layer: Layout,
  style: NormStyle,
  attends: AttentionStyle,
): Operator[] {
  const { d, types } = layer;
  const core = [
    projectBackward(layer.attentionOutput, types),
    ...(kernels.attention === "flash"
      ? [flashAttentionBackward(attends, d)]
      : materializedAttentionBackward(attends, d)),
  ];
  const rope = (sizes: Dimensions): Operator[] =>
    model.positions === "rope"
      ? [pointwiseOperator("rope-backward", rotaryBackward(sizes, kernels.pointwise))]
      : [];
  if (layer.latent !== undefined && d.latent !== undefined)
    return [...core, ...latentBackward(layer, d.latent, layer.latent, style, rope(turnedPart(d)))];
  return [
    ...core,
    ...rope(d),
    ...normBackward(layer.keyNorm, style),
    ...normBackward(layer.queryNorm, style),
    pointwiseOperator("qkv-join-backward", [joinGradients(d)]),
    projectBackward(layer.qkv, types),
  ];
}

function latentBackward(
  { d, types }: Layout,
  sizes: LatentSizes,
  parts: LatentParts,
  style: NormStyle,
  rope: readonly Operator[],
): Operator[] {
  return [
    joinTurnedBackward(d, sizes),
    projectBackward(keyValueUp(d, sizes, parts, d.newTokens, false), types),
    ...rope,
    ...normBackward(parts.keyValueNorm, style),
    joinLatentBackward(d, sizes),
    projectBackward(parts.keyValueDown, types),
    projectBackward(parts.queryUp, types),
    ...normBackward(parts.queryNorm, style),
    ...(parts.queryDown ? [projectBackward(parts.queryDown, types)] : []),
    addGradients(d, "latent-input-backward", "block"),
  ];
}

/** What was gathered forward is reduced backward, and the other way round, so both happen at the mirrored place. */
const backward =
  (exchange: typeof blockGather) =>
  (d: Dimensions, block: "attention" | "ffn"): Operator[] =>
    exchange(d, block, `gradient of ${block} block`).map((operator) => ({
      ...operator,
      name: backwardName(operator.name),
    }));

/** The gradients of queries, keys and values become one tensor again for the projection's backward matmuls. */
function joinGradients(d: Dimensions): Kernel {
  const bytes = (heads: number): number => d.tokens * heads * d.headDim * d.activationBytes;
  const elements = d.tokens * (d.heads + 2 * d.kvHeads) * d.headDim;
  return pointwise(
    "join",
    "vectorized",
    elements,
    0,
    [
      { tensor: "queries gradient", bytes: bytes(d.heads) },
      { tensor: "keys gradient", bytes: bytes(d.kvHeads) },
      { tensor: "values gradient", bytes: bytes(d.kvHeads) },
    ],
    [{ tensor: "gradient of qkv", bytes: elements * d.activationBytes }],
  );
}
