import type { Model } from "../../schema/model.ts";
import { gradientOf } from "./gradients.ts";
import type { Access, Kernel, PointwiseAccess } from "./kernel.ts";
import { ACTIVATION_BACKWARD_FLOPS, ACTIVATION_FLOPS, pointwise } from "./pointwise.ts";

/** What is activated between the two projections of a feed-forward block: rows of `ffn` elements, and their names. */
export interface ActivationSite {
  readonly rows: number;
  readonly ffn: number;
  /** of the values that come in */
  readonly inputBytes: number;
  /** of the activated ones: fewer where a fused kernel quantizes them too */
  readonly outputBytes: number;
  readonly tensors: ActivationTensors;
}

interface ActivationTensors {
  readonly input: string;
  readonly gate: string;
  readonly output: string;
}

const tensors = (block: string, gated: boolean): ActivationTensors => ({
  input: `${block}${gated ? "gate-up output" : "up output"}`,
  gate: `${block}activated gate`,
  output: `${block}activated`,
});

/** Tensors of the layer's block or its routed experts, and of its shared ones; made once. */
const BLOCK_TENSORS = {
  own: { gated: tensors("", true), plain: tensors("", false) },
  shared: { gated: tensors("shared ", true), plain: tensors("shared ", false) },
} as const;

export const activationTensors = ({ gated }: Model, block: keyof typeof BLOCK_TENSORS): ActivationTensors =>
  BLOCK_TENSORS[block][gated ? "gated" : "plain"];

/**
 * Activation between the two projections of the feed-forward block. A gated block's gate and up values lie side by
 * side in one tensor, so that eager kernels on either half are strided.
 */
export function activation(model: Model, site: ActivationSite, style: "eager" | "fused"): Kernel[] {
  const elements = site.rows * site.ffn;
  const flops = ACTIVATION_FLOPS[model.activation];
  const half = (tensor: string): Access => ({ tensor, bytes: elements * site.inputBytes });
  const output = { tensor: site.tensors.output, bytes: elements * site.outputBytes };
  const { input, gate } = site.tensors;
  if (!model.gated)
    return [pointwise(model.activation, vectorizedAccess(model), elements, flops, [half(input)], [output])];
  if (style === "fused") {
    const both = { tensor: input, bytes: 2 * elements * site.inputBytes };
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
  // the halves of a single token's row are contiguous
  const alone = site.rows === 1;
  const activate = alone ? vectorizedAccess(model) : "strided";
  const multiply = alone ? "vectorized" : "strided";
  return [
    pointwise(model.activation, activate, elements, flops, [half(input)], [half(gate)]),
    pointwise("multiply", multiply, elements, 1, [half(gate), half(input)], [output]),
  ];
}

/** SiLU and GELU take longer than their bytes where those come from the L2; a ReLU never does. */
const vectorizedAccess = (model: Model): PointwiseAccess =>
  model.activation === "relu" ? "vectorized" : model.activation;

export function activationBackward(model: Model, site: ActivationSite, style: "eager" | "fused"): Kernel[] {
  const elements = site.rows * site.ffn;
  const flops = ACTIVATION_BACKWARD_FLOPS[model.activation];
  const { input, gate, output } = site.tensors;
  const half = (tensor: string): Access => ({ tensor, bytes: elements * site.inputBytes });
  const both = (tensor: string): Access => ({ tensor, bytes: 2 * elements * site.inputBytes });
  const incoming = half(gradientOf(output));
  if (!model.gated) {
    return [
      pointwise(
        `${model.activation} gradient`,
        vectorizedAccess(model),
        elements,
        flops,
        [half(input), incoming],
        [half(gradientOf(input))],
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
        [both(input), incoming],
        [both(gradientOf(input))],
      ),
    ];
  }
  const upGradient = half(`${output} up gradient`);
  const activatedGradient = half(`${gate} gradient`);
  const gateGradient = half(`${output} gate gradient`);
  return [
    pointwise("up gradient", "vectorized", elements, 1, [incoming, half(gate)], [upGradient]),
    pointwise(
      "activated gate gradient",
      "strided",
      elements,
      1,
      [incoming, half(input)],
      [activatedGradient],
    ),
    pointwise(
      `${model.activation} gradient`,
      "strided",
      elements,
      flops,
      [activatedGradient, half(input)],
      [gateGradient],
    ),
    pointwise(
      "join gradients",
      "vectorized",
      2 * elements,
      0,
      [gateGradient, upGradient],
      [both(gradientOf(input))],
    ),
  ];
}
