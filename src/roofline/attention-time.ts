import type { Kernel, Work } from "../layer/kernel.ts";
import type { CalibrationValues } from "../schema/calibration.ts";
import { type Device, matmulPeak } from "./device.ts";
import type { Traffic } from "./residency.ts";
import { type Timing, timing } from "./terms.ts";

type Attention = Extract<Work, { kind: "attention" }>;

/** Products of the forward pass over those of the backward one, which computes the scores again. */
const FORWARD_SHARE_OF_BACKWARD = 1 / 2.5;

/** Flash attention over many queries: bound by the tensor cores, less efficient for short sequences and narrow heads. */
export function attentionTime(kernel: Kernel, work: Attention, traffic: Traffic, device: Device): Timing {
  const c = device.calibration!;
  const peak = matmulPeak(device.hardware, work.dataType) ?? device.vectorFlopsPerSecond;
  const shortness = causalShortness(work, c.attention);
  const rate = peak * headDimFraction(work.headDim, c.attention);
  const compute =
    work.direction === "forward"
      ? (kernel.flops * shortness) / rate
      : ((kernel.flops * FORWARD_SHARE_OF_BACKWARD * shortness) / rate) * c.attention.backwardRatio;
  const memory = traffic.hbmBytes / (device.hbmBytesPerSecond * c.memory.streamingFraction);
  const cache = traffic.l2Bytes / c.cache.bytesPerSecond;
  const latency = c.attention.floorSeconds;
  return timing(latency + Math.max(compute, memory + cache), { compute, memory, cache, latency });
}

/**
 * A causal mask leaves tiles on the diagonal half empty and rows of tiles of unequal length, so that processors wait
 * for the longest; the shorter the sequence, the more.
 */
export function causalShortness(
  { causal, queries }: { causal: boolean; queries: number },
  p: { shortSequenceTokens: number; shortSequenceExponent: number },
): number {
  return causal ? 1 + (p.shortSequenceTokens / queries) ** p.shortSequenceExponent : 1;
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
export function headDimFraction(headDim: number, p: CalibrationValues["attention"]): number {
  const octave = Math.min(2, Math.max(0, Math.log2(headDim / 64)));
  return octave <= 1
    ? p.fractionHeadDim64 + octave * (p.fractionHeadDim128 - p.fractionHeadDim64)
    : p.fractionHeadDim128 + (octave - 1) * (p.fractionHeadDim256 - p.fractionHeadDim128);
}
