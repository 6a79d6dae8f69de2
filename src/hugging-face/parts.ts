import type { Model } from "../schema/model.ts";
import { type Keys, type Reader, shown } from "./reader.ts";

/** What a model file says of the layers: everything but whose they are. */
export type Architecture = Omit<Model, "$schema" | "name" | "source">;

/** Sizes that every transformer has. */
export interface Sizes {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly vocabulary: number;
}

export type SizeNames = Readonly<Partial<Record<keyof Sizes, Keys>>>;

const SIZE_NAMES: Readonly<Record<keyof Sizes, Keys>> = {
  layers: "num_hidden_layers",
  hidden: "hidden_size",
  heads: "num_attention_heads",
  vocabulary: "vocab_size",
};

/** More layers than this are a mistake. */
const MOST_LAYERS = 1e5;

/** `names` where the type has its own, `absent` where its config.json may leave a size out. */
export function sizes(read: Reader, names: SizeNames = {}, absent: Partial<Sizes> = {}): Sizes {
  const size = (field: keyof Sizes): number =>
    read.count(field, names[field] ?? SIZE_NAMES[field], absent[field]);
  const layers = size("layers");
  if (layers > MOST_LAYERS)
    read.problem("num_hidden_layers", `expected at most ${MOST_LAYERS}, got ${layers}`);
  return {
    layers: Math.min(layers, MOST_LAYERS),
    hidden: size("hidden"),
    heads: size("heads"),
    vocabulary: size("vocabulary"),
  };
}

/** The number that the type's class has where the key is missing; as many as heads where it has none or null is said. */
export function keyValueHeads(
  read: Reader,
  { heads }: Sizes,
  absent?: number,
  keys: Keys = "num_key_value_heads",
): number {
  const key = typeof keys === "string" ? keys : (keys.find((one) => read.peek(one) !== undefined) ?? keys[0]);
  const kvHeads =
    absent === undefined || read.config[key] === null
      ? read.count("kvHeads", keys, heads, `as num_attention_heads (${heads})`)
      : read.count("kvHeads", keys, absent);
  return dividing(read, key, kvHeads, heads);
}

/** Says so where key and value heads do not share the query heads out evenly. */
export function dividing(read: Reader, key: string, kvHeads: number, heads: number): number {
  if (read.problems.length === 0 && heads % kvHeads !== 0)
    read.problem(key, `expected a divisor of num_attention_heads (${heads}), got ${kvHeads}`);
  return kvHeads;
}

/** `head_dim`, or the share of each head in the width. */
export function headWidth(read: Reader, sizes: Sizes, absent?: number, keys: Keys = "head_dim"): number {
  if (absent !== undefined) return read.count("headDim", keys, absent);
  return read.countOrNone("headDim", keys) ?? evenHeads(read, sizes);
}

/** The width of a head where the heads together are as wide as the residual stream. */
export function evenHeads(read: Reader, { hidden, heads }: Sizes): number {
  if (read.problems.length === 0 && hidden % heads !== 0)
    read.problem(
      "num_attention_heads",
      `expected a divisor of hidden_size (${hidden}) where head_dim is missing, got ${heads}`,
    );
  return Math.max(1, Math.floor(hidden / heads));
}

/** Names of transformers' activations; those that are not what they are taken for say so. */
const ACTIVATIONS: Readonly<Record<string, Model["activation"]>> = {
  silu: "silu",
  swish: "silu",
  swiglu: "silu",
  gelu: "gelu",
  gelu_new: "gelu",
  gelu_fast: "gelu",
  gelu_python: "gelu",
  gelu_pytorch_tanh: "gelu",
  gelu_accurate: "gelu",
  quick_gelu: "gelu",
  relu: "relu",
  relu2: "relu",
  xielu: "silu",
};

export function activation(read: Reader, keys: Keys, absent: string): Model["activation"] {
  const name = read.word("activation", keys, absent);
  const known = Object.hasOwn(ACTIVATIONS, name) ? ACTIVATIONS[name] : undefined;
  if (known === undefined) {
    const key =
      typeof keys === "string" ? keys : (keys.find((one) => read.peek(one) !== undefined) ?? keys[0]);
    if (name !== "" || read.peek(key) === "")
      read.problem(key, `expected one of ${Object.keys(ACTIVATIONS).join(", ")}, got ${shown(name)}`);
    return "silu";
  }
  if (name !== known)
    read.note(`activation ${name} is taken as ${known}: other arithmetic, the same traffic`);
  return known;
}

/** Which projections add a bias, as far as a model file can say. */
export function biases(read: Reader, attention: boolean, feedForward: boolean): Model["bias"] {
  if (attention) return feedForward ? "all" : "attention";
  if (feedForward) read.note("biases in the feed-forward block alone cannot be said: taken as none");
  return "none";
}

/** The elements of a head that RoPE turns, where it is not all of them. */
export function rotaryPart(read: Reader, headDim: number, keys: Keys, absent: number) {
  const inside = read.peek("rope_parameters");
  const nested = isRecord(inside) ? inside["partial_rotary_factor"] : undefined;
  const share =
    typeof nested === "number" && nested > 0 && nested <= 1 ? nested : read.share("rotaryDim", keys, absent);
  const rotaryDim = Math.max(1, Math.floor(headDim * share));
  return rotaryDim === headDim ? {} : { rotaryDim };
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const tied = (read: Reader, absent: boolean) =>
  read.flag("tiedEmbeddings", "tie_word_embeddings", absent) ? { tiedEmbeddings: true } : {};

/** What the decoders since Llama have in common. */
export const LLAMA_STYLE = {
  gated: true,
  bias: "none",
  positions: "rope",
  norm: "rmsnorm",
  normPlacement: "pre",
  qkNorm: false,
  causal: true,
} as const;

/** What GPT-2 and those built after it have in common. */
export const GPT_STYLE = {
  gated: false,
  bias: "all",
  norm: "layernorm",
  normPlacement: "pre",
  qkNorm: false,
  causal: true,
} as const;

/** What training drops of each block's result, where it is a share at all. */
export function droppedShare(read: Reader, key: string, absent: number): Pick<Architecture, "dropout"> {
  const dropout = read.peek(key) ?? absent;
  return typeof dropout === "number" && dropout > 0 && dropout < 1 ? { dropout } : {};
}
