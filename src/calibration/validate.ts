import { device } from "../roofline/device.ts";
import type { Hardware } from "../schema/hardware.ts";
import type { MeasuredLayer, Measurement } from "../schema/measurement.ts";
import { medianShareErrorPoints } from "./accuracy.ts";
import { quantile } from "./calibrate.ts";
import { isFitted } from "./fit-stages.ts";
import { layerPredictions } from "./measured-layers.ts";

export type Validation = NonNullable<Hardware["validation"]>[number];

/** Predicted against measured time of the layers that no fit used, by phase and runtime, in that order. */
export function validate(
  measurements: readonly Measurement[],
  profile: Hardware,
  source: string,
): Validation[] {
  const target = device(profile);
  const held = measurements.filter((row): row is MeasuredLayer => row.kind === "layer" && !isFitted(row));
  return (["prefill", "decode", "train"] as const).flatMap((phase) =>
    (["graph", "eager"] as const).flatMap((runtime) => {
      const layers = held.filter((row) => row.phase === phase && row.runtime === runtime);
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
          layers: errors.length,
          medianError: rounded(0.5),
          percentile90Error: rounded(0.9),
          shareErrorPoints: Number(medianShareErrorPoints(layers, target).toPrecision(2)),
          source,
        },
      ];
    }),
  );
}
