import { withNormalization } from "../engine/alternatives.ts";
import { layerFigures } from "../engine/layer-result.ts";
import type { OperatorClass, OperatorResult } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import type { NormKind } from "../schema/vocabulary.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS, type NormImplementation } from "../schema/vocabulary.ts";

/** Seconds of a layer's operators by class. */
export type ClassSeconds = { readonly [C in OperatorClass]?: number };

/** A layer with one kind and implementation of the norm, its time class by class. */
export interface AlternativeTimes {
  readonly kind: NormKind;
  readonly implementation: NormImplementation;
  readonly seconds: ClassSeconds;
}

export function secondsByClass(
  operators: readonly Pick<OperatorResult, "class" | "seconds">[],
): ClassSeconds {
  const sums: { [C in OperatorClass]?: number } = {};
  for (const { class: name, seconds } of operators) sums[name] = (sums[name] ?? 0) + seconds;
  return sums;
}

/** Every kind and implementation of the norm, in the order of a result's alternatives. */
export function timesByClass(scenario: Scenario): AlternativeTimes[] {
  return NORM_KINDS.flatMap((kind) =>
    NORM_IMPLEMENTATIONS.map((implementation) => {
      const operators = layerFigures(withNormalization(scenario, kind, implementation)).operators();
      return { kind, implementation, seconds: secondsByClass(operators) };
    }),
  );
}
