import type { Kernel, Work } from "../layer/kernel.ts";
import { attention } from "./attention.ts";
import { attentionBackward } from "./attention-backward.ts";
import { collective } from "./collective.ts";
import { columnSum } from "./column-sum.ts";
import { decodeAttention } from "./decode-attention.ts";
import type { Device } from "./device.ts";
import { ideal } from "./ideal.ts";
import type { Law, WorkOf } from "./law.ts";
import { matmul } from "./matmul.ts";
import { normRowInRegisters } from "./norm-row-in-registers.ts";
import { normRowInRegistersBackward } from "./norm-row-in-registers-backward.ts";
import { normRowPerBlock } from "./norm-row-per-block.ts";
import { pointwise } from "./pointwise.ts";
import { quantize } from "./quantize.ts";
import type { Traffic } from "./residency.ts";
import { rowSum } from "./row-sum.ts";
import { selection } from "./selection.ts";
import { softmax } from "./softmax.ts";
import type { Timing } from "./timing.ts";

/** One line a timing law. */
const LAWS: { readonly [Kind in Work["kind"]]: Law<WorkOf<Kind>> } = {
  matmul,
  attention,
  "decode-attention": decodeAttention,
  pointwise,
  softmax,
  selection,
  "row-per-block": normRowPerBlock,
  "row-in-registers": normRowInRegisters,
  "row-sum": rowSum,
  "column-sum": columnSum,
  quantize,
  collective,
};

/** The law of a kernel on the device: that of its kind, the datasheet roofline where there is no calibration. */
export function lawOf(work: Work, device: Device): Law {
  if (device.calibration === undefined) return ideal;
  if (work.kind === "row-in-registers" && work.direction === "backward")
    return normRowInRegistersBackward as Law;
  if (work.kind === "attention" && work.direction === "backward") return attentionBackward as Law;
  // a law is found by the kind of the work that it is given
  return LAWS[work.kind] as Law;
}

/** Time of one kernel on the device. `traffic` says which of its bytes the L2 serves. */
export const kernelTiming = (kernel: Kernel, traffic: Traffic, device: Device): Timing =>
  lawOf(kernel.work, device).time(kernel, traffic, device);
