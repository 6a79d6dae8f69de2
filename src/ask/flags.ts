/** The what-if flags: name, what is asked, and the field of the scenario that a mistake in it is about. */
export interface Flag {
  readonly name: string;
  readonly value: string;
  readonly kind: "numbers" | "words";
  readonly field: string;
  readonly help: string;
}

export const WHAT_IF_FLAGS = [
  flag("model", "name", "words", "model", "model: name, path (config.json too), or org/name"),
  flag("hardware", "name", "words", "hardware", "hardware profile, by name or path"),
  flag("phase", "phase", "words", "workload.phase", "prefill, decode or train"),
  flag("batch", "n", "numbers", "workload.batch", "sequences"),
  flag("sequence", "n", "numbers", "workload.sequence", "new tokens per sequence"),
  flag("context", "n", "numbers", "workload.context", "tokens in the KV cache"),
  flag("hidden", "n", "numbers", "model.hidden", "hidden size; scales heads, KV heads and FFN with it"),
  flag("layers", "n", "numbers", "model.layers", "layers of the whole model"),
  flag("ffn", "n", "numbers", "model.ffn", "inner width of the FFN"),
  flag("heads", "n", "numbers", "model.heads", "query heads"),
  flag("kv-heads", "n", "numbers", "model.kvHeads", "key and value heads"),
  flag("norm", "norm", "words", "normalization", "layernorm or rmsnorm, with :implementation if you like"),
  flag("pointwise", "kernels", "words", "kernels.pointwise", "eager or fused"),
  flag("attention", "kernels", "words", "kernels.attention", "flash or materialized"),
  flag("runtime", "runtime", "words", "runtime", "graph or eager"),
  flag("precision", "type", "words", "precision", "fp32, tf32, fp16, bf16, fp8, int8, fp4, or int4 weights"),
  flag("tensor-parallel", "n", "numbers", "parallelism.tensor", "GPUs that share the layer"),
  flag("expert-parallel", "n", "numbers", "parallelism.expert", "GPUs that share out the experts"),
  flag("pipeline", "n", "numbers", "parallelism.pipeline", "pipeline stages of the whole model"),
  flag("layer-kind", "name", "words", "layerKind", "which of the model's kinds of layers"),
  flag("gpu-hour-usd", "price", "numbers", "hardware.gpuHourUsd.value", "price of a GPU-hour"),
] as const satisfies readonly Flag[];

export type FlagName = (typeof WHAT_IF_FLAGS)[number]["name"];

function flag<N extends string>(
  name: N,
  value: string,
  kind: Flag["kind"],
  field: string,
  help: string,
): Flag & { readonly name: N } {
  return { name, value, kind, field, help };
}

/** What one run is asked to change: one value a flag. */
export type Point = { readonly [N in FlagName]?: N extends NumberFlag ? number : string };

type NumberFlag =
  | "batch"
  | "sequence"
  | "context"
  | "hidden"
  | "layers"
  | "ffn"
  | "heads"
  | "kv-heads"
  | "tensor-parallel"
  | "expert-parallel"
  | "pipeline"
  | "gpu-hour-usd";
