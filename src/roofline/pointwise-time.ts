import type { PointwiseAccess, Work } from "../layer/kernel.ts";
import type { CalibrationValues } from "../schema/calibration.ts";
import type { Device } from "./device.ts";
import type { Traffic } from "./residency.ts";
import { softMaximum } from "./soft-maximum.ts";
import { type Timing, timing } from "./terms.ts";

/**
 * Element-wise kernels. Vectorized ones stream at memory speed; where operands are broadcast, transposed, chunked or
 * concatenated, each element costs address arithmetic and a narrow load, and that issue time dominates.
 */
export function pointwiseTime(
  work: Extract<Work, { kind: "pointwise" }>,
  traffic: Traffic,
  device: Device,
): Timing {
  const c = device.calibration!;
  const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
  const vectorized = work.access === "vectorized" || work.access === "silu" || work.access === "gelu";
  const floor = vectorized ? c.pointwise.vectorizedFloorSeconds : c.pointwise.stridedFloorSeconds;
  const issue = work.elements * issueSeconds(work.access, c.pointwise);
  return timing(floor + softMaximum(c.pointwise.softness, issue, memory + cache), {
    memory,
    cache,
    latency: floor + issue,
  });
}

/** Issue time of one element. */
export function issueSeconds(access: PointwiseAccess, p: CalibrationValues["pointwise"]): number {
  switch (access) {
    case "vectorized":
      return 0;
    case "silu":
      return p.siluSecondsPerElement;
    case "gelu":
      return p.geluSecondsPerElement;
    case "unrolled":
      return p.unrolledSecondsPerElement;
    case "strided":
      return p.stridedSecondsPerElement;
    case "transposed":
      return p.transposedSecondsPerElement;
    case "concatenate":
      return p.concatenateSecondsPerElement;
  }
}

/** torch gives rows up to this long to one warp, which keeps them in registers; longer ones to a block. */
export const PERSISTENT_SOFTMAX_COLUMNS = 2048;

/**
 * A softmax kernel: exponentials make it slower than its bytes, and however few rows there are, a warp or a block must
 * walk one. Measured at 23 shapes of 128 to 128256 columns (measurements/h100-sxm, h200-sxm).
 */
export function softmaxTime(
  work: Extract<Work, { kind: "softmax" }>,
  traffic: Traffic,
  device: Device,
): Timing {
  const c = device.calibration!;
  const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
  const floor = c.pointwise.stridedFloorSeconds;
  const persistent = work.columns <= PERSISTENT_SOFTMAX_COLUMNS;
  const { softmax: p } = c;
  const issue = work.elements * (persistent ? p.persistentSecondsPerElement : p.secondsPerElement);
  const walk = work.columns * (persistent ? p.persistentRowSecondsPerColumn : p.rowSecondsPerColumn);
  return timing(floor + softMaximum(c.pointwise.softness, walk, issue, memory + cache), {
    memory,
    cache,
    latency: floor + Math.max(walk, issue),
  });
}

/**
 * Choosing experts op by op: torch's top-k and sort start several small kernels, and then cost issue time per element
 * (measurements/h100-sxm/parts.jsonl).
 */
export function selectionTime(
  work: Extract<Work, { kind: "selection" }>,
  traffic: Traffic,
  device: Device,
): Timing {
  const c = device.calibration!;
  const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
  const floor = c.experts.selectionFloorSeconds;
  const each = work.step === "sort" ? c.experts.sortSecondsPerElement : c.experts.topKSecondsPerElement;
  const issue = work.elements * each;
  return timing(floor + softMaximum(c.pointwise.softness, issue, memory + cache), {
    memory,
    cache,
    latency: floor + issue,
  });
}

/** HBM and L2 time of a kernel's bytes; one stream, so they add up. */
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
