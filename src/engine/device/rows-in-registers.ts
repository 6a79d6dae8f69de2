import type { Device } from "./device.ts";
import type { Formula, Line } from "./law.ts";
import type { Traffic } from "./residency.ts";
import { streamingSeconds } from "./streaming.ts";

/** Columns of a row kept in registers: a power of two. */
export const paddedColumns = (columns: number): number => 2 ** Math.ceil(Math.log2(columns));

export const PADDED_LINE: Line = ["padded", "2 ** ceil(log2(columns))"];

/** HBM and L2 time of rows kept in registers: each waits for its own data, so that the L2 serves them more slowly. */
export function rowStreamingSeconds(traffic: Traffic, device: Device): { memory: number; cache: number } {
  const c = device.calibration!;
  const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
  return { memory, cache: cache * c.rowInRegisters.cacheFactor };
}

export const ROW_STREAMING_LINES: Formula = [
  ["memory", "traffic.hbmBytes / (hardware.hbmBytesPerSecond * memory.streamingFraction)"],
  ["cache", "traffic.l2Bytes / cache.bytesPerSecond * rowInRegisters.cacheFactor"],
];
