import type { Law, WorkOf } from "./law.ts";
import { softMaximum } from "./math.ts";
import { streamingLines, streamingSeconds } from "./streaming.ts";
import { timing } from "./timing.ts";

const ISSUE = { "top-k": "topKSecondsPerElement", sort: "sortSecondsPerElement" } as const;

/**
 * Choosing experts op by op: torch's top-k and sort start several small kernels, and then cost issue time per element
 * (measurements/h100-sxm/parts.jsonl).
 */
export const selection: Law<WorkOf<"selection">> = {
  time({ work }, traffic, device, note) {
    const c = device.calibration!;
    const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
    const floor = c.experts.selectionFloorSeconds;
    const issue = work.elements * c.experts[ISSUE[work.step]];
    note?.({ issue });
    return timing(floor + softMaximum(c.pointwise.softness, issue, memory + cache), {
      memory,
      cache,
      latency: floor + issue,
    });
  },
  formula: ({ step }) => [
    ...streamingLines(),
    ["issue", `elements * experts.${ISSUE[step]}`],
    ["latency", "experts.selectionFloorSeconds + issue"],
    ["seconds", "experts.selectionFloorSeconds + softMaximum(pointwise.softness, issue, memory + cache)"],
  ],
};
