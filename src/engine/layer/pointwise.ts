import type { Access, Kernel, Operator, PointwiseAccess } from "./kernel.ts";

/** Builds one element-wise kernel; `elements` are those of its output unless it writes less than it reads. */
export function pointwise(
  name: string,
  access: PointwiseAccess,
  elements: number,
  flopsPerElement: number,
  reads: readonly Access[],
  writes: readonly Access[],
  streamedBytes = 0,
): Kernel {
  const work = { kind: "pointwise", access, elements } as const;
  return { name, flops: flopsPerElement * elements, reads, writes, streamedBytes, work };
}

export const pointwiseOperator = (name: string, kernels: Kernel[]): Operator => ({
  name,
  class: "pointwise",
  kernels,
});

/** Operations per element; a transcendental function counts as one. */
export const ACTIVATION_FLOPS = { silu: 4, gelu: 8, relu: 1 } as const;
/** Derivative times the incoming gradient. */
export const ACTIVATION_BACKWARD_FLOPS = { silu: 7, gelu: 14, relu: 1 } as const;
