import type { LayerFigures } from "../engine/layer-result.ts";
import type { Alternative, Result } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import type { NormImplementation, NormKind } from "../schema/vocabulary.ts";

/** What can be asked about one scenario, each answer computed when it is asked for. */
export interface Answers extends LayerFigures {
  readonly scenario: Scenario;
  readonly alternative: (kind: NormKind, implementation: NormImplementation) => Alternative;
}

/** The answers that a result holds. */
export function answersOf(result: Result): Answers {
  return {
    scenario: result.scenario,
    layer: () => result.layer,
    operators: () => result.operators,
    normalization: () => result.normalization,
    statisticalNormalization: () => result.statisticalNormalization,
    wholeModel: () => result.wholeModel,
    memory: () => result.memory,
    cost: () => result.cost,
    alternative: (kind, implementation) =>
      result.alternatives.find((other) => other.kind === kind && other.implementation === implementation)!,
  };
}
