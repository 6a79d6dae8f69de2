import type { Model } from "../schema/model.ts";
import type { Scenario } from "../schema/scenario.ts";
import { type AttentionStyle, cacheWrite, flashAttention, materializedAttention } from "./attention.ts";
import { blockGather, blockReduce } from "./collective.ts";
import type { Dimensions } from "./dimensions.ts";
import { activation } from "./feed-forward.ts";
import type { Operator } from "./kernel.ts";
import type { Layout } from "./layout.ts";
import { type MatmulTypes, type Projection, projectionForward } from "./matmul.ts";
import { type NormSite, type NormStyle, normalization } from "./normalization.ts";
import { pointwiseOperator } from "./pointwise.ts";
import { remembered } from "./remembered.ts";
import { residualAdds } from "./residual.ts";
import { rotaryEmbedding } from "./rotary.ts";

type ForwardBuilder = (
  model: Model,
  kernels: Scenario["kernels"],
  layer: Layout,
  style: NormStyle,
  attention: AttentionStyle,
) => readonly Operator[];

/** Assembles the forward operators; each is built again only when something it depends on has changed. */
export function forwardBuilder(): ForwardBuilder {
  const attentionNorm = normBuilder();
  const ffnNorm = normBuilder();
  const beforeAttention = remembered(beforeAttentionBuilder());
  const writesCache = remembered(cacheWrite);
  const attends = remembered(attentionOperators);
  const afterAttention = remembered(afterAttentionBuilder());
  const feedForward = remembered(feedForwardBuilder());
  const residuals = remembered(residualAdds);
  return remembered((model, kernels, layer, style, attention) => {
    const { d } = layer;
    const adds = residuals(model, layer, style);
    const normBefore = attentionNorm(layer.attentionNorm, style);
    const normBetween = ffnNorm(layer.ffnNorm, style);
    const attentionBlock = [
      ...beforeAttention(model, kernels, layer, style),
      // there is a cache before the new tokens, which their keys and values are copied into
      ...(attention.context > 0 || attention.phase === "decode" ? [writesCache(d)] : []),
      ...attends(kernels.attention, attention, d),
      ...afterAttention(layer, style),
    ];
    const ffnBlock = feedForward(model, kernels, layer, style);
    switch (model.normPlacement) {
      case "pre":
      case "branch":
      case "sandwich":
        return [
          ...normBefore,
          ...blockGather(d, "attention"),
          ...attentionBlock,
          ...adds.attention,
          ...normBetween,
          ...blockGather(d, "ffn"),
          ...ffnBlock,
          ...adds.ffn,
        ];
      case "parallel":
      case "parallel-shared":
        return [
          ...normBefore,
          ...blockGather(d, "attention"),
          ...attentionBlock,
          ...normBetween,
          ...blockGather(d, "ffn"),
          ...ffnBlock,
          ...adds.attention,
          ...adds.ffn,
        ];
      case "post":
        return [
          ...blockGather(d, "attention"),
          ...attentionBlock,
          ...adds.attention,
          ...normBefore,
          ...blockGather(d, "ffn"),
          ...ffnBlock,
          ...adds.ffn,
          ...normBetween,
        ];
    }
  });
}

function beforeAttentionBuilder() {
  const qkv = remembered(project);
  const queryNorm = normBuilder();
  const keyNorm = normBuilder();
  const rope = remembered(rotary);
  return (
    model: Model,
    kernels: Scenario["kernels"],
    layer: Layout,
    style: NormStyle,
  ): readonly Operator[] => [
    qkv(layer.qkv, layer.types),
    ...queryNorm(layer.queryNorm, style),
    ...keyNorm(layer.keyNorm, style),
    ...(model.positions === "rope" ? [rope(layer.d, kernels.pointwise)] : []),
  ];
}

function afterAttentionBuilder() {
  const output = remembered(project);
  const postNorm = normBuilder();
  return (layer: Layout, style: NormStyle): readonly Operator[] => [
    output(layer.attentionOutput, layer.types),
    ...blockReduce(layer.d, "attention"),
    ...postNorm(layer.postAttentionNorm, style),
  ];
}

function feedForwardBuilder() {
  const input = remembered(project);
  const activate = remembered(activationOperator);
  const output = remembered(project);
  const postNorm = normBuilder();
  return (
    model: Model,
    kernels: Scenario["kernels"],
    layer: Layout,
    style: NormStyle,
  ): readonly Operator[] => [
    input(layer.ffnInput, layer.types),
    activate(model, layer.d, kernels.pointwise),
    output(layer.ffnOutput, layer.types),
    ...blockReduce(layer.d, "ffn"),
    ...postNorm(layer.postFfnNorm, style),
  ];
}

/** No operator where the architecture has no norm. */
function normBuilder(): (site: NormSite | undefined, style: NormStyle) => readonly Operator[] {
  const operatorAt = remembered(normalization);
  return remembered((site, style) =>
    site === undefined ? [] : [operatorAt(site.place, style)(site.rows, site.columns)],
  );
}

const project = (projection: Projection, types: MatmulTypes): Operator => ({
  name: projection.name,
  class: "matmul",
  kernels: [projectionForward(projection, types)],
});

const rotary = (d: Dimensions, style: "eager" | "fused"): Operator =>
  pointwiseOperator("rope", rotaryEmbedding(d, style));

const activationOperator = (model: Model, d: Dimensions, style: "eager" | "fused"): Operator =>
  pointwiseOperator("activation", activation(model, d, style));

const attentionOperators = (
  kernels: "flash" | "materialized",
  style: AttentionStyle,
  d: Dimensions,
): readonly Operator[] =>
  kernels === "flash" ? [flashAttention(style, d)] : materializedAttention(style, d);
