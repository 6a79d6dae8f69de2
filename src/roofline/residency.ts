import type { Kernel } from "../layer/kernel.ts";
import { readBytes, writeBytes } from "../layer/kernel.ts";
import type { CalibrationValues } from "../schema/calibration.ts";
import { fallingRamp } from "./soft-maximum.ts";

/** Where a kernel's bytes come from and go to. */
export interface Traffic {
  readonly hbmBytes: number;
  readonly l2Bytes: number;
}

/** What the previous layer wrote last is the first thing a layer reads. */
const LAYER_INPUTS = ["residual stream", "ffn output", "residual stream after attention"] as const;

/**
 * Follows the L2 through a layer. Data that was touched a reuse distance ago (all bytes moved since, up to the end of
 * the kernel that wants it) is still there when that distance is below the resident size, gone when it is above by
 * more than the transition. Writes stay when the whole kernel fits, and cost HBM time when it does not.
 */
export function layerTraffic(
  kernels: readonly Kernel[],
  cache: CalibrationValues["cache"],
  justWritten: readonly string[] = LAYER_INPUTS,
): Traffic[] {
  const touchedAt = new Map<string, number>(justWritten.map((tensor) => [tensor, 0]));
  let moved = 0;
  return kernels.map((kernel) => {
    const ownBytes = readBytes(kernel) + writeBytes(kernel);
    const end = moved + ownBytes;
    let l2Bytes = 0;
    for (const { tensor, bytes } of kernel.reads) {
      const touched = touchedAt.get(tensor);
      if (touched !== undefined) l2Bytes += bytes * hitFraction(end - touched, cache);
    }
    for (const { bytes } of kernel.writes) l2Bytes += bytes * hitFraction(ownBytes, cache);
    for (const { tensor } of kernel.reads) touchedAt.set(tensor, end);
    for (const { tensor } of kernel.writes) touchedAt.set(tensor, end);
    moved = end;
    return { hbmBytes: ownBytes - l2Bytes, l2Bytes };
  });
}

/** Share of data that is still in the L2 after `distanceBytes` more were moved. */
export function hitFraction(distanceBytes: number, cache: CalibrationValues["cache"]): number {
  return fallingRamp(distanceBytes, cache.residentBytes, cache.transitionBytes);
}
