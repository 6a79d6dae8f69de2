import type { Scenario } from "../schema/scenario.ts";
import { attentionStyle } from "./attention.ts";
import { backwardOperators } from "./backward.ts";
import { dimensions } from "./dimensions.ts";
import { forwardBuilder } from "./forward.ts";
import type { Operator } from "./kernel.ts";
import { layout, matmulTypes, normStyle } from "./layout.ts";
import { remembered } from "./remembered.ts";

/**
 * The operators of one transformer layer on one GPU, in the order they run; in training the backward ones follow in
 * reverse order, named after their forward operator with `-backward` behind it.
 */
export const layerOperators = (scenario: Scenario): readonly Operator[] => layerBuilder()(scenario);

/** `layerOperators` for many scenarios: what does not change from one to the next is the same object again. */
export function layerBuilder(): (scenario: Scenario) => readonly Operator[] {
  const sizes = remembered(dimensions);
  const types = remembered(matmulTypes);
  const parts = remembered(layout);
  const style = remembered(normStyle);
  const attention = remembered(attentionStyle);
  const forward = forwardBuilder();
  const backward = remembered(backwardOperators);
  const both = remembered((first: readonly Operator[], second: readonly Operator[]) => [...first, ...second]);
  return ({ model, workload, precision, parallelism, normalization, kernels }) => {
    const { phase, batch, sequence, context } = workload;
    const d = sizes(model, batch, sequence, precision, parallelism);
    const type = types(precision);
    const layer = parts(model, type, d);
    const norms = style(normalization, type);
    const attends = attention(phase, model.causal, precision.activations, context);
    const there = forward(model, kernels, layer, norms, attends);
    return phase === "train" ? both(there, backward(model, kernels, layer, norms, attends)) : there;
  };
}
