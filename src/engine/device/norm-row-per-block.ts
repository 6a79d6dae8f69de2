import type { Work } from "../layer/kernel.ts";
import type { Device } from "./device.ts";
import type { Formula, Law, Note, WorkOf } from "./law.ts";
import { power, softMaximum } from "./math.ts";
import { streamingSeconds } from "./streaming.ts";
import { timing } from "./timing.ts";

type Row = WorkOf<"row-per-block">;

/** From a tenth to nine tenths of second reads missing while the bytes in flight grow by 1.7. */
const REREAD_SHARPNESS = 8;

/** With more rows than fit in flight, the last ones run beside fewer others and keep that much more of the L2. */
const LATER_WAVES_KEEP = 0.5;

/** Forward the parameters of the norm, backward those of either. */
const parametersFor = ({ direction, norm }: Row) => (direction === "forward" ? norm : "backward");

/** The lines of `rereadBytes`. */
const SECOND_READS: Formula = [
  ["rowsInFlight", "min(rows, hardware.computeUnits * rowPerBlock.blocksPerUnit)"],
  ["bytesInFlight", "rowsInFlight * rowBytes"],
  ["missing", "1 / (1 + power(rowPerBlock.rereadFlightBytes / bytesInFlight, REREAD_SHARPNESS))"],
  ["totalBytes", "rows * rowBytes"],
  ["furtherWaves", "min(1, totalBytes / bytesInFlight - 1)"],
  ["kept", "max(0, rowPerBlock.rereadResidentBytes - bytesInFlight) * (1 + LATER_WAVES_KEEP * furtherWaves)"],
  ["rereadBytes", "missing * max(0, totalBytes - kept)"],
];

/**
 * torch's own norm kernels: a block of threads walks its row for the statistics, then again to normalize. However few
 * rows there are, one block must walk one row, and that latency is what a norm costs in decode; with many rows the
 * issue time of all blocks or the memory takes over.
 */
export const normRowPerBlock: Law<Row> = {
  time({ work }, traffic, device, note) {
    const c = device.calibration!;
    const p = c.rowPerBlock[parametersFor(work)];
    const hbmBytes = traffic.hbmBytes + rereadBytes(work, device, note);
    const { memory, cache } = streamingSeconds(
      { hbmBytes, l2Bytes: traffic.l2Bytes },
      device,
      c.memory.rowPerBlockFraction,
    );
    const walk = p.rowSecondsPerColumn * work.columns;
    const issue = work.rows * (p.blockSeconds + p.blockSecondsPerColumn * work.columns);
    note?.({ walk, issue });
    return timing(p.floorSeconds + softMaximum(c.rowPerBlock.softness, walk, issue, memory + cache), {
      memory,
      cache,
      latency: p.floorSeconds + Math.max(walk, issue),
    });
  },
  formula(work) {
    const p = `rowPerBlock.${parametersFor(work)}`;
    return [
      ...SECOND_READS,
      [
        "memory",
        "(traffic.hbmBytes + rereadBytes) / (hardware.hbmBytesPerSecond * memory.rowPerBlockFraction)",
      ],
      ["cache", "traffic.l2Bytes / cache.bytesPerSecond"],
      ["walk", `${p}.rowSecondsPerColumn * columns`],
      ["issue", `rows * (${p}.blockSeconds + ${p}.blockSecondsPerColumn * columns)`],
      ["latency", `${p}.floorSeconds + max(walk, issue)`],
      ["seconds", `${p}.floorSeconds + softMaximum(rowPerBlock.softness, walk, issue, memory + cache)`],
    ];
  },
  constants: { REREAD_SHARPNESS, LATER_WAVES_KEEP },
};

/**
 * Bytes that a kernel reads a second time from HBM; as far as is known, only those with a block a row do. While few
 * bytes are in flight every second read hits the L2; the more are, the larger the share that misses, except for the rows
 * that the rest of the L2 keeps. Measured with DRAM counters (measurements/h100-sxm/counters.jsonl: 9 widths, 8 row
 * counts): half of the second reads miss when the rows in flight fill about 0.43 of the L2.
 */
export function rereadBytes(work: Work, { hardware, calibration }: Device, note?: Note): number {
  if (work.kind !== "row-per-block" || calibration === undefined) return 0;
  const { rows, rowBytes } = work;
  const p = calibration.rowPerBlock;
  const rowsInFlight = Math.min(rows, hardware.computeUnits * p.blocksPerUnit);
  const bytesInFlight = rowsInFlight * rowBytes;
  const missing = 1 / (1 + power(p.rereadFlightBytes / bytesInFlight, REREAD_SHARPNESS));
  const totalBytes = rows * rowBytes;
  const furtherWaves = Math.min(1, totalBytes / bytesInFlight - 1);
  const kept = Math.max(0, p.rereadResidentBytes - bytesInFlight) * (1 + LATER_WAVES_KEEP * furtherWaves);
  const again = missing * Math.max(0, totalBytes - kept);
  note?.({ rowsInFlight, bytesInFlight, missing, totalBytes, furtherWaves, kept, rereadBytes: again });
  return again;
}
