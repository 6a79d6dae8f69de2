import type { Unit } from "../../study/result-field.ts";
import type { AxisValue } from "../../study/space.ts";

export type SweepRow = Readonly<Record<string, AxisValue | null | undefined>>;

/** One field of the result over the grid. */
export interface Panel {
  readonly field: string;
  readonly unit: Unit;
  readonly rows: readonly SweepRow[];
}
