import type { Scenario } from "../schema/scenario.ts";
import { attentionStyle, cacheWrite, flashAttention, materializedAttention } from "./attention.ts";
import { blockGather, blockReduce } from "./collective.ts";
import { activation } from "./feed-forward.ts";
import type { Operator } from "./kernel.ts";
import type { Layout } from "./layout.ts";
import { type Projection, projectionForward } from "./matmul.ts";
import { type NormSite, normalization } from "./normalization.ts";
import { pointwiseOperator } from "./pointwise.ts";
import { residualAdds } from "./residual.ts";
import { rotaryEmbedding } from "./rotary.ts";

export function forwardOperators(scenario: Scenario, layer: Layout): Operator[] {
  const { model, kernels } = scenario;
  const { d } = layer;
  const post = model.normPlacement === "post";
  const parallel = model.normPlacement === "parallel";
  const norm = (site: NormSite | undefined): Operator[] =>
    site === undefined ? [] : [normalization(site, layer.style)];
  const project = (projection: Projection): Operator => ({
    name: projection.name,
    class: "matmul",
    kernels: [projectionForward(projection, layer.types)],
  });
  const attention = [
    ...(post ? [] : [...norm(layer.attentionNorm), ...blockGather(d, "attention")]),
    project(layer.qkv),
    ...norm(layer.queryNorm),
    ...norm(layer.keyNorm),
    ...(model.positions === "rope" ? [pointwiseOperator("rope", rotaryEmbedding(d, kernels.pointwise))] : []),
    ...(d.context > 0 || scenario.workload.phase === "decode" ? [cacheWrite(d)] : []),
    ...(kernels.attention === "flash"
      ? [flashAttention(attentionStyle(scenario), d)]
      : materializedAttention(attentionStyle(scenario), d)),
    project(layer.attentionOutput),
    ...blockReduce(d, "attention"),
    ...norm(layer.postAttentionNorm),
  ];
  const feedForward = [
    ...(post ? [] : [...norm(layer.ffnNorm), ...blockGather(d, "ffn")]),
    project(layer.ffnInput),
    pointwiseOperator("activation", activation(model, d, kernels.pointwise)),
    project(layer.ffnOutput),
    ...blockReduce(d, "ffn"),
    ...norm(layer.postFfnNorm),
  ];
  const residuals = residualAdds(scenario, layer);
  if (parallel) return [...attention, ...feedForward, ...residuals.attention, ...residuals.ffn];
  if (post) {
    return [
      ...attention,
      ...residuals.attention,
      ...norm(layer.attentionNorm),
      ...feedForward,
      ...residuals.ffn,
      ...norm(layer.ffnNorm),
    ];
  }
  return [...attention, ...residuals.attention, ...feedForward, ...residuals.ffn];
}
