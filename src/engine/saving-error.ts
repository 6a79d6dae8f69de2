import type { OperatorResult } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import { knownError, normText, validationOf } from "./typical-error.ts";

type Norm = Scenario["normalization"];

/**
 * Typical error of what a layer saves by another norm, as a share of its time: from measured pairs of such layers.
 * undefined where nobody has measured any, or where nothing is changed.
 */
export function savingError(
  scenario: Scenario,
  operators: readonly OperatorResult[],
  from: Norm,
  to: Norm,
): number | undefined {
  const found = validationOf(scenario);
  const norms = [normText(from), normText(to)];
  if (found === undefined || norms[0] === norms[1]) return undefined;
  if (!norms.every((name) => found.measured?.norms.includes(name))) return undefined;
  if (knownError(scenario, operators).typicalError === null) return undefined;
  const changed = [from.implementation, to.implementation].sort().join();
  return found.savings?.find(({ between }) => between.join() === changed)?.errorShareOfTime;
}
