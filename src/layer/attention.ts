import type { DataType } from "../schema/precision.ts";
import type { Phase } from "../schema/scenario.ts";
import { attendedTokens, attentionPairs, type Dimensions } from "./dimensions.ts";
import type { Access, Kernel, Operator } from "./kernel.ts";
import { pointwise } from "./pointwise.ts";

/** softmax: subtract maximum, exponential, sum, divide and the maximum itself (Ivanov et al. count 6) */
const SOFTMAX_FLOPS = 6;
const SOFTMAX_BACKWARD_FLOPS = 5;
const LOG_SUM_EXP_BYTES = 4;

interface AttentionSizes {
  readonly d: Dimensions;
  readonly dataType: DataType;
  /** query-key pairs over all heads and sequences */
  readonly pairs: number;
  readonly queryBytes: number;
  readonly newKeyBytes: number;
  readonly cachedBytes: number;
}

/** What of a scenario attention depends on, besides its dimensions. */
export interface AttentionStyle {
  readonly phase: Phase;
  readonly causal: boolean;
  readonly dataType: DataType;
  /** tokens in the cache before the new ones; in decode with the new one */
  readonly context: number;
}

export const attentionStyle = (
  phase: Phase,
  causal: boolean,
  dataType: DataType,
  context: number,
): AttentionStyle => ({ phase, causal, dataType, context });

function sizes(style: AttentionStyle, d: Dimensions): AttentionSizes {
  const decode = style.phase === "decode";
  const cachedTokens = attendedTokens(style, d) - (decode ? 0 : d.newTokens);
  const newKeyBytes = d.tokens * d.kvHeads * d.headDim * d.activationBytes;
  return {
    d,
    dataType: style.dataType,
    pairs: attentionPairs(style, d) * d.sequences * d.heads,
    queryBytes: d.tokens * d.heads * d.headDim * d.activationBytes,
    // in decode the new token's keys and values are read back from the cache with the others
    newKeyBytes: decode ? 0 : newKeyBytes,
    cachedBytes: 2 * d.sequences * cachedTokens * d.kvHeads * d.headDim * d.kvBytes,
  };
}

/** 4 FLOPs per pair and head element: a multiply and an add for the score, and again for the weighted sum. */
const forwardFlops = (s: AttentionSizes): number => 4 * s.pairs * s.d.headDim;

/** New keys and values are copied behind the cached ones; without a context the tensors themselves are the cache. */
export function cacheWrite(d: Dimensions): Operator {
  const elements = d.tokens * d.kvHeads * d.headDim;
  const copy = (which: string): Kernel =>
    pointwise(
      `copy ${which}`,
      "strided",
      elements,
      0,
      [{ tensor: `qkv ${which}`, bytes: elements * d.activationBytes }],
      [{ tensor: `cached ${which}`, bytes: elements * d.kvBytes }],
    );
  return { name: "kv-cache-write", class: "attention", kernels: [copy("keys"), copy("values")] };
}

export function flashAttention(style: AttentionStyle, d: Dimensions): Operator {
  const s = sizes(style, d);
  const decode = style.phase === "decode";
  const training = style.phase === "train";
  const kernel: Kernel = {
    name: "flash attention",
    flops: forwardFlops(s),
    reads: [
      { tensor: "queries rotated", bytes: s.queryBytes },
      { tensor: "keys rotated", bytes: s.newKeyBytes },
      { tensor: "qkv values", bytes: s.newKeyBytes },
    ],
    writes: [{ tensor: "attention output", bytes: s.queryBytes }, ...(training ? [logSumExp(d)] : [])],
    streamedBytes: s.cachedBytes,
    work: decode
      ? { kind: "decode-attention", dataType: s.dataType }
      : {
          kind: "attention",
          headDim: d.headDim,
          queries: d.newTokens,
          causal: style.causal,
          direction: "forward",
          dataType: s.dataType,
        },
  };
  return { name: "attention", class: "attention", kernels: [kernel] };
}

const logSumExp = (d: Dimensions): Access => ({
  tensor: "attention log-sum-exp",
  bytes: d.tokens * d.heads * LOG_SUM_EXP_BYTES,
});

/**
 * Flash backward computes the scores again: five products instead of the forward pass's two. Before it the row dots
 * of output and its gradient (the same kernel clears the fp32 query gradient, which the blocks of keys then add to),
 * after it the conversion of that gradient and, with grouped queries, the sum of key and value gradients over each
 * group.
 */
export function flashAttentionBackward(style: AttentionStyle, d: Dimensions): Operator {
  const s = sizes(style, d);
  const queryElements = d.tokens * d.heads * d.headDim;
  const fp32Queries = { tensor: "fp32 gradient of queries", bytes: queryElements * 4 };
  const output = { tensor: "attention output", bytes: s.queryBytes };
  const outputGradient = { tensor: "gradient of attention output", bytes: s.queryBytes };
  const grouped = d.kvHeads < d.heads;
  const perHead = (which: string): Access => ({
    tensor: grouped ? `${which} gradient per head` : `${which} gradient`,
    bytes: s.queryBytes,
  });
  const dots = { tensor: "row dots", bytes: d.tokens * d.heads * LOG_SUM_EXP_BYTES };
  const main: Kernel = {
    name: "flash attention gradient",
    flops: 2.5 * forwardFlops(s),
    reads: [
      { tensor: "queries rotated", bytes: s.queryBytes },
      { tensor: "keys rotated", bytes: s.newKeyBytes },
      { tensor: "qkv values", bytes: s.newKeyBytes },
      outputGradient,
      fp32Queries,
      dots,
      logSumExp(d),
    ],
    writes: [fp32Queries, perHead("keys"), perHead("values")],
    streamedBytes: 0,
    work: {
      kind: "attention",
      headDim: d.headDim,
      queries: d.newTokens,
      causal: style.causal,
      direction: "backward",
      dataType: s.dataType,
    },
  };
  const reduceHeads = (which: string): Kernel =>
    pointwise(
      `sum ${which} gradient over groups`,
      "vectorized",
      queryElements,
      1,
      [perHead(which)],
      [{ tensor: `${which} gradient`, bytes: s.newKeyBytes }],
    );
  return {
    name: "attention-backward",
    class: "attention",
    kernels: [
      pointwise("row dots", "vectorized", queryElements, 2, [output, outputGradient], [dots, fp32Queries]),
      main,
      pointwise(
        "query gradient to activation type",
        "vectorized",
        queryElements,
        0,
        [fp32Queries],
        [{ tensor: "queries gradient", bytes: s.queryBytes }],
      ),
      ...(grouped ? [reduceHeads("keys"), reduceHeads("values")] : []),
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
      kernels: [m.product("scores", m.keys, d.headDim, [m.queries, m.newKeys], m.scores, m.cachedHalf)],
    },
    { name: "softmax", class: "attention", kernels: [softmax] },
    {
      name: "attention-context",
      class: "matmul",
      kernels: [
        m.product("context", d.headDim, m.keys, [m.probabilities, m.newValues], m.output, m.cachedHalf),
      ],
    },
  ];
}

export function materializedAttentionBackward(style: AttentionStyle, d: Dimensions): Operator[] {
  const m = materialized(style, d);
  const of = (access: Access): Access => ({ tensor: `gradient of ${access.tensor}`, bytes: access.bytes });
  const valueGradient = { tensor: "values gradient", bytes: m.newValues.bytes };
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
          d.headDim,
          [of(m.output), m.newValues],
          of(m.probabilities),
        ),
        m.product("value gradient", d.headDim, m.keys, [m.probabilities, of(m.output)], valueGradient),
      ],
    },
    { name: "softmax-backward", class: "attention", kernels: [softmaxGradient] },
    {
      name: "attention-scores-backward",
      class: "matmul",
      kernels: [
        m.product("query gradient", d.headDim, m.keys, [of(m.scores), m.newKeys], {
          tensor: "queries gradient",
          bytes: m.queries.bytes,
        }),
        m.product("key gradient", d.headDim, m.keys, [of(m.scores), m.queries], {
          tensor: "keys gradient",
          bytes: m.newKeys.bytes,
        }),
      ],
    },
  ];
}

function materialized(style: AttentionStyle, d: Dimensions) {
  const s = sizes(style, d);
  const keys = attendedTokens(style, d);
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
    work: { kind: "matmul", m: d.newTokens, n, k, products, gradient: false, dataType: s.dataType },
  });
  return {
    keys,
    scoreElements,
    cachedHalf: s.cachedBytes / 2,
    queries: { tensor: "queries rotated", bytes: s.queryBytes },
    newKeys: { tensor: "keys rotated", bytes: s.newKeyBytes },
    newValues: { tensor: "qkv values", bytes: s.newKeyBytes },
    scores: { tensor: "scores", bytes: scoreBytes },
    probabilities: { tensor: "probabilities", bytes: scoreBytes },
    output: { tensor: "attention output", bytes: s.queryBytes },
    softmaxWork: { kind: "softmax", elements: scoreElements, columns: keys } as const,
    product,
  };
}
