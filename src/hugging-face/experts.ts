import type { Model } from "../schema/model.ts";
import { layersOf } from "./layer-kinds.ts";
import { attentionBias, llamaStyle, qwenWindow, windowLayers } from "./llama.ts";
import { type Architecture, biases } from "./parts.ts";
import { type Keys, type Reader, shown } from "./reader.ts";

/** Decoders in the style of Llama with a mixture of experts. */

interface ExpertKeys {
  readonly count: Keys;
  readonly ffn: Keys;
  readonly perToken?: Keys;
  /** what their config class has where the keys are missing */
  readonly absent?: { readonly count: number; readonly perToken?: number; readonly ffn?: number };
}

/** The experts, or nothing where there are none. */
export function routedExperts(read: Reader, keys: ExpertKeys): NonNullable<Model["experts"]> {
  const { absent, perToken: chosen = "num_experts_per_tok" } = keys;
  const count = read.count("experts.count", keys.count, absent?.count);
  const perToken = read.count("experts.perToken", chosen, absent?.perToken);
  if (read.problems.length === 0 && perToken > count)
    read.problem(
      typeof chosen === "string" ? chosen : chosen[0],
      `expected at most the number of experts (${typeof keys.count === "string" ? keys.count : keys.count[0]} ${count}), got ${perToken}`,
    );
  return { count, perToken, ffn: read.count("experts.ffn", keys.ffn, absent?.ffn) };
}

export function mixtral(read: Reader): Architecture {
  const base = llamaStyle(read, { kvHeads: 8 });
  const experts = routedExperts(read, {
    count: ["num_local_experts", "num_experts"],
    ffn: "intermediate_size",
    absent: { count: 8, perToken: 2 },
  });
  const slidingWindow = read.countOrNone("slidingWindow", "sliding_window");
  return { ...base, ...layersOf(read, base.layers, { experts, slidingWindow }) };
}

export function qwen2Moe(read: Reader): Architecture {
  const base = llamaStyle(read, { kvHeads: 16 });
  const experts = routedExperts(read, qwenExperts(60, 4, 1408));
  const sharedFfn = read.count("experts.sharedFfn", "shared_expert_intermediate_size", 5632);
  const lastWindow = windowLayers(read);
  return {
    ...base,
    bias: read.flag("bias", "qkv_bias", true) ? "qkv" : "none",
    ...layersOf(read, base.layers, {
      experts: { ...experts, sharedFfn, sharedGate: true },
      isDense: qwenDense(read),
      ...qwenWindow(read, (index) => index % 2 === 0 && index < lastWindow),
    }),
  };
}

export function qwen3Moe(read: Reader): Architecture {
  const base = llamaStyle(read, { kvHeads: 4 });
  return {
    ...base,
    qkNorm: true,
    bias: biases(read, attentionBias(read), false),
    ...layersOf(read, base.layers, {
      experts: routedExperts(read, qwenExperts(128, 8, 768)),
      isDense: qwenDense(read),
      ...qwenWindow(read, () => true),
    }),
  };
}

const qwenExperts = (count: number, perToken: number, ffn: number): ExpertKeys => ({
  count: ["num_experts", "num_local_experts"],
  ffn: "moe_intermediate_size",
  absent: { count, perToken, ffn },
});

/** Every `decoder_sparse_step`-th layer has experts, but for those that `mlp_only_layers` names. */
function qwenDense(read: Reader): (index: number) => boolean {
  const step = read.count("layerKinds", "decoder_sparse_step", 1);
  const dense = read.list("layerKinds", "mlp_only_layers") ?? [];
  const strange = dense.find((index) => !Number.isInteger(index) || Number(index) < 0);
  if (strange !== undefined)
    read.problem("mlp_only_layers", `expected a list of layers' indices from 0, got ${shown(strange)}`);
  const plain = new Set(dense);
  return (index) => plain.has(index) || (index + 1) % step !== 0;
}

/** gpt-oss: experts with biases, every second layer with a window. */
export function gptOss(read: Reader): Architecture {
  const base = llamaStyle(read, { kvHeads: 8, headDim: 64 });
  const experts = routedExperts(read, {
    count: ["num_local_experts", "num_experts"],
    ffn: "intermediate_size",
    absent: { count: 128, perToken: 4 },
  });
  const slidingWindow = read.countOrNone("slidingWindow", "sliding_window", 128);
  read.note("gpt-oss clamps its SwiGLU and adds 1 to its up branch: taken as silu times up");
  read.note("attention sinks (one learned logit a head) are not modelled");
  return {
    ...base,
    bias: biases(read, read.flag("bias", "attention_bias", true), true),
    ...layersOf(read, base.layers, {
      experts,
      slidingWindow,
      isFull: (index) => index % 2 === 1,
    }),
  };
}
