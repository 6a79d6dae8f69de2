import { remembered } from "../layer/remembered.ts";
import type { NormKind } from "../schema/model.ts";
import type { Alternative, Result } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import { NORM_KINDS, type NormImplementation } from "../schema/vocabulary.ts";
import { alternativeTo } from "../simulate/alternatives.ts";
import { type LayerFigures, layerSimulator } from "../simulate/layer-result.ts";

/** What can be asked about one scenario, each answer computed when it is asked for. */
export interface Answers extends LayerFigures {
  readonly scenario: Scenario;
  readonly alternative: (kind: NormKind, implementation: NormImplementation) => Alternative;
}

/**
 * Answers for scenario after scenario: `simulate` without what nobody asks for, and without doing again what did not
 * change. Ask all about one scenario before the next one.
 */
export function answerer(): (scenario: Scenario) => Answers {
  const simulate = layerSimulator();
  const others = new Map<NormKind, Map<NormImplementation, ReturnType<typeof alternativeSimulator>>>(
    NORM_KINDS.map((kind) => [kind, new Map()]),
  );
  let scenario: Scenario;
  let figures: LayerFigures;
  // one object for all scenarios: made anew it would cost as much as a layer whose context alone moves
  const answers: Answers = {
    get scenario() {
      return scenario;
    },
    layer: () => figures.layer(),
    operators: () => figures.operators(),
    normalization: () => figures.normalization(),
    statisticalNormalization: () => figures.statisticalNormalization(),
    wholeModel: () => figures.wholeModel(),
    memory: () => figures.memory(),
    cost: () => figures.cost(),
    alternative: (kind, implementation) => {
      const ofKind = others.get(kind)!;
      let other = ofKind.get(implementation);
      if (other === undefined) {
        other = alternativeSimulator(kind, implementation);
        ofKind.set(implementation, other);
      }
      return other(scenario, figures.layer().seconds);
    },
  };
  return (asked) => {
    scenario = asked;
    figures = simulate(asked);
    return answers;
  };
}

/** One other norm in scenario after scenario; asked twice about one, it answers what it has found. */
function alternativeSimulator(kind: NormKind, implementation: NormImplementation) {
  const simulate = layerSimulator();
  const normalization = { kind, implementation };
  return remembered(
    (scenario: Scenario, layerSeconds: number): Alternative =>
      alternativeTo(layerSeconds, kind, implementation, simulate({ ...scenario, normalization })),
  );
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
