import type { Kernel, Work } from "../layer/kernel.ts";
import type { CalibrationValues } from "../schema/calibration.ts";
import { type Device, matmulPeak } from "./device.ts";
import type { Traffic } from "./residency.ts";
import { type Timing, timing } from "./terms.ts";

type Attention = Extract<Work, { kind: "attention" }>;

/** Flash attention over many queries: bound by the tensor cores, less efficient for short sequences and narrow heads. */
export function attentionTime(kernel: Kernel, work: Attention, traffic: Traffic, device: Device): Timing {
  const c = device.calibration!;
  const peak = matmulPeak(device.hardware, work.dataType) ?? device.vectorFlopsPerSecond;
  const p = work.direction === "forward" ? c.attention : c.attention.backward;
  const shortness = isUneven(work) ? shortSequenceFactor(work.queries, p) : 1;
  const compute = (kernel.flops * shortness) / (peak * headDimFraction(work.headDim, p));
  const memory = traffic.hbmBytes / (device.hbmBytesPerSecond * c.memory.streamingFraction);
  const cache = traffic.l2Bytes / c.cache.bytesPerSecond;
  const latency = c.attention.floorSeconds;
  return timing(latency + Math.max(compute, memory + cache), { compute, memory, cache, latency });
}

/**
 * A causal mask leaves tiles on the diagonal half empty and rows of tiles of unequal length, so that processors wait
 * for the longest. The backward pass pays for every block of keys, masked or not, to start and to add up gradients.
 */
export const isUneven = (work: Attention): boolean => work.causal || work.direction === "backward";

/** The shorter the sequence, the less of it those costs are spread over: time over that of a long sequence. */
export function shortSequenceFactor(
  queries: number,
  p: { shortSequenceTokens: number; shortSequenceExponent: number },
): number {
  return 1 + (p.shortSequenceTokens / queries) ** p.shortSequenceExponent;
}

/** One query per sequence: bound by reading the keys and values. */
export function decodeAttentionTime(traffic: Traffic, device: Device): Timing {
  const c = device.calibration!;
  const memory = traffic.hbmBytes / (device.hbmBytesPerSecond * c.memory.kvCacheFraction);
  const cache = traffic.l2Bytes / c.cache.bytesPerSecond;
  const latency = c.attention.decodeFloorSeconds;
  return timing(latency + memory + cache, { memory, cache, latency });
}

/** Achieved share of the tensor peak between the calibrated head dimensions, linear in log2 of the head dimension. */
export function headDimFraction(
  headDim: number,
  p: Pick<CalibrationValues["attention"], "fractionHeadDim64" | "fractionHeadDim128" | "fractionHeadDim256">,
): number {
  const octave = Math.min(2, Math.max(0, Math.log2(headDim / 64)));
  return octave <= 1
    ? p.fractionHeadDim64 + octave * (p.fractionHeadDim128 - p.fractionHeadDim64)
    : p.fractionHeadDim128 + (octave - 1) * (p.fractionHeadDim256 - p.fractionHeadDim128);
}
