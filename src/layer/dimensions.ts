import type { Model } from "../schema/model.ts";
import type { Phase, Scenario } from "../schema/scenario.ts";
import { BYTES_PER_ELEMENT } from "../schema/vocabulary.ts";

/**
 * A scenario's sizes on one GPU: what every operator is built from. Elements and bytes per element. The context is not
 * among them: only attention depends on it.
 */
export interface Dimensions {
  readonly sequences: number;
  readonly newTokens: number;
  /** tokens of this layer call: sequences x newTokens */
  readonly tokens: number;
  /** tokens whose norms and residual adds run on this GPU: fewer under sequence parallelism */
  readonly normTokens: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rotaryDim: number;
  readonly ffn: number;
  readonly ranks: number;
  readonly activationBytes: number;
  readonly weightBytes: number;
  readonly kvBytes: number;
}

export function dimensions(
  model: Model,
  sequences: number,
  newTokens: number,
  precision: Scenario["precision"],
  parallelism: Scenario["parallelism"],
): Dimensions {
  const ranks = parallelism.tensor;
  const tokens = sequences * newTokens;
  return {
    sequences,
    newTokens,
    tokens,
    normTokens: parallelism.sequenceParallel ? tokens / ranks : tokens,
    hidden: model.hidden,
    heads: model.heads / ranks,
    // more ranks than KV heads: each rank keeps a copy of one
    kvHeads: Math.max(1, model.kvHeads / ranks),
    headDim: model.headDim,
    rotaryDim: model.rotaryDim ?? model.headDim,
    ffn: model.ffn / ranks,
    ranks,
    activationBytes: BYTES_PER_ELEMENT[precision.activations],
    weightBytes: BYTES_PER_ELEMENT[precision.weights],
    kvBytes: BYTES_PER_ELEMENT[precision.kvCache],
  };
}

/**
 * Query-key pairs of one head of one sequence: each new token attends to the context and, when causal, to itself
 * and the new tokens before it (exactly S(S+1)/2 pairs), else to all new tokens. A decode step's context already
 * counts its own token.
 */
export function attentionPairs(
  style: { phase: Phase; causal: boolean; context: number },
  d: Dimensions,
): number {
  if (style.phase === "decode") return Math.max(1, style.context);
  const own = style.causal ? (d.newTokens * (d.newTokens + 1)) / 2 : d.newTokens * d.newTokens;
  return d.newTokens * style.context + own;
}

/** Tokens of one sequence whose keys and values are read. */
export function attendedTokens(style: { phase: Phase; context: number }, d: Dimensions): number {
  return style.phase === "decode" ? Math.max(1, style.context) : style.context + d.newTokens;
}
