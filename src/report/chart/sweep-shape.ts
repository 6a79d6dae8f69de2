import type { Axis } from "../../ask/space.ts";
import { UserError } from "../../errors.ts";

/** How a grid is drawn: lines along one axis, or a map of two. */
export type SweepShape =
  | { readonly kind: "lines"; readonly x: Axis; readonly series: readonly Axis[] }
  | { readonly kind: "map"; readonly x: Axis; readonly y: Axis };

/** More lines than these cannot be told apart. */
const MOST_LINES = 8;

export const isNumeric = ({ values }: Axis): boolean => values.every((value) => typeof value === "number");

/** A line for each combination of all axes but the longest one; of many lines along two axes a map. */
export function sweepShape(axes: readonly Axis[]): SweepShape {
  const x = longest(axes.filter(isNumeric)) ?? longest(axes);
  if (x === undefined)
    throw new UserError(
      "there is nothing to draw: give a flag several values, such as --hidden 1024-16384*2",
    );
  const others = axes.filter((axis) => axis !== x);
  const lines = others.reduce((product, { values }) => product * values.length, 1);
  if (lines <= MOST_LINES) return { kind: "lines", x, series: others };
  const [y, ...more] = others;
  if (y !== undefined && more.length === 0) return { kind: "map", x, y };
  throw new UserError(
    `a picture shows at most ${MOST_LINES} lines along one axis, or a map of two axes: these are ${lines} lines along ${x.name}`,
    ["give fewer values, or --format csv"],
  );
}

const longest = (axes: readonly Axis[]): Axis | undefined =>
  axes.reduce<Axis | undefined>(
    (best, axis) => (best === undefined || axis.values.length > best.values.length ? axis : best),
    undefined,
  );
