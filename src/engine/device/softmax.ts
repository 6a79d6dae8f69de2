import type { Law, WorkOf } from "./law.ts";
import { softMaximum } from "./math.ts";
import { streamingLines, streamingSeconds } from "./streaming.ts";
import { timing } from "./timing.ts";

/** torch gives rows up to this long to one warp, which keeps them in registers; longer ones to a block. */
const PERSISTENT_COLUMNS = 2048;

const WARP_A_ROW = { issue: "persistentSecondsPerElement", walk: "persistentRowSecondsPerColumn" } as const;
const BLOCK_A_ROW = { issue: "secondsPerElement", walk: "rowSecondsPerColumn" } as const;

const parametersFor = (columns: number) => (columns <= PERSISTENT_COLUMNS ? WARP_A_ROW : BLOCK_A_ROW);

/**
 * A softmax kernel: exponentials make it slower than its bytes, and however few rows there are, a warp or a block must
 * walk one. Measured at 23 shapes of 128 to 128256 columns (measurements/h100-sxm, h200-sxm).
 */
export const softmax: Law<WorkOf<"softmax">> = {
  time({ work }, traffic, device, note) {
    const c = device.calibration!;
    const p = parametersFor(work.columns);
    const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
    const floor = c.pointwise.stridedFloorSeconds;
    const issue = work.elements * c.softmax[p.issue];
    const walk = work.columns * c.softmax[p.walk];
    note?.({ issue, walk });
    return timing(floor + softMaximum(c.pointwise.softness, walk, issue, memory + cache), {
      memory,
      cache,
      latency: floor + Math.max(walk, issue),
    });
  },
  formula({ columns }) {
    const { issue, walk } = parametersFor(columns);
    return [
      ...streamingLines(),
      ["issue", `elements * softmax.${issue}`],
      ["walk", `columns * softmax.${walk}`],
      ["latency", "pointwise.stridedFloorSeconds + max(walk, issue)"],
      [
        "seconds",
        "pointwise.stridedFloorSeconds + softMaximum(pointwise.softness, walk, issue, memory + cache)",
      ],
    ];
  },
};
