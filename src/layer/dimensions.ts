import type { Phase, Scenario } from "../schema/scenario.ts";
import { BYTES_PER_ELEMENT } from "../schema/vocabulary.ts";

/** A scenario's sizes on one GPU: what every operator is built from. Elements and bytes per element. */
export interface Dimensions {
  readonly sequences: number;
  readonly newTokens: number;
  /** tokens of this layer call: sequences x newTokens */
  readonly tokens: number;
  /** tokens whose norms and residual adds run on this GPU: fewer under sequence parallelism */
  readonly normTokens: number;
  readonly context: number;
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

export function dimensions(scenario: Scenario): Dimensions {
  const { model, workload, precision, parallelism } = scenario;
  const ranks = parallelism.tensor;
  const tokens = workload.batch * workload.sequence;
  return {
    sequences: workload.batch,
    newTokens: workload.sequence,
    tokens,
    normTokens: parallelism.sequenceParallel ? tokens / ranks : tokens,
    context: workload.context,
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
export function attentionPairs(style: { phase: Phase; causal: boolean }, d: Dimensions): number {
  if (style.phase === "decode") return Math.max(1, d.context);
  const own = style.causal ? (d.newTokens * (d.newTokens + 1)) / 2 : d.newTokens * d.newTokens;
  return d.newTokens * d.context + own;
}

/** Tokens of one sequence whose keys and values are read. */
export function attendedTokens(phase: Phase, d: Dimensions): number {
  return phase === "decode" ? Math.max(1, d.context) : d.context + d.newTokens;
}
