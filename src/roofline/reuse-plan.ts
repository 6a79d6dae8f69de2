import type { Kernel } from "../layer/kernel.ts";

/**
 * Which kernel touches which tensor after which: all of a chain's reuse that does not depend on sizes, and the sizes
 * beside it, in flat lists that `residency.ts` walks. A moment is the number of kernels that have ended.
 */
export interface ReusePlan {
  /** the kernels whose sizes the lists hold */
  readonly kernels: Kernel[];
  /**
   * of all reads, kernel by kernel: tensor, bytes, and the moment at which it was last touched, or `NEVER`, or
   * `inLastTurn` of a tensor that is handed over
   */
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
  /** what is dirty after the last kernel */
  readonly left: readonly Left[];
  /** what a turn reads of the turn before it, and when that has touched it last; of a loop */
  readonly handedOver: readonly HandedOver[];
  /** what is read of what was there before the first kernel */
  readonly needed: readonly string[];
}

/** A tensor whose write, and last step if any, is still dirty, and the moment at which it was last touched. */
interface Left {
  readonly tensor: string;
  readonly write: number;
  readonly step: number;
  readonly touchedAt: number;
  /** false: nobody reads it behind the next turn's kernels */
  readonly outlives: boolean;
}

interface HandedOver {
  readonly tensor: string;
  readonly touchedAt: number;
}

export const NEVER = -1;

/** Stands for the moment at which the turn before touched the tensor that it has handed over as this one of several. */
export const inLastTurn = (index: number): number => NEVER - 1 - index;

/** What is known about the kernels before a chain and behind it. */
export interface Surroundings {
  /** tensors that have just been written */
  readonly justWritten: readonly string[];
  /** tensors that are read behind the chain: they are written back when they are pushed out */
  readonly wantedLater: readonly string[];
  /** true: the same kernels have just run, on tensors of their own but for those that they hand over */
  readonly loops: boolean;
}

/** A dirty tensor on its way through the kernels. */
interface Dirty {
  readonly write: number;
  step: number;
}

export function reusePlan(
  kernels: readonly Kernel[],
  { justWritten, wantedLater, loops }: Surroundings,
): ReusePlan {
  const needed = readBeforeWritten(kernels);
  const isWritten = new Set(kernels.flatMap((kernel) => kernel.writes.map(({ tensor }) => tensor)));
  const handedOver = needed.filter((tensor) => loops && isWritten.has(tensor));
  const touchedAt = new Map<string, number>([
    ...handedOver.map((tensor, index): [string, number] => [tensor, inLastTurn(index)]),
    ...justWritten.map((tensor): [string, number] => [tensor, 0]),
  ]);
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
    // Stryker disable next-line ArrayDeclaration: each is put in its place below
    kernels: [],
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
    left: [...dirty].map(([tensor, { write, step }]) => ({
      tensor,
      write,
      step,
      touchedAt: touchedAt.get(tensor)!,
      outlives: wantedLater.includes(tensor) || !handedOver.includes(tensor),
    })),
    handedOver: handedOver.map((tensor) => ({ tensor, touchedAt: touchedAt.get(tensor)! })),
    needed,
  };
  for (let index = 0; index < kernels.length; index++) fill(plan, index, kernels[index]!);
  return plan;
}

/** Tensors that are there before the first kernel runs. */
function readBeforeWritten(kernels: readonly Kernel[]): string[] {
  const needed = new Set<string>();
  const written = new Set<string>();
  for (const { reads, writes } of kernels) {
    for (const { tensor } of reads) if (!written.has(tensor)) needed.add(tensor);
    for (const { tensor } of writes) written.add(tensor);
  }
  return [...needed];
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
  // Stryker disable next-line EqualityOperator: the next one is what it was
  for (let index = from; index < until; index++) {
    const kernel = kernels[index]!;
    // Stryker disable next-line ConditionalExpression: only faster
    if (kernel !== plan.kernels[index] && !fill(plan, index, kernel)) return false;
  }
  return true;
}
