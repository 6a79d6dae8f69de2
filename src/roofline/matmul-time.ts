import type { Kernel, Work } from "../layer/kernel.ts";
import { type Device, matmulPeak } from "./device.ts";
import type { Traffic } from "./residency.ts";
import { softMaximum } from "./soft-maximum.ts";
import { type Timing, timing } from "./terms.ts";

type Matmul = Extract<Work, { kind: "matmul" }>;

/** The pipeline that a matmul fills is never deeper than this many elements of the inner dimension. */
const DEEPEST_INNER = 4096;

/**
 * A matmul: floor and pipeline fill, then the soft maximum of tensor-core and memory time. Long matmuls draw the full
 * board power and the clock falls (`sustainedClock`).
 */
export function matmulTime(kernel: Kernel, work: Matmul, traffic: Traffic, device: Device): Timing {
  const c = device.calibration!;
  const peak = matmulPeak(device.hardware, work.dataType) ?? device.vectorFlopsPerSecond;
  const rate = peak * c.matmul.peakFraction * sustainedClock(kernel.flops, c.matmul);
  const compute =
    (kernel.flops * tilePadding(work, device.hardware.computeUnits)) /
    (rate * (work.gradient ? c.matmul.backwardFraction : 1));
  const memory = traffic.hbmBytes / (device.hbmBytesPerSecond * c.memory.weightFraction);
  const cache = traffic.l2Bytes / c.cache.bytesPerSecond;
  const latency = c.matmul.floorSeconds + c.matmul.secondsPerInner * Math.min(work.k, DEEPEST_INNER);
  return timing(latency + softMaximum(c.matmul.softness, compute, memory + cache), {
    compute,
    memory,
    cache,
    latency,
  });
}

/** Share of the clock that is left under the power limit after `flops` of back-to-back tensor-core work. */
export function sustainedClock(
  flops: number,
  p: { sustainedLoss: number; sustainedFlops: number; sustainedExponent: number },
): number {
  if (flops === 0) return 1;
  return 1 - p.sustainedLoss / (1 + (p.sustainedFlops / flops) ** p.sustainedExponent);
}

/** Output tiles, rows by columns, from the one with most reuse to the ones that fill a GPU with less work. */
const TILES = [
  [128, 256],
  [128, 128],
  [64, 128],
  [64, 64],
] as const;
/** Speed of a tile's inner loop relative to the largest one's: a smaller tile reads more operands per FLOP. */
const TILE_SPEED = [1, 0.9, 0.7, 0.5] as const;
/** A matmul with fewer tiles than processors splits the inner dimension, in pieces of at least this many elements. */
const SMALLEST_SPLIT = 512;

/**
 * Tile and wave quantization: work of the tiles as launched (edges padded, last wave full) over the work asked for,
 * for the best of the tile shapes. 1 for a matmul that fills the device exactly.
 */
export function tilePadding({ m, n, k, products }: Matmul, units: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TILES.length; i++) {
    const [rows, columns] = TILES[i]!;
    const tiles = products * Math.ceil(m / rows) * Math.ceil(n / columns);
    const splits =
      tiles >= units ? 1 : Math.max(1, Math.min(Math.floor(units / tiles), Math.floor(k / SMALLEST_SPLIT)));
    const waves = Math.ceil((tiles * splits) / units);
    const launched = (waves * units * rows * columns) / splits;
    best = Math.min(best, launched / (products * m * n) / TILE_SPEED[i]!);
  }
  return best;
}
