import type { Model } from "../../schema/model.ts";
import type { Scenario } from "../../schema/scenario.ts";
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
  /** gate and up side by side; of blocks that project them apart the gate alone */
  readonly input: string;
  readonly up: string;
  readonly gate: string;
  readonly output: string;
}

const tensors = (block: string, gated: boolean, apart = false): ActivationTensors => ({
  input: `${block}${apart ? "gate output" : gated ? "gate-up output" : "up output"}`,
  up: `${block}${gated && !apart ? "gate-up output" : "up output"}`,
  gate: `${block}activated gate`,
  output: `${block}activated`,
});

/** Tensors of the layer's block or its routed experts, and of its shared ones; made once. */
const blockTensors = (block: string) => ({
  gated: tensors(block, true),
  apart: tensors(block, true, true),
  plain: tensors(block, false),
});
const BLOCK_TENSORS = { own: blockTensors(""), shared: blockTensors("shared ") } as const;

export const activationTensors = (
  { gated }: Model,
  block: keyof typeof BLOCK_TENSORS,
  apart = false,
): ActivationTensors => BLOCK_TENSORS[block][apart ? "apart" : gated ? "gated" : "plain"];

const isApart = ({ tensors }: ActivationSite): boolean => tensors.up !== tensors.input;

type ActivationStyle = Pick<Scenario["kernels"], "pointwise" | "gelu">;

/**
 * Activation between the two projections of the feed-forward block. A gated block's gate and up values lie side by
 * side in one tensor, so that eager kernels on either half are strided.
 */
export function activation(model: Model, site: ActivationSite, style: ActivationStyle): Kernel[] {
  const elements = site.rows * site.ffn;
  const flops = ACTIVATION_FLOPS[model.activation];
  const half = (tensor: string): Access => ({ tensor, bytes: elements * site.inputBytes });
  const output = { tensor: site.tensors.output, bytes: elements * site.outputBytes };
  const { input, up, gate } = site.tensors;
  if (isSpelledOut(model, style)) return spelledGelu(elements, half(input), output);
  if (!model.gated)
    return [pointwise(model.activation, vectorizedAccess(model), elements, flops, [half(input)], [output])];
  const apart = isApart(site);
  if (style.pointwise === "fused") {
    const both = { tensor: input, bytes: 2 * elements * site.inputBytes };
    return [
      pointwise(
        `${model.activation} and multiply`,
        vectorizedAccess(model),
        elements,
        flops + 1,
        apart ? [half(input), half(up)] : [both],
        [output],
      ),
    ];
  }
  // the halves of a single token's row are contiguous
  const alone = apart || site.rows === 1;
  const activate = alone ? vectorizedAccess(model) : "strided";
  const multiply = alone ? "vectorized" : "strided";
  return [
    pointwise(model.activation, activate, elements, flops, [half(input)], [half(gate)]),
    pointwise("multiply", multiply, elements, 1, [half(gate), half(up)], [output]),
  ];
}

/** SiLU and GELU take longer than their bytes where those come from the L2; a ReLU never does. */
const vectorizedAccess = (model: Model): PointwiseAccess =>
  model.activation === "relu" ? "vectorized" : model.activation;

/** GELU by its tanh approximation, of a model that spells it out, where the framework runs it as spelled. */
const isSpelledOut = (model: Model, { pointwise: style, gelu }: ActivationStyle): boolean =>
  model.geluNew === true && !model.gated && gelu === "op-by-op" && style === "eager";

/** 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), one operation a kernel. */
function spelledGelu(elements: number, x: Access, output: Access): Kernel[] {
  const own = (tensor: string): Access => ({ tensor: `gelu ${tensor}`, bytes: x.bytes });
  const step = (name: string, reads: readonly Access[], write: Access): Kernel =>
    pointwise(name, "vectorized", elements, 1, reads, [write]);
  return [
    step("half of x", [x], own("half")),
    step("cube", [x], own("cube")),
    step("times 0.044715", [own("cube")], own("term")),
    step("plus x", [x, own("term")], own("sum")),
    step("times root", [own("sum")], own("argument")),
    step("tanh", [own("argument")], own("tanh")),
    step("plus one", [own("tanh")], own("factor")),
    step("multiply", [own("half"), own("factor")], output),
  ];
}

export function activationBackward(model: Model, site: ActivationSite, style: ActivationStyle): Kernel[] {
  const elements = site.rows * site.ffn;
  const flops = ACTIVATION_BACKWARD_FLOPS[model.activation];
  const { input, up, gate, output } = site.tensors;
  const apart = isApart(site);
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
  if (style.pointwise === "fused") {
    return [
      pointwise(
        `${model.activation} and multiply gradient`,
        vectorizedAccess(model),
        elements,
        flops + 3,
        [...(apart ? [half(input), half(up)] : [both(input)]), incoming],
        apart ? [half(gradientOf(input)), half(gradientOf(up))] : [both(gradientOf(input))],
      ),
    ];
  }
  const upGradient = half(apart ? gradientOf(up) : `${output} up gradient`);
  const activatedGradient = half(`${gate} gradient`);
  const gateGradient = half(apart ? gradientOf(input) : `${output} gate gradient`);
  const kernels = [
    pointwise("up gradient", "vectorized", elements, 1, [incoming, half(gate)], [upGradient]),
    pointwise(
      "activated gate gradient",
      apart ? "vectorized" : "strided",
      elements,
      1,
      [incoming, half(up)],
      [activatedGradient],
    ),
    pointwise(
      `${model.activation} gradient`,
      apart ? "vectorized" : "strided",
      elements,
      flops,
      [activatedGradient, half(input)],
      [gateGradient],
    ),
  ];
  if (apart) return kernels;
  return [
    ...kernels,
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
