import type { Model } from "../../schema/model.ts";
import type { Scenario } from "../../schema/scenario.ts";
import { BYTES_PER_ELEMENT, isNarrow, streamType } from "../../schema/vocabulary.ts";
import { gatheredTensor, partialTensor } from "./collective.ts";
import { type Dimensions, type ExpertSizes, plainWeightBytes } from "./dimensions.ts";
import { EXPERT_TENSORS, SHARED_OUTPUT } from "./experts.ts";
import { type ActivationSite, activationTensors } from "./feed-forward.ts";
import { type LatentParts, latentNormPlaces, latentParts } from "./latent-attention.ts";
import type { MatmulTypes, Projection } from "./matmul.ts";
import type { NormPlace, NormSite, NormStyle } from "./normalization.ts";
import { narrowTensor } from "./quantization.ts";

/** The parts a layer is assembled from: where its norms stand, its projections, and its types. */
export interface Layout {
  readonly d: Dimensions;
  /** of the projections */
  readonly types: MatmulTypes;
  /** of products that are never quantized: routers, and latent attention's products head by head */
  readonly wideTypes: MatmulTypes;
  readonly attentionNorm: NormSite | undefined;
  readonly ffnNorm: NormSite | undefined;
  readonly postAttentionNorm: NormSite | undefined;
  readonly postFfnNorm: NormSite | undefined;
  readonly queryNorm: NormSite | undefined;
  readonly keyNorm: NormSite | undefined;
  /** one projection, or one each for queries, keys and values */
  readonly qkv: readonly Projection[];
  readonly latent: LatentParts | undefined;
  readonly attentionOutput: Projection;
  /** the block's own, or its routed experts' */
  readonly feedForward: FeedForward;
  readonly sharedExperts: FeedForward | undefined;
  /** what attention's projections read */
  readonly attentionInput: string;
  /** what the feed-forward block, or router and dispatch, read */
  readonly ffnInput: string;
  /** what this GPU has of both blocks' inputs where they are gathered from all */
  readonly ownAttentionInput: string;
  readonly ownFfnInput: string;
  /** what the blocks write: under sequence parallelism each rank's part of a sum that is scattered after */
  readonly attentionResult: string;
  readonly ffnResult: string;
}

/** Two projections and the activation between them; gate and up may be projected apart. */
export interface FeedForward {
  readonly input: readonly Projection[];
  readonly activation: ActivationSite;
  readonly output: Projection;
}

export function layout(
  model: Model,
  types: MatmulTypes,
  wideTypes: MatmulTypes,
  d: Dimensions,
  fusedNorm: boolean,
  fusedActivation: boolean,
  folded: boolean,
  separate = false,
): Layout {
  const places = NORM_PLACES[model.normPlacement];
  const narrow = isNarrow(types.dataType);
  const m = d.tokens;
  const stream = (place: NormPlace | undefined, narrowOutput = false): NormSite | undefined =>
    place && { place, rows: d.normTokens, columns: d.hidden, narrowOutput, ranks: 1 };
  // a router reads what it scores as it is
  const routedToo = model.normPlacement === "parallel-shared" && d.experts !== undefined;
  const narrowAttention = fusedNorm && places.attention?.beforeMatmul === true && !routedToo;
  const narrowFfn = fusedNorm && places.ffn?.beforeMatmul === true && d.experts === undefined;
  const quantizing: Quantizing = {
    narrow,
    attentionNorm: narrowAttention,
    ffnNorm: narrowFfn,
    activation: fusedActivation,
    separate,
  };
  const quantizeAttention = narrow && !narrowAttention;
  const split = d.normTokens !== d.tokens;
  // a folded norm writes no output: the matmul behind it reads what the norm has read
  const firstInput = (place: NormPlace | undefined, unnormed: string): string =>
    place?.beforeMatmul ? (folded ? place.input : place.output) : unnormed;
  const ownAttentionInput = firstInput(places.attention, STREAM);
  const attentionInput = split ? gatheredTensor(ownAttentionInput, "attention") : ownAttentionInput;
  // behind one norm both blocks read the same
  const shared = model.normPlacement === "parallel-shared";
  const ownFfnInput = shared ? ownAttentionInput : firstInput(places.ffn, MIDDLE);
  const ffnInput = shared ? attentionInput : split ? gatheredTensor(ownFfnInput, "ffn") : ownFfnInput;
  const projected = split ? partialTensor(PROJECTED) : PROJECTED;
  const ffnOutput = split ? partialTensor(FFN_OUTPUT) : FFN_OUTPUT;
  const bias = model.bias !== "none";
  const attentionBias = model.bias === "attention" || model.bias === "all";
  const normsOfHeads = headNorms(model);
  const queryColumns = d.heads * d.headDim;
  const keyColumns = d.kvHeads * d.headDim;
  return {
    d,
    types,
    wideTypes,
    attentionNorm: stream(places.attention, narrowAttention),
    ffnNorm: stream(places.ffn, narrowFfn),
    postAttentionNorm: stream(places.postAttention),
    postFfnNorm: stream(places.postFfn),
    queryNorm: qkNorm(model, d, normsOfHeads.query, d.heads),
    keyNorm: qkNorm(model, d, normsOfHeads.key, d.kvHeads),
    qkv: (separate ? apart : together)(
      {
        name: "qkv-projection",
        m,
        n: queryColumns + 2 * keyColumns,
        k: d.hidden,
        products: 1,
        grouped: false,
        bias,
        input: attentionInput,
        quantize: quantizeAttention,
        output: "qkv",
        parts: [
          { tensor: normsOfHeads.query.input, columns: queryColumns },
          { tensor: normsOfHeads.key.input, columns: keyColumns },
          { tensor: "qkv values", columns: keyColumns },
        ],
      },
      QKV_NAMES,
    ),
    latent: d.latent && latentParts(d, d.latent, attentionInput, quantizeAttention, bias, narrow, folded),
    attentionOutput: {
      name: "output-projection",
      m,
      n: d.hidden,
      k: queryColumns,
      products: 1,
      grouped: false,
      bias: attentionBias,
      input: "attention output",
      quantize: narrow,
      output: projected,
      parts: undefined,
    },
    feedForward:
      d.experts === undefined
        ? denseBlock(model, d, ffnInput, ffnOutput, quantizing)
        : routedBlock(model, d, d.experts, quantizing),
    sharedExperts: d.experts && sharedBlock(model, d, d.experts, ffnInput, quantizing),
    attentionInput,
    ffnInput,
    ownAttentionInput,
    ownFfnInput,
    attentionResult: projected,
    ffnResult: ffnOutput,
  };
}

const together = (projection: Projection): readonly Projection[] => [projection];

const QKV_NAMES = ["query-projection", "key-projection", "value-projection"] as const;

/** A projection for each part of the output; the first one quantizes what all read. */
const apart = (whole: Projection, names: readonly string[]): readonly Projection[] =>
  whole.parts!.map(({ tensor, columns }, index) => ({
    ...whole,
    name: names[index]!,
    n: columns,
    input: index > 0 && whole.quantize ? narrowTensor(whole.input) : whole.input,
    quantize: index === 0 && whole.quantize,
    output: tensor,
    parts: undefined,
  }));

/** What of the layer's kernels narrow matmuls read, and which of them quantize their output themselves. */
interface Quantizing {
  readonly narrow: boolean;
  readonly attentionNorm: boolean;
  readonly ffnNorm: boolean;
  readonly activation: boolean;
  /** true: gate and up are projected apart */
  readonly separate: boolean;
}

function denseBlock(model: Model, d: Dimensions, input: string, output: string, q: Quantizing): FeedForward {
  // one norm before both blocks: attention's first matmul has had its output quantized
  const shared = model.normPlacement === "parallel-shared";
  return block(model, d, q, {
    which: "own",
    m: d.tokens,
    products: 1,
    ffn: d.ffn,
    input: shared && q.narrow && !q.attentionNorm ? narrowTensor(input) : input,
    quantize: q.narrow && !q.ffnNorm && !shared,
    output,
  });
}

/** Routed experts compute in one launch the rows that the router sends each of them; tokens are quantized before that. */
const routedBlock = (model: Model, d: Dimensions, e: ExpertSizes, q: Quantizing): FeedForward =>
  block(model, d, q, {
    which: "routed",
    m: e.rows / e.touched,
    products: e.touched,
    ffn: e.ffn,
    input: EXPERT_TENSORS.dispatched,
    quantize: false,
    output: EXPERT_TENSORS.output,
  });

/** Experts that see every token. */
function sharedBlock(
  model: Model,
  d: Dimensions,
  e: ExpertSizes,
  input: string,
  q: Quantizing,
): FeedForward | undefined {
  if (e.sharedFfn === 0) return undefined;
  return block(model, d, q, {
    which: "shared",
    m: d.tokens,
    products: 1,
    ffn: e.sharedFfn,
    input: q.narrow ? narrowTensor(input) : input,
    quantize: false,
    output: SHARED_OUTPUT,
  });
}

/** `products` blocks of `m` rows each. */
interface Block {
  readonly which: keyof typeof NAMES;
  readonly m: number;
  readonly products: number;
  readonly ffn: number;
  readonly input: string;
  readonly quantize: boolean;
  readonly output: string;
}

/** Every field is written out: spread together, these would be what a sweep over batches spends its time on. */
function block(model: Model, d: Dimensions, q: Quantizing, b: Block): FeedForward {
  const { m, products, ffn } = b;
  const names = NAMES[b.which];
  const grouped = b.which === "routed";
  // experts keep gate and up in one matrix
  const separate = q.separate && model.gated && !grouped;
  const tensors = activationTensors(model, b.which === "shared" ? "shared" : "own", separate);
  const bias = model.bias === "all";
  const fused = q.narrow && q.activation;
  const input: Projection = {
    name: model.gated ? names.gated : names.plain,
    m,
    n: model.gated ? 2 * ffn : ffn,
    k: d.hidden,
    products,
    grouped,
    bias,
    input: b.input,
    quantize: b.quantize,
    output: tensors.input,
    parts: separate ? [tensors.input, tensors.up].map((tensor) => ({ tensor, columns: ffn })) : undefined,
  };
  return {
    input: separate ? apart(input, names.apart) : [input],
    activation: {
      rows: m * products,
      ffn,
      inputBytes: d.activationBytes,
      outputBytes: fused ? d.matmulInputBytes : d.activationBytes,
      tensors,
    },
    output: {
      name: names.output,
      m,
      n: d.hidden,
      k: ffn,
      products,
      grouped,
      bias,
      input: tensors.output,
      quantize: q.narrow && !fused,
      output: b.output,
      parts: undefined,
    },
  };
}

/** Made once: a sweep builds millions of layers. */
const OWN_NAMES = {
  gated: "gate-up-projection",
  plain: "up-projection",
  apart: ["gate-projection", "up-projection"],
  output: "down-projection",
} as const;
const NAMES = {
  own: OWN_NAMES,
  routed: OWN_NAMES,
  shared: {
    gated: "shared-gate-up-projection",
    plain: "shared-up-projection",
    apart: ["shared-gate-projection", "shared-up-projection"],
    output: "shared-down-projection",
  },
} as const;

export const matmulTypes = ({ activations, weights }: Scenario["precision"]): MatmulTypes => ({
  dataType: activations,
  inputBytes: BYTES_PER_ELEMENT[activations],
  outputBytes: BYTES_PER_ELEMENT[streamType(activations)],
  weightBytes: BYTES_PER_ELEMENT[weights],
});

export function wideMatmulTypes(precision: Scenario["precision"]): MatmulTypes {
  const dataType = streamType(precision.activations);
  const bytes = BYTES_PER_ELEMENT[dataType];
  return { dataType, inputBytes: bytes, outputBytes: bytes, weightBytes: plainWeightBytes(precision) };
}

export const normStyle = (
  norm: Scenario["normalization"],
  types: MatmulTypes,
  wideTypes: MatmulTypes,
  offset = false,
): NormStyle => ({
  offset,
  kind: norm.kind,
  implementation: norm.implementation,
  activationBytes: wideTypes.outputBytes,
  narrowBytes: types.inputBytes,
  weightBytes: wideTypes.weightBytes,
});

/** Only a kernel that the user writes or compiles quantizes beside its own work: no op of torch does. */
export const fusesQuantization = (
  { quantization }: Scenario["kernels"],
  { implementation }: Scenario["normalization"],
): boolean => quantization === "fused" && (implementation === "fused" || implementation === "residual-fused");

/** A norm of queries or keys: one row a head, or one row a token over all heads, of which each GPU has its own. */
function qkNorm(model: Model, d: Dimensions, place: NormPlace, heads: number): NormSite | undefined {
  if (!model.qkNorm) return undefined;
  return model.qkNormSpan === "projection"
    ? { place, rows: d.tokens, columns: heads * d.headDim, narrowOutput: false, ranks: d.ranks }
    : { place, rows: d.tokens * heads, columns: d.headDim, narrowOutput: false, ranks: 1 };
}

/** What passes a layer's blocks by, before attention and after it; a layer leaves it under the first name again. */
export const STREAM = "residual stream";
export const MIDDLE = "residual stream after attention";
/** What the blocks write. */
export const PROJECTED = "projected attention";
export const FFN_OUTPUT = "ffn output";
/** The sum of parallel branches. */
export const BOTH_BRANCHES = "both branches";

interface NormPlaces {
  readonly attention?: NormPlace;
  readonly ffn?: NormPlace;
  readonly postAttention?: NormPlace;
  readonly postFfn?: NormPlace;
}

/** A norm behind a block, inside the branch. */
const behind = (name: string, input: string): NormPlace => ({
  name,
  input,
  output: `${name} output`,
  residual: undefined,
  beforeMatmul: false,
});

// a pre-norm may take the residual add before it along: the previous layer's, or that of attention
const preAttention = (branch: string, stream: string): NormPlace => ({
  name: "attention-norm",
  input: STREAM,
  output: "attention-norm output",
  residual: { branch, stream },
  beforeMatmul: true,
});
const PRE_ATTENTION = preAttention(FFN_OUTPUT, MIDDLE);
const PARALLEL_ATTENTION = preAttention(BOTH_BRANCHES, STREAM);

const preFfn = (input: string, branch: string | undefined): NormPlace => ({
  name: "ffn-norm",
  input,
  output: "ffn-norm output",
  residual: branch === undefined ? undefined : { branch, stream: STREAM },
  beforeMatmul: true,
});

const POST_ATTENTION = behind("post-attention-norm", PROJECTED);
const POST_FFN = behind("post-ffn-norm", FFN_OUTPUT);

/** Where the norms of each architecture stand: the tensors of the layer that they read and write. */
const NORM_PLACES: Readonly<Record<Model["normPlacement"], NormPlaces>> = {
  pre: { attention: PRE_ATTENTION, ffn: preFfn(MIDDLE, PROJECTED) },
  parallel: { attention: PARALLEL_ATTENTION, ffn: preFfn(STREAM, undefined) },
  "parallel-shared": { attention: PARALLEL_ATTENTION },
  sandwich: {
    attention: preAttention("post-ffn-norm output", MIDDLE),
    ffn: preFfn(MIDDLE, "post-attention-norm output"),
    postAttention: POST_ATTENTION,
    postFfn: POST_FFN,
  },
  branch: {
    postAttention: POST_ATTENTION,
    postFfn: POST_FFN,
  },
  post: {
    attention: {
      name: "attention-norm",
      input: "attention sum",
      output: MIDDLE,
      residual: { branch: PROJECTED, stream: STREAM },
      beforeMatmul: false,
    },
    ffn: {
      name: "ffn-norm",
      input: "ffn sum",
      output: STREAM,
      residual: { branch: FFN_OUTPUT, stream: MIDDLE },
      beforeMatmul: false,
    },
  },
};

const perHead = (name: string, which: string, input: string): NormPlace => ({
  name,
  input,
  output: `qkv ${which}`,
  residual: undefined,
  beforeMatmul: false,
});

/** All places of a model's norms. */
export function normPlaces(model: Model): readonly NormPlace[] {
  const { attention, ffn, postAttention, postFfn } = NORM_PLACES[model.normPlacement];
  const { query, key } = headNorms(model);
  const perHead = model.qkNorm ? [query, key] : [];
  const inside = model.latentAttention ? latentNormPlaces(model.latentAttention) : perHead;
  return [attention, ...inside, postAttention, ffn, postFfn].filter((place) => place !== undefined);
}

const QUERY_NORM = perHead("query-norm", "queries", "qkv queries");
const KEY_NORM = perHead("key-norm", "keys", "qkv keys");
/** Without a rotation attention itself reads what the norms write, and their backward what they read: two tensors. */
const LAST_QUERY_NORM = perHead("query-norm", "queries", "raw queries");
const LAST_KEY_NORM = perHead("key-norm", "keys", "raw keys");

const headNorms = (model: Model): { readonly query: NormPlace; readonly key: NormPlace } =>
  model.qkNorm && model.positions !== "rope"
    ? { query: LAST_QUERY_NORM, key: LAST_KEY_NORM }
    : { query: QUERY_NORM, key: KEY_NORM };
