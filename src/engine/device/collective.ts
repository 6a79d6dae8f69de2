import type { CalibrationValues } from "../../schema/calibration.ts";
import { wireBytes } from "../layer/collective.ts";
import type { Device } from "./device.ts";
import type { Formula, Law, Line, Note, WorkOf } from "./law.ts";
import type { Traffic } from "./residency.ts";
import { streamingLines, streamingSeconds } from "./streaming.ts";
import type { Timing } from "./timing.ts";
import { timing } from "./timing.ts";

type Collective = WorkOf<"collective">;

/**
 * How much each further rank adds to the start, beside an all-reduce: a ring gathers or scatters in half of its steps,
 * and in an all-to-all everybody sends to all others at once. NCCL between 2, 4 and 8 GPUs, 1 to 16 KB, on H100, A100 and
 * B200 (collectives.jsonl of each).
 */
const START_SHARE: Readonly<Record<Collective["operation"], number>> = {
  "all-reduce": 1,
  "all-gather": 0.7,
  "reduce-scatter": 0.7,
  "all-to-all": 0.2,
};

/** An exchange between GPUs, by NCCL or by the one-shot kernel of a serving engine. */
export const collective: Law<Collective> = {
  time: ({ work }, traffic, device, note) =>
    work.algorithm === "nccl" ? nccl(work, traffic, device, note) : oneShot(work, traffic, device, note),
  formula: (work) => (work.algorithm === "nccl" ? ncclFormula(work) : oneShotFormula()),
};

/**
 * NCCL takes the faster of two protocols: one of low latency, which sends every byte with a flag beside it, and a bulk
 * one, which takes longer to start and comes near the link's rate. Both take longer to start the more ranks there are.
 * HBM traffic overlaps with the wire.
 */
function nccl(work: Collective, traffic: Traffic, device: Device, note?: Note): Timing {
  const c = device.calibration!;
  const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
  const p = c.network;
  const more = p.secondsPerRank * START_SHARE[work.operation] * (work.ranks - 2);
  const wire = wireBytes(work);
  const fraction = bulkFraction(work, p);
  const quick = p.latencySeconds + wire / (device.linkBytesPerSecond * p.lowLatencyFraction);
  const bulk = p.bulkLatencySeconds + wire / (device.linkBytesPerSecond * fraction);
  // Stryker disable next-line EqualityOperator: two protocols that take as long to the last bit
  const start = more + (quick < bulk ? p.latencySeconds : p.bulkLatencySeconds);
  // starting an exchange is waiting for the other GPUs as well
  const network = more + Math.min(quick, bulk);
  note?.({ more, wire, fraction, quick, bulk, start });
  return timing(start + Math.max(network - start, memory + cache), { memory, cache, network });
}

const ncclFormula = (work: Collective): Formula => [
  ...streamingLines(),
  ["more", `${moreText(work)}network.secondsPerRank * (ranks - 2)`],
  wireLine(work),
  [
    "fraction",
    "network.linkFraction * (network.moreRanksFactor - (network.moreRanksFactor - 1) * (2 / ranks))",
  ],
  ["quick", "network.latencySeconds + wire / (hardware.linkBytesPerSecond * network.lowLatencyFraction)"],
  ["bulk", "network.bulkLatencySeconds + wire / (hardware.linkBytesPerSecond * fraction)"],
  ["start", "more + (quick < bulk ? network.latencySeconds : network.bulkLatencySeconds)"],
  ["network", "more + min(quick, bulk)"],
  ["seconds", "start + max(network - start, memory + cache)"],
];

const moreText = ({ operation }: Collective): string =>
  START_SHARE[operation] === 1 ? "" : `${START_SHARE[operation]} * `;

/**
 * One kernel in which every GPU reads the tensors of all others and adds them up; where it would read more than a
 * reduce-scatter and an all-gather between the same buffers, it does those, in two steps. For longer messages engines
 * fall back on NCCL.
 */
function oneShot(work: Collective, traffic: Traffic, device: Device, note?: Note): Timing {
  const c = device.calibration!;
  const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
  const p = c.network;
  const rate = device.linkBytesPerSecond * p.oneShotFraction;
  const start = p.oneShotSeconds + p.oneShotSecondsPerRank * (work.ranks - 2);
  const one = ((work.ranks - 1) * work.messageBytes) / rate;
  const two = start + wireBytes(work) / rate;
  const network = start + Math.min(one, two);
  note?.({ rate, start, one, two });
  return timing(start + Math.max(network - start, memory + cache), { memory, cache, network });
}

const oneShotFormula = (): Formula => [
  ...streamingLines(),
  ["rate", "hardware.linkBytesPerSecond * network.oneShotFraction"],
  ["start", "network.oneShotSeconds + network.oneShotSecondsPerRank * (ranks - 2)"],
  ["one", "(ranks - 1) * messageBytes / rate"],
  ["two", "start + 2 * ((ranks - 1) / ranks) * messageBytes / rate"],
  ["network", "start + min(one, two)"],
  ["seconds", "start + max(network - start, memory + cache)"],
];

/** Achieved share of the link by large messages: two ranks keep it less busy than many, which come near a limit. */
export const bulkFraction = (
  { ranks }: Pick<Collective, "ranks">,
  p: Pick<CalibrationValues["network"], "linkFraction" | "moreRanksFactor">,
): number => p.linkFraction * (p.moreRanksFactor - (p.moreRanksFactor - 1) * (2 / ranks));

/** The line of `wireBytes`. */
export const wireLine = ({ operation }: Collective): Line => [
  "wire",
  `${operation === "all-reduce" ? "2 * " : ""}((ranks - 1) / ranks) * messageBytes`,
];
