import type { Kernel, Work } from "../layer/kernel.ts";
import type { CalibrationValues } from "../schema/calibration.ts";
import { type Device, matmulPeak } from "./device.ts";
import type { Traffic } from "./residency.ts";
import { power } from "./soft-maximum.ts";
import { type Timing, timing } from "./terms.ts";

type Attention = Extract<Work, { kind: "attention" }>;

/**
 * Flash attention over many queries: bound by the tensor cores, less efficient for short sequences and narrow heads,
 * and never faster than its longest block of queries, which one processor works through alone.
 */
export function attentionTime(kernel: Kernel, work: Attention, traffic: Traffic, device: Device): Timing {
  const c = device.calibration!;
  const peak = matmulPeak(device.hardware, work.dataType) ?? device.vectorFlopsPerSecond;
  const p = work.direction === "forward" ? c.attention : c.attention.backward;
  const rate = peak * headDimFraction(work.headDim, p);
  const unevenness = unevenShare(work) * (shortSequenceFactor(comparableQueries(work), p) - 1);
  const alone = (blockFlops(work) * device.hardware.computeUnits) / rate;
  const compute = Math.max((kernel.flops * (1 + unevenness)) / rate, alone);
  const memory = traffic.hbmBytes / (device.hbmBytesPerSecond * c.memory.streamingFraction);
  const cache = traffic.l2Bytes / c.cache.bytesPerSecond;
  const latency = c.attention.floorSeconds;
  return timing(latency + Math.max(compute, memory + cache), { compute, memory, cache, latency });
}

/**
 * A causal mask leaves tiles on the diagonal half empty and rows of tiles of unequal length, so that processors wait
 * for the longest: the share of the pairs that the diagonal has, beside the context before it. The backward pass pays
 * for every block of keys, masked or not, to start and to add up gradients.
 */
export function unevenShare({ causal, direction, queries, keys, window }: Attention): number {
  if (direction === "backward") return 1;
  const own = (queries * (queries + 1)) / 2;
  return causal ? own / (own + queries * Math.min(window, keys - queries)) : 0;
}

/** Length of a sequence without a window whose rows have as many pairs on average: inside a window all rows are short. */
export const comparableQueries = ({ queries, window }: Attention): number => Math.min(queries, 2 * window);

const BLOCK_QUERIES = 128;

/** FLOPs of one head's last block of queries, which attends to all keys in its window. */
export const blockFlops = ({ headDim, queries, keys, window }: Attention): number =>
  4 * Math.min(queries, BLOCK_QUERIES) * Math.min(keys, window + BLOCK_QUERIES) * headDim;

/** The shorter the sequence, the less of it those costs are spread over: time over that of a long sequence. */
export function shortSequenceFactor(
  queries: number,
  p: { shortSequenceTokens: number; shortSequenceExponent: number },
): number {
  return 1 + power(p.shortSequenceTokens / queries, p.shortSequenceExponent);
}

/**
 * One query per sequence: bound by reading the keys and values, unless many heads share them, as in latent attention,
 * where all heads read the same latent.
 */
export function decodeAttentionTime(
  kernel: Kernel,
  work: Extract<Work, { kind: "decode-attention" }>,
  traffic: Traffic,
  device: Device,
): Timing {
  const c = device.calibration!;
  const peak = matmulPeak(device.hardware, work.dataType) ?? device.vectorFlopsPerSecond;
  const compute = kernel.flops / (peak * headDimFraction(work.headDim, c.attention));
  const memory = traffic.hbmBytes / (device.hbmBytesPerSecond * c.memory.kvCacheFraction);
  const cache = traffic.l2Bytes / c.cache.bytesPerSecond;
  const latency = c.attention.decodeFloorSeconds;
  return timing(latency + Math.max(compute, memory + cache), { compute, memory, cache, latency });
}

/** Achieved share of the tensor peak between the calibrated head dimensions, linear in log2 of the head dimension. */
export function headDimFraction(
  headDim: number,
  p: Pick<CalibrationValues["attention"], "fractionHeadDim64" | "fractionHeadDim128" | "fractionHeadDim256">,
): number {
  const octave = Math.min(2, Math.max(0, Math.log2(headDim / 64)));
  // Stryker disable next-line EqualityOperator: both lines meet there
  return octave <= 1
    ? p.fractionHeadDim64 + octave * (p.fractionHeadDim128 - p.fractionHeadDim64)
    : p.fractionHeadDim128 + (octave - 1) * (p.fractionHeadDim256 - p.fractionHeadDim128);
}
