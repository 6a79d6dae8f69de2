import type { Model } from "../schema/model.ts";
import type { Dimensions } from "./dimensions.ts";
import type { Access, Kernel, PointwiseAccess } from "./kernel.ts";
import { ACTIVATION_BACKWARD_FLOPS, ACTIVATION_FLOPS, pointwise } from "./pointwise.ts";

/**
 * Activation between the two projections of the feed-forward block. A gated block's gate and up values lie side by
 * side in one tensor, so that eager kernels on either half are strided.
 */
export function activation(model: Model, d: Dimensions, style: "eager" | "fused"): Kernel[] {
  const elements = d.tokens * d.ffn;
  const flops = ACTIVATION_FLOPS[model.activation];
  const half = (tensor: string): Access => ({ tensor, bytes: elements * d.activationBytes });
  const output = half("activated");
  if (!model.gated)
    return [
      pointwise(model.activation, vectorizedAccess(model), elements, flops, [half("up output")], [output]),
    ];
  if (style === "fused") {
    const both = { tensor: "gate-up output", bytes: 2 * elements * d.activationBytes };
    return [
      pointwise(
        `${model.activation} and multiply`,
        vectorizedAccess(model),
        elements,
        flops + 1,
        [both],
        [output],
      ),
    ];
  }
  const input = half("gate-up output");
  // the halves of a single token's row are contiguous
  const alone = d.tokens === 1;
  const activate = alone ? vectorizedAccess(model) : "strided";
  const multiply = alone ? "vectorized" : "strided";
  return [
    pointwise(model.activation, activate, elements, flops, [input], [half("activated gate")]),
    pointwise("multiply", multiply, elements, 1, [half("activated gate"), input], [output]),
  ];
}

/** SiLU and GELU take longer than their bytes where those come from the L2; a ReLU never does. */
const vectorizedAccess = (model: Model): PointwiseAccess =>
  model.activation === "relu" ? "vectorized" : model.activation;

export function activationBackward(model: Model, d: Dimensions, style: "eager" | "fused"): Kernel[] {
  const elements = d.tokens * d.ffn;
  const flops = ACTIVATION_BACKWARD_FLOPS[model.activation];
  const half = (tensor: string): Access => ({ tensor, bytes: elements * d.activationBytes });
  const both = (tensor: string): Access => ({ tensor, bytes: 2 * elements * d.activationBytes });
  const incoming = half("gradient of activated");
  if (!model.gated) {
    return [
      pointwise(
        `${model.activation} gradient`,
        vectorizedAccess(model),
        elements,
        flops,
        [half("up output"), incoming],
        [half("gradient of up output")],
      ),
    ];
  }
  if (style === "fused") {
    return [
      pointwise(
        `${model.activation} and multiply gradient`,
        vectorizedAccess(model),
        elements,
        flops + 3,
        [both("gate-up output"), incoming],
        [both("gradient of gate-up output")],
      ),
    ];
  }
  return [
    pointwise(
      "up gradient",
      "vectorized",
      elements,
      1,
      [incoming, half("activated gate")],
      [half("up gradient")],
    ),
    pointwise(
      "activated gate gradient",
      "strided",
      elements,
      1,
      [incoming, half("gate-up output")],
      [half("activated gate gradient")],
    ),
    pointwise(
      `${model.activation} gradient`,
      "strided",
      elements,
      flops,
      [half("activated gate gradient"), half("gate-up output")],
      [half("gate gradient")],
    ),
    pointwise(
      "join gradients",
      "vectorized",
      2 * elements,
      0,
      [half("gate gradient"), half("up gradient")],
      [both("gradient of gate-up output")],
    ),
  ];
}
