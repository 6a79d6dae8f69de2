import type { Scenario } from "../schema/scenario.ts";
import type { Dimensions } from "./dimensions.ts";
import type { Operator } from "./kernel.ts";
import type { Layout } from "./layout.ts";
import { fusesResidual } from "./normalization.ts";
import { pointwise, pointwiseOperator } from "./pointwise.ts";

/** The two residual adds, without those that a norm has taken along. */
export function residualAdds(scenario: Scenario, layer: Layout): { attention: Operator[]; ffn: Operator[] } {
  const { d, style } = layer;
  const { normPlacement } = scenario.model;
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
  const attentionBranch = layer.postAttentionNorm?.output ?? "projected attention";
  const ffnBranch = layer.postFfnNorm?.output ?? "ffn output";
  if (normPlacement === "parallel") {
    return {
      attention: [add("attention-residual", [attentionBranch, ffnBranch], "both branches")],
      ffn: fusesResidual(layer.attentionNorm, style)
        ? []
        : [add("ffn-residual", ["residual stream", "both branches"], "residual stream")],
    };
  }
  // the norm that follows an add: in a pre-norm layer the FFN's, in a post-norm layer attention's own
  const post = normPlacement === "post";
  const afterAttention = post ? layer.attentionNorm : layer.ffnNorm;
  const afterFfn = post ? layer.ffnNorm : layer.attentionNorm;
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
