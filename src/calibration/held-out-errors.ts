import { device } from "../engine/device/device.ts";
import type { Hardware, Measured, Validation } from "../schema/hardware.ts";
import type { MeasuredLayer, Measurement } from "../schema/measurement.ts";
import { PHASES, RUNTIMES } from "../schema/vocabulary.ts";
import { medianShareErrorPoints } from "./accuracy.ts";
import { quantile } from "./calibrate.ts";
import { isFitted } from "./fit-stages.ts";
import { layerPredictions, measuredWith } from "./measured-layers.ts";
import { savingErrors } from "./saving-errors.ts";

/** Predicted against measured time of the layers that no fit used, by kind, phase and runtime, in that order. */
export function heldOutErrors(
  measurements: readonly Measurement[],
  profile: Hardware,
  sourceOf: (rows: readonly Measurement[]) => string,
): Validation[] {
  const target = device(profile);
  // Stryker disable next-line ConditionalExpression: no other row has a phase
  const measured = measurements.filter((row): row is MeasuredLayer => row.kind === "layer");
  const kinds = PHASES.flatMap((phase) => RUNTIMES.map((runtime) => ({ phase, runtime })));
  return ([undefined, "experts", "two GPUs", "fp8"] as const).flatMap((beyond) =>
    kinds.flatMap(({ phase, runtime }) => {
      const alike = measured.filter(
        (row) => row.phase === phase && row.runtime === runtime && measuredWith(row) === beyond,
      );
      const layers = alike.filter((row) => !isFitted(row));
      const errors = layers
        .flatMap(layerPredictions)
        .map(({ seconds, predict }) => Math.abs(predict(target) / seconds - 1))
        .sort((a, b) => a - b);
      if (errors.length === 0) return [];
      const rounded = (share: number): number => Number(quantile(errors, share).toPrecision(2));
      return [
        {
          phase,
          runtime,
          ...(beyond === undefined ? {} : { layersWith: beyond }),
          layers: errors.length,
          medianError: rounded(0.5),
          percentile90Error: rounded(0.9),
          shareErrorPoints: Number(medianShareErrorPoints(layers, target).toPrecision(2)),
          measured: rangeOf(alike.filter((row) => layerPredictions(row).length > 0)),
          savings: savingErrors(layers, target),
          source: sourceOf(layers),
        },
      ];
    }),
  );
}

function rangeOf(layers: readonly MeasuredLayer[]): Measured {
  const between = (size: (row: MeasuredLayer) => number): [number, number] => [
    Math.min(...layers.map(size)),
    Math.max(...layers.map(size)),
  ];
  const each = <T>(values: (row: MeasuredLayer) => readonly T[]): T[] => [...new Set(layers.flatMap(values))];
  return {
    batch: between(({ batch }) => batch),
    tokens: between(({ batch, sequence }) => batch * sequence),
    context: between(({ context }) => context),
    hidden: between(({ shape }) => shape.hidden),
    headDims: each(({ shape }) => [shape.headDim]).sort((a, b) => a - b),
    norms: each((row) => layerPredictions(row).map(({ name }) => name)).sort(),
    pointwise: each(({ pointwise }) => [pointwise]).sort(),
  };
}
