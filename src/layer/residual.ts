import type { Model } from "../schema/model.ts";
import type { Dimensions } from "./dimensions.ts";
import type { Operator } from "./kernel.ts";
import type { Layout } from "./layout.ts";
import { fusesResidual, type NormStyle } from "./normalization.ts";
import { pointwise, pointwiseOperator } from "./pointwise.ts";

/** The two residual adds, without those that a norm has taken along. */
export function residualAdds(
  { normPlacement }: Model,
  layer: Layout,
  style: NormStyle,
): { readonly attention: readonly Operator[]; readonly ffn: readonly Operator[] } {
  const { d } = layer;
  const bytes = d.normTokens * d.hidden * d.activationBytes;
  const add = (name: string, inputs: [string, string], output: string): Operator =>
    pointwiseOperator(name, [
      pointwise(
        "add",
        "vectorized",
        d.normTokens * d.hidden,
        1,
        inputs.map((tensor) => ({ tensor, bytes })),
        [{ tensor: output, bytes }],
      ),
    ]);
  const attentionBranch = layer.postAttentionNorm?.place.output ?? "projected attention";
  const ffnBranch = layer.postFfnNorm?.place.output ?? "ffn output";
  if (normPlacement === "parallel") {
    return {
      attention: [add("attention-residual", [attentionBranch, ffnBranch], "both branches")],
      ffn: fusesResidual(layer.attentionNorm.place, style)
        ? []
        : [add("ffn-residual", ["residual stream", "both branches"], "residual stream")],
    };
  }
  // the norm that follows an add: in a pre-norm layer the FFN's, in a post-norm layer attention's own
  const post = normPlacement === "post";
  const afterAttention = (post ? layer.attentionNorm : layer.ffnNorm).place;
  const afterFfn = (post ? layer.ffnNorm : layer.attentionNorm).place;
  return {
    attention: fusesResidual(afterAttention, style)
      ? []
      : [add("attention-residual", ["residual stream", attentionBranch], afterAttention.input)],
    ffn: fusesResidual(afterFfn, style)
      ? []
      : [
          add(
            "ffn-residual",
            ["residual stream after attention", ffnBranch],
            post ? afterFfn.input : "residual stream",
          ),
        ],
  };
}

/** Where a branch left the residual stream, its gradient is added to the stream's. */
export function addGradients(d: Dimensions, name: string): Operator {
  const bytes = d.normTokens * d.hidden * d.activationBytes;
  const tensor = (which: string) => ({ tensor: `${name} ${which}`, bytes });
  return pointwiseOperator(name, [
    pointwise(
      "add",
      "vectorized",
      d.normTokens * d.hidden,
      1,
      [tensor("branch"), tensor("stream")],
      [tensor("sum")],
    ),
  ]);
}
