import { routedExperts } from "./experts.ts";
import { BOTH_BEHIND_ONE, HEAD_BIAS, NO_NORM_BIAS } from "./families.ts";
import {
  type Architecture,
  activation,
  biases,
  droppedShare,
  evenHeads,
  GPT_STYLE,
  keyValueHeads,
  rotaryPart,
  sizes,
  tied,
} from "./parts.ts";
import { type Reader, shown } from "./reader.ts";

/** GPT-2 and those built after it: LayerNorm, biases, a feed-forward block of two matrices. */

const GPT_NAMES = {
  layers: ["n_layer", "num_hidden_layers"],
  hidden: ["n_embd", "hidden_size"],
  heads: ["n_head", "num_attention_heads"],
} as const;
const DBRX_NAMES = { layers: "n_layers", hidden: "d_model", heads: "n_heads" } as const;

export function gpt2(read: Reader): Architecture {
  const size = sizes(read, GPT_NAMES);
  return {
    ...size,
    ...GPT_STYLE,
    kvHeads: size.heads,
    headDim: evenHeads(read, size),
    ffn: fourTimes(read, "n_inner", size.hidden),
    activation: activation(read, "activation_function", "gelu_new"),
    ...((read.peek("activation_function") ?? "gelu_new") === "gelu_new" ? { geluNew: true } : {}),
    ...droppedShare(read, "resid_pdrop", 0.1),
    positions: "learned",
    positionRows: read.count("positionRows", ["n_positions", "max_position_embeddings", "n_ctx"], 1024),
    ...tied(read, true),
  };
}

/** The inner width, four times the outer one where the config says nothing. */
const fourTimes = (read: Reader, key: string, hidden: number): number =>
  read.count("ffn", key, 4 * hidden, `as 4 times the width (${4 * hidden})`);

export function gptNeoX(read: Reader): Architecture {
  const size = sizes(read);
  const headDim = evenHeads(read, size);
  const parallel = read.flag("normPlacement", "use_parallel_residual", true);
  return {
    ...size,
    ...GPT_STYLE,
    kvHeads: size.heads,
    headDim,
    ffn: read.count("ffn", "intermediate_size"),
    activation: activation(read, "hidden_act", "gelu"),
    bias: biases(read, read.flag("bias", "attention_bias", true), true),
    positions: "rope",
    ...rotaryPart(read, headDim, ["rotary_pct", "partial_rotary_factor"], 0.25),
    normPlacement: parallel ? "parallel" : "pre",
    ...tied(read, false),
  };
}

/** GPT-J: one norm before both blocks, attention without biases, a feed-forward block with them. */
export function gptj(read: Reader): Architecture {
  const size = sizes(read, GPT_NAMES);
  const headDim = evenHeads(read, size);
  const turned = read.countOrNone("rotaryDim", "rotary_dim") ?? headDim;
  read.note(HEAD_BIAS);
  return {
    ...size,
    ...GPT_STYLE,
    ...BOTH_BEHIND_ONE,
    kvHeads: size.heads,
    headDim,
    ffn: fourTimes(read, "n_inner", size.hidden),
    activation: activation(read, "activation_function", "gelu_new"),
    bias: biases(read, false, true),
    positions: "rope",
    ...(turned < headDim ? { rotaryDim: turned } : {}),
    ...tied(read, false),
  };
}

/** GPT-2 whose query heads share one key and one value head, as in StarCoder. */
export const gptBigCode = (read: Reader): Architecture => ({
  ...gpt2(read),
  ...(read.flag("kvHeads", "multi_query", true) ? { kvHeads: 1 } : {}),
});

/** MPT: ALiBi unless the config inside says otherwise, and no biases. */
export function mpt(read: Reader): Architecture {
  const size = sizes(read, DBRX_NAMES);
  const wide = read.count("ffn", "expansion_ratio", 4);
  const alibi = read.flag("positions", "attn_config.alibi", true);
  read.note(NO_NORM_BIAS);
  return {
    ...size,
    ...GPT_STYLE,
    kvHeads: size.heads,
    headDim: evenHeads(read, size),
    ffn: wide * size.hidden,
    activation: "gelu",
    bias: read.flag("bias", "no_bias", true) ? "none" : "all",
    qkNorm: read.flag("qkNorm", "attn_config.qk_ln", false),
    ...(alibi
      ? { positions: "alibi" as const }
      : { positions: "learned" as const, positionRows: read.count("positionRows", "max_seq_len", 2048) }),
    ...tied(read, true),
  };
}

export function dbrx(read: Reader): Architecture {
  const size = sizes(read, DBRX_NAMES);
  const experts = routedExperts(read, {
    count: "ffn_config.moe_num_experts",
    perToken: "ffn_config.moe_top_k",
    ffn: "ffn_config.ffn_hidden_size",
    absent: { count: 4, perToken: 1, ffn: 3584 },
  });
  read.note(NO_NORM_BIAS);
  return {
    ...size,
    ...GPT_STYLE,
    gated: true,
    bias: "none",
    kvHeads: keyValueHeads(read, size, 1, "attn_config.kv_n_heads"),
    headDim: evenHeads(read, size),
    ffn: experts.ffn,
    activation: "silu",
    positions: "rope",
    experts,
    ...tied(read, false),
  };
}

/** OPT's table of positions starts two rows late. */
const OPT_OFFSET = 2;

export function opt(read: Reader): Architecture {
  const size = sizes(read, { hidden: ["hidden_size", "d_model"] });
  const before = read.flag("normPlacement", "do_layer_norm_before", true);
  embeddingWidth(read, size.hidden);
  return {
    ...size,
    ...GPT_STYLE,
    kvHeads: size.heads,
    headDim: evenHeads(read, size),
    ffn: read.count("ffn", "ffn_dim"),
    activation: activation(read, "activation_function", "relu"),
    bias: read.flag("bias", "enable_bias", true) ? "all" : "none",
    positions: "learned",
    positionRows: read.count("positionRows", "max_position_embeddings", 2048) + OPT_OFFSET,
    normPlacement: before ? "pre" : "post",
    ...tied(read, true),
  };
}

/** OPT-350M alone embeds its tokens narrower than its layers are. */
function embeddingWidth(read: Reader, hidden: number): void {
  const width = read.peek("word_embed_proj_dim") ?? hidden;
  if (width === hidden) return;
  if (!Number.isInteger(width))
    read.problem("word_embed_proj_dim", `expected a whole number, got ${shown(width)}`);
  read.note(
    `word_embed_proj_dim ${shown(width)}: in a model file embedding and output head are as wide as the layers (${hidden}), so its parameter count is off; the layers are right`,
  );
}

export function bloom(read: Reader): Architecture {
  const size = sizes(read, {
    layers: ["n_layer", "num_hidden_layers"],
    hidden: ["hidden_size", "n_embed"],
    heads: ["n_head", "num_attention_heads"],
  });
  if (read.config["apply_residual_connection_post_layernorm"] === true)
    read.note("apply_residual_connection_post_layernorm: residuals are taken from before the norms here");
  return {
    ...size,
    ...GPT_STYLE,
    kvHeads: size.heads,
    headDim: evenHeads(read, size),
    // Bloom's code knows no other width and no other activation
    ffn: 4 * size.hidden,
    activation: "gelu",
    positions: "alibi",
    embeddingNorm: true,
    ...tied(read, true),
  };
}
