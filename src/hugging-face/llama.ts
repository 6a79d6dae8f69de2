import { layersOf } from "./layer-kinds.ts";
import {
  type Architecture,
  activation,
  biases,
  headWidth,
  keyValueHeads,
  LLAMA_STYLE,
  rotaryPart,
  type Sizes,
  sizes,
  tied,
} from "./parts.ts";
import type { Reader } from "./reader.ts";

/** Llama and the dense decoders that differ from it in a detail or two. */

/** What all of them read; `absent` are the numbers that the type's config class has of its own. */
export function llamaStyle(
  read: Reader,
  absent: { readonly kvHeads?: number; readonly headDim?: number } = {},
): Sizes & Architecture {
  const size = sizes(read);
  return {
    ...size,
    ...LLAMA_STYLE,
    kvHeads: keyValueHeads(read, size, absent.kvHeads),
    headDim: headWidth(read, size, absent.headDim),
    ffn: read.count("ffn", "intermediate_size"),
    activation: activation(read, "hidden_act", "silu"),
    ...tied(read, false),
  };
}

/** In LlamaConfig and those made from it `attention_bias` is about queries, keys, values and output. */
export const attentionBias = (read: Reader): boolean => read.flag("bias", "attention_bias", false);

export function llama(read: Reader): Architecture {
  const mlpBias = read.flag("bias", "mlp_bias", false);
  return { ...llamaStyle(read), bias: biases(read, attentionBias(read), mlpBias) };
}

/** MistralConfig: a window of 4096 unless null says that there is none. */
export function mistral(read: Reader): Architecture {
  const base = llamaStyle(read, { kvHeads: 8 });
  const slidingWindow = read.countOrNone("slidingWindow", "sliding_window", 4096);
  return { ...base, ...layersOf(read, base.layers, { slidingWindow }) };
}

/** The bias of queries, keys and values is part of Qwen2's code, not of its config. */
export function qwen2(read: Reader): Architecture {
  const base = llamaStyle(read, { kvHeads: 32 });
  return { ...base, bias: "qkv", ...upperWindow(read, base.layers) };
}

export function qwen3(read: Reader): Architecture {
  const base = llamaStyle(read, { kvHeads: 32, headDim: 128 });
  return {
    ...base,
    qkNorm: true,
    bias: biases(read, attentionBias(read), false),
    ...upperWindow(read, base.layers),
  };
}

/** From layer `max_window_layers` on. */
function upperWindow(read: Reader, layers: number) {
  const first = windowLayers(read);
  return layersOf(
    read,
    layers,
    qwenWindow(read, (index) => index >= first),
  );
}

/** Qwen's window holds only where it is asked for, and then not in all layers. */
export function qwenWindow(read: Reader, inWindow: (index: number) => boolean) {
  if (!read.flag("slidingWindow", "use_sliding_window", false)) return {};
  const slidingWindow = read.countOrNone("slidingWindow", "sliding_window", 4096);
  return { slidingWindow, isFull: (index: number) => !inWindow(index) };
}

/** The first layer with a window, or of qwen2_moe the first without. */
export const windowLayers = (read: Reader): number =>
  read.peek("use_sliding_window") === true ? wholeOrZero(read, "max_window_layers", 28) : 0;

/** Counts of layers may be 0, which is no size. */
export function wholeOrZero(read: Reader, key: string, absent: number): number {
  return read.peek(key) === 0 ? 0 : read.count("layerKinds", key, absent);
}

export function phi3(read: Reader): Architecture {
  const base = llamaStyle(read);
  const slidingWindow = read.countOrNone("slidingWindow", "sliding_window");
  return {
    ...base,
    ...rotaryPart(read, base.headDim, "partial_rotary_factor", 1),
    ...layersOf(read, base.layers, { slidingWindow }),
  };
}

/** OLMo 2 normalizes what a block gives back, and all heads' queries or keys of a token as one row. */
export function olmo2(read: Reader): Architecture {
  return {
    ...llamaStyle(read),
    bias: biases(read, attentionBias(read), false),
    normPlacement: "branch",
    qkNorm: true,
    qkNormSpan: "projection",
  };
}
