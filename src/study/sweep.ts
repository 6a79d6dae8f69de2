import { scenarioAt } from "../ask/scenario-at.ts";
import { type AxisValue, type Space, sizeOf, valuesAt } from "../ask/space.ts";
import { answersFor } from "./answers-for.ts";
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
function columnFields(columns: readonly string[]): ResultField[] {
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

/** A point of a sweep: what its axes say there, and its columns. */
export interface SweepPoint {
  readonly keys: readonly AxisValue[];
  /** undefined where there is no such number, null where nobody knows it */
  readonly values: readonly (number | null | undefined)[];
}

/** Computes the points of a sweep, each by its index. */
export function sweepPoints({ space, columns }: SweepPlan): (index: number) => SweepPoint {
  const fields = columnFields(columns);
  return (index) => {
    const keys = valuesAt(space.axes, index);
    const answers = answersFor(scenarioAt(space, keys));
    return {
      keys,
      values: fields.map(({ read }) => read(answers)),
    };
  };
}

/** All points as records, for formats that need every row at hand. */
export function sweepRows(plan: SweepPlan): Record<string, AxisValue | null | undefined>[] {
  const names = [...plan.space.axes.map(({ name }) => name), ...plan.columns];
  const pointAt = sweepPoints(plan);
  return Array.from({ length: sizeOf(plan.space) }, (_, index) => {
    const { keys, values } = pointAt(index);
    return Object.fromEntries([...keys, ...values].map((value, column) => [names[column]!, value]));
  });
}
