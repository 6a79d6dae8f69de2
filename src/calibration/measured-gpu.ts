import type { Hardware } from "../schema/hardware.ts";
import type { MeasuredKind, Measurement } from "../schema/measurement.ts";

/** What the driver reports of the GPU that was measured. */
export type MeasuredGpu = MeasuredKind<"environment">;

/** The GPUs that rows were measured on; none where no row says. */
export function measuredGpus(rows: readonly Measurement[]): MeasuredGpu[] {
  const reports = rows.filter((row) => row.kind === "environment");
  const different = reports.filter((row, index) => reports.findIndex((one) => isSameGpu(one, row)) === index);
  // not every script reports the memory: the fullest report of a GPU stands for it
  return different.map(
    (row) => reports.find((one) => isSameGpu(one, row) && one.memoryBytes !== undefined) ?? row,
  );
}

const isSameGpu = (a: MeasuredGpu, b: MeasuredGpu): boolean =>
  a.gpu === b.gpu && a.computeUnits === b.computeUnits;

/** Drivers before 470 leave the vendor out: `A100-SXM4-80GB`. */
const withoutVendor = (name: string): string => name.toLowerCase().replace(/^(nvidia|amd) /, "");

/** Drivers reserve more or less for themselves, and ECC takes up to 1/16. */
const MEMORY_TOLERANCE = 0.1;

/** By what the measured GPU is another device than the profile's, a line each. The L2 is left out: ROCm reports one die's. */
export function differences({ gpu, computeUnits, memoryBytes }: MeasuredGpu, profile: Hardware): string[] {
  const found: string[] = [];
  if (profile.gpu !== undefined && withoutVendor(gpu) !== withoutVendor(profile.gpu))
    found.push(`gpu: measured "${gpu}", the profile's "${profile.gpu}"`);
  if (computeUnits !== profile.computeUnits)
    found.push(`computeUnits: measured ${computeUnits}, the profile's ${profile.computeUnits}`);
  if (memoryBytes !== undefined && Math.abs(memoryBytes / profile.hbmBytes - 1) > MEMORY_TOLERANCE)
    found.push(`hbmBytes: measured ${memoryBytes}, the profile's ${profile.hbmBytes}`);
  return found;
}
