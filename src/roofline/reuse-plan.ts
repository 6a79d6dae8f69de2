import type { Kernel } from "../layer/kernel.ts";

/**
 * Which kernel touches which tensor after which: all of a chain's reuse that does not depend on sizes, and the sizes
 * beside it, in flat lists that `residency.ts` walks. A moment is the number of kernels that have ended.
 */
export interface ReusePlan {
  /** the kernels whose sizes the lists hold */
  readonly kernels: Kernel[];
  /** of all reads, kernel by kernel: tensor, bytes, and the moment at which it was last touched, or `NEVER` */
  readonly readTensors: readonly string[];
  readonly readBytes: Float64Array;
  readonly readTouchedAt: readonly number[];
  /** of all writes: tensor and bytes */
  readonly writeTensors: readonly string[];
  readonly writeBytes: Float64Array;
  /**
   * Steps of what is dirty while other kernels run: the write it comes from, the moment at which it was last touched,
   * and the step before it of the same write (-1: the write itself)
   */
  readonly stepWrite: readonly number[];
  readonly stepTouchedAt: readonly number[];
  readonly stepBefore: readonly number[];
  /** where each kernel's reads, writes and steps end in those lists */
  readonly readsEnd: readonly number[];
  readonly writesEnd: readonly number[];
  readonly stepsEnd: readonly number[];
  /** what is still wanted after the last kernel: tensor, write and last step */
  readonly living: readonly { readonly tensor: string; readonly write: number; readonly step: number }[];
}

export const NEVER = -1;

/** A dirty tensor on its way through the kernels. */
interface Dirty {
  readonly write: number;
  step: number;
}

/** `wantedLater` are tensors that kernels behind this chain read: they are written back when they are pushed out. */
export function reusePlan(
  kernels: readonly Kernel[],
  justWritten: readonly string[],
  wantedLater: readonly string[],
): ReusePlan {
  const touchedAt = new Map<string, number>(justWritten.map((tensor) => [tensor, 0]));
  const lastReader = lastReaders(kernels);
  for (const tensor of wantedLater) lastReader.delete(tensor);
  const dirty = new Map<string, Dirty>();
  const reads: number[] = [];
  const steps = { write: [] as number[], touchedAt: [] as number[], before: [] as number[] };
  const ends = { reads: [] as number[], writes: [] as number[], steps: [] as number[] };
  let writes = 0;
  kernels.forEach((kernel, index) => {
    for (const { tensor } of kernel.reads) reads.push(touchedAt.get(tensor) ?? NEVER);
    for (const { tensor } of kernel.reads) touchedAt.set(tensor, index);
    for (const [tensor, lines] of dirty) {
      steps.write.push(lines.write);
      steps.touchedAt.push(touchedAt.get(tensor)!);
      steps.before.push(lines.step);
      lines.step = steps.write.length - 1;
    }
    for (const { tensor } of kernel.reads) {
      touchedAt.set(tensor, index + 1);
      if (lastReader.get(tensor) === index) dirty.delete(tensor);
    }
    for (const { tensor } of kernel.writes) {
      touchedAt.set(tensor, index + 1);
      dirty.set(tensor, { write: writes++, step: NEVER });
    }
    ends.reads.push(reads.length);
    ends.writes.push(writes);
    ends.steps.push(steps.write.length);
  });
  const plan: ReusePlan = {
    kernels: [...kernels],
    readTensors: kernels.flatMap((kernel) => kernel.reads.map(({ tensor }) => tensor)),
    writeTensors: kernels.flatMap((kernel) => kernel.writes.map(({ tensor }) => tensor)),
    readBytes: new Float64Array(reads.length),
    readTouchedAt: reads,
    writeBytes: new Float64Array(writes),
    stepWrite: steps.write,
    stepTouchedAt: steps.touchedAt,
    stepBefore: steps.before,
    readsEnd: ends.reads,
    writesEnd: ends.writes,
    stepsEnd: ends.steps,
    living: [...dirty].map(([tensor, { write, step }]) => ({ tensor, write, step })),
  };
  for (let index = 0; index < kernels.length; index++) fill(plan, index, kernels[index]!);
  return plan;
}

function lastReaders(kernels: readonly Kernel[]): Map<string, number> {
  const last = new Map<string, number>();
  kernels.forEach((kernel, index) => {
    for (const { tensor } of kernel.reads) last.set(tensor, index);
  });
  return last;
}

/** Puts a kernel's sizes into the lists; false where it touches other tensors than the plan says. */
function fill(plan: ReusePlan, index: number, kernel: Kernel): boolean {
  const { reads, writes } = kernel;
  const firstRead = index === 0 ? 0 : plan.readsEnd[index - 1]!;
  const firstWrite = index === 0 ? 0 : plan.writesEnd[index - 1]!;
  if (firstRead + reads.length !== plan.readsEnd[index]) return false;
  if (firstWrite + writes.length !== plan.writesEnd[index]) return false;
  for (let i = 0; i < reads.length; i++) {
    const read = reads[i]!;
    if (read.tensor !== plan.readTensors[firstRead + i]) return false;
    plan.readBytes[firstRead + i] = read.bytes;
  }
  for (let i = 0; i < writes.length; i++) {
    const write = writes[i]!;
    if (write.tensor !== plan.writeTensors[firstWrite + i]) return false;
    plan.writeBytes[firstWrite + i] = write.bytes;
  }
  plan.kernels[index] = kernel;
  return true;
}

/** The kernels from `from` to before `until`. */
export interface Range {
  readonly from: number;
  readonly until: number;
}

/**
 * Puts other sizes into a plan: of kernels that touch the same tensors, of which only those in `changed` may be others
 * than before. False where the tensors are others, so that a new plan is needed.
 */
export function refill(plan: ReusePlan, kernels: readonly Kernel[], { from, until }: Range): boolean {
  if (kernels.length !== plan.kernels.length) return false;
  for (let index = from; index < until; index++) {
    const kernel = kernels[index]!;
    if (kernel !== plan.kernels[index] && !fill(plan, index, kernel)) return false;
  }
  return true;
}
