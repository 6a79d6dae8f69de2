import { UserError } from "../errors.ts";
import type { Hardware } from "../schema/hardware.ts";
import type { Result } from "../schema/result.ts";
import { type Answers, answersOf } from "./answers.ts";
import { type Condition, parseCondition } from "./condition.ts";

export function readConditions(texts: readonly string[] = []): Condition[] {
  return texts.map((text) => {
    const { condition, problem } = parseCondition(text);
    if (problem !== undefined) throw new UserError(`--fail-if: ${problem}`);
    return condition!;
  });
}

/** What is to be said of each condition that holds; `labels` name the results where there are several. */
export function failures(
  conditions: readonly Condition[],
  results: readonly Result[],
  labels: readonly string[] = [],
): string[] {
  return results.flatMap((result, index) => failuresOf(conditions, answersOf(result), labels[index]));
}

export function failuresOf(
  conditions: readonly Condition[],
  answers: Answers,
  label: string | undefined,
): string[] {
  return conditions.flatMap(({ text, field, holds }) => {
    const value = field.read(answers);
    if (value === undefined) throw new UserError(`--fail-if: this layer has no number at ${field.name}`);
    if (value === null)
      throw new UserError(`--fail-if: ${unknownText(field.name, answers.scenario.hardware)}`);
    const where = label === undefined ? "" : ` at ${label}`;
    return holds(value) ? [`failed${where}: ${text} (it is ${value})`] : [];
  });
}

/** Why nobody knows a number that hangs on how long norms take, and what to do. */
export const unknownText = (field: string, { name }: Hardware): string =>
  `${field} cannot be answered here: ${name} has no calibration, and no datasheet says how fast norm kernels are (calibrate makes a profile that knows)`;
