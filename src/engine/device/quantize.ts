import type { Law, WorkOf } from "./law.ts";
import { PADDED_LINE, paddedColumns, ROW_STREAMING_LINES, rowStreamingSeconds } from "./rows-in-registers.ts";
import { timing } from "./timing.ts";

/** Rows quantized one by one: each is kept in registers while its largest value is found, as in a fused norm. */
export const quantize: Law<WorkOf<"quantize">> = {
  time({ work }, traffic, device, note) {
    const p = device.calibration!.quantization;
    const { memory, cache } = rowStreamingSeconds(traffic, device);
    const padded = paddedColumns(work.columns);
    const latency = p.floorSeconds + p.rowSecondsPerColumn * padded;
    note?.({ padded });
    return timing(latency + memory + cache, { memory, cache, latency });
  },
  formula: () => [
    ...ROW_STREAMING_LINES,
    PADDED_LINE,
    ["latency", "quantization.floorSeconds + quantization.rowSecondsPerColumn * padded"],
    ["seconds", "latency + memory + cache"],
  ],
};
