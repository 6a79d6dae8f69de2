import type { Model } from "../../schema/model.ts";
import type { Scenario } from "../../schema/scenario.ts";
import { isNarrow } from "../../schema/vocabulary.ts";
import {
  type AttentionStyle,
  expandsKeys,
  flashAttention,
  isAbsorbed,
  isRotated,
  materializedAttention,
} from "./attention.ts";
import { cacheUpdate, headExpansion } from "./cache.ts";
import { blockGather, blockReduce } from "./collective.ts";
import { attendedTokens, type Dimensions, type ExpertSizes } from "./dimensions.ts";
import { dropout, dropsOut } from "./dropout.ts";
import { addShared, combine, dispatch, router, selectExperts, sharedGate } from "./experts.ts";
import { type ActivationSite, activation } from "./feed-forward.ts";
import type { Operator } from "./kernel.ts";
import {
  joinTurned,
  keyValueUp,
  type LatentParts,
  queryAbsorption,
  turnedPart,
  valueUp,
} from "./latent-attention.ts";
import { BOTH_BRANCHES, type FeedForward, FFN_OUTPUT, type Layout, PROJECTED } from "./layout.ts";
import { project } from "./matmul.ts";
import { type NormSite, type NormStyle, normalization } from "./normalization.ts";
import { pointwiseOperator } from "./pointwise.ts";
import { narrowTensor, quantization } from "./quantization.ts";
import { bothBranches, isParallel, residualAdds } from "./residual.ts";
import { type ExpandedKeys, rotaryEmbedding } from "./rotary.ts";

type Operators = readonly Operator[];

/** The forward operators of a layer, in the order of its figure. */
export function forwardOperators(
  model: Model,
  kernels: Scenario["kernels"],
  layer: Layout,
  style: NormStyle,
  attention: AttentionStyle,
): Operators {
  const { d } = layer;
  const norm = (site: NormSite | undefined): Operators => normAt(site, style);
  const adds = residualAdds(model, layer, style);
  const attend = attentionBlock(model, kernels, layer, style, attention);
  const feedForward =
    d.experts === undefined
      ? denseBlock(model, kernels, layer)
      : expertBlock(model, kernels, layer, d.experts);
  if (isParallel(model.normPlacement)) {
    // both blocks' partial sums are added first, so that one exchange does for both
    return [
      ...norm(layer.attentionNorm),
      ...gather(layer, "attention"),
      ...attend,
      ...norm(layer.ffnNorm),
      ...(layer.ffnNorm === undefined ? [] : gather(layer, "ffn")),
      ...feedForward,
      ...adds.attention,
      ...blockReduce(d, "ffn", bothBranches(d), BOTH_BRANCHES),
      ...adds.ffn,
    ];
  }
  const post = model.normPlacement === "post";
  const preNorm = (site: NormSite | undefined): Operators => (post ? [] : norm(site));
  const postNorm = (site: NormSite | undefined): Operators => (post ? norm(site) : []);
  const drop = (block: string, tensor: string): Operators =>
    dropsOut(model, kernels, attention.phase) ? [dropout(d, block, tensor)] : [];
  return [
    ...preNorm(layer.attentionNorm),
    ...gather(layer, "attention"),
    ...attend,
    ...blockReduce(d, "attention", layer.attentionResult, PROJECTED),
    ...drop("attention", PROJECTED),
    ...norm(layer.postAttentionNorm),
    ...adds.attention,
    ...postNorm(layer.attentionNorm),
    ...preNorm(layer.ffnNorm),
    ...gather(layer, "ffn"),
    ...feedForward,
    ...blockReduce(d, "ffn", layer.ffnResult, FFN_OUTPUT),
    ...drop("ffn", FFN_OUTPUT),
    ...norm(layer.postFfnNorm),
    ...adds.ffn,
    ...postNorm(layer.ffnNorm),
  ];
}

/** No operator where the architecture has no norm. */
const normAt = (site: NormSite | undefined, style: NormStyle): Operators =>
  site === undefined ? [] : [normalization(site, style)];

/** A norm that quantizes has made what is gathered narrow. */
function gather(layer: Layout, block: "attention" | "ffn"): Operators {
  const { d, attentionNorm, ffnNorm, attentionInput, ffnInput, ownAttentionInput, ownFfnInput } = layer;
  const [norm, own, whole] =
    block === "attention"
      ? [attentionNorm, ownAttentionInput, attentionInput]
      : [ffnNorm, ownFfnInput, ffnInput];
  return blockGather(d, block, own, whole, norm?.narrowOutput ? d.matmulInputBytes : d.activationBytes);
}

/** From the block's input to its output projection. */
function attentionBlock(
  model: Model,
  kernels: Scenario["kernels"],
  layer: Layout,
  style: NormStyle,
  attention: AttentionStyle,
): Operators {
  const { d, types, latent } = layer;
  const core =
    kernels.attention === "flash" ? [flashAttention(attention, d)] : materializedAttention(attention, d);
  if (latent !== undefined) {
    const { front, up } = latentInputs(kernels, layer, latent, style, attention);
    return [...front, ...core, ...up, ...project(layer.attentionOutput, types)];
  }
  return [
    ...layer.qkv.flatMap((projection) => project(projection, types)),
    ...normAt(layer.queryNorm, style),
    ...normAt(layer.keyNorm, style),
    ...(isRotated(model) ? [rotary(d, kernels, expandedKeys(attention, d))] : []),
    ...cacheUpdate(kernels, attention, d),
    ...headExpansion(attention, d),
    ...core,
    ...project(layer.attentionOutput, types),
  ];
}

/** Latent attention keeps its keys and values as they come out of a projection, which others then unfold. */
function latentInputs(
  kernels: Scenario["kernels"],
  { d, types, wideTypes }: Layout,
  parts: LatentParts,
  style: NormStyle,
  attention: AttentionStyle,
): { readonly front: Operators; readonly up: Operators } {
  const { sizes } = parts;
  const { rotated } = attention;
  const absorbed = isAbsorbed(attention, d);
  // batched products multiply the whole square: a window does not spare them any token
  const reach =
    kernels.attention === "materialized" && !absorbed
      ? { ...attention, window: Number.POSITIVE_INFINITY }
      : attention;
  const attended = attendedTokens(reach, d);
  return {
    front: [
      ...(parts.queryDown ? project(parts.queryDown, types) : []),
      ...normAt(parts.queryNorm, style),
      ...project(parts.queryUp, types),
      ...project(parts.keyValueDown, types),
      ...normAt(parts.keyValueNorm, style),
      ...(rotated ? [rotary(turnedPart(d), kernels)] : []),
      ...(absorbed
        ? project(queryAbsorption(d, sizes), wideTypes)
        : project(keyValueUp(d, parts, attended, isNarrow(types.dataType)), types)),
      joinTurned(d, sizes, attended, absorbed, rotated),
      ...cacheUpdate(kernels, attention, d, parts.keyValueNorm.place.output),
    ],
    up: absorbed ? project(valueUp(d, sizes), wideTypes) : [],
  };
}

const denseBlock = (
  model: Model,
  kernels: Scenario["kernels"],
  { types, feedForward: { input, activation, output } }: Layout,
): Operators => [
  ...input.flatMap((projection) => project(projection, types)),
  activationOperator("activation", model, activation, kernels),
  ...project(output, types),
];

/** Router, experts and what moves tokens between them; then the experts that every token passes through. */
function expertBlock(model: Model, kernels: Scenario["kernels"], layer: Layout, e: ExpertSizes): Operators {
  const { d, types, wideTypes, feedForward, sharedExperts, ffnInput } = layer;
  const style = kernels.pointwise;
  const narrow = isNarrow(types.dataType);
  const input = narrow ? narrowTensor(ffnInput) : ffnInput;
  const output = layer.ffnResult;
  const block = (name: string, { input, activation, output }: FeedForward): Operators => [
    ...input.flatMap((projection) => project(projection, types)),
    activationOperator(name, model, activation, kernels),
    ...project(output, types),
  ];
  const shared = sharedExperts === undefined ? [] : block("shared-activation", sharedExperts);
  const gate = e.sharedGate ? project(sharedGate(d, ffnInput), wideTypes) : [];
  return [
    ...project(router(d, e, ffnInput, model.bias === "all"), wideTypes),
    selectExperts(d, e, style),
    ...(narrow ? [quantizedTokens(d, ffnInput)] : []),
    ...dispatch(d, e, style, input, d.matmulInputBytes),
    ...block("activation", feedForward),
    ...combine(d, e, style, output),
    ...(shared.length === 0 ? [] : [...shared, ...gate, addShared(d, e, output)]),
  ];
}

const quantizedTokens = (d: Dimensions, tensor: string): Operator =>
  quantization(
    "expert-dispatch",
    tensor,
    { rows: d.tokens, columns: d.hidden },
    { wideBytes: d.activationBytes, narrowBytes: d.matmulInputBytes },
  );

const rotary = (d: Dimensions, kernels: Scenario["kernels"], expanded?: ExpandedKeys): Operator =>
  pointwiseOperator("rope", rotaryEmbedding(d, kernels, expanded));

const expandedKeys = (style: AttentionStyle, d: Dimensions): ExpandedKeys | undefined =>
  style.rotationExpands && expandsKeys(style, d) ? { tensor: "expanded keys", heads: d.heads } : undefined;

const activationOperator = (
  name: string,
  model: Model,
  site: ActivationSite,
  kernels: Scenario["kernels"],
): Operator => pointwiseOperator(name, activation(model, site, kernels));
