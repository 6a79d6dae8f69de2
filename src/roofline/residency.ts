import { type Kernel, sumOf } from "../layer/kernel.ts";
import type { CalibrationValues } from "../schema/calibration.ts";
import { NEVER, type ReusePlan, refill, reusePlan } from "./reuse-plan.ts";
import { fallingRamp } from "./soft-maximum.ts";

/** Where a kernel's bytes come from and go to. */
export interface Traffic {
  readonly hbmBytes: number;
  readonly l2Bytes: number;
}

/** What the previous layer wrote last is the first thing a layer reads. */
const LAYER_INPUTS = ["residual stream", "ffn output", "residual stream after attention"] as const;

/** What a chain of kernels asks of the memories, and which bytes it leaves in the L2 that HBM does not hold yet. */
interface ChainTraffic {
  readonly traffic: readonly Traffic[];
  readonly dirtyBytes: ReadonlyMap<string, number>;
}

type Cache = CalibrationValues["cache"];

/** The traffic of a layer between layers like it: what the one before it left dirty is written back in this one. */
export const layerTraffic = (kernels: readonly Kernel[], cache: Cache): readonly Traffic[] =>
  trafficList(trafficTracer()(kernels, cache));

/** Bytes of each kernel that HBM and the L2 serve. */
interface TrafficArrays {
  readonly hbmBytes: Float64Array;
  readonly l2Bytes: Float64Array;
}

const trafficList = ({ hbmBytes, l2Bytes }: TrafficArrays): Traffic[] =>
  Array.from(hbmBytes, (hbm, index) => ({ hbmBytes: hbm, l2Bytes: l2Bytes[index]! }));

/** `layerTraffic` for many layers, without the objects; the arrays are written over when the next layer is traced. */
export function trafficTracer(): (kernels: readonly Kernel[], cache: Cache) => TrafficArrays {
  let trace: Trace | undefined;
  let lastCache: Cache | undefined;
  let hbmBytes = new Float64Array(0);
  return (kernels, cache) => {
    let changed = trace && refill(trace.plan, kernels);
    if (trace === undefined || changed === undefined) {
      trace = newTrace(kernels, LAYER_INPUTS);
      changed = 0;
      hbmBytes = new Float64Array(kernels.length);
    }
    follow(trace, cache, cache === lastCache ? changed : 0);
    lastCache = cache;
    hbmBytes.set(trace.hbmBytes);
    const emptying = firstToEmpty(trace, cache);
    if (emptying !== undefined)
      hbmBytes[emptying]! += sumOf(trace.plan.living, (dirty) => leftOf(trace!, dirty));
    return { hbmBytes, l2Bytes: trace.l2Bytes };
  };
}

/** The first kernel that moves so much that nothing else stays in the L2. */
function firstToEmpty({ ends }: Trace, cache: Cache): number | undefined {
  for (let index = 1; index < ends.length; index++)
    if (hitFraction(ends[index]! - ends[index - 1]!, cache) === 0) return index - 1;
  return undefined;
}

/** The traffic of kernels after `justWritten` tensors have been written, and what they leave dirty. */
export function chainTraffic(
  kernels: readonly Kernel[],
  cache: Cache,
  justWritten: readonly string[],
): ChainTraffic {
  const trace = newTrace(kernels, justWritten);
  follow(trace, cache, 0);
  return {
    traffic: trafficList(trace),
    dirtyBytes: new Map(trace.plan.living.map((dirty) => [dirty.tensor, leftOf(trace, dirty)])),
  };
}

/** A chain followed through the L2: bytes moved up to each moment, and what is dirty after each write and step. */
interface Trace extends TrafficArrays {
  readonly plan: ReusePlan;
  readonly ends: Float64Array;
  readonly dirtyAfterWrite: Float64Array;
  readonly dirtyAfterStep: Float64Array;
}

function newTrace(kernels: readonly Kernel[], justWritten: readonly string[]): Trace {
  const plan = reusePlan(kernels, justWritten);
  return {
    plan,
    ends: new Float64Array(kernels.length + 1),
    dirtyAfterWrite: new Float64Array(plan.writeBytes.length),
    dirtyAfterStep: new Float64Array(plan.stepWrite.length),
    hbmBytes: new Float64Array(kernels.length),
    l2Bytes: new Float64Array(kernels.length),
  };
}

const leftOf = (trace: Trace, { write, step }: { readonly write: number; readonly step: number }): number =>
  step === NEVER ? trace.dirtyAfterWrite[write]! : trace.dirtyAfterStep[step]!;

/**
 * Follows the L2 through kernels. Data that was touched a reuse distance ago (all bytes moved since, up to the end of
 * the kernel that wants it) is still there when that distance is below the resident size, gone when it is above by
 * more than the transition. Writes stay when the whole kernel fits. What was written and is pushed out is written back
 * by the kernel that pushes: a matmul that waits for its tensor cores hides it, one that streams weights does not.
 * What was read for the last time is not written back: its memory is the first that is used again.
 * Kernels before `from` are as they were when this trace was last followed.
 */
function follow(trace: Trace, cache: Cache, from: number): void {
  const { plan, ends, dirtyAfterWrite, dirtyAfterStep } = trace;
  let read = from === 0 ? 0 : plan.readsEnd[from - 1]!;
  let write = from === 0 ? 0 : plan.writesEnd[from - 1]!;
  let step = from === 0 ? 0 : plan.stepsEnd[from - 1]!;
  for (let index = from; index < plan.kernels.length; index++) {
    const readsEnd = plan.readsEnd[index]!;
    const writesEnd = plan.writesEnd[index]!;
    let bytesRead = plan.kernels[index]!.streamedBytes;
    for (let i = read; i < readsEnd; i++) bytesRead += plan.readBytes[i]!;
    let bytesWritten = 0;
    for (let i = write; i < writesEnd; i++) bytesWritten += plan.writeBytes[i]!;
    const own = bytesRead + bytesWritten;
    const end = ends[index]! + own;
    ends[index + 1] = end;
    const kept = hitFraction(own, cache);
    let hits = kept * bytesWritten;
    for (; read < readsEnd; read++) {
      const touchedAt = plan.readTouchedAt[read]!;
      if (touchedAt !== NEVER) hits += plan.readBytes[read]! * hitFraction(end - ends[touchedAt]!, cache);
    }
    let writtenBack = 0;
    for (const stepsEnd = plan.stepsEnd[index]!; step < stepsEnd; step++) {
      const written = dirtyAfterWrite[plan.stepWrite[step]!]!;
      const before = plan.stepBefore[step]!;
      const left = before === NEVER ? written : dirtyAfterStep[before]!;
      const still =
        left === 0 ? 0 : Math.min(left, written * hitFraction(end - ends[plan.stepTouchedAt[step]!]!, cache));
      dirtyAfterStep[step] = still;
      writtenBack += left - still;
    }
    for (; write < writesEnd; write++) dirtyAfterWrite[write] = plan.writeBytes[write]! * kept;
    trace.hbmBytes[index] = own - hits + writtenBack;
    trace.l2Bytes[index] = hits;
  }
}

/** Share of data that is still in the L2 after `distanceBytes` more were moved. */
export function hitFraction(distanceBytes: number, cache: Cache): number {
  return fallingRamp(distanceBytes, cache.residentBytes, cache.transitionBytes);
}
