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
import { power } from "./math.ts";
import { streamingLines, streamingSeconds } from "./streaming.ts";
import { timing } from "./timing.ts";

type Attention = WorkOf<"attention">;
type Parameters = CalibrationValues["attention"]["backward"];

const BLOCK_QUERIES = 128;
const UNMASKED_SHARE = 0.25;
const FLOPS_PER_PAIR = 10;
const REFERENCE_WIDTH = 128;

/**
 * Flash attention, backward: five products of the tensor cores, less efficient for short sequences and narrow heads, and
 * never faster than its longest block of keys, which one processor works through alone.
 */
export const attentionBackward: Law<Attention> = {
  time({ flops, work }, traffic, device, note) {
    const c = device.calibration!;
    const p = c.attention.backward;
    const peak = peakFlopsFor(device.hardware, work.dataType);
    const width = launchedWidth(work);
    const fraction = headDimFraction(width, p);
    const rate = peak * fraction * (work.masked ? p.maskedSpeed : 1);
    const padding = width / meanWidth(work);
    const uneven = unevenShare(work);
    const short = shortSequenceFactor(comparableQueries(work), p);
    const block = blockFlops(work);
    const alone = (block * device.hardware.computeUnits) / rate;
    const compute = Math.max((flops * padding * (1 + uneven * (short - 1))) / rate, alone);
    const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
    const latency = c.attention.floorSeconds;
    note?.({ peak, width, fraction, rate, padding, uneven, short, block, alone });
    return timing(latency + Math.max(compute, memory + cache), { compute, memory, cache, latency });
  },
  formula,
  constants: { TILE_WIDTH, BLOCK_QUERIES, FLOPS_PER_PAIR, UNMASKED_SHARE, REFERENCE_WIDTH },
};

function formula(work: Attention, { hardware }: Device): Formula {
  const p = "attention.backward";
  return [
    ["peak", `hardware.peakFlopsPerSecond.${peakName(hardware, work.dataType)}`],
    ["width", LAUNCHED_WIDTH],
    ["fraction", headDimFractionText(launchedWidth(work), p)],
    ["rate", `peak * fraction${work.masked ? ` * ${p}.maskedSpeed` : ""}`],
    ["padding", `width / (${MEAN_WIDTH})`],
    ...unevenLines(work),
    ["block", blockFlopsText(work)],
    ["alone", "block * hardware.computeUnits / rate"],
    ["compute", "max(flops * padding * (1 + uneven * (short - 1)) / rate, alone)"],
    ...streamingLines(),
    ["latency", "attention.floorSeconds"],
    ["seconds", "latency + max(compute, memory + cache)"],
  ];
}

/**
 * How much of what short sequences cost applies. The backward pass pays for every block of keys to start and to add up
 * gradients, whose time is a larger share of narrow heads' products; without a mask a block has twice as many pairs, and
 * none of its tiles is half empty (measurements/h100-sxm, h200-sxm: measured.jsonl, head-widths.jsonl).
 */
export const unevenShare = (work: Attention): number =>
  ((work.causal ? 1 : UNMASKED_SHARE) * REFERENCE_WIDTH) / launchedWidth(work);

/** The lines of `unevenShare` and `shortSequenceFactor`. */
function unevenLines({ causal, window }: Attention): Formula {
  const queries = window === Number.POSITIVE_INFINITY ? "queries" : "min(queries, 2 * window)";
  const p = "attention.backward";
  return [
    ["uneven", `${causal ? "" : "UNMASKED_SHARE * "}REFERENCE_WIDTH / width`],
    ["short", `1 + power(${p}.shortSequenceTokens / ${queries}, ${p}.shortSequenceExponent)`],
  ];
}

/** Length of a sequence without a window whose rows have as many pairs on average: inside a window all rows are short. */
const comparableQueries = ({ queries, window }: Attention): number => Math.min(queries, 2 * window);

/** The shorter the sequence, the less of it those costs are spread over: time over that of a long sequence. */
export const shortSequenceFactor = (
  queries: number,
  p: Pick<Parameters, "shortSequenceTokens" | "shortSequenceExponent">,
): number => 1 + power(p.shortSequenceTokens / queries, p.shortSequenceExponent);

/** FLOPs of one head's longest block: the keys that as many queries attend to, by five products. */
export function blockFlops(work: Attention): number {
  const { queries, keys, window } = work;
  const pairs = Math.min(queries, BLOCK_QUERIES) * Math.min(keys, window + BLOCK_QUERIES);
  return FLOPS_PER_PAIR * launchedWidth(work) * pairs;
}

function blockFlopsText(work: Attention): string {
  const keys = work.window === Number.POSITIVE_INFINITY ? "keys" : "min(keys, window + BLOCK_QUERIES)";
  return `FLOPS_PER_PAIR * width * min(queries, BLOCK_QUERIES) * ${keys}`;
}
