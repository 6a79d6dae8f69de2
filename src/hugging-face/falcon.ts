import type { Model } from "../schema/model.ts";
import {
  type Architecture,
  activation,
  dividing,
  evenHeads,
  GPT_STYLE,
  type Sizes,
  sizes,
  tied,
} from "./parts.ts";
import type { Reader } from "./reader.ts";

/** Falcon in its three generations: RW (ALiBi), 7B (one key head, one norm for both branches), 40B and later. */
export function falcon(read: Reader): Architecture {
  const size = sizes(read, {
    layers: ["num_hidden_layers", "n_layer"],
    hidden: ["hidden_size", "n_embed"],
    heads: ["num_attention_heads", "n_head"],
  });
  const newer = read.flag("kvHeads", "new_decoder_architecture", false);
  return {
    ...size,
    ...GPT_STYLE,
    kvHeads: keyHeads(read, size, newer),
    headDim: evenHeads(read, size),
    ffn: read.count("ffn", "ffn_hidden_size", 4 * size.hidden, `as 4 times hidden_size (${4 * size.hidden})`),
    activation: activation(read, "activation", "gelu"),
    bias: read.flag("bias", "bias", false) ? "all" : "none",
    positions: read.flag("positions", "alibi", false) ? "alibi" : "rope",
    normPlacement: placement(read, newer),
    ...tied(read, true),
  };
}

function keyHeads(read: Reader, { heads }: Sizes, newer: boolean): number {
  if (!newer && read.flag("kvHeads", "multi_query", true)) return 1;
  const kvHeads = read.count(
    "kvHeads",
    ["num_kv_heads", "n_head_kv"],
    heads,
    `as num_attention_heads (${heads})`,
  );
  return dividing(
    read,
    read.peek("num_kv_heads") === undefined ? "n_head_kv" : "num_kv_heads",
    kvHeads,
    heads,
  );
}

/** From 40B on each branch has a norm of its own, unless the config says that one serves both. */
function placement(read: Reader, newer: boolean): Model["normPlacement"] {
  if (newer) {
    const norms = read.count("normPlacement", "num_ln_in_parallel_attn", 2);
    if (norms > 2) read.problem("num_ln_in_parallel_attn", `expected 1 or 2, got ${norms}`);
    return norms === 1 ? "parallel-shared" : "parallel";
  }
  return read.flag("normPlacement", "parallel_attn", true) ? "parallel-shared" : "pre";
}
