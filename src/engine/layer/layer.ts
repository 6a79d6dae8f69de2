import { trains } from "../../schema/phases.ts";
import type { Scenario } from "../../schema/scenario.ts";
import { streamType } from "../../schema/vocabulary.ts";
import { attentionStyle } from "./attention.ts";
import { backwardOperators, recomputedOperators } from "./backward.ts";
import { dimensions } from "./dimensions.ts";
import { forwardOperators } from "./forward.ts";
import type { Operator } from "./kernel.ts";
import { modelOfKind } from "./layer-kinds.ts";
import { fusesQuantization, layout, matmulTypes, normStyle, wideMatmulTypes } from "./layout.ts";
import { isFolded } from "./normalization.ts";

/**
 * The operators of one transformer layer on one GPU, in the order they run; in training the backward ones follow in
 * reverse order, named after their forward operator with `-backward` behind it.
 */
export function layerOperators(scenario: Scenario): readonly Operator[] {
  const { layerKind, workload, precision, parallelism, normalization, kernels, training } = scenario;
  const model = modelOfKind(scenario.model, layerKind);
  const { phase, batch, sequence, context } = workload;
  const d = dimensions(model, batch, sequence, precision, parallelism);
  const types = matmulTypes(precision);
  const wideTypes = wideMatmulTypes(precision);
  const fusedNorm = fusesQuantization(kernels, normalization);
  const fusedActivation = kernels.quantization === "fused" && kernels.pointwise === "fused";
  const folded = isFolded(normalization);
  const separate = kernels.projections === "separate";
  const layer = layout(model, types, wideTypes, d, fusedNorm, fusedActivation, folded, separate);
  const norms = normStyle(normalization, types, wideTypes, model.normOffset);
  const attention = attentionStyle(phase, model, kernels, streamType(precision.activations), context);
  const forward = forwardOperators(model, kernels, layer, norms, attention);
  if (!trains(phase)) return forward;
  return [
    ...forward,
    ...recomputedOperators(forward, training?.recomputation ?? "none"),
    ...backwardOperators(model, kernels, layer, norms, attention),
  ];
}
