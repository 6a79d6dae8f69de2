import type { NormKindFacts } from "./norm-kind-facts.ts";
import {
  fusedBackward,
  type NormAlgebra,
  oneKernel,
  type Passes,
  pass,
  residualFused,
  torchPass,
} from "./norm-passes.ts";

/** alpha * x, its tanh, times weight, plus bias; backward the tanh is computed again. */
const algebra: NormAlgebra = {
  parameters: ["weight", "bias"],
  statistics: [],
  flops: 4,
  inputGradientFlops: 9,
  parameterGradientFlops: 3,
};

/** The authors' module, operation by operation: torch.tanh(alpha * x) * weight + bias. */
const eagerDyt: Passes = [
  torchPass("unrolled", "times alpha", ["activation"], ["activation:scaled"], 1),
  torchPass("vectorized", "tanh", ["activation:scaled"], ["activation:tanh"], 1),
  torchPass("unrolled", "times weight", ["activation:tanh", "weight"], ["activation:weighted"], 1),
  torchPass("unrolled", "plus bias", ["activation:weighted", "bias"], ["activation"], 1),
];

const eagerDytBackward: Passes = [
  torchPass("column-sum", "bias gradient", ["activation:gradient"], ["bias:gradient"], 1),
  torchPass(
    "unrolled",
    "weight gradient, products",
    ["activation:gradient", "activation:tanh"],
    ["activation:products"],
    1,
  ),
  torchPass("column-sum", "weight gradient, sum", ["activation:products"], ["weight:gradient"], 1),
  torchPass("unrolled", "times weight", ["activation:gradient", "weight"], ["activation:g"], 1),
  torchPass("vectorized", "tanh gradient", ["activation:g", "activation:tanh"], ["activation:inner"], 3),
  torchPass(
    "vectorized",
    "alpha gradient, products",
    ["activation:inner", "activation"],
    ["activation:alpha products"],
    1,
  ),
  // one number in all: a generic reduction that writes next to nothing
  torchPass("row-sum", "alpha gradient, sum", ["activation:alpha products"], [], 1),
  torchPass("unrolled", "times alpha", ["activation:inner"], ["activation"], 1),
];

/**
 * Dynamic tanh: y = tanh(alpha * x) * weight + bias, in place of a norm (Zhu et al. 2025, arXiv 2503.10622). Nothing of a
 * row is summed, so its kernels are element-wise. torch has none of its own, and no weight can be folded through a tanh
 * that the next matmul would have to apply: those implementations are the op-by-op and the fused one.
 */
export const DYT: NormKindFacts = {
  parameters: algebra.parameters,
  scalarParameters: 1,
  statistics: algebra.statistics,
  exchangedStatistics: 0,
  // no kernel of its own walks a row; passes that a user describes may
  rowLaw: "rmsnorm",
  foldable: false,
  nativeKernel: false,
  forward: {
    textbook: [
      pass("unrolled", "normalize", ["activation", "weight", "bias"], ["activation"], algebra.flops),
    ],
    eager: eagerDyt,
    native: eagerDyt,
    fused: oneKernel("vectorized", algebra),
    "residual-fused": residualFused("vectorized", algebra),
    folded: oneKernel("vectorized", algebra),
  },
  backward: {
    textbook: [
      pass(
        "unrolled",
        "input gradient",
        ["activation", "activation:gradient", "weight"],
        ["activation"],
        algebra.inputGradientFlops,
      ),
      pass(
        "column-sum",
        "parameter gradients",
        ["activation", "activation:gradient"],
        ["weight:gradient", "bias:gradient"],
        algebra.parameterGradientFlops,
      ),
    ],
    eager: eagerDytBackward,
    native: eagerDytBackward,
    fused: fusedBackward("vectorized", algebra),
    "residual-fused": fusedBackward("vectorized", algebra),
    folded: fusedBackward("vectorized", algebra),
  },
};
