import { EXIT, UserError } from "../errors.ts";
import type { Io } from "../io/terminal.ts";
import type { Result } from "../schema/result.ts";
import { type Condition, conditionValue, parseCondition } from "../study/condition.ts";

export function readConditions(texts: readonly string[] = []): Condition[] {
  return texts.map((text) => {
    const condition = parseCondition(text);
    if (condition === undefined)
      throw new UserError(
        `--fail-if: expected a field of the result, a comparison and a number, such as "normalization.shareOfTime>0.1" or "layer.seconds>=0.02", got ${JSON.stringify(text)}`,
      );
    return condition;
  });
}

/** What is to be said of each condition that holds; an unknown field is the user's mistake. */
export function failures(conditions: readonly Condition[], results: readonly Result[]): string[] {
  return results.flatMap((result) =>
    conditions.flatMap((condition) => {
      const value = conditionValue(condition, result);
      if (value === undefined)
        throw new UserError(`--fail-if: the result has no number at ${condition.path.join(".")}`);
      return condition.holds(value) ? [`failed: ${condition.text} (it is ${value})`] : [];
    }),
  );
}

export function exitCode(failed: readonly string[], io: Io): number {
  for (const line of failed) io.stderr(`${line}\n`);
  return failed.length > 0 ? EXIT.checkFailed : EXIT.ok;
}
