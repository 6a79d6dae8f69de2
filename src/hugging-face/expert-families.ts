import type { Model } from "../schema/model.ts";
import { decoder } from "./decoder.ts";
import { routedExperts } from "./experts.ts";
import { HEAD_BIAS, LAYERNORM, ofAttention, qkvBias, turnedLayers } from "./families.ts";
import { layersOf } from "./layer-kinds.ts";
import { wholeOrZero } from "./llama.ts";
import type { Keys, Reader } from "./reader.ts";

/** Decoders with experts of many makers, each by what it does otherwise than Llama. */

type Experts = NonNullable<Model["experts"]>;

const BALANCE = "the offsets that balance the router's load (one an expert) are not counted";

/** `shared` experts of the routed ones' width are one block of their width together. */
function withShared(read: Reader, routed: Experts, key: string): Experts {
  const shared = wholeOrNone(read, "experts.sharedFfn", key);
  return shared === 0 ? routed : { ...routed, sharedFfn: shared * routed.ffn };
}

/** A count that may be 0, or be missing. */
const wholeOrNone = (read: Reader, field: string, keys: Keys): number =>
  read.peek(keys) === 0 ? 0 : (read.countOrNone(field, keys) ?? 0);

/** GLM-4.5 and dots: experts behind the first few layers, with shared ones. */
function firstDense(read: Reader, layers: number) {
  const routed = routedExperts(read, { count: "n_routed_experts", ffn: "moe_intermediate_size" });
  const dense = wholeOrZero(read, "first_k_dense_replace", 0);
  return layersOf(read, layers, {
    experts: withShared(read, routed, "n_shared_experts"),
    isDense: (index) => index < dense,
  });
}

export const glm4Moe = decoder({
  rotary: 0.5,
  bias: qkvBias("attention_bias", false),
  notes: [BALANCE],
  also: (read, { layers }) => ({
    qkNorm: read.flag("qkNorm", "use_qk_norm", false),
    ...firstDense(read, layers),
  }),
});

export const dots1 = decoder({
  fixed: { qkNorm: true },
  bias: ofAttention,
  notes: [BALANCE],
  also: (read, { layers }) => firstDense(read, layers),
});

/** Llama 4: chunks with RoPE and layers that attend to all tokens without, experts in every so many-th layer. */
export const llama4 = decoder({
  names: { ffn: "intermediate_size_mlp" },
  bias: ofAttention,
  also: (read, { layers }) => {
    const routed = routedExperts(read, { count: "num_local_experts", ffn: "intermediate_size" });
    const step = read.count("layerKinds", "interleave_moe_layer_step", 1);
    const listed = read.list("layerKinds", "moe_layers");
    const isTurned = turnedLayers(read, layers);
    if (read.flag("qkNorm", "use_qk_norm", true))
      read.note("its norm of queries and keys, which has no weight and stands behind RoPE, is not counted");
    return layersOf(read, layers, {
      experts: { ...routed, sharedFfn: routed.ffn },
      isDense: (index) => (listed === undefined ? (index + 1) % step !== 0 : !listed.includes(index)),
      slidingWindow: read.countOrNone("slidingWindow", "attention_chunk_size"),
      chunked: true,
      isFull: (index) => !isTurned(index),
      isTurned,
    });
  },
});

/** All layers with experts of the width `intermediate_size`. */
const allExperts =
  (count: Keys) =>
  (read: Reader, { layers }: { readonly layers: number }) =>
    layersOf(read, layers, {
      experts: routedExperts(read, { count, ffn: "intermediate_size" }),
      slidingWindow: read.countOrNone("slidingWindow", "sliding_window"),
    });

export const minimaxM2 = decoder({
  fixed: { qkNorm: true, qkNormSpan: "projection" },
  notes: [BALANCE],
  also: (read, base) => {
    const turned = read.countOrNone("rotaryDim", "rotary_dim") ?? base.headDim;
    return {
      ...allExperts(["num_local_experts", "num_experts"])(read, base),
      ...(turned < base.headDim ? { rotaryDim: turned } : {}),
    };
  },
});

export const phimoe = decoder({
  fixed: LAYERNORM,
  bias: ofAttention,
  notes: [HEAD_BIAS],
  also: allExperts(["num_local_experts", "num_experts"]),
});

export const graniteMoe = decoder({ bias: ofAttention, also: allExperts("num_local_experts") });

export const olmoe = decoder({
  fixed: { qkNorm: true, qkNormSpan: "projection" },
  bias: ofAttention,
  also: allExperts(["num_experts", "num_local_experts"]),
});

export const ernie45Moe = decoder({
  bias: (read) => (read.flag("bias", "use_bias", false) ? "all" : "none"),
  notes: [BALANCE],
  also: (read, { layers }) => {
    const routed = routedExperts(read, {
      count: ["moe_num_experts", "num_experts"],
      perToken: ["moe_k", "num_experts_per_tok"],
      ffn: "moe_intermediate_size",
    });
    const first = wholeOrZero(read, "moe_layer_start_index", 1);
    const last = read.peek("moe_layer_end_index");
    const end =
      last === undefined || last === -1 ? layers - 1 : wholeOrZero(read, "moe_layer_end_index", layers);
    const interval = read.count("layerKinds", "moe_layer_interval", 1);
    return layersOf(read, layers, {
      experts: withShared(read, routed, "moe_num_shared_experts"),
      isDense: (index) => (index + 1) % interval !== 0 || index < first || index > end,
    });
  },
});

/** Hunyuan A13B: one shared expert as wide as a routed one. */
export const hunyuanMoe = decoder({
  fixed: { qkNorm: true },
  bias: ofAttention,
  also: (read, { layers }) => {
    const routed = routedExperts(read, {
      count: ["num_experts", "num_local_experts"],
      perToken: ["moe_topk", "num_experts_per_tok"],
      ffn: ["moe_intermediate_size", "intermediate_size"],
    });
    return layersOf(read, layers, { experts: { ...routed, sharedFfn: routed.ffn } });
  },
});
