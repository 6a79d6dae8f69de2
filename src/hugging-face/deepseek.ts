import type { Model } from "../schema/model.ts";
import { routedExperts } from "./experts.ts";
import { layersOf } from "./layer-kinds.ts";
import { attentionBias, wholeOrZero } from "./llama.ts";
import { type Architecture, activation, biases, LLAMA_STYLE, sizes, tied } from "./parts.ts";
import type { Reader } from "./reader.ts";

/** Latent attention and experts of DeepSeek-V2 and V3. */

interface DeepSeekDefaults {
  readonly experts: { readonly count: number; readonly perToken?: number; readonly ffn: number };
  readonly sharedExperts: number;
  readonly denseLayers: number;
}

export const deepseekV2 = (read: Reader): Architecture =>
  deepseek(read, {
    experts: { count: 64, ffn: 1407 },
    sharedExperts: 2,
    denseLayers: 0,
  });

export function deepseekV3(read: Reader): Architecture {
  read.note("the offsets that balance the router's load (one an expert) are not counted");
  return deepseek(read, {
    experts: { count: 256, perToken: 8, ffn: 2048 },
    sharedExperts: 1,
    denseLayers: 3,
  });
}

function deepseek(read: Reader, absent: DeepSeekDefaults): Architecture {
  const size = sizes(read);
  const frequency = read.count("layerKinds", "moe_layer_freq", 1);
  const denseLayers = wholeOrZero(read, "first_k_dense_replace", absent.denseLayers);
  return {
    ...size,
    ...LLAMA_STYLE,
    kvHeads: size.heads,
    headDim: read.count("headDim", "v_head_dim", 128),
    ffn: read.count("ffn", "intermediate_size"),
    activation: activation(read, "hidden_act", "silu"),
    bias: biases(read, attentionBias(read), false),
    latentAttention: latentAttention(read),
    ...layersOf(read, size.layers, {
      experts: experts(read, absent),
      isDense: (index) => index < denseLayers || index % frequency !== 0,
    }),
    ...tied(read, false),
  };
}

function latentAttention(read: Reader): NonNullable<Model["latentAttention"]> {
  const queryRank = read.countOrNone("latentAttention.queryRank", "q_lora_rank", 1536);
  return {
    ...(queryRank === undefined ? {} : { queryRank }),
    keyValueRank: read.count("latentAttention.keyValueRank", "kv_lora_rank", 512),
    nopeDim: read.count("latentAttention.nopeDim", "qk_nope_head_dim", 128),
    ropeDim: read.count("latentAttention.ropeDim", "qk_rope_head_dim", 64),
  };
}

/** `n_shared_experts` experts of the routed ones' width are one block of their width together. */
function experts(read: Reader, absent: DeepSeekDefaults): Model["experts"] {
  const routed = routedExperts(read, {
    count: ["n_routed_experts", "num_local_experts", "num_experts"],
    ffn: "moe_intermediate_size",
    absent: absent.experts,
  });
  const shared =
    read.peek("n_shared_experts") === 0
      ? undefined
      : read.countOrNone("experts.sharedFfn", "n_shared_experts", absent.sharedExperts);
  if (shared === undefined) return routed;
  if (shared > routed.count && read.problems.length === 0)
    read.problem("n_shared_experts", `expected at most n_routed_experts (${routed.count}), got ${shared}`);
  return { ...routed, sharedFfn: shared * routed.ffn };
}
