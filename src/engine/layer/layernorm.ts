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
  parameters: ["weight", "bias"],
  statistics: ["row:mean", "row:scale"],
  flops: 7,
  inputGradientFlops: 10,
  parameterGradientFlops: 3,
};

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

/** y = (x - mean) / sqrt(variance + epsilon) * weight + bias. */
export const LAYERNORM: NormKindFacts = {
  parameters: algebra.parameters,
  scalarParameters: 0,
  statistics: algebra.statistics,
  exchangedStatistics: 2,
  rowLaw: "layernorm",
  foldable: true,
  nativeKernel: true,
  forward: {
    textbook: textbookLayerNorm,
    eager: eagerLayerNorm,
    native: oneKernel("row-per-block", algebra),
    fused: oneKernel("row-in-registers", algebra),
    "residual-fused": residualFused("row-in-registers", algebra),
    // FlashNorm: only the statistic is left; weight and scale move into the matmul that follows and its epilogue
    folded: [pass("row-in-registers", "statistic", ["activation"], [...algebra.statistics], 4)],
  },
  backward: {
    textbook: textbookBackward(algebra, ["row:mean g", "row:mean gx"], 5),
    eager: eagerLayerNormBackward,
    native: twoKernelsBackward("row-per-block", algebra),
    fused: fusedBackward("row-in-registers", algebra),
    "residual-fused": fusedBackward("row-in-registers", algebra),
    folded: fusedBackward("row-in-registers", algebra),
  },
};
