import { gradientOf } from "../layer/gradients.ts";
import type { Kernel } from "../layer/kernel.ts";
import { BOTH_BRANCHES, MIDDLE, STREAM } from "../layer/layout.ts";
import type { CalibrationValues } from "../schema/calibration.ts";
import { NEVER, type Range, type ReusePlan, refill, reusePlan } from "./reuse-plan.ts";
import { fallingRamp } from "./soft-maximum.ts";

/** Where a kernel's bytes come from and go to. */
export interface Traffic {
  readonly hbmBytes: number;
  readonly l2Bytes: number;
}

/** What the previous layer wrote last is the first thing a layer reads. */
const LAYER_INPUTS = [STREAM, "ffn output", "post-ffn-norm output", BOTH_BRANCHES, MIDDLE] as const;
/** A backward pass begins behind that of the layer after it. */
const BACKWARD_INPUTS = [gradientOf(STREAM)] as const;

/** What a chain of kernels asks of the memories, and which bytes it leaves in the L2 that HBM does not hold yet. */
interface ChainTraffic {
  readonly traffic: readonly Traffic[];
  readonly dirtyBytes: ReadonlyMap<string, number>;
}

type Cache = CalibrationValues["cache"];

/** The traffic of a layer between layers like it: what the one before it left dirty is written back in this one. */
export const layerTraffic = (
  kernels: readonly Kernel[],
  cache: Cache,
  firstBackward?: number,
): readonly Traffic[] => trafficList(trafficTracer()(kernels, cache, firstBackward));

/** Bytes of each kernel that HBM and the L2 serve. */
interface TrafficArrays {
  hbmBytes: Float64Array;
  l2Bytes: Float64Array;
}

/** The traffic of one of many layers; kernels before `from` and from `until` on have that of the layer before it. */
interface LayerTrace extends TrafficArrays {
  from: number;
  until: number;
}

const trafficList = ({ hbmBytes, l2Bytes }: TrafficArrays): Traffic[] =>
  Array.from(hbmBytes, (hbm, index) => ({ hbmBytes: hbm, l2Bytes: l2Bytes[index]! }));

/**
 * `layerTraffic` for many layers, without the objects; the arrays are written over when the next layer is traced.
 * `firstBackward` is the index of the first backward kernel, past the last one when there is none. `changed` says which
 * kernels may be others than in the layer before.
 */
export function trafficTracer(): (
  kernels: readonly Kernel[],
  cache: Cache,
  firstBackward?: number,
  changed?: Range,
) => LayerTrace {
  const forward = passTracer(LAYER_INPUTS);
  const backward = passTracer(BACKWARD_INPUTS);
  return (kernels, cache, firstBackward = kernels.length, changed) => {
    if (firstBackward >= kernels.length) return forward(kernels, cache, NONE, changed);
    // a step runs the forward passes of all layers before the backward ones: between a layer's two the L2 sees others
    const back = backward(kernels.slice(firstBackward), cache, NONE);
    const there = forward(kernels.slice(0, firstBackward), cache, back.readTensors);
    return {
      hbmBytes: Float64Array.of(...there.hbmBytes, ...back.hbmBytes),
      l2Bytes: Float64Array.of(...there.l2Bytes, ...back.l2Bytes),
      from: 0,
      until: kernels.length,
    };
  };
}

const NONE: readonly string[] = [];

/** Of one pass; the tensors that it reads are the same list as long as they are the same. */
interface PassTrace extends LayerTrace {
  readTensors: readonly string[];
}

/** The traffic of a pass between those of other layers, where `wantedLater` are tensors that another pass reads. */
function passTracer(
  justWritten: readonly string[],
): (kernels: readonly Kernel[], cache: Cache, wantedLater: readonly string[], changed?: Range) => PassTrace {
  let trace: Trace | undefined;
  let lastCache: Cache | undefined;
  let lastWanted: readonly string[] = NONE;
  let emptying = NEVER;
  const layer: PassTrace = {
    hbmBytes: new Float64Array(0),
    l2Bytes: new Float64Array(0),
    readTensors: NONE,
    from: 0,
    until: 0,
  };
  return (kernels, cache, wantedLater, changed) => {
    const whole = { from: 0, until: kernels.length };
    let followed = cache === lastCache ? (changed ?? whole) : whole;
    lastCache = cache;
    if (trace === undefined || wantedLater !== lastWanted || !refill(trace.plan, kernels, changed ?? whole)) {
      trace = newTrace(kernels, justWritten, wantedLater);
      lastWanted = wantedLater;
      layer.readTensors = trace.plan.readTensors;
      emptying = NEVER;
      layer.hbmBytes = new Float64Array(kernels.length);
      layer.l2Bytes = trace.l2Bytes;
      followed = whole;
    }
    const { from } = followed;
    const until = followed.until === from ? from : follow(trace, cache, from, followed.until);
    layer.from = from;
    layer.until = until;
    if (from === until) return layer;
    for (let index = from; index < until; index++) layer.hbmBytes[index] = trace.hbmBytes[index]!;
    // what the layer before left dirty is written back by the first kernel that moves so much that nothing else stays
    if (emptying !== NEVER) layer.hbmBytes[emptying] = trace.hbmBytes[emptying]!;
    emptying = trace.kept.indexOf(0);
    if (emptying === NEVER) return layer;
    for (const dirty of trace.plan.living) layer.hbmBytes[emptying]! += leftOf(trace, dirty);
    layer.from = Math.min(from, emptying);
    return layer;
  };
}

/** The traffic of kernels after `justWritten` tensors have been written, and what they leave dirty, for any L2. */
export function chainTracer(
  kernels: readonly Kernel[],
  justWritten: readonly string[],
): (cache: Cache) => ChainTraffic {
  const trace = newTrace(kernels, justWritten, NONE);
  return (cache) => {
    follow(trace, cache, 0, kernels.length);
    return {
      traffic: trafficList(trace),
      dirtyBytes: new Map(trace.plan.living.map((dirty) => [dirty.tensor, leftOf(trace, dirty)])),
    };
  };
}

/**
 * A chain followed through the L2: share of each kernel's own bytes that stays behind it, bytes moved up to each moment
 * since the L2 was last emptied and the moment at which it was, and what is dirty after each write and step.
 */
interface Trace extends TrafficArrays {
  readonly plan: ReusePlan;
  readonly kept: Float64Array;
  readonly ends: Float64Array;
  readonly emptiedAt: Int32Array;
  readonly dirtyAfterWrite: Float64Array;
  readonly dirtyAfterStep: Float64Array;
}

function newTrace(
  kernels: readonly Kernel[],
  justWritten: readonly string[],
  wantedLater: readonly string[],
): Trace {
  const plan = reusePlan(kernels, justWritten, wantedLater);
  return {
    plan,
    kept: new Float64Array(kernels.length),
    ends: new Float64Array(kernels.length + 1),
    emptiedAt: new Int32Array(kernels.length + 1),
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
 * Kernels before `from` and, where the L2 is emptied in between, those from `changedUntil` on are as they were when this
 * trace was last followed; returns the index behind the last kernel that was followed anew.
 */
function follow(trace: Trace, cache: Cache, from: number, changedUntil: number): number {
  const { plan, kept, ends, emptiedAt, dirtyAfterWrite, dirtyAfterStep } = trace;
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
    const before = kept[index]!;
    const stays = hitFraction(own, cache);
    kept[index] = stays;
    // nothing from before this kernel is found after it: what is behind it can be followed without what is before
    const empties = stays === 0;
    ends[index + 1] = empties ? 0 : end;
    const emptied = emptiedAt[index]!;
    emptiedAt[index + 1] = empties ? index + 1 : emptied;
    let hits = stays * bytesWritten;
    for (; read < readsEnd; read++) {
      const touchedAt = plan.readTouchedAt[read]!;
      if (!empties && touchedAt !== NEVER && touchedAt >= emptied)
        hits += plan.readBytes[read]! * hitFraction(end - ends[touchedAt]!, cache);
    }
    let writtenBack = 0;
    for (const stepsEnd = plan.stepsEnd[index]!; step < stepsEnd; step++) {
      const last = plan.stepBefore[step]!;
      const written = dirtyAfterWrite[plan.stepWrite[step]!]!;
      const left = last === NEVER ? written : dirtyAfterStep[last]!;
      const touchedAt = plan.stepTouchedAt[step]!;
      const still =
        left === 0 || empties || touchedAt < emptied
          ? 0
          : Math.min(left, written * hitFraction(end - ends[touchedAt]!, cache));
      dirtyAfterStep[step] = still;
      writtenBack += left - still;
    }
    for (; write < writesEnd; write++) dirtyAfterWrite[write] = plan.writeBytes[write]! * stays;
    trace.hbmBytes[index] = own - hits + writtenBack;
    trace.l2Bytes[index] = hits;
    if (empties && before === 0 && index + 1 >= changedUntil) return index + 1;
  }
  return plan.kernels.length;
}

/** Share of data that is still in the L2 after `distanceBytes` more were moved. */
export function hitFraction(distanceBytes: number, cache: Cache): number {
  return fallingRamp(distanceBytes, cache.residentBytes, cache.transitionBytes);
}
