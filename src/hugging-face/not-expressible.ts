import { isRecord } from "./parts.ts";
import type { Config } from "./reader.ts";

const MAMBA = "a hybrid with Mamba layers, which are no layer kind here";
const TWO_STACKS = "an encoder and a decoder that attends to it (cross-attention)";

const DELTA_NET = "a hybrid of full and linear attention (gated delta net)";
const INDEXER = "sparse attention to tokens that an indexer chooses (index_topk)";

/** Types whose layers no model file can say, and why. */
export const REASONS: Readonly<Record<string, string>> = {
  bart: TWO_STACKS,
  mbart: TWO_STACKS,
  pegasus: TWO_STACKS,
  marian: TWO_STACKS,
  t5: TWO_STACKS,
  mt5: TWO_STACKS,
  umt5: TWO_STACKS,
  whisper: TWO_STACKS,
  mamba: "layers without attention (Mamba)",
  mamba2: "layers without attention (Mamba-2)",
  falcon_mamba: "layers without attention (Mamba)",
  rwkv: "layers without attention (RWKV)",
  jamba: MAMBA,
  bamba: MAMBA,
  zamba2: MAMBA,
  falcon_h1: MAMBA,
  granitemoehybrid: MAMBA,
  nemotron_h: MAMBA,
  lfm2: "a hybrid with short convolutions in place of attention",
  lfm2_moe: "a hybrid with short convolutions in place of attention",
  kimi_linear: "a hybrid of latent attention and linear attention with a gate for each channel (KDA)",
  minimax: "a hybrid with lightning attention",
  minimax_text_01: "a hybrid with lightning attention",
  minimax_m1: "a hybrid with lightning attention",
  recurrent_gemma: "a hybrid with recurrent layers (RG-LRU)",
  "nemotron-nas": "layers of many widths, some without attention or feed-forward block (block_configs)",
  deepseek_v4: "several residual streams (hyper-connections), and attention to compressed tokens",
  gemma3n_text: "several residual streams (AltUp), and embeddings in every layer",
  step3p5: "gates on attention's heads, and another number of heads in layers with a window",
  step3p7: "gates on attention's heads, and another number of heads in layers with a window",
  deberta: "scores of content against position (disentangled attention)",
  "deberta-v2": "scores of content against position (disentangled attention)",
  albert: "one layer's weights used by all layers",
  qwen3_next: DELTA_NET,
  qwen3_5_text: DELTA_NET,
  qwen3_5_moe_text: DELTA_NET,
  deepseek_v32: INDEXER,
  glm_moe_dsa: INDEXER,
  hunyuan: "keys and values that neighbouring layers share (cross-layer attention)",
};

/** What a config shows that no model file can say, whatever its type is called. */
const SIGNS: readonly (readonly [reason: string, (config: Config) => boolean])[] = [
  [TWO_STACKS, ({ is_encoder_decoder: both }) => both === true],
  [
    MAMBA,
    (config) =>
      has(config, ["mamba_num_heads", "mamba_d_state", "ssm_state_size", "mamba_n_heads", "state_size"]),
  ],
  [
    "a hybrid of kinds of layers (hybrid_override_pattern)",
    (config) => has(config, ["hybrid_override_pattern"]),
  ],
  ["several residual streams (hyper-connections)", (config) => has(config, ["hc_mult"])],
  ["layers of many widths (block_configs)", (config) => has(config, ["block_configs"])],
  [
    "a hybrid of full and linear attention (gated delta net)",
    (config) => has(config, ["linear_num_value_heads"]),
  ],
  [
    "sparse attention to tokens that an indexer chooses (index_topk)",
    (config) => has(config, ["index_topk"]),
  ],
  ["linear attention (linear_attn_config)", ({ linear_attn_config: linear }) => isRecord(linear)],
];

const has = (config: Config, keys: readonly string[]): boolean =>
  keys.some((key) => config[key] !== undefined && config[key] !== null);

/** Why this cannot be a model yet; undefined where nothing speaks against it. */
export function whyNotExpressible(type: unknown, config: Config): string | undefined {
  const known = typeof type === "string" && Object.hasOwn(REASONS, type) ? REASONS[type] : undefined;
  return known ?? SIGNS.find(([, shows]) => shows(config))?.[0];
}
