import { FP32_BYTES } from "../../schema/vocabulary.ts";
import type { Kernel, Operator } from "./kernel.ts";

/** Name of the quantized copy of a tensor. */
export const narrowTensor = (tensor: string): string => `narrow ${tensor}`;

/**
 * Dynamic quantization of what a narrow matmul reads: the largest absolute value of each row gives its scale. The
 * tensor is read once, its narrow copy and the scales are written. FLOPs: magnitude and maximum, product and rounding.
 */
export function quantization(
  name: string,
  tensor: string,
  { rows, columns }: { readonly rows: number; readonly columns: number },
  { wideBytes, narrowBytes }: { readonly wideBytes: number; readonly narrowBytes: number },
): Operator {
  const elements = rows * columns;
  const kernel: Kernel = {
    name: "quantize",
    flops: 4 * elements,
    reads: [{ tensor, bytes: elements * wideBytes }],
    writes: [{ tensor: narrowTensor(tensor), bytes: elements * narrowBytes + rows * FP32_BYTES }],
    streamedBytes: 0,
    work: { kind: "quantize", rows, columns },
  };
  return { name: `${name}-quantize`, class: "pointwise", kernels: [kernel] };
}
