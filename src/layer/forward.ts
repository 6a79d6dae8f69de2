import type { Model } from "../schema/model.ts";
import type { Scenario } from "../schema/scenario.ts";
import { isNarrow } from "../schema/vocabulary.ts";
import {
  type AttentionStyle,
  cacheWrite,
  flashAttention,
  isAbsorbed,
  isRotated,
  materializedAttention,
} from "./attention.ts";
import { blockGather, blockReduce } from "./collective.ts";
import { attendedTokens, type Dimensions, type ExpertSizes } from "./dimensions.ts";
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
  const around = remembered(aroundBuilder());
  const plainFrame = remembered(plainFrameBuilder(around));
  const latentFrame = latentFrameBuilder(around);
  const attends = remembered(attentionOperators);
  return remembered((model, kernels, layer, style, attention) => {
    const core = attends(kernels.attention, attention, layer.d);
    const { latent } = layer;
    const { front, back } =
      latent === undefined
        ? plainFrame(model, kernels, layer, style, hasCache(attention))
        : latentFrame(model, kernels, layer, style, attention, latent);
    return [...front, ...core, ...back];
  });
}

/** True where there is a cache before the new tokens, which their keys and values are copied into. */
const hasCache = ({ context, phase }: AttentionStyle): boolean => context > 0 || phase === "decode";

/** A layer without attention's core: from its first operator on, and to its last. */
interface Frame {
  readonly front: readonly Operator[];
  readonly back: readonly Operator[];
}

type AroundBuilder = ReturnType<typeof aroundBuilder>;

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

/** Nothing of it depends on how many tokens are attended to: a sweep over contexts builds the core alone again. */
function plainFrameBuilder(around: AroundBuilder) {
  const plain = remembered(plainInputsBuilder());
  const writes = remembered(cacheWrite);
  const output = remembered(project);
  return (
    model: Model,
    kernels: Scenario["kernels"],
    layer: Layout,
    style: NormStyle,
    cached: boolean,
  ): Frame => {
    const { before, behind } = around(model, kernels, layer, style);
    const cacheWrites = cached ? [writes(layer.d, isRotated(model))] : [];
    return {
      front: [...before, ...plain(model, kernels, layer, style), ...cacheWrites],
      back: [...output(layer.attentionOutput, layer.types), ...behind],
    };
  };
}

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
    ...(isRotated(model) ? [rope(layer.d, kernels.pointwise)] : []),
  ];
}

/** Latent attention keeps its keys and values as they come out of a projection, which others then unfold. */
function latentFrameBuilder(around: AroundBuilder) {
  const down = remembered(latentInputsBuilder());
  const rope = remembered((d: Dimensions, style: "eager" | "fused") => rotary(turnedPart(d), style));
  const writes = remembered(cacheWrite);
  const output = remembered(project);
  return (
    model: Model,
    kernels: Scenario["kernels"],
    layer: Layout,
    style: NormStyle,
    attention: AttentionStyle,
    parts: LatentParts,
  ): Frame => {
    const { d, types, wideTypes } = layer;
    const { sizes } = parts;
    const { rotated } = attention;
    const { before, behind } = around(model, kernels, layer, style);
    const absorbed = isAbsorbed(attention, d);
    // batched products multiply the whole square: a window does not spare them any token
    const reach =
      kernels.attention === "materialized" && !absorbed
        ? { ...attention, window: Number.POSITIVE_INFINITY }
        : attention;
    const attended = attendedTokens(reach, d);
    const inner = absorbed
      ? project(queryAbsorption(d, sizes), wideTypes)
      : project(keyValueUp(d, parts, attended, isNarrow(types.dataType)), types);
    const front = [
      ...before,
      ...down(layer, parts, style),
      ...(rotated ? [rope(d, kernels.pointwise)] : []),
      ...inner,
      joinTurned(d, sizes, attended, absorbed, rotated),
      ...(hasCache(attention) ? [writes(d, rotated, parts.keyValueNorm.place.output)] : []),
    ];
    const up = absorbed ? project(valueUp(d, sizes), wideTypes) : [];
    return { front, back: [...up, ...output(layer.attentionOutput, types), ...behind] };
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
