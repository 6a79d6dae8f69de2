import { layersOf } from "./layer-kinds.ts";
import { attentionBias } from "./llama.ts";
import {
  type Architecture,
  activation,
  biases,
  headWidth,
  keyValueHeads,
  LLAMA_STYLE,
  type Sizes,
  sizes,
  tied,
} from "./parts.ts";
import type { Reader } from "./reader.ts";

/** Google's Gemma: heads of a width of their own, embeddings that are the output head too. */

interface GemmaDefaults extends Partial<Sizes> {
  readonly kvHeads: number;
  readonly ffn?: number;
}

function gemmaStyle(read: Reader, absent: GemmaDefaults): Architecture {
  const size = sizes(read, {}, absent);
  return {
    ...size,
    ...LLAMA_STYLE,
    normOffset: true,
    kvHeads: keyValueHeads(read, size, absent.kvHeads),
    headDim: headWidth(read, size, 256),
    ffn: read.count("ffn", "intermediate_size", absent.ffn),
    // hidden_act of early files says gelu where the code always ran the tanh approximation
    activation: activation(read, ["hidden_activation", "hidden_act"], "gelu_pytorch_tanh"),
    bias: biases(read, attentionBias(read), false),
    ...tied(read, true),
  };
}

export const gemma = (read: Reader): Architecture => gemmaStyle(read, { kvHeads: 16 });

export function gemma2(read: Reader): Architecture {
  const base = gemmaStyle(read, { kvHeads: 4 });
  const slidingWindow = read.countOrNone("slidingWindow", "sliding_window", 4096);
  const isFull = (index: number): boolean => index % 2 === 1;
  return { ...base, normPlacement: "sandwich", ...layersOf(read, base.layers, { slidingWindow, isFull }) };
}

/** The smaller Gemma 3 leave most of their sizes to the defaults of Gemma3TextConfig. */
const GEMMA_3: GemmaDefaults = {
  layers: 26,
  hidden: 2304,
  heads: 8,
  kvHeads: 4,
  ffn: 9216,
  vocabulary: 262_208,
};

export function gemma3(read: Reader): Architecture {
  const base = gemmaStyle(read, GEMMA_3);
  const slidingWindow = read.countOrNone("slidingWindow", "sliding_window", 4096);
  const pattern = read.count("layerKinds", ["sliding_window_pattern", "_sliding_window_pattern"], 6);
  const isFull = (index: number): boolean => (index + 1) % pattern === 0;
  return {
    ...base,
    normPlacement: "sandwich",
    qkNorm: true,
    ...layersOf(read, base.layers, { slidingWindow, isFull }),
  };
}
