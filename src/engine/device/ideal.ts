import type { Hardware } from "../../schema/hardware.ts";
import { type PeakName, peakName } from "../../schema/peaks.ts";
import { wireBytes } from "../layer/collective.ts";
import { type Kernel, readBytes, type Work, writeBytes } from "../layer/kernel.ts";
import { wireLine } from "./collective.ts";
import type { Device } from "./device.ts";
import type { Formula, Law, Note, WorkOf } from "./law.ts";
import { type Timing, timing } from "./timing.ts";

/**
 * The datasheet roofline of one kernel: max(FLOPs / peak, bytes / bandwidth), compulsory bytes, no floors. Matmuls and
 * attention run at the tensor peak of their type, everything else on the fp32 vector units.
 */
export function idealTiming(kernel: Kernel, device: Device, note?: Note): Timing {
  const { flops, work } = kernel;
  const peak = device.hardware.peakFlopsPerSecond[peakNameOf(work, device.hardware)]!;
  const compute = flops / peak;
  const memory = (readBytes(kernel) + writeBytes(kernel)) / device.hbmBytesPerSecond;
  // at the link's peak rate
  const wire = work.kind === "collective" ? wireBytes(work) : 0;
  const network = wire / device.linkBytesPerSecond;
  note?.({ peak, wire });
  return timing(Math.max(compute, memory, network), { compute, memory, network });
}

export const ideal: Law = {
  time: (kernel, _traffic, device, note) => idealTiming(kernel, device, note),
  formula: (work, { hardware }) => [
    ["peak", `hardware.peakFlopsPerSecond.${peakNameOf(work, hardware)}`],
    ["compute", "flops / peak"],
    ["memory", "(hbmReadBytes + hbmWriteBytes) / hardware.hbmBytesPerSecond"],
    ...(work.kind === "collective" ? networkLines(work) : []),
    ["seconds", work.kind === "collective" ? "max(compute, memory, network)" : "max(compute, memory)"],
  ],
};

const networkLines = (work: WorkOf<"collective">): Formula => [
  wireLine(work),
  ["network", "wire / hardware.linkBytesPerSecond"],
];

/** Which peak holds for the units that a kernel runs on. */
function peakNameOf(work: Work, hardware: Hardware): PeakName {
  switch (work.kind) {
    case "matmul":
    case "attention":
    case "decode-attention":
      return peakName(hardware, work.dataType);
    default:
      return "fp32Vector";
  }
}
