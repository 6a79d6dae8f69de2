import { answerer } from "./answers.ts";
import { parseField, type ResultField } from "./result-field.ts";
import { digitsAt, type Space, scenariosOf, sizeOf } from "./space.ts";

/** What a sweep writes: the points of a space, and these fields of each. Plain data, so that workers can be sent it. */
export interface SweepPlan {
  readonly space: Space;
  readonly columns: readonly string[];
}

/** What `run` shows of a grid. */
export const DEFAULT_COLUMNS = [
  "layerSeconds",
  "normalizationShareOfTime",
  "normalizationShareOfFlops",
  "rmsnormSavesShareOfTime",
  "eagerRmsnormSavesShareOfTime",
] as const;

/** The fields of known columns. */
export function columnFields(columns: readonly string[]): ResultField[] {
  return columns.map((name) => {
    const { field, problem } = parseField(name);
    if (problem !== undefined) throw new RangeError(problem);
    return field!;
  });
}

/** The points of shard `k` of `n`, from the first to before the last; sizes differ by at most one. */
export const shardRange = (size: number, k: number, n: number): { from: number; to: number } => ({
  from: Math.floor((size * (k - 1)) / n),
  to: Math.floor((size * k) / n),
});

/** All points as values, for formats that need every row at hand. */
export function sweepRows({ space, columns }: SweepPlan): Record<string, string | number | undefined>[] {
  const scenarioAt = scenariosOf(space);
  const ask = answerer();
  const fields = columnFields(columns);
  const digits: number[] = [];
  return Array.from({ length: sizeOf(space) }, (_, index) => {
    digitsAt(space.axes, index, digits);
    const answers = ask(scenarioAt(digits));
    return Object.fromEntries([
      ...space.axes.map(({ name, values }, axis) => [name, values[digits[axis]!]!] as const),
      ...fields.map((field) => [field.name, field.read(answers)] as const),
    ]);
  });
}
