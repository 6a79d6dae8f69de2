import { type AxisValue, digitsAt, type Space, scenariosOf, sizeOf } from "../ask/space.ts";
import { answersFor } from "./answers.ts";
import { parseField, type ResultField } from "./result-field.ts";

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
export function shardRange(size: number, k: number, n: number): { from: number; to: number } {
  const each = Math.floor(size / n);
  // no product of size and n: it may be more than a double holds exactly
  const start = (shards: number): number => shards * each + Math.min(shards, size - n * each);
  return { from: start(k - 1), to: start(k) };
}

/** All points as values, for formats that need every row at hand. */
export function sweepRows({ space, columns }: SweepPlan): Record<string, AxisValue | null | undefined>[] {
  const scenarioAt = scenariosOf(space);
  const fields = columnFields(columns);
  const digits: number[] = [];
  return Array.from({ length: sizeOf(space) }, (_, index) => {
    digitsAt(space.axes, index, digits);
    const answers = answersFor(scenarioAt(digits));
    return Object.fromEntries([
      ...space.axes.map(({ name, values }, axis) => [name, values[digits[axis]!]!] as const),
      ...fields.map((field) => [field.name, field.read(answers)] as const),
    ]);
  });
}
