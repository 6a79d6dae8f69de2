import type { Model } from "../schema/model.ts";
import type { Scenario } from "../schema/scenario.ts";
import { type AttentionStyle, flashAttentionBackward, materializedAttentionBackward } from "./attention.ts";
import { blockGather, blockReduce } from "./collective.ts";
import type { Dimensions } from "./dimensions.ts";
import { activationBackward } from "./feed-forward.ts";
import type { Kernel, Operator } from "./kernel.ts";
import type { Layout } from "./layout.ts";
import { type Projection, projectionBackward } from "./matmul.ts";
import { type NormSite, type NormStyle, normalizationBackward } from "./normalization.ts";
import { pointwise, pointwiseOperator } from "./pointwise.ts";
import { addGradients } from "./residual.ts";
import { rotaryBackward } from "./rotary.ts";

/** Name of the operator that computes an operator's gradients. */
const backwardName = (name: string): string => `${name}-backward`;

export const isBackward = (operator: Operator): boolean => operator.name.endsWith(backwardName(""));

export function backwardOperators(
  model: Model,
  kernels: Scenario["kernels"],
  layer: Layout,
  style: NormStyle,
  attends: AttentionStyle,
): readonly Operator[] {
  const { d } = layer;
  const post = model.normPlacement === "post";
  const norm = (site: NormSite | undefined): Operator[] =>
    site === undefined ? [] : [normalizationBackward(site.place, style)(site.rows, site.columns)];
  const project = (projection: Projection): Operator => ({
    name: `${projection.name}-backward`,
    class: "matmul",
    kernels: projectionBackward(projection, layer.types),
  });
  const feedForward = [
    ...norm(layer.postFfnNorm),
    ...backward(blockGather)(d, "ffn"),
    project(layer.ffnOutput),
    pointwiseOperator("activation-backward", activationBackward(model, d, kernels.pointwise)),
    project(layer.ffnInput),
    ...backward(blockReduce)(d, "ffn"),
    ...(post ? [] : norm(layer.ffnNorm)),
    addGradients(d, "ffn-residual-backward"),
  ];
  const attention = [
    ...norm(layer.postAttentionNorm),
    ...backward(blockGather)(d, "attention"),
    project(layer.attentionOutput),
    ...(kernels.attention === "flash"
      ? [flashAttentionBackward(attends, d)]
      : materializedAttentionBackward(attends, d)),
    ...(model.positions === "rope"
      ? [pointwiseOperator("rope-backward", rotaryBackward(d, kernels.pointwise))]
      : []),
    ...norm(layer.keyNorm),
    ...norm(layer.queryNorm),
    pointwiseOperator("qkv-join-backward", [joinGradients(d)]),
    project(layer.qkv),
    ...backward(blockReduce)(d, "attention"),
    ...(post ? [] : norm(layer.attentionNorm)),
    addGradients(d, "attention-residual-backward"),
  ];
  return post
    ? [...norm(layer.ffnNorm), ...feedForward, ...norm(layer.attentionNorm), ...attention]
    : [...feedForward, ...attention];
}

/** What was gathered forward is reduced backward, and the other way round, so both happen at the mirrored place. */
const backward =
  (exchange: typeof blockGather) =>
  (d: Dimensions, block: "attention" | "ffn"): Operator[] =>
    exchange(d, block).map((operator) => ({ ...operator, name: backwardName(operator.name) }));

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
