import { calibrationValues, type Device, device } from "../engine/device/device.ts";
import type { CalibrationValues } from "../schema/calibration.ts";
import type { Hardware } from "../schema/hardware.ts";
import type { Measurement } from "../schema/measurement.ts";
import { valueAt, withValues } from "../schema/parameters.ts";
import { fitStage, observe, quantile, relativeErrors } from "./calibrate.ts";
import { FIT_STAGES, type FitStage } from "./fit-stages.ts";
import { startingCalibration } from "./transfer.ts";

/** Error of a stage on sizes that its fit has not seen, beside that on the sizes it has. */
export interface CrossValidation {
  readonly name: string;
  /** sizes left out, one after the other */
  readonly folds: number;
  readonly rows: number;
  readonly fitMedianError: number;
  readonly fitPercentile90Error: number;
  readonly heldMedianError: number;
  readonly heldPercentile90Error: number;
}

/**
 * Leaves out one size at a time (a hidden size, a weight matrix, a head layout, a layer's batch and length), fits the
 * stage on the others, and predicts the size left out.
 */
export function crossValidate(measurements: readonly Measurement[], profile: Hardware): CrossValidation[] {
  const target = device(profile);
  // a fit that starts where the rows left out have led would have seen them
  const start = calibrationValues(startingCalibration(profile));
  return FIT_STAGES.flatMap((stage) => {
    const rows = measurements.filter(stage.rows).filter((row) => observe(row).length > 0);
    const sizes = [...new Set(rows.map(sizeOf))];
    return sizes.length < 2 ? [] : [crossValidateStage(stage, rows, sizes, target, start)];
  });
}

function crossValidateStage(
  stage: FitStage,
  rows: readonly Measurement[],
  sizes: readonly (string | undefined)[],
  target: Device,
  start: CalibrationValues,
): CrossValidation {
  const values = stage.parameters.map((path) => valueAt(start, path));
  const unfitted = { ...target, calibration: withValues(target.calibration!, stage.parameters, values) };
  const held = sizes.flatMap((size) => {
    const others = rows.filter((row) => sizeOf(row) !== size).flatMap(observe);
    const trial = { ...target, calibration: fitStage(stage.parameters, others, unfitted) };
    return relativeErrors(rows.filter((row) => sizeOf(row) === size).flatMap(observe), trial);
  });
  const fit = relativeErrors(rows.flatMap(observe), target);
  held.sort((a, b) => a - b);
  return {
    name: stage.name,
    folds: sizes.length,
    rows: fit.length,
    fitMedianError: quantile(fit, 0.5),
    fitPercentile90Error: quantile(fit, 0.9),
    heldMedianError: quantile(held, 0.5),
    heldPercentile90Error: quantile(held, 0.9),
  };
}

/** What is left out together; rows of a kind without sizes are all of one. */
function sizeOf(row: Measurement): string | undefined {
  switch (row.kind) {
    case "norm":
    case "norm-backward":
    case "norm-counters":
      return `hidden ${row.hidden}`;
    case "gemm":
      return `${row.n} x ${row.k}`;
    case "pointwise":
    case "softmax":
      return `${row.columns}`;
    case "attention":
      return `${row.heads} ${row.kvHeads} ${row.headDim}`;
    case "layer":
      return `${row.phase} ${row.batch} ${row.sequence} ${row.context}`;
  }
}
