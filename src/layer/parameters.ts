import type { LayerKind, Model } from "../schema/model.ts";

/** Numbers of parameters by where they stand. */
export interface ParameterCounts {
  /** rows of tokens, positions and segments, and the norm behind them where there is one */
  readonly embedding: number;
  /** 0 where there is none or it is the token embedding */
  readonly outputHead: number;
  readonly finalNorm: number;
  readonly kinds: readonly KindParameters[];
  readonly total: number;
  /**
   * Those that a token is multiplied with: layers without the experts it is not sent to, final norm and output head
   * (a tied one too). The embedding is looked up, not multiplied with, and so left out: the convention in which
   * DeepSeek-V3 and gpt-oss publish theirs. Twice this is a token's FLOPs without the attention scores.
   */
  readonly active: number;
}

/** One kind of layer; a model whose layers are all alike has one kind named `layer`. */
interface KindParameters {
  readonly name: string;
  /** how many layers are of this kind */
  readonly layers: number;
  /** of one layer */
  readonly total: number;
  /** of one layer: those that a token passes through */
  readonly active: number;
}

/** Exact: weights, biases and norms; what buffers hold (RoPE tables, load-balancing offsets) is not counted. */
export function parameterCounts(model: Model): ParameterCounts {
  const kinds = kindsOf(model).map((kind) => kindParameters(model, kind));
  const tokens = model.vocabulary * model.hidden;
  const embedding =
    tokens +
    (model.positionRows ?? 0) * model.hidden +
    (model.embeddingNorm === true ? normParameters(model, model.hidden) : 0);
  const multipliedByHead = (model.outputHead ?? model.causal) ? tokens : 0;
  const outputHead = model.tiedEmbeddings === true ? 0 : multipliedByHead;
  // a post-norm layer ends in a norm already
  const finalNorm = model.normPlacement === "post" ? 0 : normParameters(model, model.hidden);
  const sum = (of: "total" | "active"): number =>
    kinds.reduce((total, kind) => total + kind.layers * kind[of], 0);
  return {
    embedding,
    outputHead,
    finalNorm,
    kinds,
    total: embedding + sum("total") + finalNorm + outputHead,
    active: sum("active") + finalNorm + multipliedByHead,
  };
}

const kindsOf = ({ layerKinds, layers }: Model): readonly LayerKind[] =>
  layerKinds ?? [{ name: "layer", layers }];

function kindParameters(model: Model, kind: LayerKind): KindParameters {
  const shared = attention(model) + norms(model);
  const block = feedForward(model, kind);
  return {
    name: kind.name,
    layers: kind.layers,
    total: shared + block.total,
    active: shared + block.active,
  };
}

/** A matrix, and a number for each output where it adds a bias. */
const projection = (inputs: number, outputs: number, bias: boolean): number =>
  inputs * outputs + (bias ? outputs : 0);

/** LayerNorm has a scale and a shift for each element of its row, RMSNorm a scale. */
const normParameters = ({ norm }: Model, row: number): number => (norm === "layernorm" ? 2 : 1) * row;

function attention(model: Model): number {
  const { hidden, heads, kvHeads, headDim, bias } = model;
  const input =
    model.latentAttention === undefined
      ? projection(hidden, (heads + 2 * kvHeads) * headDim, bias !== "none")
      : latentInput(model, model.latentAttention);
  return input + projection(heads * headDim, hidden, bias === "attention" || bias === "all");
}

/** Queries, keys and values go down to a narrow row, are normalized there, and up again; only the way down has biases. */
function latentInput(model: Model, latent: NonNullable<Model["latentAttention"]>): number {
  const { hidden, heads, headDim } = model;
  const { queryRank, keyValueRank, nopeDim, ropeDim } = latent;
  const bias = model.bias !== "none";
  const queries = heads * (nopeDim + ropeDim);
  const query =
    queryRank === undefined
      ? hidden * queries
      : projection(hidden, queryRank, bias) + normParameters(model, queryRank) + queryRank * queries;
  return (
    query +
    // the one key that RoPE turns is not compressed
    projection(hidden, keyValueRank + ropeDim, bias) +
    normParameters(model, keyValueRank) +
    keyValueRank * heads * (nopeDim + headDim)
  );
}

interface BlockParameters {
  readonly total: number;
  readonly active: number;
}

function feedForward(model: Model, { feedForward: asked }: LayerKind): BlockParameters {
  const { hidden, experts } = model;
  if (experts === undefined || asked === "dense") {
    const all = block(model, model.ffn);
    return { total: all, active: all };
  }
  const router = projection(hidden, experts.count, model.bias === "all");
  const one = block(model, experts.ffn);
  const shared = experts.sharedFfn === undefined ? 0 : block(model, experts.sharedFfn);
  const every = router + shared + (experts.sharedGate === true ? hidden : 0);
  return { total: every + experts.count * one, active: every + experts.perToken * one };
}

/** Up (and gate), and down again. */
function block({ hidden, gated, bias }: Model, ffn: number): number {
  return projection(hidden, (gated ? 2 : 1) * ffn, bias === "all") + projection(ffn, hidden, bias === "all");
}

/** Norms of the residual stream in one layer. */
const NORMS_OF_LAYER: Readonly<Record<Model["normPlacement"], number>> = {
  pre: 2,
  post: 2,
  branch: 2,
  sandwich: 4,
  parallel: 2,
  "parallel-shared": 1,
};

function norms(model: Model): number {
  const { heads, kvHeads, headDim } = model;
  const stream = NORMS_OF_LAYER[model.normPlacement] * normParameters(model, model.hidden);
  if (!model.qkNorm) return stream;
  // per head all heads share one scale
  const row = model.qkNormSpan === "projection" ? (heads + kvHeads) * headDim : 2 * headDim;
  return stream + normParameters(model, row);
}
