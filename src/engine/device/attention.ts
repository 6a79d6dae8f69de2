import { peakFlopsFor, peakName } from "../../schema/peaks.ts";
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
import type { Formula, Law, Line, WorkOf } from "./law.ts";
import { streamingLines, streamingSeconds } from "./streaming.ts";
import { timing } from "./timing.ts";

type Attention = WorkOf<"attention">;

/** Keys that a block takes at a time. */
export const TILE_KEYS = 64;
/** Keys are shared out where tiles leave more than a fifth of the processors idle. */
const BUSY_SHARE = 0.8;

/**
 * Flash attention over many queries, forward: a block takes a tile of queries through all the keys that the mask leaves
 * it, two products each. Processors work through the blocks one after the other, so that a kernel is never faster than
 * its longest block, and the last ones leave some idle (`tailShare`). Queries that do not fill a tile, and the masked
 * half of a tile on the diagonal, are multiplied all the same; masking itself takes time beside the products.
 */
export const attention: Law<Attention> = {
  time({ flops, work }, traffic, device, note) {
    const c = device.calibration!;
    const p = c.attention;
    const units = device.hardware.computeUnits;
    const peak = peakFlopsFor(device.hardware, work.dataType);
    const width = launchedWidth(work);
    const fraction = headDimFraction(width, p);
    const masking = (work.causal ? p.causalSpeed : 1) * (work.masked ? p.maskedSpeed : 1);
    const rate = peak * fraction * librarySpeed(work.library, p) * masking;
    const { rows, tiles, parts } = queryTiles(work, units);
    const attended = attendedKeys(flops, work);
    const keysOfTile = meanKeys(attended, work, rows);
    const longestKeys = mostKeys(work, rows);
    const flopsOfPair = 4 * width;
    const mean = (flopsOfPair * rows * keysOfTile * units) / rate + p.blockSeconds;
    const longest = (flopsOfPair * rows * longestKeys * units) / rate / parts + p.blockSeconds;
    const waves = tiles / units;
    const combine = parts > 1 ? p.blockSeconds : 0;
    const tail = waves > 1 ? p.tailShare * longest * (1 - 1 / waves) : 0;
    const compute = Math.max(longest, waves * mean + tail) + combine;
    const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
    const latency = p.floorSeconds;
    note?.({
      peak,
      width,
      fraction,
      rate,
      rows,
      tiles,
      parts,
      attended,
      keysOfTile,
      longestKeys,
      mean,
      longest,
      waves,
      combine,
      tail,
    });
    return timing(latency + Math.max(compute, memory + cache), { compute, memory, cache, latency });
  },
  formula,
  constants: { TILE_WIDTH, TILE_KEYS, LEAST_PART_KEYS },
};

/** Rows of a tile, how many tiles there are, and into how many parts the keys of each are shared out. */
export function queryTiles(
  { queries, keys, sequences, heads, library }: Attention,
  units: number,
): { readonly rows: number; readonly tiles: number; readonly parts: number } {
  const { rows: sizes, splitRows } = LIBRARY_TILES[library];
  const rows = sizes.find((size) => size >= queries) ?? sizes.at(-1)!;
  const tiles = sequences * heads * Math.ceil(queries / rows);
  if (splitRows === undefined || tiles >= BUSY_SHARE * units) return { rows, tiles, parts: 1 };
  const smaller = Math.min(rows, splitRows);
  const more = sequences * heads * Math.ceil(queries / smaller);
  return { rows: smaller, tiles: more, parts: keyParts(more, keys, units) };
}

/** Keys that the tile with the most of them walks through: the last one. */
export const mostKeys = ({ keys, window }: Attention, rows: number): number =>
  Math.max(TILE_KEYS, Math.min(keys, window + rows));

/** Keys that a query attends to on average, whatever mask, window or chunk leaves it. */
const attendedKeys = (flops: number, { keyDim, valueDim, sequences, heads, queries }: Attention): number =>
  flops / (2 * (keyDim + valueDim) * sequences * heads * queries);

/** Keys that a tile walks through: under a causal mask all its queries walk as far as the last, half a tile further. */
export const meanKeys = (attended: number, { queries, causal }: Attention, rows: number): number =>
  Math.max(TILE_KEYS, attended + (causal ? (Math.min(queries, rows) - 1) / 2 : 0));

function formula(work: Attention, { hardware }: Device): Formula {
  const inWindow = (keys: string): string =>
    work.window === Number.POSITIVE_INFINITY ? keys : `min(${keys}, window + rows)`;
  const diagonal = work.causal ? " + (min(queries, rows) - 1) / 2" : "";
  const { rows, tiles, parts } = queryTiles(work, hardware.computeUnits);
  const waves = tiles / hardware.computeUnits;
  return [
    ["peak", `hardware.peakFlopsPerSecond.${peakName(hardware, work.dataType)}`],
    ["width", LAUNCHED_WIDTH],
    ["fraction", headDimFractionText(launchedWidth(work), "attention")],
    [
      "rate",
      `peak * fraction${librarySpeedText(work.library)}${work.causal ? " * attention.causalSpeed" : ""}${work.masked ? " * attention.maskedSpeed" : ""}`,
    ],
    ["rows", `${rows}`],
    ["tiles", "sequences * heads * ceil(queries / rows)"],
    ["attended", "flops / (2 * (keyDim + valueDim) * sequences * heads * queries)"],
    ["keysOfTile", `max(TILE_KEYS, attended${diagonal})`],
    ["longestKeys", `max(TILE_KEYS, ${inWindow("keys")})`],
    ...partsLines(parts),
    ["mean", "4 * width * rows * keysOfTile * hardware.computeUnits / rate + attention.blockSeconds"],
    [
      "longest",
      `4 * width * rows * longestKeys * hardware.computeUnits / rate${parts > 1 ? " / parts" : ""} + attention.blockSeconds`,
    ],
    ["waves", "tiles / hardware.computeUnits"],
    ...tailLines(waves),
    ["compute", `max(longest, waves * mean${waves > 1 ? " + tail" : ""})${parts > 1 ? " + combine" : ""}`],
    ...streamingLines(),
    ["latency", "attention.floorSeconds"],
    ["seconds", "latency + max(compute, memory + cache)"],
  ];
}

const partsLines = (parts: number): Line[] =>
  parts === 1
    ? []
    : [
        ["parts", "min(floor(hardware.computeUnits / tiles), ceil(keys / LEAST_PART_KEYS))"],
        ["combine", "attention.blockSeconds"],
      ];

const tailLines = (waves: number): Line[] =>
  waves > 1 ? [["tail", "attention.tailShare * longest * (1 - 1 / waves)"]] : [];
