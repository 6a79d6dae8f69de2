import type { CalibrationValues } from "../../schema/calibration.ts";
import type { PointwiseAccess } from "../layer/kernel.ts";
import type { Law, WorkOf } from "./law.ts";
import { softMaximum } from "./math.ts";
import { streamingLines, streamingSeconds } from "./streaming.ts";
import { timing } from "./timing.ts";

type Name = keyof CalibrationValues["pointwise"];

/** Parameters of each kind of access: the smallest kernel, and the issue time of one element where it has any. */
const PARAMETERS: Readonly<Record<PointwiseAccess, { readonly floor: Name; readonly issue?: Name }>> = {
  vectorized: { floor: "vectorizedFloorSeconds" },
  silu: { floor: "vectorizedFloorSeconds", issue: "siluSecondsPerElement" },
  gelu: { floor: "vectorizedFloorSeconds", issue: "geluSecondsPerElement" },
  unrolled: { floor: "stridedFloorSeconds", issue: "unrolledSecondsPerElement" },
  strided: { floor: "stridedFloorSeconds", issue: "stridedSecondsPerElement" },
  transposed: { floor: "stridedFloorSeconds", issue: "transposedSecondsPerElement" },
  concatenate: { floor: "stridedFloorSeconds", issue: "concatenateSecondsPerElement" },
};

/**
 * Element-wise kernels. Vectorized ones stream at memory speed; where operands are broadcast, transposed, chunked or
 * concatenated, each element costs address arithmetic and a narrow load, and that issue time dominates.
 */
export const pointwise: Law<WorkOf<"pointwise">> = {
  time({ work }, traffic, device, note) {
    const c = device.calibration!;
    const p = PARAMETERS[work.access];
    const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
    const floor = c.pointwise[p.floor];
    const issue = p.issue === undefined ? 0 : work.elements * c.pointwise[p.issue];
    note?.({ issue });
    return timing(floor + softMaximum(c.pointwise.softness, issue, memory + cache), {
      memory,
      cache,
      latency: floor + issue,
    });
  },
  formula({ access }) {
    const { floor, issue } = PARAMETERS[access];
    if (issue === undefined)
      return [
        ...streamingLines(),
        ["latency", `pointwise.${floor}`],
        ["seconds", "latency + memory + cache"],
      ];
    return [
      ...streamingLines(),
      ["issue", `elements * pointwise.${issue}`],
      ["latency", `pointwise.${floor} + issue`],
      ["seconds", `pointwise.${floor} + softMaximum(pointwise.softness, issue, memory + cache)`],
    ];
  },
};
