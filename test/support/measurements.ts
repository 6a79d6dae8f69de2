import { readFileSync } from "node:fs";
import { kernelChainSeconds } from "../../src/calibration/calibrate.ts";
import { measuredCase } from "../../src/calibration/measured-kernels.ts";
import type { Device } from "../../src/engine/device/device.ts";
import { type Measurement, MeasurementSchema } from "../../src/schema/measurement.ts";

const text = (path: string): string =>
  readFileSync(new URL(`../../measurements/${path}`, import.meta.url), "utf8").trim();

/** Rows of a shipped measurements file, every one checked against the schema. */
export const measurements = (path: string): Measurement[] =>
  text(path)
    .split("\n")
    .map((line) => MeasurementSchema.parse(JSON.parse(line)));

/** Rows of a published CSV, by column name. */
export function published(path: string): Record<string, string>[] {
  const [head, ...lines] = text(`published/${path}`).split("\n");
  const names = head!.split(",");
  return lines.map((line) => Object.fromEntries(line.split(",").map((cell, index) => [names[index]!, cell])));
}

/** What the device takes for the kernels of an operator row. */
export function predictedSeconds(row: Measurement, target: Device): number {
  const measured = measuredCase(row);
  if (measured === undefined) throw new Error(`no kernels for ${JSON.stringify(row)}`);
  return kernelChainSeconds(measured.kernels, measured.justWritten, "layerSeconds" in row)(target);
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};
