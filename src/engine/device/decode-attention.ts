import type { CalibrationValues } from "../../schema/calibration.ts";
import { peakFlopsFor, peakName } from "../../schema/peaks.ts";
import { TILE_KEYS } from "./attention.ts";
import {
  keyParts,
  LEAST_PART_KEYS,
  LIBRARY_TILES,
  librarySpeed,
  librarySpeedText,
} from "./attention-libraries.ts";
import type { Device } from "./device.ts";
import {
  headDimFraction,
  headDimFractionText,
  LAUNCHED_WIDTH,
  launchedWidth,
  TILE_WIDTH,
} from "./head-width.ts";
import type { Formula, Law, WorkOf } from "./law.ts";
import { softMaximum4 } from "./math.ts";
import { streamingLines, streamingSeconds } from "./streaming.ts";
import { timing } from "./timing.ts";

type DecodeAttention = WorkOf<"decode-attention">;

const WIDEST_DECODE = 256;
/** Bytes that each processor must have under way before the memory runs at full rate. */
const FLIGHT_BYTES = 60_000;

/**
 * One query per sequence: bound by reading the keys and values, unless their tiles are so wide, or so many heads share
 * them, that multiplying takes as long. The queries of a group fill one tile; where there are few tiles the keys are
 * shared out. Each block takes a while to start, which many short sequences pay for, and so does the memory's stream
 * (measurements/h200-sxm: attention.jsonl, head-widths.jsonl).
 */
export const decodeAttention: Law<DecodeAttention> = {
  time({ work }, traffic, device, note) {
    const c = device.calibration!;
    const p = c.attention;
    const units = device.hardware.computeUnits;
    const peak = peakFlopsFor(device.hardware, work.dataType);
    const width = decodeWidth(work);
    const rows = decodeRows(work);
    const tiles = work.sequences * work.kvHeads;
    const fraction = decodeFraction(work, p);
    const rate = peak * fraction * librarySpeed(work.library, p);
    const keysOfTile = Math.max(TILE_KEYS, work.keys);
    const parts = keyParts(tiles, work.keys, units);
    const block = (4 * width * rows * keysOfTile * units) / rate + p.decodeBlockSeconds;
    const compute = block * Math.max(1 / parts, tiles / units);
    const { memory, cache } = streamingSeconds(traffic, device, c.memory.kvCacheFraction);
    const bytes = traffic.hbmBytes + traffic.l2Bytes;
    const ramp = (p.decodeRampSeconds * bytes) / (bytes + FLIGHT_BYTES * units);
    const start = p.decodeFloorSeconds + (work.library === "flash" ? p.flashDecodeSeconds : 0);
    const latency = start + ramp;
    note?.({ peak, width, rows, tiles, fraction, rate, keysOfTile, parts, block, bytes, ramp, start });
    return timing(latency + softMaximum4(compute, memory + cache), { compute, memory, cache, latency });
  },
  formula,
  constants: { TILE_WIDTH, TILE_KEYS, WIDEST_DECODE, FLIGHT_BYTES, LEAST_PART_KEYS },
};

function formula(work: DecodeAttention, { hardware }: Device): Formula {
  const size = LIBRARY_TILES[work.library].decodeRows;
  return [
    ["peak", `hardware.peakFlopsPerSecond.${peakName(hardware, work.dataType)}`],
    ["width", isNarrow(work) ? LAUNCHED_WIDTH : `max(${LAUNCHED_WIDTH}, WIDEST_DECODE)`],
    ["rows", hasTensorCores(work) ? `${size} * ceil(groupSize / ${size})` : "groupSize"],
    ["tiles", "sequences * kvHeads"],
    ["fraction", decodeFractionText(work)],
    ["rate", `peak * fraction${librarySpeedText(work.library)}`],
    ["keysOfTile", "max(TILE_KEYS, keys)"],
    ["parts", "max(1, min(floor(hardware.computeUnits / tiles), ceil(keys / LEAST_PART_KEYS)))"],
    ["block", "4 * width * rows * keysOfTile * hardware.computeUnits / rate + attention.decodeBlockSeconds"],
    ["compute", "block * max(1 / parts, tiles / hardware.computeUnits)"],
    ...streamingLines("kvCacheFraction"),
    ["bytes", "traffic.hbmBytes + traffic.l2Bytes"],
    ["ramp", "attention.decodeRampSeconds * bytes / (bytes + FLIGHT_BYTES * hardware.computeUnits)"],
    [
      "start",
      `attention.decodeFloorSeconds${work.library === "flash" ? " + attention.flashDecodeSeconds" : ""}`,
    ],
    ["latency", "start + ramp"],
    ["seconds", "latency + softMaximum4(compute, memory + cache)"],
  ];
}

/** Rows of a kernel's tile, as many tiles as hold the queries of a group: those not asked for are multiplied as well. */
export function decodeRows(work: DecodeAttention): number {
  const { groupSize, library } = work;
  if (!hasTensorCores(work)) return groupSize;
  const size = LIBRARY_TILES[library].decodeRows;
  return size * Math.ceil(groupSize / size);
}

const hasTensorCores = ({ dataType }: DecodeAttention): boolean => dataType !== "fp32";

/** Decode kernels are 64, 128 or 256 elements wide; what is wider has kernels of its own. */
const decodeWidth = (work: DecodeAttention): number =>
  isNarrow(work) ? launchedWidth(work) : Math.max(launchedWidth(work), WIDEST_DECODE);

const isNarrow = (work: DecodeAttention): boolean => launchedWidth(work) <= 128;

/**
 * Share of the peak that a decode kernel reaches: cuDNN's take older tensor-core instructions, and the widest tile does
 * not fit into registers. Latent attention, wider than these, has kernels that are built like those of long sequences, and
 * FlashAttention 2 takes the same for both; fp32 runs on the vector units.
 */
export function decodeFraction(work: DecodeAttention, p: CalibrationValues["attention"]): number {
  if (isLikePrefill(work)) return headDimFraction(decodeWidth(work), p);
  return isNarrow(work) ? p.decodeFraction : p.decodeWideFraction;
}

function decodeFractionText(work: DecodeAttention): string {
  if (isLikePrefill(work)) return headDimFractionText(decodeWidth(work), "attention");
  return `attention.${isNarrow(work) ? "decodeFraction" : "decodeWideFraction"}`;
}

const isLikePrefill = (work: DecodeAttention): boolean =>
  !hasTensorCores(work) || decodeWidth(work) > WIDEST_DECODE || work.library === "flash";
