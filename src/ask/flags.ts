import {
  ATTENTION_KERNELS,
  DATA_TYPES,
  LARGEST_COUNT,
  LARGEST_QUANTITY,
  LONGEST_TEXT,
  NORM_IMPLEMENTATIONS,
  NORM_KINDS,
  PHASES,
  POINTWISE_KERNELS,
  RUNTIMES,
  SMALLEST_QUANTITY,
} from "../schema/vocabulary.ts";

/** A what-if flag: its name, what its value is called, what the schema takes there, and the field that it is about. */
export interface Flag extends Values {
  readonly name: string;
  readonly value: string;
  readonly field: string;
  readonly help: string;
}

interface Values {
  readonly kind: "numbers" | "words" | "switch";
  readonly whole?: boolean;
  readonly least?: number;
  readonly most?: number;
  /** absent: any */
  readonly known?: readonly string[];
}

const COUNT = { kind: "numbers", whole: true, least: 1, most: LARGEST_COUNT } as const;
const COUNT_OR_ZERO = { ...COUNT, least: 0 } as const;
const PRICE = { kind: "numbers", least: SMALLEST_QUANTITY, most: LARGEST_QUANTITY } as const;
const NAME = { kind: "words" } as const;
const SWITCH = { kind: "switch" } as const;
const oneOf = (known: readonly string[]) => ({ kind: "words", known }) as const;

/** `rmsnorm`, `rmsnorm:fused` or `:fused`. */
const NORMS = ["", ...NORM_KINDS].flatMap((kind) => [
  ...(kind === "" ? [] : [kind]),
  ...NORM_IMPLEMENTATIONS.map((implementation) => `${kind}:${implementation}`),
]);

export const WHAT_IF_FLAGS = [
  flag("model", "name", NAME, "model", "model: name, path (config.json too), or org/name"),
  flag("hardware", "name", NAME, "hardware", "hardware profile, by name or path"),
  flag("stack", "name", NAME, "stack", "framework whose kernels run: transformers, vllm, ... or a path"),
  flag("phase", "phase", oneOf(PHASES), "workload.phase", "prefill, decode or train"),
  flag("batch", "n", COUNT, "workload.batch", "sequences"),
  flag("sequence", "n", COUNT, "workload.sequence", "new tokens per sequence"),
  flag("context", "n", COUNT_OR_ZERO, "workload.context", "tokens in the KV cache"),
  flag("hidden", "n", COUNT, "model.hidden", "hidden size; scales heads, KV heads and FFN with it"),
  flag("layers", "n", COUNT, "model.layers", "layers of the whole model"),
  flag("ffn", "n", COUNT, "model.ffn", "inner width of the FFN"),
  flag("heads", "n", COUNT, "model.heads", "query heads"),
  flag("kv-heads", "n", COUNT, "model.kvHeads", "key and value heads"),
  flag(
    "norm",
    "norm",
    oneOf(NORMS),
    "normalization",
    "layernorm or rmsnorm, with :implementation if you like",
  ),
  flag("pointwise", "kernels", oneOf(POINTWISE_KERNELS), "kernels.pointwise", "eager or fused"),
  flag("attention", "kernels", oneOf(ATTENTION_KERNELS), "kernels.attention", "flash or materialized"),
  flag("runtime", "runtime", oneOf(RUNTIMES), "runtime", "graph or eager"),
  flag(
    "precision",
    "type",
    oneOf(DATA_TYPES),
    "precision",
    "fp32, tf32, fp16, bf16, fp8, int8, fp4, or int4 weights",
  ),
  flag("tensor-parallel", "n", COUNT, "parallelism.tensor", "GPUs that share the layer"),
  flag("expert-parallel", "n", COUNT, "parallelism.expert", "GPUs that share out the experts"),
  flag("pipeline", "n", COUNT, "parallelism.pipeline", "pipeline stages of the whole model"),
  flag("layer-kind", "name", NAME, "layerKind", "which of the model's kinds of layers"),
  flag("gpu-hour-usd", "price", PRICE, "hardware.gpuHourUsd.value", "price of a GPU-hour"),
  flag(
    "sequence-parallel",
    "",
    SWITCH,
    "parallelism.sequenceParallel",
    "split norms and residuals over the GPUs too",
  ),
];

function flag<N extends string, V extends Values>(
  name: N,
  value: string,
  values: V,
  field: string,
  help: string,
): Flag & { readonly name: N; readonly kind: V["kind"] } {
  return { name, value, ...values, field, help };
}

type AnyFlag = (typeof WHAT_IF_FLAGS)[number];
export type FlagName = AnyFlag["name"];

/** What one run is asked to change: one value a flag. */
export type Point = { readonly [F in AnyFlag as F["name"]]?: ValueOf<F["kind"]> };

type ValueOf<Kind extends Values["kind"]> = Kind extends "numbers"
  ? number
  : Kind extends "switch"
    ? true
    : string;

const NAMES: ReadonlySet<string> = new Set(WHAT_IF_FLAGS.map(({ name }) => name));

export const isFlag = (name: string): name is FlagName => NAMES.has(name);

/** The path of the field that a flag or an axis is about. */
export const fieldOf = (name: string): string =>
  WHAT_IF_FLAGS.find((flag) => flag.name === name)?.field ?? name;

/** Whether the schema takes this value of a flag, as far as that hangs on nothing else. */
export function isTaken({ kind, whole, least = 0, most = 0, known }: Flag, value: unknown): boolean {
  switch (kind) {
    case "numbers": {
      const number = value as number;
      return number >= least && number <= most && (whole !== true || Number.isInteger(number));
    }
    case "words": {
      const word = value as string;
      return known?.includes(word) ?? (word.length > 0 && word.length <= LONGEST_TEXT);
    }
    case "switch":
      return value === true;
  }
}
