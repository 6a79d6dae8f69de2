import { suggestion } from "../nearest.ts";
import { MODEL_TYPES } from "./model-types.ts";
import { type Config, type Keys, reader, shown } from "./reader.ts";

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

/** What no config.json says: its type's code does. */
const ARCHITECTURE = "gated, activation, bias, positions, norm, normPlacement, qkNorm, causal";

/** For a type that nobody has mapped: what is known, what is missing, and the way on. */
export function unknownType(type: unknown, config: Config, prefix: string): string[] {
  const known = Object.keys(MODEL_TYPES);
  const hint = typeof type === "string" ? suggestion(type, known) : "";
  const read = reader(config);
  const found = SIZES.filter(([, keys]) => Number.isInteger(read.peek(keys)));
  const missing = SIZES.filter((size) => !found.includes(size)).map(([field]) => field);
  return [
    `${prefix}model_type: no mapping for ${shown(type)}${hint && ` (${hint})`}; known: ${known.join(", ")}`,
    ...(found.length === 0
      ? []
      : [`it says: ${found.map(([field, keys]) => `${field} ${shown(read.peek(keys))}`).join(", ")}`]),
    `missing for a model file: ${[...missing, ARCHITECTURE].join(", ")}`,
    "to write one: `norm-roofline show llama-3-8b > mine.json`, put its numbers in (`norm-roofline schema model` says what each is), `norm-roofline check mine.json`",
  ];
}
