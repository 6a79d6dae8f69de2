import { wireBytes } from "../layer/collective.ts";
import type { Kernel } from "../layer/kernel.ts";
import { readBytes, writeBytes } from "../layer/kernel.ts";
import { matmulPeak } from "../schema/peaks.ts";
import type { Device } from "./device.ts";
import { type Timing, timing } from "./terms.ts";

/**
 * The datasheet roofline of one kernel: max(FLOPs / peak, bytes / bandwidth), compulsory bytes, no floors. Matmuls and
 * attention run at the tensor peak of their type, everything else on the fp32 vector units.
 */
export function idealTiming(kernel: Kernel, device: Device): Timing {
  const compute = kernel.flops / peakOf(kernel, device);
  const memory = (readBytes(kernel) + writeBytes(kernel)) / device.hbmBytesPerSecond;
  const network = networkSeconds(kernel, device);
  return timing(Math.max(compute, memory, network), { compute, memory, network });
}

/** Peak of the units that a kernel of this kind runs on, FLOP per second. */
export function peakOf({ work }: Kernel, device: Device): number {
  switch (work.kind) {
    case "matmul":
    case "attention":
    case "decode-attention":
      return matmulPeak(device.hardware, work.dataType) ?? device.vectorFlopsPerSecond;
    default:
      return device.vectorFlopsPerSecond;
  }
}

/** Seconds on the wire at the link's peak rate; 0 for a kernel that sends nothing. */
export function networkSeconds({ work }: Kernel, device: Device): number {
  if (work.kind !== "collective") return 0;
  return wireBytes(work) / device.linkBytesPerSecond;
}
