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
  readonly attentionNorm: NormSite | undefined;
  readonly ffnNorm: NormSite | undefined;
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
  const m = d.tokens;
  const stream = (place: NormPlace | undefined): NormSite | undefined =>
    place && { place, rows: d.normTokens, columns: d.hidden };
  return {
    d,
    types,
    attentionNorm: stream(places.attention),
    ffnNorm: stream(places.ffn),
    postAttentionNorm: stream(places.postAttention),
    postFfnNorm: stream(places.postFfn),
    queryNorm: qkNorm(model, d, QUERY_NORM, d.heads),
    keyNorm: qkNorm(model, d, KEY_NORM, d.kvHeads),
    qkv: {
      name: "qkv-projection",
      m,
      n: (d.heads + 2 * d.kvHeads) * d.headDim,
      k: d.hidden,
      bias: model.bias !== "none",
      input: places.attentionInput,
      output: "qkv",
    },
    attentionOutput: {
      name: "output-projection",
      m,
      n: d.hidden,
      k: d.heads * d.headDim,
      bias: model.bias === "attention" || model.bias === "all",
      input: "attention output",
      output: "projected attention",
    },
    ffnInput: {
      name: model.gated ? "gate-up-projection" : "up-projection",
      m,
      n: model.gated ? 2 * d.ffn : d.ffn,
      k: d.hidden,
      bias: model.bias === "all",
      input: places.ffnInput,
      output: model.gated ? "gate-up output" : "up output",
    },
    ffnOutput: {
      name: "down-projection",
      m,
      n: d.hidden,
      k: d.ffn,
      bias: model.bias === "all",
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

/** A norm of queries or keys: one row a head, or one row a token over all heads of this GPU. */
function qkNorm(model: Model, d: Dimensions, place: NormPlace, heads: number): NormSite | undefined {
  if (!model.qkNorm) return undefined;
  return model.qkNormSpan === "projection"
    ? { place, rows: d.tokens, columns: heads * d.headDim }
    : { place, rows: d.tokens * heads, columns: d.headDim };
}

interface NormPlaces {
  /** what the first matmul of either block reads */
  readonly attentionInput: string;
  readonly ffnInput: string;
  readonly attention?: NormPlace;
  readonly ffn?: NormPlace;
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

const POST_ATTENTION = behind("post-attention-norm", "projected attention");
const POST_FFN = behind("post-ffn-norm", "ffn output");

const BEHIND_NORMS = {
  attentionInput: "attention-norm output",
  ffnInput: "ffn-norm output",
  attention: PRE_ATTENTION,
} as const;

/** Where the norms of each architecture stand: the tensors of the layer that they read and write. */
const NORM_PLACES: Readonly<Record<Model["normPlacement"], NormPlaces>> = {
  pre: { ...BEHIND_NORMS, ffn: preFfn(MIDDLE, "projected attention") },
  parallel: { ...BEHIND_NORMS, ffn: preFfn(STREAM, undefined) },
  "parallel-shared": { ...BEHIND_NORMS, ffnInput: "attention-norm output" },
  sandwich: {
    ...BEHIND_NORMS,
    ffn: preFfn(MIDDLE, "post-attention-norm output"),
    postAttention: POST_ATTENTION,
    postFfn: POST_FFN,
  },
  branch: {
    attentionInput: STREAM,
    ffnInput: MIDDLE,
    postAttention: POST_ATTENTION,
    postFfn: POST_FFN,
  },
  post: {
    attentionInput: STREAM,
    ffnInput: MIDDLE,
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

/** All places of a model's norms. */
export function normPlaces(model: Model): readonly NormPlace[] {
  const { attention, ffn, postAttention, postFfn } = NORM_PLACES[model.normPlacement];
  const perHead = model.qkNorm ? [QUERY_NORM, KEY_NORM] : [];
  return [attention, ...perHead, postAttention, ffn, postFfn].filter((place) => place !== undefined);
}

const QUERY_NORM = perHead("query-norm", "queries");
const KEY_NORM = perHead("key-norm", "keys");
