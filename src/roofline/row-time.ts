import type { Work } from "../layer/kernel.ts";
import type { Device } from "./device.ts";
import { streamingSeconds } from "./pointwise-time.ts";
import type { Traffic } from "./residency.ts";
import { power, softMaximum } from "./soft-maximum.ts";
import { type Timing, timing } from "./terms.ts";

type Row = Extract<Work, { kind: "row-per-block" | "row-in-registers" }>;

/**
 * torch's own norm kernels: a block of threads walks its row for the statistics, then again to normalize. However few
 * rows there are, one block must walk one row, and that latency is what a norm costs in decode; with many rows the
 * issue time of all blocks or the memory takes over.
 */
export function rowPerBlockTime(work: Row, traffic: Traffic, device: Device): Timing {
  const c = device.calibration!;
  const p = c.rowPerBlock[work.direction === "forward" ? work.norm : "backward"];
  const again = rereadBytes(work, device);
  const { memory, cache } = streamingSeconds(
    { hbmBytes: traffic.hbmBytes + again, l2Bytes: traffic.l2Bytes },
    device,
    c.memory.rowPerBlockFraction,
  );
  const walk = p.rowSecondsPerColumn * work.columns;
  const issue = work.rows * (p.blockSeconds + p.blockSecondsPerColumn * work.columns);
  return timing(p.floorSeconds + softMaximum(c.rowPerBlock.softness, walk, issue, memory + cache), {
    memory,
    cache,
    latency: p.floorSeconds + Math.max(walk, issue),
  });
}

/**
 * Bytes that a row-per-block kernel reads a second time from HBM. While few bytes are in flight every second read
 * hits the L2; the more are, the larger the share that misses, except for the rows that the rest of the L2 keeps.
 * Measured with DRAM counters (measurements/h100-sxm/counters.jsonl: 9 widths, 8 row counts): half of the second
 * reads miss when the rows in flight fill about 0.43 of the L2.
 */
export function rereadBytes(work: Work, device: Device): number {
  if (work.kind !== "row-per-block" || device.calibration === undefined) return 0;
  const p = device.calibration.rowPerBlock;
  const rowsInFlight = Math.min(work.rows, device.hardware.computeUnits * p.blocksPerUnit);
  const bytesInFlight = rowsInFlight * work.rowBytes;
  const missing = 1 / (1 + power(p.rereadFlightBytes / bytesInFlight, REREAD_SHARPNESS));
  const totalBytes = work.rows * work.rowBytes;
  const furtherWaves = Math.min(1, totalBytes / bytesInFlight - 1);
  const kept = Math.max(0, p.rereadResidentBytes - bytesInFlight) * (1 + LATER_WAVES_KEEP * furtherWaves);
  return missing * Math.max(0, totalBytes - kept);
}

/** With more rows than fit in flight, the last ones run beside fewer others and keep that much more of the L2. */
export const LATER_WAVES_KEEP = 0.5;

/** From a tenth to nine tenths of second reads missing while the bytes in flight grow by 1.7. */
export const REREAD_SHARPNESS = 8;

/**
 * A fused norm keeps its row in registers: bytes once, and a short reduction along the row. The row is padded to a power
 * of two, and the lanes that hold nothing take their part in every instruction: at widths between powers of two issuing
 * them, not the memory, is what many rows wait for. Each further input of a row is one more load to wait for.
 */
export function rowInRegistersTime(work: Row, traffic: Traffic, device: Device): Timing {
  const c = device.calibration!;
  const p = c.rowInRegisters[work.norm];
  const streaming = streamingSeconds(traffic, device, c.memory.streamingFraction);
  const memory = streaming.memory;
  const cache = streaming.cache * c.rowInRegisters.cacheFactor;
  const padded = 2 ** Math.ceil(Math.log2(work.columns));
  const floor = p.floorSeconds + c.rowInRegisters.inputSeconds * (work.inputs - 1);
  const walk = p.rowSecondsPerColumn * padded * work.inputs;
  const issue = p.secondsPerElement * padded * work.rows;
  const busy = softMaximum(c.rowInRegisters.softness, issue, memory + cache);
  return timing(floor + walk + busy, { memory, cache, latency: floor + Math.max(walk, issue) });
}

/** Rows quantized one by one: each is kept in registers while its largest value is found, as in a fused norm. */
export function quantizeTime(
  work: Extract<Work, { kind: "quantize" }>,
  traffic: Traffic,
  device: Device,
): Timing {
  const c = device.calibration!;
  const streaming = streamingSeconds(traffic, device, c.memory.streamingFraction);
  const memory = streaming.memory;
  const cache = streaming.cache * c.rowInRegisters.cacheFactor;
  const latency =
    c.quantization.floorSeconds +
    c.quantization.rowSecondsPerColumn * 2 ** Math.ceil(Math.log2(work.columns));
  return timing(latency + memory + cache, { memory, cache, latency });
}

/**
 * The fused backward of either norm: one block a processor walks its rows one after the other and keeps partial sums of
 * the weight gradients, so that a row's latency counts as often as a block has rows.
 */
export function rowInRegistersBackwardTime(work: Row, traffic: Traffic, device: Device): Timing {
  const c = device.calibration!;
  const p = c.rowInRegisters.backward;
  const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
  const rowsPerBlock = Math.ceil(work.rows / device.hardware.computeUnits);
  const padded = 2 ** Math.ceil(Math.log2(work.columns));
  const walk = rowsPerBlock * (p.rowSeconds + p.rowSecondsPerColumn * padded);
  return timing(p.floorSeconds + softMaximum(c.rowPerBlock.softness, walk, memory + cache), {
    memory,
    cache,
    latency: p.floorSeconds + walk,
  });
}

/** torch's generic reduction along rows: the threads of a row step along it, then combine what they found. */
export function rowSumTime(
  work: Extract<Work, { kind: "row-sum" }>,
  traffic: Traffic,
  device: Device,
): Timing {
  const c = device.calibration!;
  const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
  const walk = (c.rowSum.secondsPerStep * work.columns) / threadsPerRow(work.rows, work.columns);
  const streaming = c.rowSum.memoryFactor * (memory + cache);
  return timing(c.rowSum.floorSeconds + softMaximum(ROW_SUM_SOFTNESS, walk, streaming), {
    memory,
    cache,
    latency: c.rowSum.floorSeconds + walk,
  });
}

export const ROW_SUM_SOFTNESS = 3;
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

/** Sums over rows (weight and bias gradients): each block walks all rows of its few columns, one after the other. */
export function columnSumTime(
  work: Extract<Work, { kind: "column-sum" }>,
  traffic: Traffic,
  device: Device,
): Timing {
  const c = device.calibration!;
  const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
  const walk = c.columnSum.secondsPerRow * work.rows;
  return timing(c.columnSum.floorSeconds + softMaximum(ROW_SUM_SOFTNESS, walk, memory + cache), {
    memory,
    cache,
    latency: c.columnSum.floorSeconds + walk,
  });
}
