import type { Model } from "../schema/model.ts";
import type { Scenario } from "../schema/scenario.ts";
import { type AttentionStyle, flashAttentionBackward, materializedAttentionBackward } from "./attention.ts";
import { blockGather, blockReduce, ownPart } from "./collective.ts";
import type { Dimensions, LatentSizes } from "./dimensions.ts";
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

export const isRecomputed = ({ name }: Operator): boolean => name.endsWith(recomputedName(""));

/** Of the forward operator that is run again. */
export const originalName = ({ name }: Operator): string => name.slice(0, -recomputedName("").length);

/** Work of the backward pass, which begins with what it computes again. */
export const isBackward = (operator: Operator): boolean =>
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
  return chosen.map((operator) => ({ ...operator, name: recomputedName(operator.name) }));
}

const SCORES = new Set(["attention-scores", "softmax"]);

export function backwardOperators(
  model: Model,
  kernels: Scenario["kernels"],
  layer: Layout,
  style: NormStyle,
  attends: AttentionStyle,
): readonly Operator[] {
  if (isParallel(model.normPlacement)) return parallelBackward(model, kernels, layer, style, attends);
  const { d } = layer;
  const post = model.normPlacement === "post";
  const middle = gradientOf(MIDDLE);
  const stream = gradientOf(STREAM);
  // a norm behind the add comes first: the gradient of its input is that of the sum
  const ffnSum = post && layer.ffnNorm ? gradientOf(layer.ffnNorm.place.input) : stream;
  const attentionSum = post && layer.attentionNorm ? gradientOf(layer.attentionNorm.place.input) : middle;
  const norm = (site: NormSite | undefined, names?: GradientNames) => normBackward(site, style, names);
  const ffn = blockGradients(layer, layer.postFfnNorm, layer.ffnResult, layer.expertInput, ffnSum);
  const attention = blockGradients(
    layer,
    layer.postAttentionNorm,
    layer.attentionResult,
    layer.qkv.input,
    attentionSum,
  );
  const ffnPart = [
    ...norm(layer.postFfnNorm, { ofOutput: ffnSum }),
    ...backward(blockGather(d, "ffn", ffn.result, ffn.ownResult)),
    ...feedForwardBackward(model, kernels, layer, ffn.result, ffn.input),
    ...backward(blockReduce(d, "ffn", ffn.input, ffn.ownInput)),
    ...(post ? [] : norm(layer.ffnNorm, { ofOutput: ffn.ownInput, ofInput: middle })),
    addGradients(
      d,
      "ffn-residual-backward",
      "stream",
      [layer.ffnNorm && !post ? middle : ffn.ownInput, ffnSum],
      middle,
    ),
  ];
  const attentionPart = [
    ...norm(layer.postAttentionNorm, { ofOutput: attentionSum }),
    ...backward(blockGather(d, "attention", attention.result, attention.ownResult)),
    ...attentionBackward(model, kernels, layer, style, attends, attention.result),
    ...backward(blockReduce(d, "attention", attention.input, attention.ownInput)),
    ...(post ? [] : norm(layer.attentionNorm, { ofOutput: attention.ownInput, ofInput: stream })),
    addGradients(
      d,
      "attention-residual-backward",
      "stream",
      [layer.attentionNorm && !post ? stream : attention.ownInput, attentionSum],
      stream,
    ),
  ];
  return post
    ? [...norm(layer.ffnNorm), ...ffnPart, ...norm(layer.attentionNorm), ...attentionPart]
    : [...ffnPart, ...attentionPart];
}

/** The gradients at the ends of a block, and what this GPU has of them where the tokens are split. */
interface BlockGradients {
  readonly result: string;
  readonly ownResult: string;
  readonly input: string;
  readonly ownInput: string;
}

/** `sum` is the gradient of the residual add's sum: that of the block's result too, unless a norm is in between. */
function blockGradients(
  { d }: Layout,
  postNorm: NormSite | undefined,
  result: string,
  input: string,
  sum: string,
): BlockGradients {
  const ownResult = postNorm === undefined ? sum : gradientOf(postNorm.place.input);
  return {
    result: d.normTokens === d.tokens ? ownResult : gradientOf(result),
    ownResult,
    input: gradientOf(input),
    ownInput: gradientOf(ownPart(input)),
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
  const both = blockGradients(layer, undefined, bothBranches(d), layer.qkv.input, stream);
  const ffn = blockGradients(layer, undefined, bothBranches(d), layer.expertInput, stream);
  const gather = backward(blockGather(d, "ffn", both.result, stream));
  const reduce = backward(blockReduce(d, "attention", both.input, both.ownInput));
  const attention = attentionBackward(model, kernels, layer, style, attends, both.result);
  const throughNorms = gradientFrom(STREAM, "norms");
  const norm = normBackward(attentionNorm, style, { ofOutput: both.ownInput, ofInput: throughNorms });
  const add = addGradients(d, "attention-residual-backward", "stream", [throughNorms, stream], stream);
  if (ffnNorm === undefined) {
    // behind one norm both blocks read the same tokens, gathered: their gradients are added before the sum over ranks
    const ofFfn = gradientFrom(layer.expertInput, "ffn");
    return [
      ...gather,
      ...feedForwardBackward(model, kernels, layer, both.result, ofFfn),
      ...attention,
      addGradients(d, "ffn-residual-backward", "block", [ofFfn, both.input], both.input),
      ...reduce,
      ...norm,
      add,
    ];
  }
  const throughFfnNorm = gradientFrom(STREAM, ffnNorm.place.name);
  return [
    ...gather,
    ...feedForwardBackward(model, kernels, layer, both.result, ffn.input),
    ...backward(blockReduce(d, "ffn", ffn.input, ffn.ownInput)),
    ...normBackward(ffnNorm, style, { ofOutput: ffn.ownInput, ofInput: throughFfnNorm }),
    ...attention,
    ...reduce,
    ...norm,
    addGradients(d, "ffn-residual-backward", "stream", [throughFfnNorm, throughNorms], throughNorms),
    add,
  ];
}

const normBackward = (site: NormSite | undefined, style: NormStyle, names?: GradientNames): Operator[] =>
  site === undefined ? [] : [normalizationBackward(site.place, style, names)(site.rows, site.columns)];

const projectBackward = (projection: Projection, types: MatmulTypes, names?: GradientNames): Operator => ({
  name: backwardName(projection.name),
  class: "matmul",
  kernels: projectionBackward(projection, types, names),
});

/** From the gradient of the block's result to that of its input, both under these names. */
function feedForwardBackward(
  model: Model,
  kernels: Scenario["kernels"],
  layer: Layout,
  incoming: string,
  outgoing: string,
): Operator[] {
  const { d, types, wideTypes, feedForward, sharedExperts, expertInput } = layer;
  const block = (
    name: string,
    { input, activation, output }: FeedForward,
    { ofOutput, ofInput }: GradientNames,
  ): Operator[] => [
    projectBackward(output, types, ofOutput === undefined ? {} : { ofOutput }),
    pointwiseOperator(backwardName(name), activationBackward(model, activation, kernels.pointwise)),
    projectBackward(input, types, ofInput === undefined ? {} : { ofInput }),
  ];
  const { experts } = d;
  if (experts === undefined)
    return block("activation", feedForward, { ofOutput: incoming, ofInput: outgoing });
  const from = (reader: string): string => gradientFrom(expertInput, reader);
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
          projectBackward(sharedGate(d, expertInput), wideTypes, { ofInput: fromGate }),
        ]
      : []),
    ...(sharedExperts === undefined
      ? []
      : block("shared-activation", sharedExperts, {
          ...(gated ? {} : { ofOutput: incoming }),
          ofInput: fromShared,
        })),
    ...combineBackward(d, experts, kernels.pointwise, incoming),
    ...block("activation", feedForward, {}),
    ...dispatchBackward(d, experts, fromExperts),
    // each is added as soon as there are two
    ...(sharedExperts === undefined ? [] : [add("shared-expert-add-backward", fromShared, fromExperts)]),
    ...(gated ? [add("shared-gate-input-backward", fromGate, fromExperts)] : []),
    selectExpertsBackward(d, experts, kernels.pointwise),
    projectBackward(router(d, experts, expertInput, model.bias === "all"), wideTypes, {
      ofInput: fromRouter,
    }),
    add("router-input-backward", fromRouter, outgoing),
  ];
}

/** From the gradient of the output projection to that of the block's input. */
function attentionBackward(
  model: Model,
  kernels: Scenario["kernels"],
  layer: Layout,
  style: NormStyle,
  attends: AttentionStyle,
  incoming: string,
): Operator[] {
  const { d, types } = layer;
  const core = [
    projectBackward(layer.attentionOutput, types, { ofOutput: incoming }),
    ...(kernels.attention === "flash"
      ? [flashAttentionBackward(attends, d)]
      : materializedAttentionBackward(attends, d)),
  ];
  const rope = (sizes: Dimensions): Operator[] =>
    model.positions === "rope"
      ? [pointwiseOperator("rope-backward", rotaryBackward(sizes, kernels.pointwise))]
      : [];
  if (layer.latent !== undefined && d.latent !== undefined)
    return [...core, ...latentBackward(layer, d.latent, layer.latent, style, rope(turnedPart(d)))];
  const inPlace = (gradient: string): GradientNames => ({ ofOutput: gradient, ofInput: gradient });
  return [
    ...core,
    ...rope(d),
    ...normBackward(layer.keyNorm, style, inPlace("keys gradient")),
    ...normBackward(layer.queryNorm, style, inPlace("queries gradient")),
    pointwiseOperator("qkv-join-backward", [joinGradients(d)]),
    projectBackward(layer.qkv, types),
  ];
}

function latentBackward(
  { d, types }: Layout,
  sizes: LatentSizes,
  parts: LatentParts,
  style: NormStyle,
  rope: readonly Operator[],
): Operator[] {
  const { keyValueDown, queryUp, queryDown } = parts;
  const { input } = keyValueDown;
  const fromKeys = gradientFrom(input, keyValueDown.name);
  const fromQueries = gradientFrom(input, (queryDown ?? queryUp).name);
  return [
    joinTurnedBackward(d, sizes),
    projectBackward(keyValueUp(d, sizes, parts, d.newTokens, false), types),
    ...rope,
    ...normBackward(parts.keyValueNorm, style),
    joinLatentBackward(d, sizes),
    projectBackward(keyValueDown, types, { ofInput: fromKeys }),
    projectBackward(queryUp, types, queryDown === undefined ? { ofInput: fromQueries } : {}),
    ...normBackward(parts.queryNorm, style),
    ...(queryDown ? [projectBackward(queryDown, types, { ofInput: fromQueries })] : []),
    addGradients(d, "latent-input-backward", "block", [fromKeys, fromQueries], gradientOf(input)),
  ];
}

/** What was gathered forward is reduced backward, and the other way round, so both happen at the mirrored place. */
const backward = (exchange: readonly Operator[]): Operator[] =>
  exchange.map((operator) => ({ ...operator, name: backwardName(operator.name) }));

/** The gradients of queries, keys and values become one tensor again for the projection's backward matmuls. */
function joinGradients(d: Dimensions): Kernel {
  const bytes = (heads: number): number => d.tokens * heads * d.headDim * d.activationBytes;
  const elements = d.tokens * (d.heads + 2 * d.kvHeads) * d.headDim;
  return pointwise(
    "join",
    "vectorized",
    elements,
    0,
    [
      { tensor: "queries gradient", bytes: bytes(d.heads) },
      { tensor: "keys gradient", bytes: bytes(d.kvHeads) },
      { tensor: "values gradient", bytes: bytes(d.kvHeads) },
    ],
    [{ tensor: gradientOf("qkv"), bytes: elements * d.activationBytes }],
  );
}
