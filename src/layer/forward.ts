import type { Model } from "../schema/model.ts";
import type { Scenario } from "../schema/scenario.ts";
import { isNarrow } from "../schema/vocabulary.ts";
import {
  type AttentionStyle,
  cacheWrite,
  flashAttention,
  isAbsorbed,
  materializedAttention,
} from "./attention.ts";
import { blockGather, blockReduce } from "./collective.ts";
import { attendedTokens, type Dimensions, type ExpertSizes, type LatentSizes } from "./dimensions.ts";
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
import { remembered, rememberedAll } from "./remembered.ts";
import { bothBranches, isParallel, residualAdds } from "./residual.ts";
import { rotaryEmbedding } from "./rotary.ts";

/** Everything a part of the forward pass is built from. */
type PartBuilder = (
  model: Model,
  kernels: Scenario["kernels"],
  layer: Layout,
  style: NormStyle,
  attention: AttentionStyle,
) => readonly Operator[];

/** Assembles the forward operators; each is built again only when something it depends on has changed. */
export function forwardBuilder(): PartBuilder {
  const attentionBlock = attentionBuilder();
  const around = remembered(aroundBuilder());
  return remembered((model, kernels, layer, style, attention) => {
    const { before, behind } = around(model, kernels, layer, style);
    const { inputs, core, outputs } = attentionBlock(model, kernels, layer, style, attention);
    return [...before, ...inputs, ...core, ...outputs, ...behind];
  });
}

/** What comes before the attention block and behind it: nothing of it depends on how many tokens are attended to. */
function aroundBuilder() {
  const attentionNorm = normBuilder();
  const ffnNorm = normBuilder();
  const afterAttention = remembered(afterAttentionBuilder());
  const feedForward = remembered(feedForwardBuilder());
  const residuals = remembered(residualAdds);
  return (
    model: Model,
    kernels: Scenario["kernels"],
    layer: Layout,
    style: NormStyle,
  ): { readonly before: readonly Operator[]; readonly behind: readonly Operator[] } => {
    const { d } = layer;
    const adds = residuals(model, layer, style);
    const first = attentionNorm(layer.attentionNorm, style);
    const second = ffnNorm(layer.ffnNorm, style);
    const gather = gatherOf(layer, "attention");
    const feedsForward = feedForward(model, kernels, layer, style);
    if (isParallel(model.normPlacement)) {
      const gatherAgain = layer.ffnNorm === undefined ? [] : gatherOf(layer, "ffn");
      // both blocks' partial sums are added first, so that one exchange does for both
      const reduce = blockReduce(d, "ffn", bothBranches(d), BOTH_BRANCHES);
      return {
        before: [...first, ...gather],
        behind: [...second, ...gatherAgain, ...feedsForward, ...adds.attention, ...reduce, ...adds.ffn],
      };
    }
    const after = [...afterAttention(layer, style), ...adds.attention];
    const ffnPart = [...gatherOf(layer, "ffn"), ...feedsForward, ...adds.ffn];
    return model.normPlacement === "post"
      ? { before: gather, behind: [...after, ...first, ...ffnPart, ...second] }
      : { before: [...first, ...gather], behind: [...after, ...second, ...ffnPart] };
  };
}

/** A norm that quantizes has made what is gathered narrow. */
function gatherOf(layer: Layout, block: "attention" | "ffn"): Operator[] {
  const { d, attentionNorm, ffnNorm, qkv, ffnInput, ownAttentionInput, ownFfnInput } = layer;
  const [norm, own, whole] =
    block === "attention" ? [attentionNorm, ownAttentionInput, qkv.input] : [ffnNorm, ownFfnInput, ffnInput];
  return blockGather(d, block, own, whole, norm?.narrowOutput ? d.matmulInputBytes : d.activationBytes);
}

/** From the block's first matmul to its last; a sweep over contexts builds the core alone again. */
interface AttentionBlock {
  readonly inputs: readonly Operator[];
  readonly core: readonly Operator[];
  readonly outputs: readonly Operator[];
}

function attentionBuilder() {
  const plain = remembered(plainInputsBuilder());
  const latent = latentBuilder();
  const writesCache = remembered((...of: Parameters<typeof cacheWrite>) => [cacheWrite(...of)]);
  const withWrites = remembered((inputs: readonly Operator[], writes: readonly Operator[]) => [
    ...inputs,
    ...writes,
  ]);
  const attends = remembered(attentionOperators);
  const output = remembered(project);
  return (
    model: Model,
    kernels: Scenario["kernels"],
    layer: Layout,
    style: NormStyle,
    attention: AttentionStyle,
  ): AttentionBlock => {
    const { d } = layer;
    // there is a cache before the new tokens, which their keys and values are copied into
    const cached = attention.context > 0 || attention.phase === "decode";
    const writes = cached
      ? writesCache(d, attention.rotated, layer.latent?.keyValueNorm.place.output)
      : NO_OPERATORS;
    const core = attends(kernels.attention, attention, d);
    const outputs = output(layer.attentionOutput, layer.types);
    if (layer.latent === undefined || d.latent === undefined)
      return { inputs: withWrites(plain(model, kernels, layer, style), writes), core, outputs };
    const { before, behind } = latent(layer, d.latent, layer.latent, style, kernels, attention);
    return { inputs: [...before, ...writes], core, outputs: [...behind, ...outputs] };
  };
}

const NO_OPERATORS: readonly Operator[] = [];

function plainInputsBuilder() {
  const qkv = remembered(project);
  const queryNorm = normBuilder();
  const keyNorm = normBuilder();
  const rope = remembered(rotary);
  return (
    model: Model,
    kernels: Scenario["kernels"],
    layer: Layout,
    style: NormStyle,
  ): readonly Operator[] => [
    ...qkv(layer.qkv, layer.types),
    ...queryNorm(layer.queryNorm, style),
    ...keyNorm(layer.keyNorm, style),
    ...(model.positions === "rope" ? [rope(layer.d, kernels.pointwise)] : []),
  ];
}

function latentBuilder() {
  const down = remembered(latentInputsBuilder());
  const rope = remembered((d: Dimensions, style: "eager" | "fused") => rotary(turnedPart(d), style));
  return (
    layer: Layout,
    sizes: LatentSizes,
    parts: LatentParts,
    style: NormStyle,
    kernels: Scenario["kernels"],
    attention: AttentionStyle,
  ): { before: readonly Operator[]; behind: readonly Operator[] } => {
    const { d, types, wideTypes } = layer;
    const absorbed = isAbsorbed(attention, d);
    // batched products multiply the whole square: a window does not spare them any token
    const reach =
      kernels.attention === "materialized" && !absorbed
        ? { ...attention, window: Number.POSITIVE_INFINITY }
        : attention;
    const attended = attendedTokens(reach, d);
    const inner = absorbed
      ? project(queryAbsorption(d, sizes), wideTypes)
      : project(keyValueUp(d, sizes, parts, attended, isNarrow(types.dataType)), types);
    const before = [
      ...down(layer, parts, style),
      ...(attention.rotated ? [rope(d, kernels.pointwise)] : []),
      ...inner,
      joinTurned(d, sizes, attended, absorbed, attention.rotated),
    ];
    return { before, behind: absorbed ? project(valueUp(d, sizes), wideTypes) : [] };
  };
}

function latentInputsBuilder() {
  const queryNorm = normBuilder();
  const keyValueNorm = normBuilder();
  return ({ types }: Layout, parts: LatentParts, style: NormStyle): readonly Operator[] => [
    ...(parts.queryDown ? project(parts.queryDown, types) : []),
    ...queryNorm(parts.queryNorm, style),
    ...project(parts.queryUp, types),
    ...project(parts.keyValueDown, types),
    ...keyValueNorm(parts.keyValueNorm, style),
  ];
}

function afterAttentionBuilder() {
  const postNorm = normBuilder();
  return (layer: Layout, style: NormStyle): readonly Operator[] => [
    ...blockReduce(layer.d, "attention", layer.attentionResult, PROJECTED),
    ...postNorm(layer.postAttentionNorm, style),
  ];
}

function feedForwardBuilder() {
  const dense = denseBuilder();
  const postNorm = normBuilder();
  return (
    model: Model,
    kernels: Scenario["kernels"],
    layer: Layout,
    style: NormStyle,
  ): readonly Operator[] => {
    const { d, feedForward } = layer;
    const block =
      d.experts === undefined
        ? dense(model, kernels, layer, feedForward)
        : expertOperators(model, kernels, layer, d.experts);
    if (isParallel(model.normPlacement)) return block;
    return [
      ...block,
      ...blockReduce(d, "ffn", layer.ffnResult, FFN_OUTPUT),
      ...postNorm(layer.postFfnNorm, style),
    ];
  };
}

function denseBuilder() {
  const input = remembered(project);
  const activate = remembered(activationOperator);
  const output = remembered(project);
  return (
    model: Model,
    kernels: Scenario["kernels"],
    { types }: Layout,
    block: FeedForward,
  ): readonly Operator[] => [
    ...input(block.input, types),
    activate("activation", model, block.activation, kernels.pointwise),
    ...output(block.output, types),
  ];
}

/** Router, experts and what moves tokens between them; then the experts that every token passes through. */
function expertOperators(
  model: Model,
  { pointwise: style }: Scenario["kernels"],
  layer: Layout,
  e: ExpertSizes,
): readonly Operator[] {
  const { d, types, wideTypes, feedForward, sharedExperts, ffnInput } = layer;
  const narrow = isNarrow(types.dataType);
  const input = narrow ? narrowTensor(ffnInput) : ffnInput;
  const output = layer.ffnResult;
  const block = (name: string, { input, activation, output }: FeedForward): readonly Operator[] => [
    ...project(input, types),
    activationOperator(name, model, activation, style),
    ...project(output, types),
  ];
  const shared = sharedExperts === undefined ? [] : block("shared-activation", sharedExperts);
  const gate = e.sharedGate ? project(sharedGate(d, ffnInput), wideTypes) : [];
  return [
    ...project(router(d, e, ffnInput, model.bias === "all"), wideTypes),
    selectExperts(d, e, style),
    ...(narrow ? [quantizedTokens(d, ffnInput)] : []),
    ...dispatch(d, e, input, d.matmulInputBytes),
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

/** No operator where the architecture has no norm. */
function normBuilder(): (site: NormSite | undefined, style: NormStyle) => readonly Operator[] {
  const operatorAt = rememberedAll(normalization);
  return remembered((site, style) =>
    site === undefined ? [] : [operatorAt(site.place, style, site.narrowOutput)(site.rows, site.columns)],
  );
}

const rotary = (d: Dimensions, style: "eager" | "fused"): Operator =>
  pointwiseOperator("rope", rotaryEmbedding(d, style));

const activationOperator = (
  name: string,
  model: Model,
  site: ActivationSite,
  style: "eager" | "fused",
): Operator => pointwiseOperator(name, activation(model, site, style));

const attentionOperators = (
  kernels: "flash" | "materialized",
  style: AttentionStyle,
  d: Dimensions,
): readonly Operator[] =>
  kernels === "flash" ? [flashAttention(style, d)] : materializedAttention(style, d);
