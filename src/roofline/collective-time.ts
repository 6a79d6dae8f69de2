import { wireBytes } from "../layer/collective.ts";
import type { Work } from "../layer/kernel.ts";
import type { CalibrationValues } from "../schema/calibration.ts";
import type { Device } from "./device.ts";
import { streamingSeconds } from "./pointwise-time.ts";
import type { Traffic } from "./residency.ts";
import { type Timing, timing } from "./terms.ts";

type Collective = Extract<Work, { kind: "collective" }>;

/**
 * A collective by the faster of two protocols: one of low latency, which sends every byte with a flag beside it, and a
 * bulk one, which takes longer to start and comes near the link's rate. Both take longer to start the more ranks there
 * are. HBM traffic overlaps with the wire. Form and values: NCCL between 2 GPUs (measurements/h100-sxm/parts.jsonl)
 * and all-reduce of 2 to 8 (measurements/published/all-reduce-h100-vidur.csv).
 */
export function collectiveTime(work: Collective, traffic: Traffic, device: Device): Timing {
  const c = device.calibration!;
  const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
  const p = c.network;
  const more = p.secondsPerRank * (work.ranks - 2);
  const wire = wireBytes(work);
  const quick = p.latencySeconds + wire / (device.linkBytesPerSecond * p.lowLatencyFraction);
  const bulk = p.bulkLatencySeconds + wire / (device.linkBytesPerSecond * bulkFraction(work, p));
  // Stryker disable next-line EqualityOperator: two protocols that take as long to the last bit
  const latency = more + (quick < bulk ? p.latencySeconds : p.bulkLatencySeconds);
  const network = more + Math.min(quick, bulk) - latency;
  // starting an exchange is waiting for the other GPUs as well
  return timing(latency + Math.max(network, memory + cache), { memory, cache, network: latency + network });
}

/** Achieved share of the link by large messages: two ranks keep it less busy than many, which come near a limit. */
export const bulkFraction = (
  { ranks }: Pick<Collective, "ranks">,
  p: Pick<CalibrationValues["network"], "linkFraction" | "moreRanksFactor">,
): number => p.linkFraction * (p.moreRanksFactor - (p.moreRanksFactor - 1) * (2 / ranks));
