import { MODEL_TYPES } from "./model-types.ts";
import { nearestType } from "./nearest-type.ts";
import { whyNotExpressible } from "./not-expressible.ts";
import { type Config, type Keys, type Reader, reader, shown } from "./reader.ts";

/** Names under which most types keep the sizes that a model file needs. */
const SIZES: readonly (readonly [string, Keys])[] = [
  ["layers", ["num_hidden_layers", "n_layer", "num_layers"]],
  ["hidden", ["hidden_size", "n_embd", "d_model"]],
  ["heads", ["num_attention_heads", "n_head"]],
  ["kvHeads", ["num_key_value_heads", "n_head_kv"]],
  ["headDim", ["head_dim"]],
  ["ffn", ["intermediate_size", "n_inner", "ffn_dim", "d_ff"]],
  ["vocabulary", ["vocab_size"]],
];

/** Names under which most types keep what else their layers have: what is there, the layer has. */
const PARTS: readonly (readonly [string, Keys])[] = [
  ["experts.count", ["num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"]],
  ["experts.perToken", ["num_experts_per_tok", "experts_per_token", "moe_k", "moe_top_k"]],
  ["experts.ffn", ["moe_intermediate_size"]],
  ["latentAttention.keyValueRank", ["kv_lora_rank"]],
  ["slidingWindow", ["sliding_window", "sliding_window_size"]],
];

/** Qwen's configs name a window that is not used. */
const partsOf = (read: Reader): typeof PARTS =>
  read.peek("use_sliding_window") === false ? PARTS.filter(([field]) => field !== "slidingWindow") : PARTS;

/** What no config.json says: its type's code does. */
const ARCHITECTURE = "gated, activation, bias, positions, norm, normPlacement, qkNorm, causal";

/** More kinds of layers than any model has. */
const MOST_TYPES = 8;

/** For a type that nobody has mapped: what is known, what is missing, and the way on. */
export function unknownType(type: unknown, config: Config, prefix: string): string[] {
  const read = reader(config);
  const isThere = ([, keys]: readonly [string, Keys]): boolean => Number.isInteger(read.peek(keys));
  const found = SIZES.filter(isThere);
  const said = [...found, ...partsOf(read).filter(isThere)].map(
    ([field, keys]) => `${field} ${shown(read.peek(keys))}`,
  );
  const missing = SIZES.filter((size) => !found.includes(size)).map(([field]) => field);
  const reason = whyNotExpressible(type, config);
  const first = `${prefix}model_type: no mapping for ${shown(type)}`;
  const says = said.length === 0 ? [] : [`it says: ${[...said, ...layerTypes(read)].join(", ")}`];
  if (reason !== undefined) return [`${first}, which cannot be expressed yet: ${reason}`, ...says];
  return [
    `${first}; known: ${Object.keys(MODEL_TYPES).join(", ")}`,
    ...says,
    ...(said.length === 0 ? [] : [nearestType(config)]),
    `missing for a model file: ${[...missing, ARCHITECTURE].join(", ")}`,
    "to write one: `norm-roofline show llama-3-8b > mine.json`, put its numbers in (`norm-roofline schema model` says what each is), `norm-roofline check mine.json`",
  ];
}

/** How many of each: `layer_types 36 "linear_attention" and 12 "full_attention"`. */
function layerTypes(read: Reader): string[] {
  const types = read.peek("layer_types");
  if (!Array.isArray(types)) return [];
  const counts = new Map<string, number>();
  for (const type of types.map(shown)) counts.set(type, (counts.get(type) ?? 0) + 1);
  const said = [...counts].slice(0, MOST_TYPES).map(([type, count]) => `${count} ${type}`);
  return said.length === 0 ? [] : [`layer_types ${said.join(" and ")}`];
}
