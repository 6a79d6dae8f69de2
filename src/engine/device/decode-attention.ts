import type { CalibrationValues } from "../../schema/calibration.ts";
import { peakFlopsFor, peakName } from "../../schema/peaks.ts";
import type { Device } from "./device.ts";
import {
  headDimFraction,
  headDimFractionText,
  LAUNCHED_WIDTH,
  launchedWidth,
  MEAN_WIDTH,
  meanWidth,
  TILE_WIDTH,
} from "./head-width.ts";
import type { Formula, Law, WorkOf } from "./law.ts";
import { softMaximum4 } from "./math.ts";
import { streamingLines, streamingSeconds } from "./streaming.ts";
import { timing } from "./timing.ts";

type DecodeAttention = WorkOf<"decode-attention">;

/** Rows of the tile that the queries of a group fill, as many as there are. */
const DECODE_ROWS = 16;
const WIDEST_DECODE = 256;
const NARROW_DECODE_FRACTION = 0.16;
const WIDE_DECODE_FRACTION = 0.064;

/**
 * One query per sequence: bound by reading the keys and values, unless their tiles are so wide, or so many heads share
 * them, that multiplying takes as long. How well it hides behind reading was measured on heads of 160 to 256
 * (measurements/h200-sxm/head-widths.jsonl).
 */
export const decodeAttention: Law<DecodeAttention> = {
  time({ flops, work }, traffic, device, note) {
    const c = device.calibration!;
    const peak = peakFlopsFor(device.hardware, work.dataType);
    const width = decodeWidth(work);
    const padding = decodePadding(work);
    const fraction = decodeFraction(work, c.attention);
    const compute = (flops * padding) / (peak * fraction);
    const { memory, cache } = streamingSeconds(traffic, device, c.memory.kvCacheFraction);
    const latency = c.attention.decodeFloorSeconds;
    note?.({ peak, width, padding, fraction });
    return timing(latency + softMaximum4(compute, memory + cache), { compute, memory, cache, latency });
  },
  formula,
  constants: { TILE_WIDTH, DECODE_ROWS, WIDEST_DECODE, NARROW_DECODE_FRACTION, WIDE_DECODE_FRACTION },
};

function formula(work: DecodeAttention, { hardware }: Device): Formula {
  const rows = hasTensorCores(work) ? "DECODE_ROWS * ceil(groupSize / DECODE_ROWS) / groupSize * " : "";
  return [
    ["peak", `hardware.peakFlopsPerSecond.${peakName(hardware, work.dataType)}`],
    ["width", isNarrow(work) ? LAUNCHED_WIDTH : `max(${LAUNCHED_WIDTH}, WIDEST_DECODE)`],
    ["padding", `${rows}width / (${MEAN_WIDTH})`],
    ["fraction", decodeFractionText(work)],
    ["compute", "flops * padding / (peak * fraction)"],
    ...streamingLines("kvCacheFraction"),
    ["latency", "attention.decodeFloorSeconds"],
    ["seconds", "latency + softMaximum4(compute, memory + cache)"],
  ];
}

/** Products that a decode kernel multiplies over those asked for: its rows and its width are padded. */
export function decodePadding(work: DecodeAttention): number {
  const { groupSize } = work;
  const rows = hasTensorCores(work) ? DECODE_ROWS * Math.ceil(groupSize / DECODE_ROWS) : groupSize;
  return ((rows / groupSize) * decodeWidth(work)) / meanWidth(work);
}

const hasTensorCores = ({ dataType }: DecodeAttention): boolean => dataType !== "fp32";

/** Decode kernels are 64, 128 or 256 elements wide; what is wider has kernels of its own. */
const decodeWidth = (work: DecodeAttention): number =>
  isNarrow(work) ? launchedWidth(work) : Math.max(launchedWidth(work), WIDEST_DECODE);

const isNarrow = (work: DecodeAttention): boolean => launchedWidth(work) <= 128;

/**
 * Share of the peak that a decode kernel reaches: cuDNN's take older tensor-core instructions, and the widest tile does
 * not fit into registers. Narrow tiles are hardly ever waited for. Latent attention, wider than these, has kernels that
 * are built like those of long sequences; fp32 runs on the vector units.
 */
export function decodeFraction(work: DecodeAttention, p: CalibrationValues["attention"]): number {
  if (isLikePrefill(work)) return headDimFraction(decodeWidth(work), p);
  return isNarrow(work) ? NARROW_DECODE_FRACTION : WIDE_DECODE_FRACTION;
}

function decodeFractionText(work: DecodeAttention): string {
  if (isLikePrefill(work)) return headDimFractionText(decodeWidth(work), "attention");
  return isNarrow(work) ? "NARROW_DECODE_FRACTION" : "WIDE_DECODE_FRACTION";
}

const isLikePrefill = (work: DecodeAttention): boolean =>
  !hasTensorCores(work) || decodeWidth(work) > WIDEST_DECODE;
