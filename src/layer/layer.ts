import type { Scenario } from "../schema/scenario.ts";
import { streamType } from "../schema/vocabulary.ts";
import { attentionStyle } from "./attention.ts";
import { backwardOperators, recomputedOperators } from "./backward.ts";
import { dimensions } from "./dimensions.ts";
import { forwardBuilder } from "./forward.ts";
import type { Operator } from "./kernel.ts";
import { modelOfKind } from "./layer-kinds.ts";
import { fusesQuantization, layout, matmulTypes, normStyle, wideMatmulTypes } from "./layout.ts";
import { remembered, rememberedAll } from "./remembered.ts";

/**
 * The operators of one transformer layer on one GPU, in the order they run; in training the backward ones follow in
 * reverse order, named after their forward operator with `-backward` behind it.
 */
export const layerOperators = (scenario: Scenario): readonly Operator[] => layerBuilder()(scenario);

/** `layerOperators` for many scenarios: what does not change from one to the next is the same object again. */
export function layerBuilder(): (scenario: Scenario) => readonly Operator[] {
  const sizes = remembered(dimensions);
  const types = remembered(matmulTypes);
  const wideTypes = remembered(wideMatmulTypes);
  const parts = remembered(layout);
  const style = rememberedAll(normStyle);
  const attention = remembered(attentionStyle);
  const forward = forwardBuilder();
  const backward = remembered(backwardOperators);
  const recomputed = remembered(recomputedOperators);
  const all = remembered(inOneList);
  return ({ model, layerKind, workload, precision, parallelism, normalization, kernels, training }) => {
    const { phase, batch, sequence, context } = workload;
    const own = modelOfKind(model, layerKind);
    const d = sizes(own, batch, sequence, precision, parallelism);
    const type = types(precision);
    const wide = wideTypes(precision);
    const fusedNorm = fusesQuantization(kernels, normalization);
    const fusedActivation = kernels.quantization === "fused" && kernels.pointwise === "fused";
    const folded = normalization.implementation === "folded";
    const layer = parts(own, type, wide, d, fusedNorm, fusedActivation, folded);
    const norms = style(normalization, type, wide);
    const attends = attention(phase, own, streamType(precision.activations), context);
    const there = forward(own, kernels, layer, norms, attends);
    if (phase !== "train") return there;
    const again = recomputed(there, training?.recomputation ?? "none");
    return all(there, again, backward(own, kernels, layer, norms, attends));
  };
}

const inOneList = (
  forward: readonly Operator[],
  again: readonly Operator[],
  backward: readonly Operator[],
): readonly Operator[] => [...forward, ...again, ...backward];
