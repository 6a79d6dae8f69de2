import type { Model } from "../schema/model.ts";
import { decoder } from "./decoder.ts";
import { routedExperts } from "./experts.ts";
import { layersOf } from "./layer-kinds.ts";
import { attentionBias, qwenWindow, windowLayers } from "./llama.ts";
import { biases, isRecord } from "./parts.ts";
import { type Reader, shown } from "./reader.ts";

/** Dense decoders of many makers, each by what it does otherwise than Llama. */

export const NO_NORM_BIAS = "its LayerNorms add no bias: counted as if they did";
export const HEAD_BIAS = "the output head adds a bias: not counted";
const SOME_SCALES = "its factors on embeddings, residuals and logits are not counted";

/** LayerNorm with weight and bias. */
export const LAYERNORM = { norm: "layernorm" } as const;
export const BOTH_BEHIND_ONE = { ...LAYERNORM, normPlacement: "parallel-shared" } as const;
const TWO_MATRICES = { gated: false } as const;

/** Queries, keys and values add a bias where the key says so; the other projections do not. */
export const qkvBias =
  (key: string, absent: boolean) =>
  (read: Reader): Model["bias"] =>
    read.flag("bias", key, absent) ? "qkv" : "none";

/** `attention_bias` of the four projections of attention, `mlp_bias` of the others. */
const bothBiases = (read: Reader): Model["bias"] =>
  biases(read, attentionBias(read), read.flag("bias", "mlp_bias", false));

/** One key for all projections. */
const allBiases =
  (key: string, absent: boolean) =>
  (read: Reader): Model["bias"] =>
    read.flag("bias", key, absent) ? "all" : "none";

/** Those of attention alone. */
export const ofAttention = (read: Reader): Model["bias"] => biases(read, attentionBias(read), false);

/** Every layer but each `pattern`-th has the window. */
const allButEach = (pattern: number) => (index: number) => (index + 1) % pattern === 0;

export const glm = decoder({ rotary: 0.5, bias: qkvBias("attention_bias", true) });
export const glm4 = decoder({
  rotary: 0.5,
  bias: qkvBias("attention_bias", true),
  fixed: { normPlacement: "sandwich" },
});

export const ministral = decoder({
  also: (read, { layers }) =>
    layersOf(read, layers, { slidingWindow: read.countOrNone("slidingWindow", "sliding_window") }),
});

/** Qwen2-VL and Qwen2.5-VL: Qwen2 inside. */
export const qwen2 = decoder({
  fixed: { bias: "qkv" },
  also: (read, { layers }) => {
    const first = windowLayers(read);
    return layersOf(
      read,
      layers,
      qwenWindow(read, (index) => index >= first),
    );
  },
});

/** Qwen3-VL: Qwen3 inside. */
export const qwen3 = decoder({ fixed: { qkNorm: true }, bias: ofAttention });

export const phi = decoder({
  rotary: 0.5,
  fixed: { ...BOTH_BEHIND_ONE, ...TWO_MATRICES, bias: "all" },
  also: (read) => ({ qkNorm: read.flag("qkNorm", "qk_layernorm", false) }),
  notes: [HEAD_BIAS],
});

export const granite = decoder({ bias: bothBiases, notes: [SOME_SCALES] });

export const cohere = decoder({
  fixed: BOTH_BEHIND_ONE,
  bias: ofAttention,
  also: (read) => ({ qkNorm: read.flag("qkNorm", "use_qk_norm", false) }),
  notes: [NO_NORM_BIAS],
});

/** Command R7B and later: RoPE in the layers with a window alone. */
export const cohere2 = decoder({
  fixed: BOTH_BEHIND_ONE,
  bias: ofAttention,
  notes: [NO_NORM_BIAS],
  also: (read, { layers }) =>
    windowAndRope(
      read,
      layers,
      read.count("layerKinds", ["sliding_window_pattern", "_sliding_window_pattern"], 4),
    ),
});

/** Layers with a window and RoPE, and after a few of them one that attends to all tokens without RoPE. */
function windowAndRope(read: Reader, layers: number, pattern: number) {
  const slidingWindow = read.countOrNone("slidingWindow", "sliding_window");
  const isFull = allButEach(pattern);
  return layersOf(read, layers, {
    slidingWindow,
    isFull,
    full: slidingWindow === undefined ? {} : { positions: "none" },
  });
}

export const olmo = decoder({
  fixed: LAYERNORM,
  bias: ofAttention,
  notes: ["its LayerNorms have neither weight nor bias: counted as if they had"],
});

export const olmo3 = decoder({
  fixed: { normPlacement: "branch", qkNorm: true, qkNormSpan: "projection" },
  bias: ofAttention,
  also: (read, { layers }) =>
    layersOf(read, layers, {
      slidingWindow: read.countOrNone("slidingWindow", "sliding_window"),
      isFull: allButEach(4),
    }),
});

/** EXAONE 3, whose code is loaded from the hub. */
export const exaone = decoder({
  names: { layers: ["num_layers", "num_hidden_layers"], activation: "activation_function" },
});

export const exaone4 = decoder({
  fixed: { normPlacement: "branch", qkNorm: true },
  also: (read, { layers }) => windowAndRope(read, layers, exaonePattern(read)),
});

/** `LLLG`: three local layers, one global. */
function exaonePattern(read: Reader): number {
  const pattern = read.peek("sliding_window_pattern");
  if (typeof pattern === "string" && /^L*G$/.test(pattern))
    return read.word("layerKinds", "sliding_window_pattern", "").length;
  return read.count("layerKinds", "sliding_window_pattern", 4);
}

export const seedOss = decoder({
  bias: (read) => {
    const inputs = read.flag("bias", "attention_bias", true);
    const output = read.flag("bias", "attention_out_bias", false);
    return inputs && !output && !read.flag("bias", "mlp_bias", false) ? "qkv" : bothBiases(read);
  },
});

export const smollm3 = decoder({
  bias: bothBiases,
  also: (read, { layers }) => {
    const isTurned = turnedLayers(read, layers);
    const window = read.flag("slidingWindow", "use_sliding_window", false);
    const slidingWindow = window ? read.countOrNone("slidingWindow", "sliding_window") : undefined;
    return layersOf(read, layers, { slidingWindow, isFull: isTurned, isTurned });
  },
});

/** `no_rope_layers` has a 0 for each layer without RoPE; by default it is every fourth. */
export function turnedLayers(read: Reader, layers: number): (index: number) => boolean {
  const listed = read.list("layerKinds", "no_rope_layers") ?? [];
  if (listed.length === 0) {
    const interval = read.count("layerKinds", "no_rope_layer_interval", 4);
    return (index) => (index + 1) % interval !== 0;
  }
  if (listed.length !== layers)
    read.problem(
      "no_rope_layers",
      `expected a list of num_hidden_layers (${layers}) items, got ${listed.length}`,
    );
  const strange = listed.find((one) => one !== 0 && one !== 1);
  if (strange !== undefined)
    read.problem("no_rope_layers", `expected a list of 0 and 1, got ${shown(strange)}`);
  return (index) => listed[index] !== 0;
}

export const starcoder2 = decoder({
  fixed: { ...LAYERNORM, ...TWO_MATRICES },
  bias: allBiases("use_bias", true),
  also: (read, { layers }) =>
    layersOf(read, layers, { slidingWindow: read.countOrNone("slidingWindow", "sliding_window") }),
});

export const stablelm = decoder({
  rotary: 0.25,
  fixed: LAYERNORM,
  bias: qkvBias("use_qkv_bias", false),
  also: (read) => ({
    qkNorm: read.flag("qkNorm", "qk_layernorm", false),
    ...(read.flag("normPlacement", "use_parallel_residual", false)
      ? { normPlacement: "parallel-shared" as const }
      : {}),
  }),
});

/** InternLM2, whose code is loaded from the hub: one key for the projections of attention. */
export const internlm2 = decoder({
  bias: (read) => biases(read, read.flag("bias", "bias", false), false),
});

export const internlm3 = decoder({
  bias: (read) => {
    const all = read.flag("bias", "bias", false);
    return all ? "all" : qkvBias("qkv_bias", false)(read);
  },
});

/** Baichuan 7B turns its heads, 13B (which says no `max_position_embeddings`) adds ALiBi. */
export const baichuan = decoder({
  also: (read) => ({
    positions: read.peek("max_position_embeddings") === undefined ? "alibi" : "rope",
  }),
});

/** ChatGLM2 and 3, GLM-4-9B of their first release. */
export const chatglm = decoder({
  names: {
    layers: ["num_layers", "num_hidden_layers"],
    vocabulary: ["padded_vocab_size", "vocab_size"],
    kvHeads: "multi_query_group_num",
    headDim: "kv_channels",
    ffn: "ffn_hidden_size",
  },
  rotary: 0.5,
  // its class is called ChatGLMModel, and has an output head all the same
  fixed: { outputHead: true },
  bias: (read) => {
    const all = read.flag("bias", "add_bias_linear", false);
    return all ? "all" : qkvBias("add_qkv_bias", false)(read);
  },
});

/** Qwen of 2023: `intermediate_size` is both branches' together. */
export const qwen = decoder({
  names: { headDim: "kv_channels" },
  fixed: { bias: "qkv" },
  also: (_, { ffn }) => ({ ffn: Math.max(1, Math.floor(ffn / 2)) }),
});

export const ernie45 = decoder({ bias: allBiases("use_bias", false) });
export const hunyuan = decoder({ fixed: { qkNorm: true }, bias: ofAttention });
export const helium = decoder({ bias: bothBiases });
export const arcee = decoder({ fixed: TWO_MATRICES, bias: bothBiases });
export const apertus = decoder({ fixed: { ...TWO_MATRICES, qkNorm: true }, bias: ofAttention });

export const nemotron = decoder({
  rotary: 0.5,
  fixed: { ...LAYERNORM, ...TWO_MATRICES },
  bias: bothBiases,
  notes: ["its LayerNorm1p adds 1 to the weight: the same work"],
});

/** Layers of a Llama 3.2 Vision that look at a picture are run for pictures alone. */
export const mllama = decoder({
  also: (read, { layers }) => {
    const listed = read.list("layers", "cross_attention_layers") ?? [];
    const strange = listed.find((index) => !Number.isInteger(index) || Number(index) < 0);
    if (strange !== undefined)
      read.problem(
        "cross_attention_layers",
        `expected a list of layers' indices from 0, got ${shown(strange)}`,
      );
    if (listed.length > 0)
      read.note(
        `${listed.length} layers that attend to a picture (cross_attention_layers) are left out: text alone does not pass through them`,
      );
    return { layers: Math.max(1, layers - listed.length) };
  },
});

/** What Gemma 4's layers that attend to all tokens have of their own: wider heads, fewer of them for keys. */
export const gemma4 = decoder({
  names: { activation: ["hidden_activation", "hidden_act"] },
  fixed: { normPlacement: "sandwich", qkNorm: true },
  bias: ofAttention,
  notes: [
    "its norm of values, which has no weight, is not counted",
    "bidirectional attention inside a picture is not modelled",
  ],
  also: (read, base) => {
    const { headDim, kvHeads, layers, ffn } = base;
    withoutSmallOnes(read);
    const share = read.peek("attention_k_eq_v") === true;
    if (share)
      read.note(
        "layers that attend to all tokens use keys as values (attention_k_eq_v): counted as if projected",
      );
    const heads = share ? (read.countOrNone("kvHeads", "num_global_key_value_heads") ?? kvHeads) : kvHeads;
    const width = read.countOrNone("headDim", "global_head_dim") ?? headDim;
    return layersOf(read, layers, {
      experts: gemmaExperts(read, ffn),
      slidingWindow: read.countOrNone("slidingWindow", "sliding_window"),
      isFull: allButEach(6),
      full: { kvHeads: heads, headDim: width, ...fullRotary(read, width) },
    });
  },
});

/** Beside its experts such a layer has the plain block, as a shared expert is. */
function gemmaExperts(read: Reader, ffn: number): Model["experts"] {
  if (!read.flag("experts.count", "enable_moe_block", false)) return undefined;
  read.note("norms behind the experts, behind the block beside them and before the experts are not counted");
  const routed = routedExperts(read, {
    count: "num_experts",
    perToken: "top_k_experts",
    ffn: "moe_intermediate_size",
  });
  return { ...routed, sharedFfn: ffn };
}

/** Gemma 4 E2B and E4B embed each token anew in every layer, and share keys and values between layers. */
function withoutSmallOnes(read: Reader): void {
  for (const key of ["hidden_size_per_layer_input", "num_kv_shared_layers", "use_double_wide_mlp"]) {
    const value = read.peek(key);
    if (value !== undefined && value !== 0 && value !== false)
      read.problem(key, `cannot be expressed yet, got ${shown(value)}`);
  }
}

function fullRotary(read: Reader, width: number) {
  const all = read.peek("rope_parameters");
  const full = isRecord(all) ? all["full_attention"] : undefined;
  const share = isRecord(full) ? full["partial_rotary_factor"] : undefined;
  return typeof share === "number" && share > 0 && share < 1
    ? { rotaryDim: Math.max(1, Math.floor(width * share)) }
    : {};
}

export const clipText = decoder({
  names: { activation: "hidden_act" },
  fixed: {
    ...LAYERNORM,
    ...TWO_MATRICES,
    bias: "all",
    positions: "learned",
    outputHead: false,
  },
  also: (read) => ({ positionRows: read.count("positionRows", "max_position_embeddings", 77) }),
});
