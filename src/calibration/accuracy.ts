import { type Device, device } from "../engine/device/device.ts";
import { knowsNormTimes } from "../engine/layer-result.ts";
import type { AccuracyAnswer, Difference, Errors } from "../schema/accuracy.ts";
import type { Hardware } from "../schema/hardware.ts";
import type { MeasuredLayer, Measurement } from "../schema/measurement.ts";
import { PHASES } from "../schema/vocabulary.ts";
import { type Observation, observe, quantile } from "./calibrate.ts";
import { FIT_STAGES, HELD_KERNELS, isFitted } from "./fit-stages.ts";
import { layerPredictions, measuredShare, measuredWith, predictedShare } from "./measured-layers.ts";

export type Accuracy = Pick<AccuracyAnswer, "kernels" | "layers" | "differences">;

/** Compares a profile with measurements of its device: kernel classes, whole layers, shares and savings. */
export function accuracy(measurements: readonly Measurement[], profile: Hardware): Accuracy {
  const target = device(profile);
  const { calibration: _, ...datasheet } = profile;
  const ideal = device(datasheet);
  const layers = measurements.filter((row): row is MeasuredLayer => row.kind === "layer");
  return {
    kernels: kernelErrors(measurements, target, ideal),
    layers: layerErrors(layers, target, ideal),
    // a datasheet predicts neither
    differences: knowsNormTimes(profile)
      ? [...shareErrors(layers, target), ...savingDifferences(layers, target)]
      : [],
  };
}

function kernelErrors(
  measurements: readonly Measurement[],
  target: Device,
  ideal: Device,
): Accuracy["kernels"] {
  return [...FIT_STAGES, ...HELD_KERNELS].flatMap((group) => {
    const rows = measurements.filter((row) => row.kind !== "layer" && group.rows(row)).flatMap(observe);
    return rows.length === 0 ? [] : [{ name: group.name, ...errorsOf(rows, target, ideal) }];
  });
}

/** Below this many tokens a prefill's time is floors and weights, above it matmuls at full rate. */
const LONG_PREFILL_TOKENS = 2048;

function layerGroup(row: MeasuredLayer): string {
  const tokens = row.batch * row.sequence;
  switch (measuredWith(row)) {
    case "experts":
      return `${row.phase} with experts, ${row.runtime}`;
    case "two GPUs":
      return `${row.phase} on ${row.tensor} GPUs, ${row.runtime}`;
    case "fp8":
      return `${row.phase} in fp8, ${row.runtime}`;
  }
  const size = row.phase === "prefill" ? (tokens < LONG_PREFILL_TOKENS ? " <2048" : " >=2048") : "";
  return `${row.phase}${size}, ${row.runtime}`;
}

function layerErrors(layers: readonly MeasuredLayer[], target: Device, ideal: Device): Accuracy["layers"] {
  const names = [...new Set(layers.map(layerGroup))].sort();
  return names.flatMap((name) =>
    [false, true].flatMap((fitted) => {
      const rows = layers
        .filter((row) => layerGroup(row) === name && isFitted(row) === fitted)
        .flatMap(observe);
      return rows.length === 0 ? [] : [{ name, fitted, ...errorsOf(rows, target, ideal) }];
    }),
  );
}

function errorsOf(rows: readonly Observation[], target: Device, ideal: Device): Errors {
  const signed = sorted(rows.map((row) => row.predict(target) / row.value - 1));
  const absolute = sorted(signed.map(Math.abs));
  return {
    rows: rows.length,
    medianError: quantile(absolute, 0.5),
    percentile90Error: quantile(absolute, 0.9),
    worstError: absolute.at(-1) ?? 0,
    bias: quantile(signed, 0.5),
    datasheetMedianError: quantile(
      sorted(rows.map((row) => Math.abs(row.predict(ideal) / row.value - 1))),
      0.5,
    ),
  };
}

const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

interface Compared {
  readonly measured: number;
  readonly spread: number;
  readonly predicted: number;
}

function summarize(
  name: string,
  layers: readonly MeasuredLayer[],
  compare: (row: MeasuredLayer) => Compared[],
): Difference[] {
  return PHASES.flatMap((phase) => {
    const all = layers.filter((row) => row.phase === phase).flatMap(compare);
    if (all.length === 0) return [];
    const resolved = all.filter(isResolved);
    const errors = sorted(resolved.map(errorPoints));
    const right = resolved.filter(({ measured, predicted }) => Math.sign(measured) === Math.sign(predicted));
    return [
      {
        name,
        phase,
        rows: all.length,
        resolved: resolved.length,
        medianErrorPoints: quantile(errors, 0.5),
        percentile90ErrorPoints: quantile(errors, 0.9),
        rightSign: resolved.length === 0 ? 1 : right.length / resolved.length,
      },
    ];
  });
}

export const isResolved = ({ measured, spread }: Compared): boolean => Math.abs(measured) > spread;

export const errorPoints = ({ measured, predicted }: Compared): number =>
  100 * Math.abs(predicted - measured);

/** Median error of normalization's share over all norms that were measured, percentage points. */
export function medianShareErrorPoints(layers: readonly MeasuredLayer[], target: Device): number {
  const all = layers.flatMap((row) =>
    Object.keys(row.seconds)
      .filter(hasOwnAdd)
      .flatMap((normalization) => compareShare(row, normalization, target)),
  );
  return quantile(sorted(all.filter(isResolved).map(errorPoints)), 0.5);
}

/**
 * Normalization's share of the layer: measured as the difference to the same layer without norms. Norms that take the
 * residual add along are left out, since the layer without norms keeps that add.
 */
function shareErrors(layers: readonly MeasuredLayer[], target: Device): Difference[] {
  const names = new Set(layers.flatMap((row) => Object.keys(row.seconds)));
  return [...names]
    .filter(hasOwnAdd)
    .flatMap((normalization) =>
      summarize(`share of ${normalization}`, layers, (row) => compareShare(row, normalization, target)),
    );
}

const hasOwnAdd = (normalization: string): boolean => !normalization.endsWith("residual-fused");

function compareShare(row: MeasuredLayer, normalization: string, target: Device): Compared[] {
  const measured = measuredShare(row, normalization, "none");
  const predicted = predictedShare(row, normalization, target);
  return measured === undefined || predicted === undefined ? [] : [{ ...measured, predicted }];
}

/** From what to what: the swaps that reports speak of. */
const SAVINGS = [
  ["layernorm.native", "rmsnorm.native"],
  ["layernorm.native", "rmsnorm.fused"],
  ["layernorm.native", "rmsnorm.residual-fused"],
  ["rmsnorm.eager", "rmsnorm.native"],
  ["layernorm.eager", "layernorm.native"],
] as const;

function savingDifferences(layers: readonly MeasuredLayer[], target: Device): Difference[] {
  return SAVINGS.flatMap(([from, to]) =>
    summarize(`${from} to ${to}`, layers, (row) =>
      compareSaving(row, predictedSeconds(row, target), from, to),
    ),
  );
}

/** Predicted seconds of a measured layer by its norms. */
export const predictedSeconds = (row: MeasuredLayer, target: Device): ReadonlyMap<string, number> =>
  new Map(layerPredictions(row).map(({ name, predict }) => [name, predict(target)]));

/** What a swap of norms saves of a layer's time, measured beside predicted; nothing where one of them is missing. */
export function compareSaving(
  row: MeasuredLayer,
  predicted: ReadonlyMap<string, number>,
  from: string,
  to: string,
): Compared[] {
  const measured = measuredShare(row, from, to);
  const before = predicted.get(from);
  const after = predicted.get(to);
  if (measured === undefined || before === undefined || after === undefined) return [];
  return [{ ...measured, predicted: (before - after) / before }];
}
