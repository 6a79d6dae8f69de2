import type { Architecture } from "./parts.ts";
import { type Reader, shown } from "./reader.ts";

/** Whether a value says nothing that the model does not have anyway. */
type Agrees = (value: unknown, model: Architecture, read: Reader) => boolean;

const hasExperts: Agrees = (value, { experts }) => experts !== undefined || value === 1;
const hasSharedExperts: Agrees = (_, { experts }) => experts?.sharedFfn !== undefined;
const isLatent: Agrees = (_, { latentAttention }) => latentAttention !== undefined;
const hasQkNorm: Agrees = (_, { qkNorm }) => qkNorm;
const hasBias: Agrees = (_, { bias }) => bias !== "none";
const isAll: Agrees = (value) => value === 1;
const isParallel: Agrees = (_, { normPlacement }) => normPlacement.startsWith("parallel");
const never: Agrees = () => false;

/** What changes a layer in the types that read it: false, 0, null and empty lists change it in none. */
const CHANGES_A_LAYER: Readonly<Record<string, Agrees>> = {
  sliding_window: (_, __, read) => read.peek("use_sliding_window") === false,
  use_sliding_window: never,
  is_causal: never,
  use_bidirectional_attention: never,
  attention_chunk_size: never,
  no_rope_layers: never,
  alibi: (_, { positions }) => positions === "alibi",
  attention_bias: hasBias,
  qkv_bias: hasBias,
  mlp_bias: (_, { bias }) => bias === "all",
  use_bias: hasBias,
  qk_norm: hasQkNorm,
  use_qk_norm: hasQkNorm,
  qk_layernorm: hasQkNorm,
  head_dim: (value, model, read) => value === model.headDim || isLatent(value, model, read),
  num_key_value_heads: (value, { kvHeads }) => value === kvHeads,
  partial_rotary_factor: isAll,
  rotary_pct: isAll,
  use_parallel_residual: isParallel,
  parallel_attn: isParallel,
  kv_lora_rank: isLatent,
  q_lora_rank: isLatent,
  num_experts: hasExperts,
  num_local_experts: hasExperts,
  n_routed_experts: hasExperts,
  moe_intermediate_size: hasExperts,
  n_shared_experts: hasSharedExperts,
  num_shared_experts: hasSharedExperts,
  shared_expert_intermediate_size: hasSharedExperts,
  index_topk: never,
  block_configs: never,
  hybrid_override_pattern: never,
  full_attention_interval: never,
  cross_attention_layers: never,
  num_kv_shared_layers: never,
};

const isNothing = (value: unknown): boolean => !value || (Array.isArray(value) && value.length === 0);

/** Keys of that kind from which nothing was taken, with their values. */
export function unusedKeys(read: Reader, model: Architecture, prefix: string): string[] {
  const used = new Set(read.mapped.map(({ key }) => key));
  return Object.entries(CHANGES_A_LAYER)
    .map(([key, agrees]) => ({ key, agrees, value: read.peek(key) }))
    .filter(
      ({ key, agrees, value }) =>
        !(isNothing(value) || used.has(`${prefix}${key}`) || agrees(value, model, read)),
    )
    .map(({ key, value }) => `${prefix}${key} ${shown(value)}`);
}
