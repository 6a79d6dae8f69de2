import { type Operator, readBytes, writeBytes } from "../layer/kernel.ts";
import type { Device } from "../roofline/device.ts";
import { idealTiming } from "../roofline/ideal.ts";
import { rereadBytes } from "../roofline/row-time.ts";

/** What an operator asks of a device, whenever it runs. */
export interface OperatorCounts {
  readonly flops: number;
  readonly hbmReadBytes: number;
  readonly hbmWriteBytes: number;
  /** read and written */
  readonly hbmBytes: number;
  readonly idealSeconds: number;
}

function operatorCounts({ kernels }: Operator, target: Device): OperatorCounts {
  let flops = 0;
  let hbmReadBytes = 0;
  let hbmWriteBytes = 0;
  let idealSeconds = 0;
  for (const kernel of kernels) {
    flops += kernel.flops;
    hbmReadBytes += readBytes(kernel) + rereadBytes(kernel.work, target);
    hbmWriteBytes += writeBytes(kernel);
    idealSeconds += idealTiming(kernel, target).seconds;
  }
  return { flops, hbmReadBytes, hbmWriteBytes, hbmBytes: hbmReadBytes + hbmWriteBytes, idealSeconds };
}

/** Of each operator, and of all together. */
export interface LayerCounts {
  readonly each: readonly OperatorCounts[];
  readonly total: OperatorCounts;
}

/** Counts of operators on a device; those of the same operators as in the last layer are kept. */
export function countKeeper(): (operators: readonly Operator[], target: Device) => LayerCounts {
  let lastTarget: Device | undefined;
  let last: readonly Operator[] = [];
  let each: OperatorCounts[] = [];
  let counts: LayerCounts | undefined;
  return (operators, target) => {
    if (counts !== undefined && target === lastTarget && operators === last) return counts;
    if (target !== lastTarget || operators.length !== last.length) each = [];
    for (let index = 0; index < operators.length; index++)
      if (each[index] === undefined || operators[index] !== last[index])
        each[index] = operatorCounts(operators[index]!, target);
    lastTarget = target;
    last = operators;
    counts = { each, total: totalCounts(each) };
    return counts;
  };
}

function totalCounts(counts: readonly OperatorCounts[]): OperatorCounts {
  let flops = 0;
  let hbmReadBytes = 0;
  let hbmWriteBytes = 0;
  let hbmBytes = 0;
  let idealSeconds = 0;
  for (let index = 0; index < counts.length; index++) {
    const count = counts[index]!;
    flops += count.flops;
    hbmReadBytes += count.hbmReadBytes;
    hbmWriteBytes += count.hbmWriteBytes;
    hbmBytes += count.hbmBytes;
    idealSeconds += count.idealSeconds;
  }
  return { flops, hbmReadBytes, hbmWriteBytes, hbmBytes, idealSeconds };
}
