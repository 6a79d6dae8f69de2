import { FP32_BYTES, INDEX_BYTES } from "../../schema/vocabulary.ts";
import { gradientOf } from "../layer/gradients.ts";
import type { Access, Kernel, Operator } from "../layer/kernel.ts";
import { pointwise } from "../layer/pointwise.ts";
import { SOFTMAX_FLOPS } from "../layer/softmax.ts";

const lossOperator = (kernels: readonly Kernel[]): Operator => ({
  name: "cross-entropy",
  class: "pointwise",
  kernels,
});

/** A kernel that walks rows of the vocabulary as a softmax does. */
function softmaxKernel(
  name: string,
  rows: number,
  columns: number,
  reads: readonly Access[],
  writes: readonly Access[],
): Kernel {
  const elements = rows * columns;
  return {
    name,
    flops: SOFTMAX_FLOPS * elements,
    reads,
    writes,
    streamedBytes: 0,
    work: { kind: "softmax", elements, columns },
  };
}

/** Log softmax in fp32 of the logits as they are, and its gradient in their type. */
export function crossEntropy(rows: number, columns: number, logitBytes: number): Operator {
  const logits = { tensor: "logits", bytes: rows * columns * logitBytes };
  const chances = { tensor: "log chances", bytes: rows * columns * FP32_BYTES };
  const gradient = { tensor: gradientOf("logits"), bytes: logits.bytes };
  return lossOperator([
    softmaxKernel("log softmax", rows, columns, [logits], [chances]),
    softmaxKernel("log softmax gradient", rows, columns, [chances], [gradient]),
  ]);
}

/**
 * As Hugging Face's loss runs op by op: logits are copied to fp32, log softmax and the loss of the right tokens follow;
 * backward a tensor of zeros gets the gradient of those, which the softmax spreads over all logits.
 */
export function crossEntropyByOps(rows: number, columns: number, logitBytes: number): Operator {
  const elements = rows * columns;
  const wide = (tensor: string): Access => ({ tensor, bytes: elements * FP32_BYTES });
  const narrow = (tensor: string): Access => ({ tensor, bytes: elements * logitBytes });
  const targets = { tensor: "targets", bytes: rows * INDEX_BYTES };
  const picked = { tensor: "picked log chances", bytes: rows * FP32_BYTES };
  const lossGradient = wide("gradient of log chances");
  return lossOperator([
    pointwise("logits to fp32", "unrolled", elements, 0, [narrow("logits")], [wide("fp32 logits")]),
    softmaxKernel("log softmax", rows, columns, [wide("fp32 logits")], [wide("log chances")]),
    pointwise("loss", "unrolled", rows, 1, [picked, targets], [{ tensor: "loss", bytes: FP32_BYTES }]),
    pointwise("zeros", "vectorized", elements, 0, [], [lossGradient]),
    pointwise("loss gradient", "unrolled", rows, 1, [targets], [picked]),
    softmaxKernel(
      "log softmax gradient",
      rows,
      columns,
      [lossGradient, wide("log chances")],
      [wide("gradient of fp32 logits")],
    ),
    pointwise(
      "gradient to logits' type",
      "vectorized",
      elements,
      0,
      [wide("gradient of fp32 logits")],
      [narrow(gradientOf("logits"))],
    ),
  ]);
}
