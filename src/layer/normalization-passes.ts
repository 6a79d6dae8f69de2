import type { NormKind } from "../schema/model.ts";
import type { Pass } from "../schema/normalization.ts";
import type { NormImplementation } from "../schema/vocabulary.ts";

/**
 * Normalization implementations as data: the kernels each one launches and what they read and write, forward and
 * backward. Operands are named as in schema/normalization.ts: `activation` alone is the norm's input where read and
 * its output where written; `activation:gradient` is the gradient that comes in (backward).
 *
 * FLOPs are those of the algorithm, 7 per element for LayerNorm (Ivanov et al., MLSys 2021) and 4 for RMSNorm:
 * what a kernel computes twice to save bytes is not counted twice.
 */
type Passes = readonly Pass[];

const pass = (
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

const torchPass = (kernel: keyof typeof GENERIC_CODE_BYTES, ...rest: TorchPassArguments): Pass => ({
  ...pass(kernel, ...rest),
  fixedReadBytes: GENERIC_CODE_BYTES[kernel],
});
type TorchPassArguments = [name: string, reads: string[], writes: string[], flopsPerElement: number];

const textbookLayerNorm: Passes = [
  pass("row-sum", "mean", ["activation"], ["row:mean"], 1),
  pass("row-sum", "variance", ["activation", "row:mean"], ["row:variance"], 3),
  pass(
    "unrolled",
    "normalize",
    ["activation", "row:mean", "row:variance", "weight", "bias"],
    ["activation"],
    3,
  ),
];

const textbookRmsNorm: Passes = [
  pass("row-sum", "mean square", ["activation"], ["row:mean square"], 2),
  pass("unrolled", "normalize", ["activation", "row:mean square", "weight"], ["activation"], 2),
];

/** Hugging Face's LlamaRMSNorm, operation by operation. */
const eagerRmsNorm: Passes = [
  torchPass("unrolled", "to fp32", ["activation"], ["fp32:x"], 0),
  torchPass("vectorized", "square", ["fp32:x"], ["fp32:square"], 1),
  torchPass("row-sum", "mean", ["fp32:square"], ["row:mean"], 1),
  torchPass("vectorized", "add epsilon", ["row:mean"], ["row:shifted"], 0),
  torchPass("vectorized", "reciprocal root", ["row:shifted"], ["row:scale"], 0),
  torchPass("unrolled", "multiply", ["fp32:x", "row:scale"], ["fp32:normalized"], 1),
  torchPass("vectorized", "to activation type", ["fp32:normalized"], ["activation:normalized"], 0),
  torchPass("unrolled", "times weight", ["activation:normalized", "weight"], ["activation"], 1),
];

const eagerLayerNorm: Passes = [
  torchPass("unrolled", "to fp32", ["activation"], ["fp32:x"], 0),
  torchPass("row-sum", "mean", ["fp32:x"], ["row:mean"], 1),
  torchPass("unrolled", "subtract", ["fp32:x", "row:mean"], ["fp32:centered"], 1),
  torchPass("vectorized", "square", ["fp32:centered"], ["fp32:square"], 1),
  torchPass("row-sum", "variance", ["fp32:square"], ["row:variance"], 1),
  torchPass("unrolled", "subtract again", ["fp32:x", "row:mean"], ["fp32:centered again"], 0),
  torchPass("vectorized", "add epsilon", ["row:variance"], ["row:shifted"], 0),
  torchPass("vectorized", "reciprocal root", ["row:shifted"], ["row:scale"], 0),
  torchPass("unrolled", "multiply", ["fp32:centered again", "row:scale"], ["fp32:normalized"], 1),
  torchPass("vectorized", "to activation type", ["fp32:normalized"], ["activation:normalized"], 0),
  torchPass("unrolled", "times weight", ["activation:normalized", "weight"], ["activation:scaled"], 1),
  torchPass("unrolled", "plus bias", ["activation:scaled", "bias"], ["activation"], 1),
];

const parametersOf = (kind: NormKind): string[] => (kind === "layernorm" ? ["weight", "bias"] : ["weight"]);
const flopsOf = (kind: NormKind): number => (kind === "layernorm" ? 7 : 4);

const oneKernel = (kind: NormKind, kernel: Pass["kernel"]): Passes => [
  pass(kernel, "normalize", ["activation", ...parametersOf(kind)], ["activation"], flopsOf(kind)),
];

/** The add is its own FLOP per element; its sum is written for the next residual add. */
const residualFused = (kind: NormKind): Passes => [
  pass(
    "row-in-registers",
    "add and normalize",
    ["activation:branch", "activation:stream", ...parametersOf(kind)],
    ["activation:sum", "activation"],
    flopsOf(kind) + 1,
  ),
];

/** FlashNorm: only the statistic is left; weight and scale move into the matmul that follows and its epilogue. */
const folded = (kind: NormKind): Passes => [
  pass(
    "row-in-registers",
    "statistic",
    ["activation"],
    kind === "layernorm" ? ["row:mean", "row:scale"] : ["row:scale"],
    kind === "layernorm" ? 4 : 2,
  ),
];

export function forwardPasses(kind: NormKind, implementation: NormImplementation): Passes {
  switch (implementation) {
    case "textbook":
      return kind === "layernorm" ? textbookLayerNorm : textbookRmsNorm;
    case "eager":
      return kind === "layernorm" ? eagerLayerNorm : eagerRmsNorm;
    case "native":
      return oneKernel(kind, "row-per-block");
    case "fused":
      return oneKernel(kind, "row-in-registers");
    case "residual-fused":
      return residualFused(kind);
    case "folded":
      return folded(kind);
  }
}

/** What autograd launches for each forward kernel of the eager chain, last one first. */
const eagerTail: Passes = [
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
const eagerStatistic = (x: string, scaled: string): Passes => [
  torchPass("vectorized", "scale gradient, products", ["fp32:g", scaled], ["fp32:scale products"], 1),
  torchPass("row-sum", "scale gradient, sum", ["fp32:scale products"], ["row:scale gradient"], 1),
  torchPass("vectorized", "root gradient", ["row:scale gradient", "row:scale"], ["row:root gradient"], 0),
  torchPass("unrolled", "spread mean gradient", ["row:root gradient"], ["fp32:spread"], 1),
  torchPass("vectorized", "twice x", [x], ["fp32:twice x"], 1),
  torchPass("vectorized", "square gradient", ["fp32:spread", "fp32:twice x"], ["fp32:through square"], 1),
];

const eagerRmsNormBackward: Passes = [
  ...eagerTail,
  ...eagerStatistic("fp32:x", "fp32:x"),
  torchPass("vectorized", "add paths", ["fp32:direct", "fp32:through square"], ["fp32:dx"], 1),
  torchPass("vectorized", "to activation type", ["fp32:dx"], ["activation"], 0),
];

const eagerLayerNormBackward: Passes = [
  torchPass("column-sum", "bias gradient", ["activation:gradient"], ["bias:gradient"], 1),
  ...eagerTail,
  ...eagerStatistic("fp32:centered", "fp32:centered again"),
  torchPass("row-sum", "mean gradient, direct", ["fp32:direct"], ["row:direct"], 1),
  torchPass("row-sum", "mean gradient, square", ["fp32:through square"], ["row:through square"], 1),
  torchPass("vectorized", "add paths", ["fp32:direct", "fp32:through square"], ["fp32:both"], 1),
  torchPass("unrolled", "spread means", ["row:direct", "row:through square"], ["fp32:means"], 1),
  torchPass("vectorized", "add means", ["fp32:both", "fp32:means"], ["fp32:dx"], 1),
  torchPass("vectorized", "to activation type", ["fp32:dx"], ["activation"], 0),
];

/** A number a row each, under these names in every implementation. */
export const ROW_STATISTICS = ["row:mean", "row:scale"] as const;

/** Row statistics that the forward pass kept for the backward one. */
const statisticsOf = (kind: NormKind): string[] =>
  kind === "layernorm" ? [...ROW_STATISTICS] : ["row:scale"];

/**
 * Input gradient: dx = scale * (g - mean(g) - xhat * mean(g * xhat)) with g = weight * dy (RMSNorm: without mean(g));
 * weight gradient: sum over rows of dy * xhat; bias gradient: sum over rows of dy.
 */
const twoKernelsBackward = (kind: NormKind, kernel: Pass["kernel"]): Passes => {
  const saved = ["activation", "activation:gradient", ...statisticsOf(kind)];
  return [
    pass(kernel, "input gradient", [...saved, "weight"], ["activation"], kind === "layernorm" ? 10 : 8),
    pass(
      "column-sum",
      "weight gradient",
      saved,
      parametersOf(kind).map((name) => `${name}:gradient`),
      kind === "layernorm" ? 3 : 2,
    ),
  ];
};

/**
 * A fused backward reads x and dy once; its partial gradients of each parameter, one row a thread block, are summed
 * after, and the sum brought to the parameter's type, by torch's own kernels.
 */
const fusedBackward = (kind: NormKind): Passes => [
  pass(
    "row-in-registers",
    "input gradient and partial sums",
    ["activation", "activation:gradient", ...statisticsOf(kind), "weight"],
    ["activation", ...parametersOf(kind).map((name) => `partial:${name}`)],
    kind === "layernorm" ? 13 : 10,
  ),
  ...parametersOf(kind).flatMap((name) => [
    pass("column-sum", `sum of partial ${name} gradients`, [`partial:${name}`], [`${name}:gradient sum`], 0),
    pass("vectorized", `${name} gradient to its type`, [`${name}:gradient sum`], [`${name}:gradient`], 0),
  ]),
];

const textbookBackward = (kind: NormKind): Passes => {
  const saved = ["activation", "activation:gradient", ...statisticsOf(kind)];
  const sums = kind === "layernorm" ? ["row:mean g", "row:mean gx"] : ["row:mean gx"];
  return [
    pass("row-sum", "row sums", [...saved, "weight"], sums, kind === "layernorm" ? 5 : 4),
    pass(
      "unrolled",
      "input gradient",
      [...saved, ...sums, "weight"],
      ["activation"],
      kind === "layernorm" ? 5 : 4,
    ),
    pass(
      "column-sum",
      "weight gradient",
      saved,
      parametersOf(kind).map((name) => `${name}:gradient`),
      kind === "layernorm" ? 3 : 2,
    ),
  ];
};

export function backwardPasses(kind: NormKind, implementation: NormImplementation): Passes {
  switch (implementation) {
    case "textbook":
      return textbookBackward(kind);
    case "eager":
      return kind === "layernorm" ? eagerLayerNormBackward : eagerRmsNormBackward;
    case "native":
      return twoKernelsBackward(kind, "row-per-block");
    case "fused":
    case "residual-fused":
    case "folded":
      return fusedBackward(kind);
  }
}
