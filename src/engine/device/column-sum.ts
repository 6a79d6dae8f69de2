import type { Law, WorkOf } from "./law.ts";
import { softMaximum } from "./math.ts";
import { SUM_SOFTNESS } from "./row-sum.ts";
import { streamingLines, streamingSeconds } from "./streaming.ts";
import { timing } from "./timing.ts";

/** Sums over rows (weight and bias gradients): each block walks all rows of its few columns, one after the other. */
export const columnSum: Law<WorkOf<"column-sum">> = {
  time({ work }, traffic, device, note) {
    const c = device.calibration!;
    const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
    const walk = c.columnSum.secondsPerRow * work.rows;
    note?.({ walk });
    return timing(c.columnSum.floorSeconds + softMaximum(SUM_SOFTNESS, walk, memory + cache), {
      memory,
      cache,
      latency: c.columnSum.floorSeconds + walk,
    });
  },
  formula: () => [
    ...streamingLines(),
    ["walk", "columnSum.secondsPerRow * rows"],
    ["latency", "columnSum.floorSeconds + walk"],
    ["seconds", "columnSum.floorSeconds + softMaximum(SUM_SOFTNESS, walk, memory + cache)"],
  ],
  constants: { SUM_SOFTNESS },
};
