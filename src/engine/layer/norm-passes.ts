import type { Pass } from "../../schema/normalization.ts";

/**
 * Pieces that norm implementations are made of: kernels as data, with what they read and write. Operands are named as in
 * schema/normalization.ts: `activation` alone is the norm's input where read and its output where written;
 * `activation:gradient` is the gradient that comes in (backward).
 *
 * FLOPs are those of the algorithm, 7 per element for LayerNorm (Ivanov et al., MLSys 2021) and 4 for RMSNorm:
 * what a kernel computes twice to save bytes is not counted twice.
 */

export type Passes = readonly Pass[];

export const pass = (
  kernel: Pass["kernel"],
  name: string,
  reads: string[],
  writes: string[],
  flopsPerElement: number,
): Pass => ({ name, kernel, reads, writes, fixedReadBytes: 0, flopsPerElement });

/**
 * What torch's generic kernels read besides their operands, from a cold cache: their code and constants. Mean of
 * DRAM counters at 16 rows x 8192 (measurements/h200-sxm/counters-normalization.jsonl); it matters below a few
 * hundred kilobytes.
 */
const GENERIC_CODE_BYTES = { vectorized: 5e3, unrolled: 20e3, "row-sum": 60e3, "column-sum": 60e3 } as const;

export const torchPass = (kernel: keyof typeof GENERIC_CODE_BYTES, ...rest: TorchPassArguments): Pass => ({
  ...pass(kernel, ...rest),
  fixedReadBytes: GENERIC_CODE_BYTES[kernel],
});
type TorchPassArguments = [name: string, reads: string[], writes: string[], flopsPerElement: number];

/** What a kind's one-kernel and fused implementations share: its parameters, what it keeps, and its operations. */
export interface NormAlgebra {
  /** one number a column each */
  readonly parameters: readonly string[];
  /** numbers a row that the forward pass keeps for the backward one */
  readonly statistics: readonly string[];
  readonly flops: number;
  readonly inputGradientFlops: number;
  readonly parameterGradientFlops: number;
}

/** One kernel reads the row once or twice and writes it. */
export const oneKernel = (kernel: Pass["kernel"], { parameters, flops }: NormAlgebra): Passes => [
  pass(kernel, "normalize", ["activation", ...parameters], ["activation"], flops),
];

/** The add is its own FLOP per element; its sum is written for the next residual add. */
export const residualFused = (kernel: Pass["kernel"], { parameters, flops }: NormAlgebra): Passes => [
  pass(
    kernel,
    "add and normalize",
    ["activation:branch", "activation:stream", ...parameters],
    ["activation:sum", "activation"],
    flops + 1,
  ),
];

const gradientsOf = (parameters: readonly string[]): string[] => parameters.map((name) => `${name}:gradient`);

/**
 * Input gradient: dx = scale * (g - mean(g) - xhat * mean(g * xhat)) with g = weight * dy (RMSNorm: without mean(g));
 * weight gradient: sum over rows of dy * xhat; bias gradient: sum over rows of dy.
 */
export function twoKernelsBackward(kernel: Pass["kernel"], norm: NormAlgebra): Passes {
  const saved = ["activation", "activation:gradient", ...norm.statistics];
  return [
    pass(kernel, "input gradient", [...saved, "weight"], ["activation"], norm.inputGradientFlops),
    pass("column-sum", "weight gradient", saved, gradientsOf(norm.parameters), norm.parameterGradientFlops),
  ];
}

/**
 * A fused backward reads x and dy once; its partial gradients of each parameter, one row a thread block, are summed
 * after, and the sum brought to the parameter's type, by torch's own kernels.
 */
export const fusedBackward = (kernel: Pass["kernel"], norm: NormAlgebra): Passes => [
  pass(
    kernel,
    "input gradient and partial sums",
    ["activation", "activation:gradient", ...norm.statistics, "weight"],
    ["activation", ...norm.parameters.map((name) => `partial:${name}`)],
    norm.inputGradientFlops + norm.parameterGradientFlops,
  ),
  ...norm.parameters.flatMap((name) => [
    pass("column-sum", `sum of partial ${name} gradients`, [`partial:${name}`], [`${name}:gradient sum`], 0),
    pass("vectorized", `${name} gradient to its type`, [`${name}:gradient sum`], [`${name}:gradient`], 0),
  ]),
];

/** Row sums first (one for each mean in dx), then the gradients of input and parameters. */
export function textbookBackward(norm: NormAlgebra, sums: readonly string[], flops: number): Passes {
  const saved = ["activation", "activation:gradient", ...norm.statistics];
  return [
    pass("row-sum", "row sums", [...saved, "weight"], [...sums], flops),
    pass("unrolled", "input gradient", [...saved, ...sums, "weight"], ["activation"], flops),
    pass("column-sum", "weight gradient", saved, gradientsOf(norm.parameters), norm.parameterGradientFlops),
  ];
}

/** What autograd launches for each forward kernel of an op-by-op norm with a row statistic, last one first. */
export const eagerTail: Passes = [
  torchPass(
    "unrolled",
    "weight gradient, products",
    ["activation:gradient", "activation:normalized"],
    ["activation:products"],
    1,
  ),
  torchPass("column-sum", "weight gradient, sum", ["activation:products"], ["weight:gradient"], 1),
  torchPass("unrolled", "times weight", ["activation:gradient", "weight"], ["activation:g"], 1),
  torchPass("unrolled", "to fp32", ["activation:g"], ["fp32:g"], 0),
  torchPass("unrolled", "times scale", ["fp32:g", "row:scale"], ["fp32:direct"], 1),
];

/** `x` is what is squared, `scaled` what the scale multiplies: one tensor of RMSNorm, two of LayerNorm. */
export const eagerStatistic = (x: string, scaled: string): Passes => [
  torchPass("vectorized", "scale gradient, products", ["fp32:g", scaled], ["fp32:scale products"], 1),
  torchPass("row-sum", "scale gradient, sum", ["fp32:scale products"], ["row:scale gradient"], 1),
  torchPass("vectorized", "root gradient", ["row:scale gradient", "row:scale"], ["row:root gradient"], 0),
  torchPass("unrolled", "spread mean gradient", ["row:root gradient"], ["fp32:spread"], 1),
  // autograd raises x to the power of one, which copies it
  torchPass("vectorized", "copy x", [x], ["fp32:copied x"], 0),
  torchPass("vectorized", "twice x", ["fp32:copied x"], ["fp32:twice x"], 1),
  torchPass("vectorized", "square gradient", ["fp32:spread", "fp32:twice x"], ["fp32:through square"], 1),
];
