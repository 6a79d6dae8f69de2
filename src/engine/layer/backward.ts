import type { Model } from "../../schema/model.ts";
import type { Scenario } from "../../schema/scenario.ts";
import {
  type AttentionStyle,
  flashAttentionBackward,
  isRotated,
  KEYS_GRADIENT,
  materializedAttentionBackward,
  QUERIES_GRADIENT,
  VALUES_GRADIENT,
} from "./attention.ts";
import { blockGather, blockReduce } from "./collective.ts";
import type { Dimensions } from "./dimensions.ts";
import { dropoutBackward, dropsOut } from "./dropout.ts";
import { router, sharedGate } from "./experts.ts";
import {
  combineBackward,
  dispatchBackward,
  selectExpertsBackward,
  sharedScaleBackward,
} from "./experts-backward.ts";
import { activationBackward } from "./feed-forward.ts";
import { type GradientNames, gradientFrom, gradientOf } from "./gradients.ts";
import type { Kernel, Operator } from "./kernel.ts";
import {
  joinLatentBackward,
  joinTurnedBackward,
  keyValueUp,
  type LatentParts,
  turnedPart,
} from "./latent-attention.ts";
import { type FeedForward, type Layout, MIDDLE, STREAM } from "./layout.ts";
import { type MatmulTypes, type Projection, projectionBackward } from "./matmul.ts";
import { type NormSite, type NormStyle, normalizationBackward } from "./normalization.ts";
import { pointwise, pointwiseOperator } from "./pointwise.ts";
import { addGradients, bothBranches, isParallel } from "./residual.ts";
import { rotaryBackward } from "./rotary.ts";

/** Name of the operator that computes an operator's gradients. */
const backwardName = (name: string): string => `${name}-backward`;
const recomputedName = (name: string): string => `${name}-recomputed`;

export const isRecomputed = ({ name }: Pick<Operator, "name">): boolean => name.endsWith(recomputedName(""));

/** Of the forward operator that is run again. */
export const originalName = ({ name }: Operator): string => name.slice(0, -recomputedName("").length);

/** Work of the backward pass, which begins with what it computes again. */
export const isBackward = (operator: Pick<Operator, "name">): boolean =>
  operator.name.endsWith(backwardName("")) || isRecomputed(operator);

/** Index of the first kernel of the backward pass; past the last kernel when there is none. */
export function firstBackwardKernel(operators: readonly Operator[]): number {
  let index = 0;
  for (const operator of operators) {
    if (isBackward(operator)) return index;
    index += operator.kernels.length;
  }
  return index;
}

/**
 * What the backward pass computes again before it begins: the whole layer, or of attention's core what was not kept
 * (flash attention never keeps its scores: its own backward kernel computes them again). Exchanges between GPUs are
 * repeated too, as in a checkpointed layer.
 */
export function recomputedOperators(
  forward: readonly Operator[],
  which: "none" | "selective" | "full",
): readonly Operator[] {
  if (which === "none") return [];
  const chosen = which === "full" ? forward : forward.filter(({ name }) => SCORES.has(name));
  return chosen.map((operator, index) => {
    const kernels = index === forward.length - 1 ? operator.kernels.map(withoutStream) : operator.kernels;
    return { ...operator, name: recomputedName(operator.name), kernels };
  });
}

/** The layer's input is still to be read: what is computed again of its output, which has the same name, is not it. */
const withoutStream = (kernel: Kernel): Kernel => ({
  ...kernel,
  writes: kernel.writes.map((write) =>
    write.tensor === STREAM ? { ...write, tensor: recomputedName(STREAM) } : write,
  ),
});

const SCORES = new Set(["attention-scores", "softmax"]);

export function backwardOperators(
  model: Model,
  kernels: Scenario["kernels"],
  layer: Layout,
  style: NormStyle,
  attends: AttentionStyle,
): readonly Operator[] {
  if (isParallel(model.normPlacement)) return parallelBackward(model, kernels, layer, style, attends);
  const post = model.normPlacement === "post";
  const middle = gradientOf(MIDDLE);
  const stream = gradientOf(STREAM);
  const { attentionNorm, ffnNorm, postAttentionNorm, postFfnNorm } = layer;
  // a norm behind the add comes first: the gradient of its input is that of the sum
  const sumOf = (behind: NormSite | undefined, output: string): string =>
    post && behind ? gradientOf(behind.place.input) : output;
  const before = (site: NormSite | undefined): NormSite | undefined => (post ? undefined : site);
  const drops = dropsOut(model, kernels, "train");
  const ffnPart = blockBackward(
    layer,
    style,
    {
      block: "ffn",
      before: before(ffnNorm),
      behind: postFfnNorm,
      sum: sumOf(ffnNorm, stream),
      stream: middle,
      drops,
    },
    (gradients) => feedForwardBackward(model, kernels, layer, gradients),
  );
  const attentionPart = blockBackward(
    layer,
    style,
    {
      block: "attention",
      before: before(attentionNorm),
      behind: postAttentionNorm,
      sum: sumOf(attentionNorm, middle),
      stream,
      drops,
    },
    (gradients) => attentionBackward(model, kernels, layer, style, attends, gradients),
  );
  return post
    ? [...normBackward(ffnNorm, style), ...ffnPart, ...normBackward(attentionNorm, style), ...attentionPart]
    : [...ffnPart, ...attentionPart];
}

/** Where a block stands in a layer whose blocks follow each other: the norms of its branch, and gradients of the stream. */
interface Branch {
  readonly block: "attention" | "ffn";
  readonly before: NormSite | undefined;
  readonly behind: NormSite | undefined;
  /** of the sum that the add behind the block makes */
  readonly sum: string;
  /** of what passes the block by, which this branch's is added to */
  readonly stream: string;
  /** true where part of the block's result was dropped */
  readonly drops: boolean;
}

/** From the gradient of the sum behind a block to that of the stream before it. */
function blockBackward(
  layer: Layout,
  style: NormStyle,
  { block, before, behind, sum, stream, drops }: Branch,
  inside: (gradients: BlockGradients) => readonly Operator[],
): Operator[] {
  const { d } = layer;
  const gradients = blockGradients(layer, block, behind, sum, drops);
  const { ownResult, result, input, ownInput } = gradients;
  const ofBranch = before === undefined ? ownInput : stream;
  const incoming = behind === undefined ? sum : gradientOf(behind.place.input);
  return [
    ...normBackward(behind, style, { ofOutput: sum }),
    ...(drops ? [dropoutBackward(d, block, incoming, ownResult)] : []),
    ...backward(blockGather(d, block, ownResult, result)),
    ...inside(gradients),
    ...backward(blockReduce(d, block, input, ownInput)),
    ...normBackward(before, style, { ofOutput: ownInput, ofInput: stream }),
    addGradients(d, `${block}-residual-backward`, "stream", [ofBranch, sum], stream),
  ];
}

/** The gradients at the ends of a block, and what this GPU has of them where the tokens are split. */
interface BlockGradients {
  readonly result: string;
  readonly ownResult: string;
  readonly input: string;
  readonly ownInput: string;
}

/**
 * `sum` is the gradient of the residual add's sum. An add hands it on to what it has added as it is: it is the gradient
 * of the block's result too, unless a norm is in between. Others may read the block's input: its gradient is their sum.
 */
function blockGradients(
  layer: Layout,
  block: "attention" | "ffn",
  postNorm: NormSite | undefined,
  sum: string,
  drops = false,
): BlockGradients {
  const { d, attentionInput, ffnInput, attentionResult, ffnResult, ownAttentionInput, ownFfnInput } = layer;
  const [input, own, result] =
    block === "attention"
      ? [attentionInput, ownAttentionInput, attentionResult]
      : [ffnInput, ownFfnInput, ffnResult];
  const undropped = postNorm === undefined ? sum : gradientOf(postNorm.place.input);
  // the stream needs the gradient of the sum as it is
  const ownResult = drops ? gradientFrom(undropped, `${block} dropout`) : undropped;
  return {
    result: d.normTokens === d.tokens ? ownResult : gradientOf(result),
    ownResult,
    input: gradientFrom(input, block),
    ownInput: gradientFrom(own, block),
  };
}

/** Attention and FFN side by side: one gradient comes in for both, and theirs are added. */
function parallelBackward(
  model: Model,
  kernels: Scenario["kernels"],
  layer: Layout,
  style: NormStyle,
  attends: AttentionStyle,
): readonly Operator[] {
  const { d, attentionNorm, ffnNorm } = layer;
  const stream = gradientOf(STREAM);
  // gathered once for both
  const result = d.normTokens === d.tokens ? stream : gradientOf(bothBranches(d));
  const attention = { ...blockGradients(layer, "attention", undefined, stream), result };
  const ffn = { ...blockGradients(layer, "ffn", undefined, stream), result };
  const fromAttention = gradientFrom(STREAM, "attention-norm");
  const fromFfn = gradientFrom(STREAM, "ffn-norm");
  const ffnBlock = [
    ...backward(blockGather(d, "ffn", stream, result)),
    ...feedForwardBackward(model, kernels, layer, ffn),
  ];
  const attentionBlock = attentionBackward(model, kernels, layer, style, attends, attention);
  const attentionEnd = [
    ...backward(blockReduce(d, "attention", attention.input, attention.ownInput)),
    ...normBackward(attentionNorm, style, { ofOutput: attention.ownInput, ofInput: fromAttention }),
  ];
  const add = addGradients(d, "attention-residual-backward", "stream", [fromAttention, stream], stream);
  if (ffnNorm === undefined) {
    // behind one norm both blocks read the same tokens, gathered: their gradients are added before the sum over ranks
    const both: [string, string] = [ffn.input, attention.input];
    const join = addGradients(d, "ffn-residual-backward", "block", both, attention.input);
    return [...ffnBlock, ...attentionBlock, join, ...attentionEnd, add];
  }
  return [
    ...ffnBlock,
    ...backward(blockReduce(d, "ffn", ffn.input, ffn.ownInput)),
    ...normBackward(ffnNorm, style, { ofOutput: ffn.ownInput, ofInput: fromFfn }),
    ...attentionBlock,
    ...attentionEnd,
    addGradients(d, "ffn-residual-backward", "stream", [fromFfn, fromAttention], fromAttention),
    add,
  ];
}

const normBackward = (site: NormSite | undefined, style: NormStyle, names?: GradientNames): Operator[] =>
  site === undefined ? [] : [normalizationBackward(site, style, names)];

const projectBackward = (projection: Projection, types: MatmulTypes, names?: GradientNames): Operator => ({
  name: backwardName(projection.name),
  class: "matmul",
  kernels: projectionBackward(projection, types, names),
});

/** From the gradient of the block's result to that of its input. */
function feedForwardBackward(
  model: Model,
  kernels: Scenario["kernels"],
  layer: Layout,
  { result: incoming, input: outgoing }: BlockGradients,
): Operator[] {
  const { d, types, wideTypes, feedForward, sharedExperts, ffnInput } = layer;
  const block = (
    name: string,
    { input, activation, output }: FeedForward,
    { ofOutput, ofInput }: GradientNames,
  ): Operator[] => [
    projectBackward(output, types, { ofOutput }),
    pointwiseOperator(backwardName(name), activationBackward(model, activation, kernels)),
    ...projectionsBackward(d, input, types, ofInput, () => undefined),
  ];
  const { experts } = d;
  if (experts === undefined)
    return block("activation", feedForward, { ofOutput: incoming, ofInput: outgoing });
  const from = (reader: string): string => gradientFrom(ffnInput, reader);
  const fromExperts = from("experts");
  const fromShared = from("shared experts");
  const fromGate = from("shared gate");
  const fromRouter = from("router");
  const add = (name: string, gradient: string, sum: string): Operator =>
    addGradients(d, name, "block", [fromExperts, gradient], sum);
  const gated = sharedExperts !== undefined && experts.sharedGate;
  return [
    ...(gated
      ? [
          sharedScaleBackward(d, incoming),
          projectBackward(sharedGate(d, ffnInput), wideTypes, { ofInput: fromGate }),
        ]
      : []),
    ...(sharedExperts === undefined
      ? []
      : block("shared-activation", sharedExperts, {
          ofOutput: gated ? undefined : incoming,
          ofInput: fromShared,
        })),
    ...combineBackward(d, experts, kernels.pointwise, incoming),
    ...block("activation", feedForward, {}),
    ...dispatchBackward(d, experts, fromExperts),
    // each is added as soon as there are two
    ...(sharedExperts === undefined ? [] : [add("shared-expert-add-backward", fromShared, fromExperts)]),
    ...(gated ? [add("shared-gate-input-backward", fromGate, fromExperts)] : []),
    selectExpertsBackward(d, experts, kernels.pointwise),
    projectBackward(router(d, experts, ffnInput, model.bias === "all"), wideTypes, {
      ofInput: fromRouter,
    }),
    add("router-input-backward", fromRouter, outgoing),
  ];
}

/** From the gradient of the block's result to that of its input. */
function attentionBackward(
  model: Model,
  kernels: Scenario["kernels"],
  layer: Layout,
  style: NormStyle,
  attends: AttentionStyle,
  { result: incoming, input: outgoing }: BlockGradients,
): Operator[] {
  const { d, types } = layer;
  const core = [
    projectBackward(layer.attentionOutput, types, { ofOutput: incoming }),
    ...(kernels.attention === "flash"
      ? [flashAttentionBackward(attends, d)]
      : materializedAttentionBackward(attends, d)),
  ];
  const rope = (sizes: Dimensions, queries?: string): Operator[] =>
    isRotated(model) ? [pointwiseOperator("rope-backward", rotaryBackward(sizes, kernels, queries))] : [];
  if (layer.latent !== undefined)
    return [
      ...core,
      ...latentBackward(layer, layer.latent, style, rope(turnedPart(d), gradientOf("qkv queries")), outgoing),
    ];
  const queries = layer.queryNorm && gradientOf(layer.queryNorm.place.input);
  const keys = layer.keyNorm && gradientOf(layer.keyNorm.place.input);
  return [
    ...core,
    ...rope(d),
    ...normBackward(layer.keyNorm, style, { ofOutput: KEYS_GRADIENT, ofInput: keys }),
    ...normBackward(layer.queryNorm, style, { ofOutput: QUERIES_GRADIENT, ofInput: queries }),
    ...qkvBackward(layer, kernels, queries ?? QUERIES_GRADIENT, keys ?? KEYS_GRADIENT, outgoing),
  ];
}

/** The gradients of queries, keys and values to that of what they were projected from. */
function qkvBackward(
  { d, qkv, types }: Layout,
  kernels: Scenario["kernels"],
  queries: string,
  keys: string,
  outgoing: string,
): Operator[] {
  const [whole, ...others] = qkv;
  if (others.length === 0)
    return [
      pointwiseOperator("qkv-join-backward", [joinGradients(d, queries, keys)]),
      projectBackward(whole!, types, { ofInput: outgoing }),
    ];
  const gradients = [queries, keys, VALUES_GRADIENT];
  // of transposed views the gradients are copied back into the order of the projection's output
  const copies = kernels.rope === "transposed" && d.newTokens > 1 ? [d.heads, d.kvHeads] : [];
  const copied = copies.map((heads, index) => contiguousCopy(d, gradients[index]!, heads));
  return [
    ...(copied.length === 0 ? [] : [pointwiseOperator("qkv-copy-backward", copied)]),
    ...projectionsBackward(d, qkv, types, outgoing, (index) => gradients[index]!),
  ];
}

const contiguousCopy = (d: Dimensions, gradient: string, heads: number): Kernel => {
  const elements = d.tokens * heads * d.headDim;
  const both = [{ tensor: gradient, bytes: elements * d.activationBytes }];
  return pointwise("to contiguous", "permuted", elements, 0, both, both);
};

/** Of projections that read one input, last one first; what they say of its gradient is added up as it comes. */
function projectionsBackward(
  d: Dimensions,
  projections: readonly Projection[],
  types: MatmulTypes,
  outgoing: string | undefined,
  ofOutput: (index: number) => string | undefined,
): Operator[] {
  const [only, second] = projections;
  const sum = outgoing ?? gradientOf(only!.input);
  if (second === undefined)
    return [projectBackward(only!, types, { ofInput: outgoing, ofOutput: ofOutput(0) })];
  const last = projections.length - 1;
  return projections.flatMap((_, place) => {
    const index = last - place;
    const projection = projections[index]!;
    const own = gradientFrom(sum, projection.name);
    const names = { ofInput: own, ofOutput: ofOutput(index) };
    const before = place === 1 ? gradientFrom(sum, projections[last]!.name) : sum;
    return [
      projectBackward(projection, types, names),
      ...(place === 0
        ? []
        : [addGradients(d, `${projection.name}-input-backward`, "block", [own, before], sum)]),
    ];
  });
}

function latentBackward(
  { d, types }: Layout,
  parts: LatentParts,
  style: NormStyle,
  rope: readonly Operator[],
  outgoing: string,
): Operator[] {
  const { sizes, keyValueDown, queryUp, queryDown } = parts;
  const { input } = keyValueDown;
  const fromKeys = gradientFrom(input, keyValueDown.name);
  const fromQueries = gradientFrom(input, (queryDown ?? queryUp).name);
  return [
    joinTurnedBackward(d, sizes),
    projectBackward(keyValueUp(d, parts, d.newTokens, false), types),
    ...rope,
    ...normBackward(parts.keyValueNorm, style),
    joinLatentBackward(d, sizes),
    projectBackward(keyValueDown, types, { ofInput: fromKeys }),
    projectBackward(queryUp, types, { ofInput: queryDown === undefined ? fromQueries : undefined }),
    ...normBackward(parts.queryNorm, style),
    ...(queryDown ? [projectBackward(queryDown, types, { ofInput: fromQueries })] : []),
    addGradients(d, "latent-input-backward", "block", [fromKeys, fromQueries], outgoing),
  ];
}

/** What was gathered forward is reduced backward, and the other way round, so both happen at the mirrored place. */
const backward = (exchange: readonly Operator[]): Operator[] =>
  exchange.map((operator) => ({ ...operator, name: backwardName(operator.name) }));

/** The gradients of queries, keys and values become one tensor again for the projection's backward matmuls. */
function joinGradients(d: Dimensions, queries: string, keys: string): Kernel {
  const bytes = (heads: number): number => d.tokens * heads * d.headDim * d.activationBytes;
  const elements = d.tokens * (d.heads + 2 * d.kvHeads) * d.headDim;
  return pointwise(
    "join",
    "vectorized",
    elements,
    0,
    [
      { tensor: queries, bytes: bytes(d.heads) },
      { tensor: keys, bytes: bytes(d.kvHeads) },
      { tensor: VALUES_GRADIENT, bytes: bytes(d.kvHeads) },
    ],
    [{ tensor: gradientOf("qkv"), bytes: elements * d.activationBytes }],
  );
}
