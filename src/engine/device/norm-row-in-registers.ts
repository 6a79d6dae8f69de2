import type { Law, WorkOf } from "./law.ts";
import { softMaximum } from "./math.ts";
import { PADDED_LINE, paddedColumns, ROW_STREAMING_LINES, rowStreamingSeconds } from "./rows-in-registers.ts";
import { timing } from "./timing.ts";

type Row = WorkOf<"row-in-registers">;

/**
 * A fused norm keeps its row in registers: bytes once, and a short reduction along the row. The row is padded to a power
 * of two, and the lanes that hold nothing take their part in every instruction: at widths between powers of two issuing
 * them, not the memory, is what many rows wait for. Each further input of a row is one more load to wait for.
 */
export const normRowInRegisters: Law<Row> = {
  time({ work }, traffic, device, note) {
    const c = device.calibration!;
    const p = c.rowInRegisters[work.norm];
    const { memory, cache } = rowStreamingSeconds(traffic, device);
    const padded = paddedColumns(work.columns);
    const floor = p.floorSeconds + c.rowInRegisters.inputSeconds * (work.inputs - 1);
    const walk = p.rowSecondsPerColumn * padded * work.inputs;
    const issue = p.secondsPerElement * padded * work.rows;
    const busy = softMaximum(c.rowInRegisters.softness, issue, memory + cache);
    note?.({ padded, floor, walk, issue });
    return timing(floor + walk + busy, { memory, cache, latency: floor + Math.max(walk, issue) });
  },
  formula({ norm }) {
    const p = `rowInRegisters.${norm}`;
    return [
      ...ROW_STREAMING_LINES,
      PADDED_LINE,
      ["floor", `${p}.floorSeconds + rowInRegisters.inputSeconds * (inputs - 1)`],
      ["walk", `${p}.rowSecondsPerColumn * padded * inputs`],
      ["issue", `${p}.secondsPerElement * padded * rows`],
      ["latency", "floor + max(walk, issue)"],
      ["seconds", "floor + walk + softMaximum(rowInRegisters.softness, issue, memory + cache)"],
    ];
  },
};
