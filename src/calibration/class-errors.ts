import { device } from "../engine/device/device.ts";
import type { Calibration } from "../schema/calibration.ts";
import type { ClassError, Hardware } from "../schema/hardware.ts";
import type { Measurement } from "../schema/measurement.ts";
import { calibrate, observe, quantile, relativeErrors } from "./calibrate.ts";
import { FIT_STAGES } from "./fit-stages.ts";

type Calibrated = Hardware & { readonly calibration: Calibration };

const PARTS = 2;

/**
 * Errors by class of kernels on rows that a fit has not seen: every second row is left out and predicted from the others,
 * and the other way round.
 */
export function splitErrors(rows: readonly Measurement[], base: Calibrated): ClassError[] {
  const predicted = Array.from({ length: PARTS }, (_, part) => {
    const held = rows.filter((_, index) => index % PARTS === part);
    const others = rows.filter((_, index) => index % PARTS !== part);
    const { profile } = calibrate(others, base, () => ({ origin: "assumed", source: "a part of the rows" }));
    return { rows: held, profile };
  });
  return errorsOf(predicted, PARTS);
}

/** The same on devices whose calibration was carried over and not fitted; each weighs as much as it has rows. */
export const transferErrors = (
  devices: readonly { readonly rows: readonly Measurement[]; readonly profile: Calibrated }[],
): ClassError[] => errorsOf(devices, devices.length).map((one) => ({ ...one, basis: "transferred" }));

function errorsOf(
  predicted: readonly { readonly rows: readonly Measurement[]; readonly profile: Hardware }[],
  sizes: number,
): ClassError[] {
  return FIT_STAGES.flatMap(({ name, rows: belongs }) => {
    const errors = predicted
      .flatMap(({ rows, profile }) => {
        const target = device(profile);
        const observed = rows.filter((row) => row.kind !== "layer" && belongs(row)).flatMap(observe);
        return relativeErrors(observed, target);
      })
      .sort((a, b) => a - b);
    const rounded = (share: number): number => Number(quantile(errors, share).toPrecision(2));
    return errors.length === 0
      ? []
      : [{ name, sizes, rows: errors.length, medianError: rounded(0.5), percentile90Error: rounded(0.9) }];
  });
}
