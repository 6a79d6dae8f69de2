import { type Operator, readBytes, writeBytes } from "../layer/kernel.ts";
import type { Device } from "../roofline/device.ts";
import { idealTiming } from "../roofline/ideal.ts";
import { rereadBytes } from "../roofline/row-time.ts";

/** What operators ask of a device, whenever they run. */
interface Counts<Figure> {
  readonly flops: Figure;
  readonly hbmReadBytes: Figure;
  readonly hbmWriteBytes: Figure;
  readonly idealSeconds: Figure;
}

/** Of all operators together; `hbmBytes` are read and written. */
export interface LayerCounts extends Counts<number> {
  readonly hbmBytes: number;
  /** of each operator */
  readonly each: Counts<Float64Array>;
}

/** Counts of operators on a device, in the same lists: those of the same operators as in the last layer are kept. */
export function countKeeper(): (operators: readonly Operator[], target: Device) => LayerCounts {
  let lastTarget: Device | undefined;
  let last: readonly Operator[] = [];
  let each = emptyCounts(0);
  let counts: LayerCounts | undefined;
  return (operators, target) => {
    if (counts !== undefined && target === lastTarget && operators === last) return counts;
    const anew = target !== lastTarget || operators.length !== last.length;
    if (anew) each = emptyCounts(operators.length);
    for (let index = 0; index < operators.length; index++)
      if (anew || operators[index] !== last[index]) count(operators[index]!, target, each, index);
    lastTarget = target;
    last = operators;
    counts = inAll(each);
    return counts;
  };
}

const emptyCounts = (operators: number): Counts<Float64Array> => ({
  flops: new Float64Array(operators),
  hbmReadBytes: new Float64Array(operators),
  hbmWriteBytes: new Float64Array(operators),
  idealSeconds: new Float64Array(operators),
});

/** Writes an operator's counts to its place in the lists. */
function count({ kernels }: Operator, target: Device, into: Counts<Float64Array>, index: number): void {
  let flops = 0;
  let hbmReadBytes = 0;
  let hbmWriteBytes = 0;
  let idealSeconds = 0;
  for (let i = 0; i < kernels.length; i++) {
    const kernel = kernels[i]!;
    flops += kernel.flops;
    hbmReadBytes += readBytes(kernel) + rereadBytes(kernel.work, target);
    hbmWriteBytes += writeBytes(kernel);
    idealSeconds += idealTiming(kernel, target).seconds;
  }
  into.flops[index] = flops;
  into.hbmReadBytes[index] = hbmReadBytes;
  into.hbmWriteBytes[index] = hbmWriteBytes;
  into.idealSeconds[index] = idealSeconds;
}

function inAll(each: Counts<Float64Array>): LayerCounts {
  let flops = 0;
  let hbmReadBytes = 0;
  let hbmWriteBytes = 0;
  let hbmBytes = 0;
  let idealSeconds = 0;
  for (let index = 0; index < each.flops.length; index++) {
    flops += each.flops[index]!;
    hbmReadBytes += each.hbmReadBytes[index]!;
    hbmWriteBytes += each.hbmWriteBytes[index]!;
    hbmBytes += each.hbmReadBytes[index]! + each.hbmWriteBytes[index]!;
    idealSeconds += each.idealSeconds[index]!;
  }
  return { flops, hbmReadBytes, hbmWriteBytes, hbmBytes, idealSeconds, each };
}
