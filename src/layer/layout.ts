import type { Scenario } from "../schema/scenario.ts";
import { type Dimensions, dimensions } from "./dimensions.ts";
import type { MatmulTypes, Projection } from "./matmul.ts";
import type { NormSite, NormStyle } from "./normalization.ts";

/** The parts a layer is assembled from: where its norms stand, its projections, and its types. */
export interface Layout {
  readonly d: Dimensions;
  readonly style: NormStyle;
  readonly types: MatmulTypes;
  readonly attentionNorm: NormSite;
  readonly ffnNorm: NormSite;
  readonly postAttentionNorm: NormSite | undefined;
  readonly postFfnNorm: NormSite | undefined;
  readonly queryNorm: NormSite | undefined;
  readonly keyNorm: NormSite | undefined;
  readonly qkv: Projection;
  readonly attentionOutput: Projection;
  readonly ffnInput: Projection;
  readonly ffnOutput: Projection;
}

export function layout(scenario: Scenario): Layout {
  const { model, precision, normalization: norm } = scenario;
  const d = dimensions(scenario);
  const { normPlacement } = model;
  const bias = model.bias !== "none";
  const everyBias = model.bias === "all";
  const m = d.tokens;
  const wide = { rows: d.normTokens, columns: d.hidden };
  const perHead = (name: string, which: string, heads: number): NormSite => ({
    name,
    rows: d.tokens * heads,
    columns: d.headDim,
    input: `qkv ${which}`,
    output: `qkv ${which}`,
    beforeMatmul: false,
  });
  const post = normPlacement === "post";
  const sandwich = normPlacement === "sandwich";
  const sub = (name: string, input: string): NormSite => ({
    ...wide,
    name,
    input,
    output: `${name} output`,
    beforeMatmul: false,
  });
  const attentionSum = post ? "attention sum" : "residual stream after attention";
  return {
    d,
    style: {
      kind: norm.kind,
      implementation: norm.implementation,
      activationBytes: d.activationBytes,
      weightBytes: d.weightBytes,
    },
    types: {
      dataType: precision.activations,
      activationBytes: d.activationBytes,
      weightBytes: d.weightBytes,
    },
    // a pre-norm may take the residual add before it along: the previous layer's, or that of attention
    attentionNorm: {
      ...wide,
      name: "attention-norm",
      input: post ? attentionSum : "residual stream",
      output: post ? "residual stream after attention" : "attention-norm output",
      residual: post
        ? { branch: "projected attention", stream: "residual stream" }
        : { branch: "ffn output", stream: "residual stream after attention" },
      beforeMatmul: !post,
    },
    ffnNorm: {
      ...wide,
      name: "ffn-norm",
      input: post ? "ffn sum" : normPlacement === "parallel" ? "residual stream" : attentionSum,
      output: post ? "residual stream" : "ffn-norm output",
      ...(normPlacement === "parallel"
        ? {}
        : {
            residual: post
              ? { branch: "ffn output", stream: "residual stream after attention" }
              : {
                  branch: sandwich ? "post-attention-norm output" : "projected attention",
                  stream: "residual stream",
                },
          }),
      beforeMatmul: !post,
    },
    postAttentionNorm: sandwich ? sub("post-attention-norm", "projected attention") : undefined,
    postFfnNorm: sandwich ? sub("post-ffn-norm", "ffn output") : undefined,
    queryNorm: model.qkNorm ? perHead("query-norm", "queries", d.heads) : undefined,
    keyNorm: model.qkNorm ? perHead("key-norm", "keys", d.kvHeads) : undefined,
    qkv: {
      name: "qkv-projection",
      m,
      n: (d.heads + 2 * d.kvHeads) * d.headDim,
      k: d.hidden,
      bias,
      input: post ? "residual stream" : "attention-norm output",
      output: "qkv",
    },
    attentionOutput: {
      name: "output-projection",
      m,
      n: d.hidden,
      k: d.heads * d.headDim,
      bias: everyBias,
      input: "attention output",
      output: "projected attention",
    },
    ffnInput: {
      name: model.gated ? "gate-up-projection" : "up-projection",
      m,
      n: model.gated ? 2 * d.ffn : d.ffn,
      k: d.hidden,
      bias: everyBias,
      input: post ? "residual stream after attention" : "ffn-norm output",
      output: model.gated ? "gate-up output" : "up output",
    },
    ffnOutput: {
      name: "down-projection",
      m,
      n: d.hidden,
      k: d.ffn,
      bias: everyBias,
      input: "activated",
      output: "ffn output",
    },
  };
}
