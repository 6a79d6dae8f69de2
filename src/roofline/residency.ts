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

/** What a chain of kernels asks of the memories, and which bytes it leaves in the L2 that HBM does not hold yet. */
interface ChainTraffic {
  readonly traffic: readonly Traffic[];
  readonly dirtyBytes: ReadonlyMap<string, number>;
}

/** The traffic of a layer between layers like it: what the one before it left dirty is written back in this one. */
export function layerTraffic(
  kernels: readonly Kernel[],
  cache: CalibrationValues["cache"],
): readonly Traffic[] {
  const { traffic, dirtyBytes } = chainTraffic(kernels, cache, LAYER_INPUTS);
  const left = [...dirtyBytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  const emptying = kernels.findIndex((kernel) => hitFraction(movedBytes(kernel), cache) === 0);
  return traffic.map((own, index) => (index === emptying ? { ...own, hbmBytes: own.hbmBytes + left } : own));
}

/**
 * Follows the L2 through kernels. Data that was touched a reuse distance ago (all bytes moved since, up to the end of
 * the kernel that wants it) is still there when that distance is below the resident size, gone when it is above by
 * more than the transition. Writes stay when the whole kernel fits. What was written and is pushed out is written back
 * by the kernel that pushes: a matmul that waits for its tensor cores hides it, one that streams weights does not.
 * What was read for the last time is not written back: its memory is the first that is used again.
 */
export function chainTraffic(
  kernels: readonly Kernel[],
  cache: CalibrationValues["cache"],
  justWritten: readonly string[],
): ChainTraffic {
  const touchedAt = new Map<string, number>(justWritten.map((tensor) => [tensor, 0]));
  const dirty = new Map<string, number>();
  const lastReader = lastReaders(kernels);
  let moved = 0;
  const traffic = kernels.map((kernel, index) => {
    const start = moved;
    const ownBytes = movedBytes(kernel);
    moved += ownBytes;
    let l2Bytes = 0;
    for (const { tensor, bytes } of kernel.reads) {
      const touched = touchedAt.get(tensor);
      if (touched !== undefined) l2Bytes += bytes * hitFraction(moved - touched, cache);
    }
    const kept = hitFraction(ownBytes, cache);
    l2Bytes += kept * writeBytes(kernel);
    for (const { tensor } of kernel.reads) touchedAt.set(tensor, start);
    let writtenBack = 0;
    for (const [tensor, bytes] of dirty) {
      const left = Math.min(bytes, bytes * hitFraction(moved - touchedAt.get(tensor)!, cache));
      writtenBack += bytes - left;
      dirty.set(tensor, left);
    }
    for (const { tensor } of kernel.reads) {
      touchedAt.set(tensor, moved);
      if (lastReader.get(tensor) === index) dirty.delete(tensor);
    }
    for (const { tensor, bytes } of kernel.writes) {
      touchedAt.set(tensor, moved);
      dirty.set(tensor, bytes * kept);
    }
    return { hbmBytes: ownBytes - l2Bytes + writtenBack, l2Bytes };
  });
  return { traffic, dirtyBytes: dirty };
}

const movedBytes = (kernel: Kernel): number => readBytes(kernel) + writeBytes(kernel);

function lastReaders(kernels: readonly Kernel[]): Map<string, number> {
  const last = new Map<string, number>();
  kernels.forEach((kernel, index) => {
    for (const { tensor } of kernel.reads) last.set(tensor, index);
  });
  return last;
}

/** Share of data that is still in the L2 after `distanceBytes` more were moved. */
export function hitFraction(distanceBytes: number, cache: CalibrationValues["cache"]): number {
  return fallingRamp(distanceBytes, cache.residentBytes, cache.transitionBytes);
}
