import type { AxisValue } from "../../ask/space.ts";
import type { Unit } from "../../study/result-field.ts";

export type SweepRow = Readonly<Record<string, AxisValue | null | undefined>>;

/** One field of the result over the grid. */
export interface Panel {
  readonly field: string;
  readonly unit: Unit;
  readonly rows: readonly SweepRow[];
}
