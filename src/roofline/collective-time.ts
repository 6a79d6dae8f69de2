import type { Kernel } from "../layer/kernel.ts";
import type { Device } from "./device.ts";
import { networkSeconds } from "./ideal.ts";
import { streamingSeconds } from "./pointwise-time.ts";
import type { Traffic } from "./residency.ts";
import { type Timing, timing } from "./terms.ts";

/** A collective at the link's achieved rate behind a fixed latency; its HBM traffic overlaps with the wire. */
export function collectiveTime(kernel: Kernel, traffic: Traffic, device: Device): Timing {
  const c = device.calibration!;
  const { memory, cache } = streamingSeconds(traffic, device, c.memory.streamingFraction);
  const network = networkSeconds(kernel, device) / c.network.linkFraction;
  const latency = c.network.latencySeconds;
  return timing(latency + Math.max(network, memory + cache), { memory, cache, network, latency });
}
