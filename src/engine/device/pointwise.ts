import type { CalibrationValues } from "../../schema/calibration.ts";
import type { PointwiseAccess } from "../layer/kernel.ts";
import type { Law, WorkOf } from "./law.ts";
import { softMaximum } from "./math.ts";
import { streamingLines, streamingSeconds } from "./streaming.ts";
import { timing } from "./timing.ts";

type Name = keyof CalibrationValues["pointwise"];

interface AccessParameters {
  /** time of the smallest kernel */
  readonly floor: Name;
  /** issue time of one element, where it has any */
  readonly issue?: Name;
  /** by which that of this kind of access is longer than the one that `issue` names */
  readonly issueFactor?: Name;
  /** memory time over that of a kernel that streams */
  readonly memoryFactor?: Name;
}

const PARAMETERS: Readonly<Record<PointwiseAccess, AccessParameters>> = {
  vectorized: { floor: "vectorizedFloorSeconds" },
  silu: { floor: "vectorizedFloorSeconds", issue: "siluSecondsPerElement" },
  gelu: { floor: "vectorizedFloorSeconds", issue: "geluSecondsPerElement" },
  unrolled: { floor: "stridedFloorSeconds", issue: "unrolledSecondsPerElement" },
  strided: { floor: "stridedFloorSeconds", issue: "stridedSecondsPerElement" },
  transposed: { floor: "stridedFloorSeconds", issue: "transposedSecondsPerElement" },
  permuted: {
    floor: "stridedFloorSeconds",
    issue: "transposedSecondsPerElement",
    issueFactor: "permutedIssueFactor",
  },
  concatenate: { floor: "stridedFloorSeconds", issue: "concatenateSecondsPerElement" },
  "concatenate-cache": {
    floor: "stridedFloorSeconds",
    issue: "concatenateSecondsPerElement",
    issueFactor: "cacheConcatenationIssueFactor",
  },
  "many-tensors": { floor: "vectorizedFloorSeconds", memoryFactor: "manyTensorsMemoryFactor" },
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
    const factor = p.issueFactor === undefined ? 1 : c.pointwise[p.issueFactor];
    const issue = p.issue === undefined ? 0 : work.elements * c.pointwise[p.issue] * factor;
    const moving = (memory + cache) * (p.memoryFactor === undefined ? 1 : c.pointwise[p.memoryFactor]);
    note?.({ issue });
    return timing(floor + softMaximum(c.pointwise.softness, issue, moving), {
      memory,
      cache,
      latency: floor + issue,
    });
  },
  formula({ access }) {
    const { floor, issue, issueFactor, memoryFactor } = PARAMETERS[access];
    if (issue === undefined)
      return [
        ...streamingLines(),
        ["latency", `pointwise.${floor}`],
        [
          "seconds",
          memoryFactor === undefined
            ? "latency + memory + cache"
            : `latency + pointwise.${memoryFactor} * (memory + cache)`,
        ],
      ];
    return [
      ...streamingLines(),
      [
        "issue",
        `elements * pointwise.${issue}${issueFactor === undefined ? "" : ` * pointwise.${issueFactor}`}`,
      ],
      ["latency", `pointwise.${floor} + issue`],
      ["seconds", `pointwise.${floor} + softMaximum(pointwise.softness, issue, memory + cache)`],
    ];
  },
};
