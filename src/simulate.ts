import type { Result } from "./schema/result.ts";
import type { Scenario } from "./schema/scenario.ts";
import { alternatives } from "./simulate/alternatives.ts";
import { layerResult } from "./simulate/layer-result.ts";
import { warnings } from "./simulate/warnings.ts";

/**
 * The whole answer for one scenario: its layer operator by operator, what normalization takes of it, and what every
 * other normalization would save. Seconds, bytes, FLOPs; shares are fractions of 1. Pure: same scenario, same result.
 */
export function simulate(scenario: Scenario): Result {
  const base = layerResult(scenario);
  return {
    schemaVersion: 1,
    scenario,
    ...base,
    alternatives: alternatives(scenario, base),
    warnings: warnings(scenario),
  };
}
