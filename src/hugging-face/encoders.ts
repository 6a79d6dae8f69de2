import { bert } from "./bert.ts";
import { NO_NORM_BIAS } from "./families.ts";
import { layersOf } from "./layer-kinds.ts";
import { type Architecture, activation, evenHeads, GPT_STYLE, sizes, tied } from "./parts.ts";
import type { Reader } from "./reader.ts";

/** Encoders besides BERT: of texts, and of pictures cut into patches. */

/** A smaller BERT without kinds of segments. */
export function distilbert(read: Reader): Architecture {
  const size = sizes(read, {
    layers: ["n_layers", "num_hidden_layers"],
    hidden: ["dim", "hidden_size"],
    heads: ["n_heads", "num_attention_heads"],
  });
  return {
    ...size,
    ...GPT_STYLE,
    kvHeads: size.heads,
    headDim: evenHeads(read, size),
    ffn: read.count("ffn", "hidden_dim"),
    activation: activation(read, "activation", "gelu"),
    positions: "learned",
    positionRows: read.count("positionRows", "max_position_embeddings", 512),
    normPlacement: "post",
    causal: false,
    embeddingNorm: true,
    ...tied(read, true),
  };
}

/** A BERT whose embeddings may be narrower than its layers. */
export function electra(read: Reader): Architecture {
  const model = bert(read);
  const width = read.count("hidden", "embedding_size", model.hidden);
  if (width !== model.hidden)
    read.note(
      `embedding_size ${width}: in a model file embeddings are as wide as the layers (${model.hidden}), so its parameter count is off; the layers are right`,
    );
  return model;
}

/** RoPE, gated GELU, LayerNorms before the blocks, and two of three layers that see 64 tokens to either side. */
export function modernbert(read: Reader): Architecture {
  const size = sizes(read);
  const interval = read.count("layerKinds", "global_attn_every_n_layers", 3);
  const near = read.count("slidingWindow", "local_attention", 128);
  const attention = read.flag("bias", "attention_bias", false);
  const all = read.flag("bias", "mlp_bias", false);
  if (!read.flag("norm", "norm_bias", false)) read.note(NO_NORM_BIAS);
  read.note("the first layer has no norm before attention, as the embeddings have one: counted with one");
  return {
    ...size,
    ...GPT_STYLE,
    gated: true,
    kvHeads: size.heads,
    headDim: evenHeads(read, size),
    ffn: read.count("ffn", "intermediate_size"),
    activation: activation(read, "hidden_activation", "gelu"),
    bias: attention ? (all ? "all" : "attention") : "none",
    positions: "rope",
    causal: false,
    embeddingNorm: true,
    ...layersOf(read, size.layers, {
      slidingWindow: 2 * Math.floor(near / 2) + 1,
      isFull: (index) => index % interval === 0,
    }),
    ...tied(read, true),
  };
}

interface VisionKeys {
  /** rows of positions beside the patches': the one that stands for the picture */
  readonly besides: number;
  readonly embeddingNorm: boolean;
  readonly bias: (read: Reader) => Architecture["bias"];
  readonly activation: string;
}

/** A picture's patches are multiplied by one matrix of channels times pixels rows: it stands as the vocabulary. */
const vision =
  (keys: VisionKeys) =>
  (read: Reader): Architecture => {
    const patch = read.count("vocabulary", "patch_size");
    const channels = read.count("vocabulary", "num_channels", 3);
    const side = Math.floor(read.count("positionRows", "image_size") / patch);
    const { layers, hidden, heads } = sizes(read, { vocabulary: "patch_size" });
    const size = { layers, hidden, heads, vocabulary: channels * patch * patch };
    read.note(
      `${side * side + keys.besides} tokens a picture: patches are embedded by a matrix of ${size.vocabulary} rows, which stands as the vocabulary`,
    );
    return {
      ...size,
      ...GPT_STYLE,
      kvHeads: heads,
      headDim: evenHeads(read, size),
      ffn: read.count("ffn", "intermediate_size"),
      activation: activation(read, "hidden_act", keys.activation),
      bias: keys.bias(read),
      positions: "learned",
      positionRows: side * side + keys.besides,
      causal: false,
      ...(keys.embeddingNorm ? { embeddingNorm: true } : {}),
    };
  };

export const vit = vision({
  besides: 1,
  embeddingNorm: false,
  bias: (read) => {
    if (read.flag("bias", "qkv_bias", true)) return "all";
    read.note("qkv_bias is false, all other projections add one: counted as if all did");
    return "all";
  },
  activation: "gelu",
});

export const clipVision = vision({
  besides: 1,
  embeddingNorm: true,
  bias: () => "all",
  activation: "quick_gelu",
});

export const siglipVision = vision({
  besides: 0,
  embeddingNorm: false,
  bias: () => "all",
  activation: "gelu_pytorch_tanh",
});
