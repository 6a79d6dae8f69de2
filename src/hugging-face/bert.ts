import { type Architecture, activation, droppedShare, evenHeads, GPT_STYLE, sizes, tied } from "./parts.ts";
import type { Reader } from "./reader.ts";

/** BERT and RoBERTa: a norm behind the embeddings and behind every residual add, attention to all tokens. */
export function bert(read: Reader): Architecture {
  const size = sizes(read);
  const positions = read.word("positions", "position_embedding_type", "absolute");
  if (positions !== "absolute")
    read.note(
      `position_embedding_type ${positions} is taken as absolute, which costs nothing inside a layer`,
    );
  read.note("pooler and masked-language head are not modelled (--set model.outputHead=true adds the logits)");
  return {
    ...size,
    ...GPT_STYLE,
    kvHeads: size.heads,
    headDim: evenHeads(read, size),
    ffn: read.count("ffn", "intermediate_size"),
    activation: activation(read, "hidden_act", "gelu"),
    ...droppedShare(read, "hidden_dropout_prob", 0.1),
    positions: "learned",
    positionRows:
      read.count("positionRows", "max_position_embeddings", 512) +
      read.count("positionRows", "type_vocab_size", 2),
    normPlacement: "post",
    causal: read.flag("causal", "is_decoder", false),
    embeddingNorm: true,
    ...tied(read, true),
  };
}
