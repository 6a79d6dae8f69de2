import type { CalibrationValues } from "../../schema/calibration.ts";
import { wireBytes } from "../layer/collective.ts";
import type { Law, Line, WorkOf } from "./law.ts";
import { streamingLines, streamingSeconds } from "./streaming.ts";
import { timing } from "./timing.ts";

type Collective = WorkOf<"collective">;

/**
 * A collective by the faster of two protocols: one of low latency, which sends every byte with a flag beside it, and a
 * bulk one, which takes longer to start and comes near the link's rate. Both take longer to start the more ranks there
 * are. HBM traffic overlaps with the wire. Form and values: NCCL between 2 GPUs (measurements/h100-sxm/parts.jsonl)
 * and all-reduce of 2 to 8 (measurements/published/all-reduce-h100-vidur.csv).
 */
export const collective: Law<Collective> = {
  time({ work }, traffic, device, note) {
    const c = device.calibration!;
    const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
    const p = c.network;
    const more = p.secondsPerRank * (work.ranks - 2);
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
  },
  formula: (work) => [
    ...streamingLines(),
    ["more", "network.secondsPerRank * (ranks - 2)"],
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
  ],
};

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
