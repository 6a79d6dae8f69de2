import type { Result } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import { SWAPPED_KIND } from "../schema/vocabulary.ts";
import { ANSWERED_BY } from "../version.ts";
import { alternatives, withNormalization } from "./alternatives.ts";
import { confidence } from "./confidence.ts";
import { knowsNormTimes, layerFigures, layerResult } from "./layer-result.ts";
import { levers } from "./levers.ts";
import { knownError } from "./typical-error.ts";
import { sharedWaiting, warnings } from "./warnings.ts";

/**
 * The whole answer for one scenario: its layer operator by operator, what normalization takes of it, and what every
 * other normalization would save. What is known of where the scenario comes from (`notes`) is a warning too. Seconds, bytes, FLOPs; shares are fractions of 1. Pure: same scenario, same result.
 */
export function simulate(scenario: Scenario, notes: readonly string[] = []): Result {
  const base = layerResult(scenario);
  const others = alternatives(scenario, base);
  const { typicalError, unknownBecause } = knownError(scenario, base.operators);
  return {
    ...ANSWERED_BY,
    scenario,
    ...base,
    cost: { ...base.cost, ...swappedCost(scenario) },
    alternatives: others,
    levers: levers(scenario, base),
    typicalError,
    confidence: confidence(scenario, base.operators, typicalError),
    warnings: [
      ...notes,
      ...warnings(scenario, base.memory),
      ...sharedWaiting(scenario, base.normalization, others),
      ...unknownBecause,
    ],
  };
}

/** What a token costs with the other kind of norm, run by the same kernels: before and after the swap side by side. */
function swappedCost(scenario: Scenario): Pick<Result["cost"], "swapped"> {
  const { kind, implementation } = scenario.normalization;
  if (typeof implementation !== "string" || !knowsNormTimes(scenario.hardware)) return {};
  const other = SWAPPED_KIND[kind];
  const swapped = withNormalization(scenario, other, implementation);
  const { usdPerMillionTokens, joulesPerToken } = layerFigures(swapped).cost();
  return {
    swapped: {
      kind: other,
      ...(usdPerMillionTokens === undefined ? {} : { usdPerMillionTokens }),
      ...(joulesPerToken === undefined ? {} : { joulesPerToken }),
    },
  };
}
