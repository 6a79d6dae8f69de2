import type { Law, WorkOf } from "./law.ts";
import { softMaximum } from "./math.ts";
import { streamingLines, streamingSeconds } from "./streaming.ts";
import { timing } from "./timing.ts";

/** Exponent of the soft maximum of walking and memory, in sums along and over rows. */
export const SUM_SOFTNESS = 3;

/** torch's generic reduction along rows: the threads of a row step along it, then combine what they found. */
export const rowSum: Law<WorkOf<"row-sum">> = {
  time({ work }, traffic, device, note) {
    const c = device.calibration!;
    const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
    const threads = threadsPerRow(work.rows, work.columns);
    const walk = (c.rowSum.secondsPerStep * work.columns) / threads;
    const streaming = c.rowSum.memoryFactor * (memory + cache);
    note?.({ threads, walk });
    return timing(c.rowSum.floorSeconds + softMaximum(SUM_SOFTNESS, walk, streaming), {
      memory,
      cache,
      latency: c.rowSum.floorSeconds + walk,
    });
  },
  formula: () => [
    ...streamingLines(),
    ["threads", "threadsPerRow(rows, columns)"],
    ["walk", "rowSum.secondsPerStep * columns / threads"],
    ["latency", "rowSum.floorSeconds + walk"],
    [
      "seconds",
      "rowSum.floorSeconds + softMaximum(SUM_SOFTNESS, walk, rowSum.memoryFactor * (memory + cache))",
    ],
  ],
  constants: { SUM_SOFTNESS },
};

const WARP = 32;
const LARGEST_BLOCK = 512;
const MOST_ROWS_PER_BLOCK = LARGEST_BLOCK / WARP;

/**
 * How torch lays a block of 512 threads over rows (aten/src/ATen/native/cuda/Reduce.cuh): as many rows as there are,
 * up to 16, share a block; where that leaves a thread many elements, the whole block works on one row.
 */
export function threadsPerRow(rows: number, columns: number): number {
  const height = Math.min(powerOfTwoBelow(rows), MOST_ROWS_PER_BLOCK);
  const width = Math.min(powerOfTwoBelow(columns), LARGEST_BLOCK / height);
  const elementsPerThread = columns / width;
  return elementsPerThread >= Math.min(16 * height, 256) ? width * height : width;
}

const powerOfTwoBelow = (n: number): number => 2 ** Math.floor(Math.log2(n));
