import type { Model } from "../schema/model.ts";
import { routedExperts } from "./experts.ts";
import { layersOf } from "./layer-kinds.ts";
import { attentionBias, wholeOrZero } from "./llama.ts";
import {
  type Architecture,
  activation,
  biases,
  evenHeads,
  keyValueHeads,
  LLAMA_STYLE,
  type Sizes,
  sizes,
  tied,
} from "./parts.ts";
import { type Reader, shown } from "./reader.ts";

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
  read.note(BALANCE);
  return deepseek(read, {
    experts: { count: 256, perToken: 8, ffn: 2048 },
    sharedExperts: 1,
    denseLayers: 3,
  });
}

/** GLM-4.7-Flash: the same with other sizes; `mlp_layer_types` lists which layers have experts. */
export function glm4MoeLite(read: Reader): Architecture {
  read.note(BALANCE);
  return deepseek(read, { experts: { count: 64, perToken: 4, ffn: 1536 }, sharedExperts: 1, denseLayers: 1 });
}

/** MiniCPM3: latent attention in front of a plain feed-forward block. */
export function minicpm3(read: Reader): Architecture {
  const size = sizes(read);
  read.note("its factors on embeddings, residuals and logits are not counted");
  return {
    ...size,
    ...LLAMA_STYLE,
    kvHeads: size.heads,
    headDim: read.countOrNone("headDim", "v_head_dim") ?? evenHeads(read, size),
    ffn: read.count("ffn", "intermediate_size"),
    activation: activation(read, "hidden_act", "silu"),
    bias: biases(read, attentionBias(read), read.flag("bias", "mlp_bias", false)),
    latentAttention: latentAttention(read),
    ...tied(read, true),
  };
}

const BALANCE = "the offsets that balance the router's load (one an expert) are not counted";

function deepseek(read: Reader, absent: DeepSeekDefaults): Architecture {
  const size = sizes(read);
  const frequency = read.count("layerKinds", "moe_layer_freq", 1);
  const denseLayers = wholeOrZero(read, "first_k_dense_replace", absent.denseLayers);
  const listed = listedDense(read, size.layers);
  return {
    ...size,
    ...LLAMA_STYLE,
    ...(read.flag("latentAttention", "use_mla", true) ? latentHeads(read, size) : plainHeads(read, size)),
    ffn: read.count("ffn", "intermediate_size"),
    activation: activation(read, "hidden_act", "silu"),
    bias: biases(read, attentionBias(read), false),
    ...layersOf(read, size.layers, {
      experts: experts(read, absent),
      isDense: listed ?? ((index) => index < denseLayers || index % frequency !== 0),
    }),
    ...tied(read, false),
  };
}

/** Newer configs list the layers: `dense` or `sparse`. */
function listedDense(read: Reader, layers: number): ((index: number) => boolean) | undefined {
  const types = read.list("layerKinds", "mlp_layer_types");
  if (types === undefined) return undefined;
  if (types.length !== layers && read.problems.length === 0)
    read.problem(
      "mlp_layer_types",
      `expected a list of num_hidden_layers (${layers}) items, got ${types.length}`,
    );
  const strange = types.find((type) => type !== "dense" && type !== "sparse");
  if (strange !== undefined)
    read.problem("mlp_layer_types", `expected "dense" or "sparse", got ${shown(strange)}`);
  return (index) => types[index] === "dense";
}

const latentHeads = (read: Reader, { heads }: Sizes) => ({
  kvHeads: heads,
  headDim: read.count("headDim", "v_head_dim", 128),
  latentAttention: latentAttention(read),
});

/** The smallest of DeepSeek-VL2 has attention as it ever was. */
const plainHeads = (read: Reader, size: Sizes) => ({
  kvHeads: keyValueHeads(read, size),
  headDim: evenHeads(read, size),
});

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
