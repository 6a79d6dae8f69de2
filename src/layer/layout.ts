import type { Model } from "../schema/model.ts";
import type { Scenario } from "../schema/scenario.ts";
import { BYTES_PER_ELEMENT, isNarrow, streamType } from "../schema/vocabulary.ts";
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
  readonly qkv: Projection;
  readonly latent: LatentParts | undefined;
  readonly attentionOutput: Projection;
  /** the block's own, or its routed experts' */
  readonly feedForward: FeedForward;
  readonly sharedExperts: FeedForward | undefined;
  /** what router and dispatch read */
  readonly expertInput: string;
}

/** Two projections and the activation between them. */
export interface FeedForward {
  readonly input: Projection;
  readonly activation: ActivationSite;
  readonly output: Projection;
}

/** What of the layer's kernels quantizes its own output, so that no kernel of its own has to. */
export interface FusedQuantization {
  readonly norm: boolean;
  readonly activation: boolean;
}

export function layout(
  model: Model,
  types: MatmulTypes,
  wideTypes: MatmulTypes,
  d: Dimensions,
  fusedNorm: boolean,
  fusedActivation: boolean,
): Layout {
  const places = NORM_PLACES[model.normPlacement];
  const narrow = isNarrow(types.dataType);
  const m = d.tokens;
  const stream = (place: NormPlace | undefined, narrowOutput = false): NormSite | undefined =>
    place && { place, rows: d.normTokens, columns: d.hidden, narrowOutput };
  const narrowAttention = fusedNorm && places.attention?.beforeMatmul === true;
  const narrowFfn = fusedNorm && places.ffn?.beforeMatmul === true && d.experts === undefined;
  const attentionInput = { input: places.attentionInput, quantize: narrow && !narrowAttention };
  // one norm before both blocks: the first of them has quantized its output
  const shared = model.normPlacement === "parallel-shared" && d.experts === undefined;
  const ffnInput =
    shared && attentionInput.quantize
      ? { input: narrowTensor(places.ffnInput), quantize: false }
      : { input: places.ffnInput, quantize: narrow && !narrowFfn && !(shared && narrowAttention) };
  const attentionBias = model.bias === "attention" || model.bias === "all";
  const blocks = d.experts
    ? expertBlocks(model, d, d.experts, narrow, fusedActivation, places.ffnInput)
    : { own: denseBlock(model, d, ffnInput, narrow, fusedActivation), shared: undefined };
  return {
    d,
    types,
    wideTypes,
    attentionNorm: stream(places.attention, narrowAttention),
    ffnNorm: stream(places.ffn, narrowFfn),
    postAttentionNorm: stream(places.postAttention),
    postFfnNorm: stream(places.postFfn),
    queryNorm: qkNorm(model, d, QUERY_NORM, d.heads),
    keyNorm: qkNorm(model, d, KEY_NORM, d.kvHeads),
    qkv: {
      ...ONE,
      ...attentionInput,
      name: "qkv-projection",
      m,
      n: (d.heads + 2 * d.kvHeads) * d.headDim,
      k: d.hidden,
      bias: model.bias !== "none",
      output: "qkv",
      parts: [
        { tensor: "qkv queries", columns: d.heads * d.headDim },
        { tensor: "qkv keys", columns: d.kvHeads * d.headDim },
        { tensor: "qkv values", columns: d.kvHeads * d.headDim },
      ],
    },
    latent: d.latent && latentParts(d, d.latent, attentionInput, model.bias !== "none", narrow),
    attentionOutput: {
      ...ONE,
      name: "output-projection",
      m,
      n: d.hidden,
      k: d.heads * d.headDim,
      bias: attentionBias,
      input: "attention output",
      quantize: narrow,
      output: "projected attention",
    },
    feedForward: blocks.own,
    sharedExperts: blocks.shared,
    expertInput: places.ffnInput,
  };
}

const ONE = { products: 1, grouped: false } as const;

type Input = Pick<Projection, "input" | "quantize">;

function denseBlock(
  model: Model,
  d: Dimensions,
  input: Input,
  narrow: boolean,
  fusedActivation: boolean,
): FeedForward {
  const tensors = activationTensors(model, "own");
  return block(model, d, {
    ...ONE,
    prefix: "",
    m: d.tokens,
    ffn: d.ffn,
    input,
    output: "ffn output",
    tensors,
    narrow,
    fusedActivation,
  });
}

/** Routed experts compute in one launch the rows that the router sends each of them; shared ones see every token. */
function expertBlocks(
  model: Model,
  d: Dimensions,
  e: ExpertSizes,
  narrow: boolean,
  fusedActivation: boolean,
  ffnInput: string,
): { own: FeedForward; shared: FeedForward | undefined } {
  const common = { narrow, fusedActivation };
  const own = block(model, d, {
    ...common,
    products: e.touched,
    grouped: true,
    prefix: "",
    m: e.rows / e.touched,
    ffn: e.ffn,
    // tokens are quantized before they are sent out
    input: { input: EXPERT_TENSORS.input, quantize: false },
    output: EXPERT_TENSORS.output,
    tensors: activationTensors(model, "own"),
  });
  const shared = block(model, d, {
    ...common,
    ...ONE,
    prefix: "shared-",
    m: d.tokens,
    ffn: e.sharedFfn,
    input: { input: narrow ? narrowTensor(ffnInput) : ffnInput, quantize: false },
    output: SHARED_OUTPUT,
    tensors: activationTensors(model, "shared"),
  });
  return { own, shared: e.sharedFfn === 0 ? undefined : shared };
}

interface Block {
  readonly prefix: "" | "shared-";
  readonly products: number;
  readonly grouped: boolean;
  readonly m: number;
  readonly ffn: number;
  readonly input: Input;
  readonly output: string;
  readonly tensors: ActivationSite["tensors"];
  readonly narrow: boolean;
  readonly fusedActivation: boolean;
}

function block(model: Model, d: Dimensions, b: Block): FeedForward {
  const { products, grouped, m, ffn, tensors, prefix } = b;
  const bias = model.bias === "all";
  const fused = b.narrow && b.fusedActivation;
  return {
    input: {
      ...b.input,
      name: NAMES[prefix][model.gated ? "gated" : "plain"],
      m,
      n: model.gated ? 2 * ffn : ffn,
      k: d.hidden,
      products,
      grouped,
      bias,
      output: tensors.input,
    },
    activation: {
      rows: m * products,
      ffn,
      inputBytes: d.activationBytes,
      outputBytes: fused ? d.matmulInputBytes : d.activationBytes,
      tensors,
    },
    output: {
      name: NAMES[prefix].output,
      m,
      n: d.hidden,
      k: ffn,
      products,
      grouped,
      bias,
      input: tensors.output,
      quantize: b.narrow && !fused,
      output: b.output,
    },
  };
}

/** Made once: a sweep builds millions of layers. */
const NAMES = {
  "": { gated: "gate-up-projection", plain: "up-projection", output: "down-projection" },
  "shared-": {
    gated: "shared-gate-up-projection",
    plain: "shared-up-projection",
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
): NormStyle => ({
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

/** A norm of queries or keys: one row a head, or one row a token over all heads of this GPU. */
function qkNorm(model: Model, d: Dimensions, place: NormPlace, heads: number): NormSite | undefined {
  if (!model.qkNorm) return undefined;
  return model.qkNormSpan === "projection"
    ? { place, rows: d.tokens, columns: heads * d.headDim, narrowOutput: false }
    : { place, rows: d.tokens * heads, columns: d.headDim, narrowOutput: false };
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
  const inside = model.latentAttention ? latentNormPlaces(model.latentAttention) : perHead;
  return [attention, ...inside, postAttention, ffn, postFfn].filter((place) => place !== undefined);
}

const QUERY_NORM = perHead("query-norm", "queries");
const KEY_NORM = perHead("key-norm", "keys");
