import type { Model } from "../../schema/model.ts";
import { generates, type Phase } from "../../schema/phases.ts";
import type { Scenario } from "../../schema/scenario.ts";
import { BYTES_PER_ELEMENT, isNarrow, streamType } from "../../schema/vocabulary.ts";

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
  /** whose kernel sums over the ranks */
  readonly allReduce: "nccl" | "one-shot";
  readonly latent: LatentSizes | undefined;
  readonly experts: ExpertSizes | undefined;
  /** of the residual stream and everything that is not quantized */
  readonly activationBytes: number;
  /** of the inputs of projections */
  readonly matmulInputBytes: number;
  readonly weightBytes: number;
  readonly kvBytes: number;
}

/** Widths of multi-head latent attention. */
export type LatentSizes = NonNullable<Model["latentAttention"]>;

/** A mixture of experts on one GPU. */
export interface ExpertSizes {
  /** experts that the router chooses from, on all GPUs */
  readonly all: number;
  readonly perToken: number;
  /** experts of this GPU that a token of the step is expected to reach */
  readonly touched: number;
  /** tokens times experts per token that this GPU computes, when all GPUs have as many */
  readonly rows: number;
  readonly ffn: number;
  readonly sharedFfn: number;
  readonly sharedGate: boolean;
  /** GPUs that share out the experts */
  readonly ranks: number;
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
  const { activations, weights, kvCache } = precision;
  const { experts, latentAttention: latent } = model;
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
    rotaryDim: latent?.ropeDim ?? model.rotaryDim ?? model.headDim,
    ffn: model.ffn / ranks,
    ranks,
    allReduce: parallelism.allReduce ?? "nccl",
    latent,
    experts: experts && expertSizes(experts, tokens, parallelism),
    activationBytes: BYTES_PER_ELEMENT[streamType(activations)],
    matmulInputBytes: BYTES_PER_ELEMENT[activations],
    weightBytes: BYTES_PER_ELEMENT[weights],
    kvBytes: BYTES_PER_ELEMENT[kvCache],
  };
}

function expertSizes(
  experts: NonNullable<Model["experts"]>,
  tokens: number,
  { tensor, expert: ranks = 1 }: Scenario["parallelism"],
): ExpertSizes {
  return {
    all: experts.count,
    perToken: experts.perToken,
    // each GPU's own tokens reach the experts of all
    touched: expectedTouched(experts, tokens * ranks) / ranks,
    rows: tokens * experts.perToken,
    ffn: experts.ffn / tensor,
    sharedFfn: (experts.sharedFfn ?? 0) / tensor,
    sharedGate: experts.sharedGate === true,
    ranks,
  };
}

/**
 * Experts that at least one of the tokens reaches, on average, when each token chooses `perToken` different ones with
 * equal chances: count (1 - (1 - perToken/count)^tokens).
 */
function expectedTouched(
  { count, perToken }: { readonly count: number; readonly perToken: number },
  tokens: number,
): number {
  return count * -Math.expm1(tokens * Math.log1p(-perToken / count));
}

/** Stored bytes per element of norms' weights and routers: projections alone are stored in narrow types. */
export const plainWeightBytes = ({ weights, activations }: Scenario["precision"]): number =>
  BYTES_PER_ELEMENT[isNarrow(weights) ? streamType(activations) : weights];

/** What of a scenario the pairs of attention depend on, besides its dimensions. */
interface Reach {
  readonly phase: Phase;
  readonly causal: boolean;
  readonly context: number;
  /** tokens that one attends to at most, itself included; infinite without a window */
  readonly window: number;
  /** true: the window is the length of chunks, and a token attends inside its own */
  readonly chunked?: boolean;
}

/**
 * Query-key pairs of one head of one sequence: each new token attends to the context and, when causal, to itself
 * and the new tokens before it (exactly S(S+1)/2 pairs), else to all new tokens; never to more than the window. A
 * decode step's context already counts its own token.
 */
export function attentionPairs(reach: Reach, d: Dimensions): number {
  const { phase, causal, context, window } = reach;
  const tokens = d.newTokens;
  if (reach.chunked && causal)
    return generates(phase)
      ? reachedInChunk(Math.max(1, context), window)
      : pairsInChunks(context + tokens, window) - pairsInChunks(context, window);
  if (generates(phase)) return Math.min(window, Math.max(1, context));
  if (!causal) return tokens * Math.min(window, context + tokens);
  // the first tokens see all before them, the others a full window
  const whole = Math.min(tokens, Math.max(0, window - context));
  return whole * context + (whole * (whole + 1)) / 2 + (tokens - whole) * Math.min(window, context + tokens);
}

/** Tokens of its own chunk that the last of so many tokens attends to, itself included. */
const reachedInChunk = (tokens: number, chunk: number): number => ((tokens - 1) % chunk) + 1;

/** Pairs of the first so many tokens: whole chunks, and what has begun of the last. */
function pairsInChunks(tokens: number, chunk: number): number {
  const whole = Math.floor(tokens / chunk);
  const rest = whole === 0 ? tokens : tokens - whole * chunk;
  return (whole === 0 ? 0 : (whole * chunk * (chunk + 1)) / 2) + (rest * (rest + 1)) / 2;
}

/** Tokens of one sequence whose keys and values are read. */
export function attendedTokens(
  { phase, context, window, chunked }: Pick<Reach, "phase" | "context" | "window" | "chunked">,
  d: Dimensions,
): number {
  if (chunked)
    return generates(phase) ? reachedInChunk(Math.max(1, context), window) : (context % window) + d.newTokens;
  return generates(phase)
    ? Math.min(window, Math.max(1, context))
    : // the first new token is one of those that it attends to itself
      Math.min(window - 1, context) + d.newTokens;
}
