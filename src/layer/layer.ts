import type { Model } from "../schema/model.ts";
import type { Scenario } from "../schema/scenario.ts";
import { streamType } from "../schema/vocabulary.ts";
import { attentionStyle } from "./attention.ts";
import { backwardOperators, recomputedOperators } from "./backward.ts";
import { dimensions } from "./dimensions.ts";
import { forwardBuilder } from "./forward.ts";
import type { Operator } from "./kernel.ts";
import { modelOfKind } from "./layer-kinds.ts";
import { fusesQuantization, type Layout, layout, matmulTypes, normStyle, wideMatmulTypes } from "./layout.ts";
import type { NormStyle } from "./normalization.ts";
import { remembered, rememberedAll } from "./remembered.ts";

/**
 * The operators of one transformer layer on one GPU, in the order they run; in training the backward ones follow in
 * reverse order, named after their forward operator with `-backward` behind it.
 */
export const layerOperators = (scenario: Scenario): readonly Operator[] => layerBuilder()(scenario);

/** `layerOperators` for many scenarios: what does not change from one to the next is the same object again. */
export function layerBuilder(): (scenario: Scenario) => readonly Operator[] {
  const planOf = remembered(planBuilder());
  const attention = remembered(attentionStyle);
  const forward = forwardBuilder();
  const backward = remembered(backwardOperators);
  const recomputed = remembered(recomputedOperators);
  const all = remembered(inOneList);
  return ({ model, layerKind, workload, precision, parallelism, normalization, kernels, training }) => {
    const { phase, batch, sequence, context } = workload;
    const own = modelOfKind(model, layerKind);
    const { layer, norms } = planOf(own, batch, sequence, precision, parallelism, normalization, kernels);
    const attends = attention(phase, own, streamType(precision.activations), context);
    const there = forward(own, kernels, layer, norms, attends);
    if (phase !== "train") return there;
    const again = recomputed(there, training?.recomputation ?? "none");
    return all(there, again, backward(own, kernels, layer, norms, attends));
  };
}

/** What operators are built from, but for how attention looks back. */
function planBuilder() {
  const sizes = remembered(dimensions);
  const types = remembered(matmulTypes);
  const wideTypes = remembered(wideMatmulTypes);
  const parts = remembered(layout);
  const style = rememberedAll(normStyle);
  return (
    model: Model,
    batch: number,
    sequence: number,
    precision: Scenario["precision"],
    parallelism: Scenario["parallelism"],
    normalization: Scenario["normalization"],
    kernels: Scenario["kernels"],
  ): { readonly layer: Layout; readonly norms: NormStyle } => {
    const d = sizes(model, batch, sequence, precision, parallelism);
    const type = types(precision);
    const wide = wideTypes(precision);
    const fusedNorm = fusesQuantization(kernels, normalization);
    const fusedActivation = kernels.quantization === "fused" && kernels.pointwise === "fused";
    const folded = normalization.implementation === "folded";
    const layer = parts(model, type, wide, d, fusedNorm, fusedActivation, folded);
    return { layer, norms: style(normalization, type, wide) };
  };
}

const inOneList = (
  forward: readonly Operator[],
  again: readonly Operator[],
  backward: readonly Operator[],
): readonly Operator[] => [...forward, ...again, ...backward];
