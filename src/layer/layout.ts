import type { Model } from "../schema/model.ts";
import type { Scenario } from "../schema/scenario.ts";
import { BYTES_PER_ELEMENT } from "../schema/vocabulary.ts";
import type { Dimensions } from "./dimensions.ts";
import type { MatmulTypes, Projection } from "./matmul.ts";
import type { NormPlace, NormSite, NormStyle } from "./normalization.ts";

/** The parts a layer is assembled from: where its norms stand, its projections, and its types. */
export interface Layout {
  readonly d: Dimensions;
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

export function layout(model: Model, types: MatmulTypes, d: Dimensions): Layout {
  const places = NORM_PLACES[model.normPlacement];
  const post = model.normPlacement === "post";
  const bias = model.bias !== "none";
  const everyBias = model.bias === "all";
  const m = d.tokens;
  const stream = (place: NormPlace): NormSite => ({ place, rows: d.normTokens, columns: d.hidden });
  return {
    d,
    types,
    attentionNorm: stream(places.attention),
    ffnNorm: stream(places.ffn),
    postAttentionNorm: places.postAttention && stream(places.postAttention),
    postFfnNorm: places.postFfn && stream(places.postFfn),
    queryNorm: model.qkNorm ? { place: QUERY_NORM, rows: d.tokens * d.heads, columns: d.headDim } : undefined,
    keyNorm: model.qkNorm ? { place: KEY_NORM, rows: d.tokens * d.kvHeads, columns: d.headDim } : undefined,
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

export const matmulTypes = ({ activations, weights }: Scenario["precision"]): MatmulTypes => ({
  dataType: activations,
  activationBytes: BYTES_PER_ELEMENT[activations],
  weightBytes: BYTES_PER_ELEMENT[weights],
});

export const normStyle = (norm: Scenario["normalization"], types: MatmulTypes): NormStyle => ({
  kind: norm.kind,
  implementation: norm.implementation,
  activationBytes: types.activationBytes,
  weightBytes: types.weightBytes,
});

interface NormPlaces {
  readonly attention: NormPlace;
  readonly ffn: NormPlace;
  readonly postAttention?: NormPlace;
  readonly postFfn?: NormPlace;
}

const STREAM = "residual stream";
const MIDDLE = "residual stream after attention";

/** A norm behind a block, inside the branch. */
const behind = (name: string, input: string): NormPlace => ({
  name,
  input,
  output: `${name} output`,
  residual: undefined,
  beforeMatmul: false,
});

// a pre-norm may take the residual add before it along: the previous layer's, or that of attention
const PRE_ATTENTION: NormPlace = {
  name: "attention-norm",
  input: STREAM,
  output: "attention-norm output",
  residual: { branch: "ffn output", stream: MIDDLE },
  beforeMatmul: true,
};

const preFfn = (input: string, branch: string | undefined): NormPlace => ({
  name: "ffn-norm",
  input,
  output: "ffn-norm output",
  residual: branch === undefined ? undefined : { branch, stream: STREAM },
  beforeMatmul: true,
});

/** Where the norms of each architecture stand: the tensors of the layer that they read and write. */
const NORM_PLACES: Readonly<Record<Model["normPlacement"], NormPlaces>> = {
  pre: { attention: PRE_ATTENTION, ffn: preFfn(MIDDLE, "projected attention") },
  parallel: { attention: PRE_ATTENTION, ffn: preFfn(STREAM, undefined) },
  sandwich: {
    attention: PRE_ATTENTION,
    ffn: preFfn(MIDDLE, "post-attention-norm output"),
    postAttention: behind("post-attention-norm", "projected attention"),
    postFfn: behind("post-ffn-norm", "ffn output"),
  },
  post: {
    attention: {
      name: "attention-norm",
      input: "attention sum",
      output: MIDDLE,
      residual: { branch: "projected attention", stream: STREAM },
      beforeMatmul: false,
    },
    ffn: {
      name: "ffn-norm",
      input: "ffn sum",
      output: STREAM,
      residual: { branch: "ffn output", stream: MIDDLE },
      beforeMatmul: false,
    },
  },
};

const perHead = (name: string, which: string): NormPlace => ({
  name,
  input: `qkv ${which}`,
  output: `qkv ${which}`,
  residual: undefined,
  beforeMatmul: false,
});

const QUERY_NORM = perHead("query-norm", "queries");
const KEY_NORM = perHead("key-norm", "keys");
