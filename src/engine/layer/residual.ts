import type { Model } from "../../schema/model.ts";
import { partialTensor } from "./collective.ts";
import type { Dimensions } from "./dimensions.ts";
import type { Operator } from "./kernel.ts";
import { BOTH_BRANCHES, FFN_OUTPUT, type Layout, MIDDLE, PROJECTED, STREAM } from "./layout.ts";
import { fusesResidual, type NormSite, type NormStyle } from "./normalization.ts";
import { pointwise, pointwiseOperator } from "./pointwise.ts";

/** The sum of parallel branches before it is exchanged. */
export const bothBranches = (d: Dimensions): string =>
  d.normTokens === d.tokens ? BOTH_BRANCHES : partialTensor(BOTH_BRANCHES);

/** The two residual adds, without those that a norm has taken along. */
export function residualAdds(
  { normPlacement }: Model,
  layer: Layout,
  style: NormStyle,
): { readonly attention: readonly Operator[]; readonly ffn: readonly Operator[] } {
  const { d } = layer;
  const add = (name: string, inputs: [string, string], output: string, tokens = d.normTokens): Operator => {
    const bytes = tokens * d.hidden * d.activationBytes;
    return pointwiseOperator(name, [
      pointwise(
        "add",
        "vectorized",
        tokens * d.hidden,
        1,
        inputs.map((tensor) => ({ tensor, bytes })),
        [{ tensor: output, bytes }],
      ),
    ]);
  };
  const attentionBranch = layer.postAttentionNorm?.place.output ?? PROJECTED;
  const ffnBranch = layer.postFfnNorm?.place.output ?? FFN_OUTPUT;
  if (isParallel(normPlacement)) {
    return {
      // not yet exchanged: every rank has its part of the sum for all tokens
      attention: [
        add("attention-residual", [layer.attentionResult, layer.ffnResult], bothBranches(d), d.tokens),
      ],
      ffn: takesAdd(layer.attentionNorm, style) ? [] : [add("ffn-residual", [STREAM, BOTH_BRANCHES], STREAM)],
    };
  }
  // the norm that follows an add: in a pre-norm layer the FFN's, in a post-norm layer attention's own
  const post = normPlacement === "post";
  const afterAttention = post ? layer.attentionNorm : layer.ffnNorm;
  const afterFfn = post ? layer.ffnNorm : layer.attentionNorm;
  return {
    attention: takesAdd(afterAttention, style)
      ? []
      : [add("attention-residual", [STREAM, attentionBranch], afterAttention?.place.input ?? MIDDLE)],
    ffn: takesAdd(afterFfn, style)
      ? []
      : [add("ffn-residual", [MIDDLE, ffnBranch], post ? afterFfn!.place.input : STREAM)],
  };
}

const takesAdd = (site: NormSite | undefined, style: NormStyle): boolean =>
  site !== undefined && fusesResidual(site.place, style);

/** Attention and FFN side by side: both read the same stream, and their sum is added to it. */
export const isParallel = (placement: Model["normPlacement"]): boolean =>
  placement === "parallel" || placement === "parallel-shared";

/**
 * Where several operators read one tensor, their gradients are added: of all tokens inside a block, of this GPU's own
 * ones in the residual stream.
 */
export function addGradients(
  d: Dimensions,
  name: string,
  where: "block" | "stream",
  gradients: readonly [string, string],
  sum: string,
): Operator {
  const tokens = where === "block" ? d.tokens : d.normTokens;
  const bytes = tokens * d.hidden * d.activationBytes;
  return pointwiseOperator(name, [
    pointwise(
      "add",
      "vectorized",
      tokens * d.hidden,
      1,
      gradients.map((tensor) => ({ tensor, bytes })),
      [{ tensor: sum, bytes }],
    ),
  ]);
}
