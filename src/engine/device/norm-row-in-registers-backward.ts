import type { Law, WorkOf } from "./law.ts";
import { softMaximum } from "./math.ts";
import { PADDED_LINE, paddedColumns } from "./rows-in-registers.ts";
import { streamingLines, streamingSeconds } from "./streaming.ts";
import { timing } from "./timing.ts";

/**
 * The fused backward of either norm: one block a processor walks its rows one after the other and keeps partial sums of
 * the weight gradients, so that a row's latency counts as often as a block has rows.
 */
export const normRowInRegistersBackward: Law<WorkOf<"row-in-registers">> = {
  time({ work }, traffic, device, note) {
    const c = device.calibration!;
    const p = c.rowInRegisters.backward;
    const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
    const rowsPerBlock = Math.ceil(work.rows / device.hardware.computeUnits);
    const padded = paddedColumns(work.columns);
    const walk = rowsPerBlock * (p.rowSeconds + p.rowSecondsPerColumn * padded);
    note?.({ rowsPerBlock, padded, walk });
    return timing(p.floorSeconds + softMaximum(c.rowPerBlock.softness, walk, memory + cache), {
      memory,
      cache,
      latency: p.floorSeconds + walk,
    });
  },
  formula() {
    const p = "rowInRegisters.backward";
    return [
      ...streamingLines(),
      ["rowsPerBlock", "ceil(rows / hardware.computeUnits)"],
      PADDED_LINE,
      ["walk", `rowsPerBlock * (${p}.rowSeconds + ${p}.rowSecondsPerColumn * padded)`],
      ["latency", `${p}.floorSeconds + walk`],
      ["seconds", `${p}.floorSeconds + softMaximum(rowPerBlock.softness, walk, memory + cache)`],
    ];
  },
};
