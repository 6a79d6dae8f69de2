import type { Kernel } from "../layer/kernel.ts";
import { attentionTime, decodeAttentionTime } from "./attention-time.ts";
import { collectiveTime } from "./collective-time.ts";
import type { Device } from "./device.ts";
import { idealTiming } from "./ideal.ts";
import { matmulTime } from "./matmul-time.ts";
import { pointwiseTime, selectionTime, softmaxTime } from "./pointwise-time.ts";
import type { Traffic } from "./residency.ts";
import {
  columnSumTime,
  quantizeTime,
  rowInRegistersBackwardTime,
  rowInRegistersTime,
  rowPerBlockTime,
  rowSumTime,
} from "./row-time.ts";
import type { Timing } from "./terms.ts";

/**
 * Time of one kernel on the device, by the law of its kind; the datasheet roofline where the device has no
 * calibration. `traffic` says which of its bytes the L2 serves.
 */
export function kernelTiming(kernel: Kernel, traffic: Traffic, device: Device): Timing {
  if (device.calibration === undefined) return idealTiming(kernel, device);
  const { work } = kernel;
  switch (work.kind) {
    case "matmul":
      return matmulTime(kernel, work, traffic, device);
    case "attention":
      return attentionTime(kernel, work, traffic, device);
    case "decode-attention":
      return decodeAttentionTime(kernel, work, traffic, device);
    case "pointwise":
      return pointwiseTime(work, traffic, device);
    case "softmax":
      return softmaxTime(work, traffic, device);
    case "row-per-block":
      return rowPerBlockTime(work, traffic, device);
    case "row-in-registers":
      return work.direction === "forward"
        ? rowInRegistersTime(work, traffic, device)
        : rowInRegistersBackwardTime(work, traffic, device);
    case "row-sum":
      return rowSumTime(work, traffic, device);
    case "quantize":
      return quantizeTime(work, traffic, device);
    case "selection":
      return selectionTime(work, traffic, device);
    case "column-sum":
      return columnSumTime(work, traffic, device);
    case "collective":
      return collectiveTime(work, traffic, device);
  }
}
