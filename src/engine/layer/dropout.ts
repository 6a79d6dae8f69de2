import type { Model } from "../../schema/model.ts";
import { type Phase, trains } from "../../schema/phases.ts";
import type { Scenario } from "../../schema/scenario.ts";
import type { Dimensions } from "./dimensions.ts";
import type { Operator } from "./kernel.ts";
import { pointwise, pointwiseOperator } from "./pointwise.ts";

const MASK_BYTES = 1;

/** Whether training drops part of each block's result. */
export const dropsOut = ({ dropout = 0 }: Model, kernels: Scenario["kernels"], phase: Phase): boolean =>
  trains(phase) && dropout > 0 && kernels.dropout === "separate";

/** A mask is drawn, kept for the backward pass, and applied to what a block has written, in place. */
export function dropout(d: Dimensions, block: string, tensor: string): Operator {
  const elements = d.normTokens * d.hidden;
  const both = { tensor, bytes: elements * d.activationBytes };
  const mask = { tensor: `${block} dropout mask`, bytes: elements * MASK_BYTES };
  return pointwiseOperator(`${block}-dropout`, [
    pointwise("dropout", "vectorized", elements, 1, [both], [both, mask]),
  ]);
}

/** The gradient is cut by the same mask. */
export function dropoutBackward(d: Dimensions, block: string, from: string, to: string): Operator {
  const elements = d.normTokens * d.hidden;
  const bytes = elements * d.activationBytes;
  const mask = { tensor: `${block} dropout mask`, bytes: elements * MASK_BYTES };
  return pointwiseOperator(`${block}-dropout-backward`, [
    pointwise(
      "dropout gradient",
      "vectorized",
      elements,
      1,
      [{ tensor: from, bytes }, mask],
      [{ tensor: to, bytes }],
    ),
  ]);
}
