import type { Config } from "./reader.ts";

/** What tells architectures apart, as the keys of a config show it. */
type Trait =
  | "experts"
  | "shared experts"
  | "latent attention"
  | "linear attention"
  | "LayerNorm"
  | "encoder"
  | "norms of queries and keys";

const TRAITS: readonly (readonly [Trait, readonly string[]])[] = [
  ["experts", ["num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"]],
  ["shared experts", ["n_shared_experts", "num_shared_experts", "shared_expert_intermediate_size"]],
  ["latent attention", ["kv_lora_rank"]],
  ["linear attention", ["linear_num_value_heads", "linear_attn_config"]],
  ["LayerNorm", ["layer_norm_eps", "layer_norm_epsilon", "layernorm_epsilon"]],
  ["encoder", ["type_vocab_size"]],
  ["norms of queries and keys", ["use_qk_norm", "qk_norm", "qk_layernorm"]],
];

/** A known type for each set of them that is common; the first of equals counts. */
const STAND_FOR: readonly (readonly [type: string, traits: readonly Trait[]])[] = [
  ["llama", []],
  ["qwen3", ["norms of queries and keys"]],
  ["mixtral", ["experts"]],
  ["qwen3_moe", ["experts", "norms of queries and keys"]],
  ["glm4_moe", ["experts", "shared experts"]],
  ["deepseek_v3", ["experts", "shared experts", "latent attention"]],
  ["minicpm3", ["latent attention"]],
  ["gpt_neox", ["LayerNorm"]],
  ["phimoe", ["LayerNorm", "experts"]],
  ["bert", ["LayerNorm", "encoder"]],
];

/** The known type whose layers are made of the same parts, and which parts differ. */
export function nearestType(config: Config): string {
  const own = TRAITS.filter(([, keys]) => keys.some((key) => isSaid(config[key]))).map(([trait]) => trait);
  const apart = (traits: readonly Trait[]): readonly string[] => [
    ...own.filter((trait) => !traits.includes(trait)).map((trait) => `${trait} besides`),
    ...traits.filter((trait) => !own.includes(trait)).map((trait) => `no ${trait}`),
  ];
  const [type, traits] = STAND_FOR.reduce((best, one) =>
    apart(one[1]).length < apart(best[1]).length ? one : best,
  );
  const parts = apart(traits);
  return `nearest by its parts: ${type}${parts.length === 0 ? "" : ` (with ${parts.join(", ")})`}`;
}

const isSaid = (value: unknown): boolean => Boolean(value);
