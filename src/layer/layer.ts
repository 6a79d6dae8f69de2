import type { Scenario } from "../schema/scenario.ts";
import { backwardOperators } from "./backward.ts";
import { forwardOperators } from "./forward.ts";
import type { Operator } from "./kernel.ts";
import { layout } from "./layout.ts";

/**
 * The operators of one transformer layer on one GPU, in the order they run; in training the backward ones follow in
 * reverse order, named after their forward operator with `-backward` behind it.
 */
export function layerOperators(scenario: Scenario): Operator[] {
  const layer = layout(scenario);
  const forward = forwardOperators(scenario, layer);
  return scenario.workload.phase === "train" ? [...forward, ...backwardOperators(scenario, layer)] : forward;
}
