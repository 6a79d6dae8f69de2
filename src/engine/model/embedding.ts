import type { Model } from "../../schema/model.ts";
import type { Scenario } from "../../schema/scenario.ts";
import { INDEX_BYTES } from "../../schema/vocabulary.ts";
import { gatherTokens, sumTokens } from "../layer/collective.ts";
import type { Dimensions } from "../layer/dimensions.ts";
import { gradientOf } from "../layer/gradients.ts";
import type { Kernel, Operator } from "../layer/kernel.ts";
import { STREAM } from "../layer/layout.ts";
import { pointwise, pointwiseOperator } from "../layer/pointwise.ts";

/** Each token's row; with learned positions its sum with theirs. */
export const EMBEDDED = "embedded tokens";

/**
 * Each token's row is looked up, not multiplied. Under tensor parallelism a rank has a part of the rows and finds
 * nothing for the other tokens, so that the ranks' results are summed. Learned positions are added after that.
 */
export function embeddingLookup(model: Model, d: Dimensions, weightBytes: number): Operator[] {
  const elements = d.tokens * d.hidden;
  const lookup = pointwise(
    "look up",
    "unrolled",
    elements,
    0,
    [{ tensor: "token indices", bytes: d.tokens * INDEX_BYTES }],
    [{ tensor: EMBEDDED, bytes: elements * d.activationBytes }],
    (elements / d.ranks) * weightBytes,
  );
  const own = d.normTokens * d.hidden;
  const embedded = { tensor: EMBEDDED, bytes: own * d.activationBytes };
  const addPositions = pointwise(
    "add positions",
    "vectorized",
    own,
    1,
    [embedded],
    [embedded],
    positionElements(d) * weightBytes,
  );
  return [
    pointwiseOperator("embedding", [lookup]),
    ...sumTokens("embedding", d, elements * d.activationBytes, EMBEDDED),
    ...(model.positions === "learned" ? [pointwiseOperator("position-embedding", [addPositions])] : []),
  ];
}

/** Of the rows of positions that this rank's tokens stand at: each rank has a part of every sequence. */
const positionElements = (d: Dimensions): number =>
  Math.ceil((d.newTokens * d.normTokens) / d.tokens) * d.hidden;

/** Gradients of a token's row are added to it: read, added, written; those of a position are summed over sequences. */
export function embeddingBackward(
  model: Model,
  d: Dimensions,
  weightBytes: number,
  style: Scenario["kernels"]["embeddingGradient"] = "rows",
): Operator[] {
  const own = d.normTokens * d.hidden;
  // without a norm behind the embedding, what was looked up is the residual stream
  const incoming = gradientOf(model.embeddingNorm ? EMBEDDED : STREAM);
  const ofPositions = pointwise(
    "sum over sequences",
    "strided",
    own,
    1,
    [{ tensor: incoming, bytes: own * d.activationBytes }],
    [{ tensor: gradientOf("positions"), bytes: positionElements(d) * weightBytes }],
  );
  const elements = d.tokens * d.hidden;
  const rowBytes = (elements / d.ranks) * weightBytes;
  const ofTokens = pointwise(
    "add to rows",
    "strided",
    elements / d.ranks,
    1,
    [{ tensor: incoming, bytes: elements * d.activationBytes }],
    [{ tensor: gradientOf("embedding"), bytes: rowBytes }],
    rowBytes,
  );
  return [
    ...(model.positions === "learned"
      ? [pointwiseOperator("position-embedding-backward", [ofPositions])]
      : []),
    ...gatherTokens("embedding-all-gather-backward", d, elements * d.activationBytes, incoming),
    pointwiseOperator(
      "embedding-backward",
      style === "dense" ? denseGradient(model, d, weightBytes, ofTokens) : [ofTokens],
    ),
  ];
}

/** A table of zeros that the tokens' gradients are added to; of a tied output head another whole table is added. */
function denseGradient(model: Model, d: Dimensions, weightBytes: number, ofTokens: Kernel): Kernel[] {
  const elements = Math.ceil(model.vocabulary / d.ranks) * model.hidden;
  const table = { tensor: gradientOf("embedding table"), bytes: elements * weightBytes };
  const ofHead = { tensor: gradientOf("output-head weight"), bytes: elements * weightBytes };
  const tied = model.tiedEmbeddings === true && (model.outputHead ?? model.causal);
  return [
    pointwise("zeros", "vectorized", elements, 0, [], [table]),
    ofTokens,
    ...(tied ? [pointwise("add head's gradient", "vectorized", elements, 1, [ofHead, table], [table])] : []),
  ];
}
