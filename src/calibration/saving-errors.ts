import type { Device } from "../engine/device/device.ts";
import type { SavingError } from "../schema/hardware.ts";
import type { MeasuredLayer } from "../schema/measurement.ts";
import { compareSaving, errorPoints, isResolved, predictedSeconds } from "./accuracy.ts";
import { quantile } from "./calibrate.ts";
import { normNamed } from "./norm-name.ts";

/** Fewer pairs than these say nothing of the next one. */
const LEAST_PAIRS = 4;

/**
 * How far predicted savings are off on pairs of layers that differ in the norm alone, by the kernels on either side: a
 * layer of several norms, measured in turns, is a pair for every two of them. Only pairs that the measurement itself
 * tells apart count.
 */
export function savingErrors(layers: readonly MeasuredLayer[], target: Device): SavingError[] {
  const points = new Map<string, number[]>();
  for (const row of layers) {
    const predicted = predictedSeconds(row, target);
    for (const [from, to] of pairs([...predicted.keys()])) {
      const errors = compareSaving(row, predicted, from, to).filter(isResolved).map(errorPoints);
      const between = [from, to].map((name) => normNamed(name)!.implementation).sort();
      const key = between.join();
      points.set(key, [...(points.get(key) ?? []), ...errors]);
    }
  }
  return [...points]
    .filter(([, errors]) => errors.length >= LEAST_PAIRS)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, errors]) => savingError(key, errors));
}

function savingError(key: string, errors: readonly number[]): SavingError {
  const [from, to] = key.split(",") as SavingError["between"];
  const median = quantile(
    [...errors].sort((a, b) => a - b),
    0.5,
  );
  const errorShareOfTime = Number((median / 100).toPrecision(2));
  return { between: [from, to], pairs: errors.length, errorShareOfTime };
}

/** Every two names once. */
const pairs = (names: readonly string[]): [string, string][] =>
  names.flatMap((from, index) => names.slice(index + 1).map((to): [string, string] => [from, to]));
