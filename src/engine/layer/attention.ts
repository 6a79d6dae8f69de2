import type { Model } from "../../schema/model.ts";
import { generates, type Phase, trains } from "../../schema/phases.ts";
import type { Scenario } from "../../schema/scenario.ts";
import { type AttentionLibrary, type DataType, FP32_BYTES } from "../../schema/vocabulary.ts";
import { attendedTokens, attentionPairs, type Dimensions } from "./dimensions.ts";
import { gradientOf } from "./gradients.ts";
import type { Access, Kernel, Operator } from "./kernel.ts";
import { pointwise } from "./pointwise.ts";
import { SOFTMAX_BACKWARD_FLOPS, SOFTMAX_FLOPS } from "./softmax.ts";

/** Of what attention itself has read, wherever that came from. */
export const QUERIES_GRADIENT = "queries gradient";
export const KEYS_GRADIENT = "keys gradient";
export const VALUES_GRADIENT = "values gradient";

/** What of a scenario attention depends on, besides its dimensions. */
export interface AttentionStyle {
  readonly phase: Phase;
  readonly causal: boolean;
  readonly dataType: DataType;
  /** tokens in the cache before the new ones; in decode with the new one */
  readonly context: number;
  /** tokens that one attends to at most, itself included; infinite without a window */
  readonly window: number;
  /** true: the window is the length of chunks, and a token attends inside its own */
  readonly chunked: boolean;
  /** true where RoPE turns queries and keys */
  readonly rotated: boolean;
  /** true where a longer cache is written at every step */
  readonly joined: boolean;
  /** true where keys and values are copied to every query head */
  readonly expanded: boolean;
  /** true where the kernel that rotates keys writes them for every query head */
  readonly rotationExpands: boolean;
  /** true where attention reads a mask of all pairs */
  readonly masked: boolean;
  readonly library: AttentionLibrary;
}

export const attentionStyle = (
  phase: Phase,
  model: Model,
  kernels: Scenario["kernels"],
  dataType: DataType,
  context: number,
): AttentionStyle => ({
  phase,
  causal: model.causal,
  dataType,
  context,
  window: model.slidingWindow ?? Number.POSITIVE_INFINITY,
  chunked: model.chunkedWindow === true,
  rotated: isRotated(model),
  joined: kernels.cache === "concatenated" && (generates(phase) || context > 0),
  expanded: kernels.keyValueHeads === "expanded",
  rotationExpands: rotationExpands(phase, model, kernels, context),
  masked: kernels.mask === "explicit" && kernels.attention === "flash",
  library: kernels.attentionLibrary ?? "cudnn",
});

/** Where nothing is cached yet a compiler joins the rotation of keys with the copies that follow. */
const rotationExpands = (
  phase: Phase,
  { rotaryDim, headDim, positions }: Model,
  kernels: Scenario["kernels"],
  context: number,
): boolean =>
  positions === "rope" &&
  (rotaryDim ?? headDim) === headDim &&
  kernels.keyValueHeads === "expanded" &&
  kernels.pointwise === "fused" &&
  kernels.rope === "transposed" &&
  !generates(phase) &&
  context === 0;

/** Whether keys and values are copied at all: not where every query head has its own, nor where all share a latent. */
export const expandsKeys = ({ expanded }: AttentionStyle, d: Dimensions): boolean =>
  expanded && d.latent === undefined && d.kvHeads < d.heads;

/** Whether attention reads a cache that has just been written as a whole. */
export const joinsCache = ({ joined }: AttentionStyle, d: Dimensions): boolean =>
  joined && d.latent === undefined;

export const isRotated = ({ positions }: Pick<Model, "positions">): boolean => positions === "rope";

/** Widths that attention itself sees. */
interface AttentionShape {
  readonly kvHeads: number;
  /** of a query and a key head */
  readonly keyDim: number;
  /** of a value head */
  readonly valueDim: number;
  /** elements that the cache holds of a token */
  readonly cachedElements: number;
}

/** A decode step of latent attention stays in the compressed space: all heads read one key and value, the latent. */
export const isAbsorbed = ({ phase }: Pick<AttentionStyle, "phase">, { latent }: Dimensions): boolean =>
  latent !== undefined && generates(phase);

function attentionShape(style: AttentionStyle, d: Dimensions): AttentionShape {
  const { latent, headDim, heads, kvHeads } = d;
  if (latent === undefined)
    return { kvHeads, keyDim: headDim, valueDim: headDim, cachedElements: 2 * kvHeads * headDim };
  const cachedElements = latent.keyValueRank + latent.ropeDim;
  return isAbsorbed(style, d)
    ? { kvHeads: 1, keyDim: cachedElements, valueDim: latent.keyValueRank, cachedElements }
    : { kvHeads: heads, keyDim: latent.nopeDim + latent.ropeDim, valueDim: headDim, cachedElements };
}

/** Written field by field: spread out, this would be what a sweep over contexts spends its time on. */
interface AttentionSizes {
  readonly keyDim: number;
  readonly valueDim: number;
  readonly kvHeads: number;
  readonly cachedElements: number;
  readonly dataType: DataType;
  /** query-key pairs over all heads and sequences */
  readonly pairs: number;
  readonly queries: Access;
  /** of the tokens that no cache holds yet */
  readonly keys: Access;
  readonly values: Access;
  readonly output: Access;
  readonly cachedBytes: number;
  /** of a mask of all pairs, which every head reads */
  readonly maskBytes: number;
}

function sizes(style: AttentionStyle, d: Dimensions): AttentionSizes {
  const decode = generates(style.phase);
  const { kvHeads, keyDim, valueDim, cachedElements } = attentionShape(style, d);
  const attended = attendedTokens(style, d);
  // decompressed keys and values of the context are tensors of this layer, as the new ones are
  const decompressed = d.latent !== undefined && !decode;
  // in decode the new token's keys and values are read back from the cache with the others
  const expands = expandsKeys(style, d);
  const copied = expands || joinsCache(style, d);
  const whole = decompressed || copied;
  const freshTokens = whole ? d.sequences * attended : decode ? 0 : d.tokens;
  const cachedTokens = whole ? 0 : decode ? attended : attended - d.newTokens;
  const queryBytes = d.tokens * d.heads * d.activationBytes;
  const readHeads = expands ? d.heads : kvHeads;
  const freshBytes =
    freshTokens *
    readHeads *
    (copied && !trains(style.phase) && (decode || style.context > 0) ? d.kvBytes : d.activationBytes);
  const tensors = inputTensors(style, d);
  const [keyTensor, valueTensor] = expands
    ? ["expanded keys", "expanded values"]
    : copied
      ? ["cached keys", "cached values"]
      : [tensors[1], tensors[2]];
  const output = isAbsorbed(style, d) ? "latent attention output" : "attention output";
  return {
    keyDim,
    valueDim,
    kvHeads: readHeads,
    cachedElements,
    dataType: style.dataType,
    pairs: (style.masked ? d.newTokens * attended : attentionPairs(style, d)) * d.sequences * d.heads,
    queries: { tensor: tensors[0], bytes: queryBytes * keyDim },
    keys: { tensor: keyTensor!, bytes: freshBytes * keyDim },
    values: { tensor: valueTensor!, bytes: freshBytes * valueDim },
    output: { tensor: output, bytes: queryBytes * valueDim },
    cachedBytes: d.sequences * cachedTokens * cachedElements * d.kvBytes,
    maskBytes: style.masked ? d.tokens * attended * d.activationBytes : 0,
  };
}

/** Keys and values as the operators before attention have left them. */
export function attentionInputs(style: Pick<AttentionStyle, "rotated">, d: Dimensions) {
  const [, keys, values] = inputTensors(style, d);
  return { keys, values };
}

function inputTensors(
  { rotated }: Pick<AttentionStyle, "rotated">,
  d: Dimensions,
): readonly [string, string, string] {
  if (d.latent !== undefined) return LATENT_TENSORS;
  if (!rotated) return PLAIN_TENSORS;
  return d.rotaryDim === d.headDim ? ROTATED_TENSORS : JOINED_TENSORS;
}

const PLAIN_TENSORS = ["qkv queries", "qkv keys", "qkv values"] as const;
const ROTATED_TENSORS = ["queries rotated", "keys rotated", "qkv values"] as const;
const JOINED_TENSORS = ["queries joined", "keys joined", "qkv values"] as const;
const LATENT_TENSORS = ["queries joined", "keys joined", "latent values"] as const;

/** A multiply and an add for each element of a key, and again for each of a value. */
const forwardFlops = (s: AttentionSizes): number => 2 * s.pairs * (s.keyDim + s.valueDim);

/**
 * Five products: the scores again and the gradients of queries and keys are as wide as a key, those of probabilities
 * and values as wide as a value.
 */
const backwardFlops = (s: AttentionSizes): number => 2 * s.pairs * (3 * s.keyDim + 2 * s.valueDim);

/** No fused attention kernel multiplies in tf32: what comes in 32 bits runs as fp32 does. */
const flashType = (type: DataType): DataType => (type === "tf32" ? "fp32" : type);

export function flashAttention(style: AttentionStyle, d: Dimensions): Operator {
  const s = sizes(style, d);
  const decode = generates(style.phase);
  const training = trains(style.phase);
  const kernel: Kernel = {
    name: "flash attention",
    flops: forwardFlops(s),
    reads: [s.queries, s.keys, s.values],
    writes: training ? [s.output, logSumExp(d)] : [s.output],
    streamedBytes: s.cachedBytes + s.maskBytes,
    work: decode
      ? {
          kind: "decode-attention",
          keyDim: s.keyDim,
          valueDim: s.valueDim,
          groupSize: d.heads / s.kvHeads,
          dataType: flashType(s.dataType),
          sequences: d.sequences,
          kvHeads: s.kvHeads,
          keys: attendedTokens(style, d),
          library: style.library,
        }
      : {
          kind: "attention",
          keyDim: s.keyDim,
          valueDim: s.valueDim,
          queries: d.newTokens,
          keys: attendedTokens(style, d),
          ...reachOf(style),
          direction: "forward",
          dataType: flashType(s.dataType),
          sequences: d.sequences,
          heads: d.heads,
          library: style.library,
        },
  };
  return { name: "attention", class: "attention", kernels: [kernel] };
}

/** A kernel that reads which pairs count works through all of them. */
const reachOf = ({ window, causal, masked }: AttentionStyle) =>
  masked ? { window: Number.POSITIVE_INFINITY, causal: false, masked } : { window, causal };

const logSumExp = (d: Dimensions): Access => ({
  tensor: "attention log-sum-exp",
  bytes: d.tokens * d.heads * FP32_BYTES,
});

/**
 * Flash backward computes the scores again: five products instead of the forward pass's two. Before it the row dots
 * of output and its gradient (the same kernel clears the fp32 query gradient, which the blocks of keys then add to),
 * after it the conversion of that gradient and, with grouped queries, the sum of key and value gradients over each
 * group.
 */
export function flashAttentionBackward(style: AttentionStyle, d: Dimensions): Operator {
  const s = sizes(style, d);
  const queryElements = d.tokens * d.heads * s.keyDim;
  const fp32Queries = { tensor: "fp32 gradient of queries", bytes: queryElements * 4 };
  const outputGradient = { tensor: gradientOf("attention output"), bytes: s.output.bytes };
  const grouped = s.kvHeads < d.heads || expandsKeys(style, d);
  const perHead = (gradient: string, width: number): Access => ({
    tensor: grouped ? `${gradient} per head` : gradient,
    bytes: d.tokens * d.heads * width * d.activationBytes,
  });
  const dots = { tensor: "row dots", bytes: d.tokens * d.heads * FP32_BYTES };
  const main: Kernel = {
    name: "flash attention gradient",
    flops: backwardFlops(s),
    reads: [s.queries, s.keys, s.values, outputGradient, fp32Queries, dots, logSumExp(d)],
    writes: [fp32Queries, perHead(KEYS_GRADIENT, s.keyDim), perHead(VALUES_GRADIENT, s.valueDim)],
    streamedBytes: s.maskBytes,
    work: {
      kind: "attention",
      keyDim: s.keyDim,
      valueDim: s.valueDim,
      queries: d.newTokens,
      keys: d.newTokens,
      ...reachOf(style),
      direction: "backward",
      dataType: flashType(s.dataType),
      sequences: d.sequences,
      heads: d.heads,
      library: style.library,
    },
  };
  const reduceHeads = (gradient: string, width: number): Kernel =>
    pointwise(
      `sum ${gradient} over groups`,
      "vectorized",
      d.tokens * d.heads * width,
      1,
      [perHead(gradient, width)],
      [{ tensor: gradient, bytes: d.tokens * d.kvHeads * width * d.activationBytes }],
    );
  return {
    name: "attention-backward",
    class: "attention",
    kernels: [
      pointwise(
        "row dots",
        "vectorized",
        d.tokens * d.heads * s.valueDim,
        2,
        [s.output, outputGradient],
        [dots, fp32Queries],
      ),
      main,
      pointwise(
        "query gradient to activation type",
        "vectorized",
        queryElements,
        0,
        [fp32Queries],
        [{ tensor: QUERIES_GRADIENT, bytes: s.queries.bytes }],
      ),
      ...(grouped ? [reduceHeads(KEYS_GRADIENT, s.keyDim), reduceHeads(VALUES_GRADIENT, s.valueDim)] : []),
    ],
  };
}

/**
 * Scores and probabilities written and read. The batched products compute every pair, also those that a causal mask
 * then hides, so their FLOPs are those of the full square.
 */
export function materializedAttention(style: AttentionStyle, d: Dimensions): Operator[] {
  const m = materialized(style, d);
  const softmax: Kernel = {
    name: "softmax",
    flops: SOFTMAX_FLOPS * m.scoreElements,
    reads: [m.scores],
    writes: [m.probabilities],
    streamedBytes: 0,
    work: m.softmaxWork,
  };
  return [
    {
      name: "attention-scores",
      class: "matmul",
      kernels: [m.product("scores", m.keys, m.keyDim, [m.queries, m.newKeys], m.scores, m.cachedKeyBytes)],
    },
    { name: "softmax", class: "attention", kernels: [softmax] },
    {
      name: "attention-context",
      class: "matmul",
      kernels: [
        m.product(
          "context",
          m.valueDim,
          m.keys,
          [m.probabilities, m.newValues],
          m.output,
          m.cachedValueBytes,
        ),
      ],
    },
  ];
}

export function materializedAttentionBackward(style: AttentionStyle, d: Dimensions): Operator[] {
  const m = materialized(style, d);
  const of = (access: Access): Access => ({ tensor: gradientOf(access.tensor), bytes: access.bytes });
  const valueGradient = { tensor: VALUES_GRADIENT, bytes: m.newValues.bytes };
  const softmaxGradient: Kernel = {
    name: "softmax gradient",
    flops: SOFTMAX_BACKWARD_FLOPS * m.scoreElements,
    reads: [m.probabilities, of(m.probabilities)],
    writes: [of(m.scores)],
    streamedBytes: 0,
    work: m.softmaxWork,
  };
  return [
    {
      name: "attention-context-backward",
      class: "matmul",
      kernels: [
        m.product(
          "probability gradient",
          m.keys,
          m.valueDim,
          [of(m.output), m.newValues],
          of(m.probabilities),
        ),
        m.product("value gradient", m.valueDim, m.keys, [m.probabilities, of(m.output)], valueGradient),
      ],
    },
    { name: "softmax-backward", class: "attention", kernels: [softmaxGradient] },
    {
      name: "attention-scores-backward",
      class: "matmul",
      kernels: [
        m.product("query gradient", m.keyDim, m.keys, [of(m.scores), m.newKeys], {
          tensor: QUERIES_GRADIENT,
          bytes: m.queries.bytes,
        }),
        m.product("key gradient", m.keyDim, m.keys, [of(m.scores), m.queries], {
          tensor: KEYS_GRADIENT,
          bytes: m.newKeys.bytes,
        }),
      ],
    },
  ];
}

function materialized(style: AttentionStyle, d: Dimensions) {
  // the whole square is multiplied: a mask hides what lies outside the window afterwards
  const unmasked = generates(style.phase) ? style : { ...style, window: Number.POSITIVE_INFINITY };
  const s = sizes(unmasked, d);
  const keys = attendedTokens(unmasked, d);
  const products = d.sequences * d.heads;
  const scoreElements = products * d.newTokens * keys;
  const scoreBytes = scoreElements * d.activationBytes;
  const product = (
    name: string,
    n: number,
    k: number,
    reads: Access[],
    write: Access,
    streamedBytes = 0,
  ): Kernel => ({
    name,
    flops: 2 * products * d.newTokens * n * k,
    reads,
    writes: [write],
    streamedBytes,
    work: {
      kind: "matmul",
      m: d.newTokens,
      n,
      k,
      products,
      grouped: false,
      gradient: false,
      dataType: s.dataType,
    },
  });
  // the latent is key and value at once, and each product reads its part of it
  const cachedValueBytes = s.cachedBytes * (isAbsorbed(style, d) ? s.valueDim / s.cachedElements : 1 / 2);
  return {
    keys,
    keyDim: s.keyDim,
    valueDim: s.valueDim,
    scoreElements,
    cachedKeyBytes: isAbsorbed(style, d) ? s.cachedBytes : s.cachedBytes - cachedValueBytes,
    cachedValueBytes,
    queries: s.queries,
    newKeys: s.keys,
    newValues: s.values,
    scores: { tensor: "scores", bytes: scoreBytes },
    probabilities: { tensor: "probabilities", bytes: scoreBytes },
    output: s.output,
    softmaxWork: { kind: "softmax", elements: scoreElements, columns: keys } as const,
    product,
  };
}
