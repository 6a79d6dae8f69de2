import type { Kernel, Work } from "../layer/kernel.ts";
import type { CalibrationValues } from "../schema/calibration.ts";
import { matmulPeak } from "../schema/peaks.ts";
import type { Device } from "./device.ts";
import type { Traffic } from "./residency.ts";
import { power, softMaximum4 } from "./soft-maximum.ts";
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
  const width = launchedWidth(work);
  const rate = peak * headDimFraction(width, p);
  const padding = width / meanWidth(work);
  const unevenness = unevenShare(work) * (shortSequenceFactor(comparableQueries(work), p) - 1);
  const alone = (blockFlops(work) * device.hardware.computeUnits) / rate;
  const compute = Math.max((kernel.flops * padding * (1 + unevenness)) / rate, alone);
  const memory = traffic.hbmBytes / (device.hbmBytesPerSecond * c.memory.streamingFraction);
  const cache = traffic.l2Bytes / c.cache.bytesPerSecond;
  const latency = c.attention.floorSeconds;
  return timing(latency + Math.max(compute, memory + cache), { compute, memory, cache, latency });
}

/**
 * How much of what short sequences cost applies. Forward, a causal mask leaves tiles on the diagonal half empty and rows
 * of tiles of unequal length, so that processors wait for the longest: the share of the pairs that the diagonal has,
 * beside the context before it. The backward pass also pays for every block of keys to start and to add up gradients,
 * whose time is a larger share of narrow heads' products; without a mask a block has twice as many pairs, and none of
 * its tiles is half empty (measurements/h100-sxm, h200-sxm: measured.jsonl, head-widths.jsonl).
 */
export function unevenShare(work: Attention): number {
  const { causal, direction, queries, keys, window } = work;
  if (direction === "backward")
    return ((causal ? 1 : UNMASKED_SHARE) * REFERENCE_WIDTH) / launchedWidth(work);
  const own = (queries * (queries + 1)) / 2;
  return causal ? own / (own + queries * Math.min(window, keys - queries)) : 0;
}

const UNMASKED_SHARE = 0.25;
const REFERENCE_WIDTH = 128;

/** Length of a sequence without a window whose rows have as many pairs on average: inside a window all rows are short. */
export const comparableQueries = ({ queries, window }: Attention): number => Math.min(queries, 2 * window);

const BLOCK_QUERIES = 128;

/**
 * FLOPs of one head's longest block: forward the last queries, which attend to all keys in their window, by two
 * products; backward the keys that as many queries attend to, by five.
 */
export function blockFlops(work: Attention): number {
  const { queries, keys, window, direction } = work;
  const flopsPerPair = (direction === "forward" ? 4 : 10) * launchedWidth(work);
  return flopsPerPair * Math.min(queries, BLOCK_QUERIES) * Math.min(keys, window + BLOCK_QUERIES);
}

type Widths = Pick<Attention, "keyDim" | "valueDim">;

export const meanWidth = ({ keyDim, valueDim }: Widths): number => (keyDim + valueDim) / 2;

/**
 * Mean width of key and value heads as a kernel multiplies them: tiles are multiples of 64 elements wide, and what a
 * head does not fill is multiplied all the same. cuDNN's kernels for heads of 32 to 256 are named after these tiles, and
 * take as long for a head of 80 as for one of 128 (measurements/h100-sxm, h200-sxm: head-widths.jsonl).
 */
export function launchedWidth(work: Widths): number {
  return (paddedWidth(work.keyDim) + paddedWidth(work.valueDim)) / 2;
}

const TILE_WIDTH = 64;
export const paddedWidth = (width: number): number => TILE_WIDTH * Math.ceil(width / TILE_WIDTH);

/** The shorter the sequence, the less of it those costs are spread over: time over that of a long sequence. */
export function shortSequenceFactor(
  queries: number,
  p: { shortSequenceTokens: number; shortSequenceExponent: number },
): number {
  return 1 + power(p.shortSequenceTokens / queries, p.shortSequenceExponent);
}

/**
 * One query per sequence: bound by reading the keys and values, unless their tiles are so wide, or so many heads share
 * them, that multiplying takes as long. How well it hides behind reading was measured on heads of 160 to 256
 * (measurements/h200-sxm/head-widths.jsonl).
 */
export function decodeAttentionTime(
  kernel: Kernel,
  work: DecodeAttention,
  traffic: Traffic,
  device: Device,
): Timing {
  const c = device.calibration!;
  const peak = matmulPeak(device.hardware, work.dataType) ?? device.vectorFlopsPerSecond;
  const padding = decodePadding(work);
  const fraction = decodeFraction(work, c.attention);
  const compute = (kernel.flops * padding) / (peak * fraction);
  const memory = traffic.hbmBytes / (device.hbmBytesPerSecond * c.memory.kvCacheFraction);
  const cache = traffic.l2Bytes / c.cache.bytesPerSecond;
  const latency = c.attention.decodeFloorSeconds;
  return timing(latency + softMaximum4(compute, memory + cache), {
    compute,
    memory,
    cache,
    latency,
  });
}

type DecodeAttention = Extract<Work, { kind: "decode-attention" }>;

/** Rows of the tile that the queries of a group fill, as many as there are. */
export const DECODE_ROWS = 16;

/** Products that a decode kernel multiplies over those asked for: its rows and its width are padded. */
export function decodePadding(work: DecodeAttention): number {
  const { groupSize } = work;
  const rows = hasTensorCores(work) ? DECODE_ROWS * Math.ceil(groupSize / DECODE_ROWS) : groupSize;
  return ((rows / groupSize) * decodeWidth(work)) / meanWidth(work);
}

export const hasTensorCores = ({ dataType }: DecodeAttention): boolean => dataType !== "fp32";

export const WIDEST_DECODE = 256;

/** Decode kernels are 64, 128 or 256 elements wide; what is wider has kernels of its own. */
export function decodeWidth(work: Widths): number {
  const width = launchedWidth(work);
  return width > 128 ? Math.max(width, WIDEST_DECODE) : width;
}

/**
 * Share of the peak that a decode kernel reaches: cuDNN's take older tensor-core instructions, and the widest tile does
 * not fit into registers. Narrow tiles are hardly ever waited for. Latent attention, wider than these, has kernels that
 * are built like those of long sequences; fp32 runs on the vector units.
 */
export function decodeFraction(work: DecodeAttention, p: CalibrationValues["attention"]): number {
  const width = decodeWidth(work);
  if (width > WIDEST_DECODE || !hasTensorCores(work)) return headDimFraction(width, p);
  return width === WIDEST_DECODE ? WIDE_DECODE_FRACTION : NARROW_DECODE_FRACTION;
}

export const NARROW_DECODE_FRACTION = 0.16;
export const WIDE_DECODE_FRACTION = 0.064;

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
