import { type Kernel, readBytes, writeBytes } from "../layer/kernel.ts";
import type { CalibrationValues } from "../schema/calibration.ts";
import {
  inLastTurn,
  NEVER,
  type Range,
  type ReusePlan,
  refill,
  reusePlan,
  type Surroundings,
} from "./reuse-plan.ts";
import { fallingRamp } from "./soft-maximum.ts";

/** Where a kernel's bytes come from and go to. */
export interface Traffic {
  readonly hbmBytes: number;
  readonly l2Bytes: number;
}

/** What a chain of kernels asks of the memories, and which bytes it leaves in the L2 that HBM does not hold yet. */
interface ChainTraffic {
  readonly traffic: readonly Traffic[];
  readonly dirtyBytes: ReadonlyMap<string, number>;
}

type Cache = CalibrationValues["cache"];

const NONE: readonly string[] = [];

/** Tensors that others have just written when a pass begins. */
interface JustWritten {
  readonly forward: readonly string[];
  readonly backward: readonly string[];
}

/**
 * The traffic of a layer between layers like it: each finds in the L2 what the one before it has handed over, and what
 * that has left dirty is written back in this one. `firstBackward` is the index of the first backward kernel, past the
 * last one when there is none. What is no layer says what others have `justWritten` for it.
 */
export const layerTraffic = (
  kernels: readonly Kernel[],
  cache: Cache,
  firstBackward?: number,
  justWritten?: JustWritten,
): readonly Traffic[] => trafficList(trafficTracer(justWritten)(kernels, cache, firstBackward));

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
 * `layerTraffic` for many layers, without the objects. `changed` says which kernels may be others than in the layer
 * before. The arrays are written over when the next layer is traced; those of a training step are new ones.
 */
export function trafficTracer(
  { forward, backward }: JustWritten = { forward: NONE, backward: NONE },
): (kernels: readonly Kernel[], cache: Cache, firstBackward?: number, changed?: Range) => LayerTrace {
  const traceForward = passTracer(forward);
  const traceBackward = passTracer(backward);
  return (kernels, cache, firstBackward = kernels.length, changed) => {
    if (firstBackward >= kernels.length) return traceForward(kernels, cache, NONE, changed);
    // a step runs the forward passes of all layers before the backward ones: between a layer's two the L2 sees others
    const back = traceBackward(kernels.slice(firstBackward), cache, NONE);
    const there = traceForward(kernels.slice(0, firstBackward), cache, back.needed);
    return {
      hbmBytes: Float64Array.of(...there.hbmBytes, ...back.hbmBytes),
      l2Bytes: Float64Array.of(...there.l2Bytes, ...back.l2Bytes),
      from: 0,
      until: kernels.length,
    };
  };
}

/** Of one pass, and what it reads of what is there before: the same list as long as its kernels touch the same tensors. */
interface PassTrace extends LayerTrace {
  needed: readonly string[];
}

/** The traffic of a pass between those of other layers, where `wantedLater` are tensors that another pass reads. */
function passTracer(
  justWritten: readonly string[],
): (kernels: readonly Kernel[], cache: Cache, wantedLater: readonly string[], changed?: Range) => PassTrace {
  let trace: Trace | undefined;
  let lastCache: Cache | undefined;
  let lastWanted: readonly string[] = NONE;
  /** the kernel that has written back what the layer before left; `NEVER`: all have, each a part */
  let emptying = NEVER;
  // Stryker disable next-line ObjectLiteral: every field is set before it is read
  const layer: PassTrace = {
    hbmBytes: new Float64Array(0),
    l2Bytes: new Float64Array(0),
    needed: NONE,
    from: 0,
    until: 0,
  };
  return (kernels, cache, wantedLater, changed) => {
    const whole = { from: 0, until: kernels.length };
    let followed = cache === lastCache ? (changed ?? whole) : whole;
    lastCache = cache;
    if (trace === undefined || wantedLater !== lastWanted || !refill(trace.plan, kernels, changed ?? whole)) {
      trace = newTrace(kernels, { justWritten, wantedLater, loops: true });
      lastWanted = wantedLater;
      layer.needed = trace.plan.needed;
      emptying = NEVER;
      layer.hbmBytes = new Float64Array(kernels.length);
      layer.l2Bytes = trace.l2Bytes;
      followed = whole;
    }
    layer.from = followed.from;
    layer.until = followed.from;
    if (followed.from === followed.until) return layer;
    const from = measureBehind(trace) ? 0 : followed.from;
    const until = follow(trace, cache, from, followed.until);
    const before = emptying;
    emptying = firstEmptying(trace.kept);
    // Stryker disable next-line ConditionalExpression: where the kernel that emptied the L2 has changed all behind it is new
    const isSpread = emptying === NEVER;
    const { hbmBytes } = layer;
    if (before === NEVER || isSpread) {
      hbmBytes.set(trace.hbmBytes);
      layer.from = 0;
      layer.until = kernels.length;
    } else {
      // Stryker disable next-line EqualityOperator: behind these nothing has changed
      for (let index = from; index < until; index++) hbmBytes[index] = trace.hbmBytes[index]!;
      hbmBytes[before] = trace.hbmBytes[before]!;
      layer.from = Math.min(from, emptying);
      layer.until = until;
    }
    if (isSpread) writeBackLeft(trace, cache, hbmBytes);
    // nothing that the layer before has left stays in the L2 behind the first kernel that moves so much
    else for (const dirty of trace.plan.left) hbmBytes[emptying]! += leftOf(trace, dirty);
    return layer;
  };
}

/** The first kernel that leaves nothing in the L2, or `NEVER`; a loop takes a tenth of the time of `indexOf`. */
function firstEmptying(kept: Float64Array): number {
  // Stryker disable next-line EqualityOperator: behind its end an array has nothing that is 0
  for (let index = 0; index < kept.length; index++) if (kept[index] === 0) return index;
  return NEVER;
}

/** Bytes that each tensor that is handed over lies back at the end of a turn; true where that has changed. */
function measureBehind({ plan, behind }: Trace): boolean {
  // Stryker disable next-line BooleanLiteral: only faster
  let changed = false;
  for (let index = 0; index < plan.handedOver.length; index++) {
    let bytes = 0;
    for (let kernel = plan.handedOver[index]!.touchedAt; kernel < plan.kernels.length; kernel++)
      bytes += readBytes(plan.kernels[kernel]!) + writeBytes(plan.kernels[kernel]!);
    // Stryker disable next-line ConditionalExpression: only faster
    if (behind[index] !== bytes) changed = true;
    behind[index] = bytes;
  }
  return changed;
}

/**
 * No kernel empties the L2: what the layer before has left dirty is pushed out little by little. What is still there
 * after as much again leaves in a later layer, and this one pushes out as much of earlier ones.
 */
function writeBackLeft(trace: Trace, cache: Cache, hbmBytes: Float64Array): void {
  const { plan, ends, dirtyAfterWrite } = trace;
  const count = plan.kernels.length;
  const all = ends[count]!;
  for (const dirty of plan.left) {
    if (!dirty.outlives) continue;
    let left = leftOf(trace, dirty);
    const behind = all - ends[dirty.touchedAt]!;
    // Stryker disable next-line ConditionalExpression,EqualityOperator: only faster
    for (let index = 0; index < count && left > 0; index++) {
      const still = Math.min(
        left,
        dirtyAfterWrite[dirty.write]! * hitFraction(behind + ends[index + 1]!, cache),
      );
      hbmBytes[index]! += left - still;
      left = still;
    }
    if (left > 0)
      // Stryker disable next-line EqualityOperator: behind its end an array takes nothing
      for (let index = 0; index < count; index++)
        hbmBytes[index]! += (left * (ends[index + 1]! - ends[index]!)) / all;
  }
}

/** The traffic of kernels after `justWritten` tensors have been written, and what they leave dirty, for any L2. */
export function chainTracer(
  kernels: readonly Kernel[],
  justWritten: readonly string[],
): (cache: Cache) => ChainTraffic {
  const trace = newTrace(kernels, { justWritten, wantedLater: NONE, loops: false });
  return (cache) => {
    follow(trace, cache, 0, kernels.length);
    return {
      traffic: trafficList(trace),
      dirtyBytes: new Map(trace.plan.left.map((dirty) => [dirty.tensor, leftOf(trace, dirty)])),
    };
  };
}

/**
 * A chain followed through the L2: bytes by which each tensor that is handed over lies back when it begins, share of
 * each kernel's own bytes that stays behind it, bytes moved up to each moment since the L2 was last emptied and the
 * moment at which it was, and what is dirty after each write and step.
 */
interface Trace extends TrafficArrays {
  readonly plan: ReusePlan;
  readonly behind: Float64Array;
  readonly kept: Float64Array;
  readonly ends: Float64Array;
  readonly emptiedAt: Int32Array;
  readonly dirtyAfterWrite: Float64Array;
  readonly dirtyAfterStep: Float64Array;
}

function newTrace(kernels: readonly Kernel[], surroundings: Surroundings): Trace {
  const plan = reusePlan(kernels, surroundings);
  return {
    plan,
    behind: new Float64Array(plan.handedOver.length),
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
  const { plan, behind, kept, ends, emptiedAt, dirtyAfterWrite, dirtyAfterStep } = trace;
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
      if (touchedAt >= emptied) hits += plan.readBytes[read]! * hitFraction(end - ends[touchedAt]!, cache);
      else if (touchedAt < NEVER && emptied === 0)
        hits += plan.readBytes[read]! * hitFraction(end + behind[inLastTurn(touchedAt)]!, cache);
    }
    let writtenBack = 0;
    for (const stepsEnd = plan.stepsEnd[index]!; step < stepsEnd; step++) {
      const last = plan.stepBefore[step]!;
      const written = dirtyAfterWrite[plan.stepWrite[step]!]!;
      const left = last === NEVER ? written : dirtyAfterStep[last]!;
      const touchedAt = plan.stepTouchedAt[step]!;
      // what was dirty before the L2 was emptied is not any more
      // Stryker disable next-line ConditionalExpression: only faster
      const still = left === 0 ? 0 : Math.min(left, written * hitFraction(end - ends[touchedAt]!, cache));
      dirtyAfterStep[step] = still;
      writtenBack += left - still;
    }
    for (; write < writesEnd; write++) dirtyAfterWrite[write] = plan.writeBytes[write]! * stays;
    trace.hbmBytes[index] = own - hits + writtenBack;
    trace.l2Bytes[index] = hits;
    // Stryker disable next-line EqualityOperator: only faster
    if (empties && before === 0 && index + 1 >= changedUntil) return index + 1;
  }
  return plan.kernels.length;
}

/** Share of data that is still in the L2 after `distanceBytes` more were moved. */
export function hitFraction(distanceBytes: number, cache: Cache): number {
  return fallingRamp(distanceBytes, cache.residentBytes, cache.transitionBytes);
}
