import type { NormKindFacts } from "./norm-kind-facts.ts";
import {
  eagerStatistic,
  eagerTail,
  fusedBackward,
  type NormAlgebra,
  oneKernel,
  type Passes,
  pass,
  residualFused,
  textbookBackward,
  torchPass,
  twoKernelsBackward,
} from "./norm-passes.ts";

const algebra: NormAlgebra = {
  parameters: ["weight"],
  statistics: ["row:scale"],
  flops: 4,
  inputGradientFlops: 8,
  parameterGradientFlops: 2,
};

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

/** Hugging Face's GemmaRMSNorm: statistic as above, then times one plus the weight, all in fp32. */
const eagerOffsetRmsNorm: Passes = [
  ...eagerRmsNorm.slice(0, 6),
  torchPass("unrolled", "weight to fp32", ["weight"], ["column:weight"], 0),
  torchPass("vectorized", "one plus weight", ["column:weight"], ["column:one plus weight"], 0),
  torchPass("unrolled", "times weight", ["fp32:normalized", "column:one plus weight"], ["fp32:scaled"], 1),
  torchPass("vectorized", "to activation type", ["fp32:scaled"], ["activation"], 0),
];

const eagerRmsNormBackward: Passes = [
  ...eagerTail,
  ...eagerStatistic("fp32:x", "fp32:x"),
  torchPass("vectorized", "add paths", ["fp32:direct", "fp32:through square"], ["fp32:dx"], 1),
  torchPass("vectorized", "to activation type", ["fp32:dx"], ["activation"], 0),
];

/** y = x / sqrt(mean(x^2) + epsilon) * weight. */
export const RMSNORM: NormKindFacts = {
  parameters: algebra.parameters,
  scalarParameters: 0,
  statistics: algebra.statistics,
  exchangedStatistics: 1,
  rowLaw: "rmsnorm",
  foldable: true,
  nativeKernel: true,
  eagerOffset: eagerOffsetRmsNorm,
  forward: {
    textbook: textbookRmsNorm,
    eager: eagerRmsNorm,
    native: oneKernel("row-per-block", algebra),
    fused: oneKernel("row-in-registers", algebra),
    "residual-fused": residualFused("row-in-registers", algebra),
    // FlashNorm: only the statistic is left; weight and scale move into the matmul that follows and its epilogue
    folded: [pass("row-in-registers", "statistic", ["activation"], [...algebra.statistics], 2)],
  },
  backward: {
    textbook: textbookBackward(algebra, ["row:mean gx"], 4),
    eager: eagerRmsNormBackward,
    native: twoKernelsBackward("row-per-block", algebra),
    fused: fusedBackward("row-in-registers", algebra),
    "residual-fused": fusedBackward("row-in-registers", algebra),
    folded: fusedBackward("row-in-registers", algebra),
  },
};
