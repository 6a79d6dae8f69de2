import type { CalibrationValues } from "../../schema/calibration.ts";
import type { Device } from "./device.ts";
import type { Formula } from "./law.ts";
import type { Traffic } from "./residency.ts";

/** HBM and L2 time of a kernel's bytes at a share of the peak bandwidth; one stream, so they add up. */
export function streamingSeconds(
  traffic: Traffic,
  device: Device,
  fraction: number,
): { memory: number; cache: number } {
  return {
    memory: traffic.hbmBytes / (device.hbmBytesPerSecond * fraction),
    cache: traffic.l2Bytes / device.calibration!.cache.bytesPerSecond,
  };
}

export const streamingLines = (
  fraction: keyof CalibrationValues["memory"] = "streamingFraction",
): Formula => [
  ["memory", `traffic.hbmBytes / (hardware.hbmBytesPerSecond * memory.${fraction})`],
  ["cache", "traffic.l2Bytes / cache.bytesPerSecond"],
];
