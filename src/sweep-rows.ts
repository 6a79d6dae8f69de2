import { type LineFormat, lineWriter } from "./report/text/sweep-lines.ts";
import { type SweepPlan, sweepPoints } from "./study/sweep.ts";

/** Computes and writes rows of a sweep: the lines of the points from `from` to before `to`, ends of line included. */
export function rowWriter(plan: SweepPlan, format: LineFormat): (from: number, to: number) => string {
  const pointAt = sweepPoints(plan);
  const line = lineWriter(plan, format);
  return (from, to) => Array.from({ length: to - from }, (_, index) => line(pointAt(from + index))).join("");
}
