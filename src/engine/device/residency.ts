import type { CalibrationValues } from "../../schema/calibration.ts";
import { type Kernel, readBytes, writeBytes } from "../layer/kernel.ts";
import { fallingRamp } from "./math.ts";

/** Where a kernel's bytes come from and go to. */
export interface Traffic {
  readonly hbmBytes: number;
  readonly l2Bytes: number;
}

type Cache = CalibrationValues["cache"];

/** Share of data that is still in the L2 after `distanceBytes` more were moved. */
export const hitFraction = (distanceBytes: number, cache: Cache): number =>
  fallingRamp(distanceBytes, cache.residentBytes, cache.transitionBytes);

/** A tensor as the L2 knows it. Positions are bytes moved since the chain of kernels began. */
interface Tensor {
  readonly name: string;
  /** position of its last touch; undefined while nothing has touched it */
  touchedAt: number | undefined;
  /** of its last write: bytes that stayed in the L2, and how many of these HBM does not hold yet */
  stayedBytes: number;
  dirtyBytes: number;
  /** index of its last reader, after which its lines are reused rather than written back; -1 where it has none */
  lastReader: number;
  /** index of the last kernel that touches it */
  lastUser: number;
  /** read before this chain has written it */
  neededBefore: boolean;
  /** whether any kernel of this chain writes it */
  written: boolean;
}

/** A kernel with its tensors looked up. */
interface Step {
  readonly kernel: Kernel;
  readonly reads: readonly Tensor[];
  readonly writes: readonly Tensor[];
  readonly writtenBytes: number;
  /** all that it moves, and the position at its end */
  readonly movedBytes: number;
  readonly end: number;
}

/** Kernels that run one after the other. */
interface Chain {
  readonly steps: readonly Step[];
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly movedBytes: number;
}

function chainOf(kernels: readonly Kernel[]): Chain {
  const tensors = new Map<string, Tensor>();
  const find = (name: string, user: number): Tensor => {
    let tensor = tensors.get(name);
    if (tensor === undefined) {
      tensor = newTensor(name);
      tensors.set(name, tensor);
    }
    tensor.lastUser = user;
    return tensor;
  };
  let end = 0;
  const steps = kernels.map((kernel, index): Step => {
    const reads = kernel.reads.map(({ tensor }) => find(tensor, index));
    for (const tensor of reads) {
      tensor.lastReader = index;
      tensor.neededBefore ||= !tensor.written;
    }
    const writes = kernel.writes.map(({ tensor }) => find(tensor, index));
    for (const tensor of writes) tensor.written = true;
    const writtenBytes = writeBytes(kernel);
    const movedBytes = readBytes(kernel) + writtenBytes;
    end += movedBytes;
    return { kernel, reads, writes, writtenBytes, movedBytes, end };
  });
  return { steps, tensors, movedBytes: end };
}

const newTensor = (name: string): Tensor => ({
  name,
  touchedAt: undefined,
  stayedBytes: 0,
  dirtyBytes: 0,
  lastReader: -1,
  lastUser: -1,
  neededBefore: false,
  written: false,
});

/** Traffic that is still being added up. */
interface Sum {
  hbmBytes: number;
  l2Bytes: number;
}

/**
 * The L2, followed kernel by kernel.
 * - A read hits when its reuse distance (all bytes moved since its last touch, up to this kernel's end) is below the
 *   resident size, misses when it is above by more than the transition.
 * - A write stays in the L2 when the whole kernel fits, and is dirty there.
 * - A dirty line that is pushed out is written back by the kernel that pushes: a matmul that waits for its tensor cores
 *   hides it, one that streams weights does not.
 * - Behind its last reader a tensor is not written back: its memory is the first that is used again.
 * Tensors are left as the last kernel leaves them.
 */
function follow({ steps }: Chain, cache: Cache): Sum[] {
  const dirty = new Set<Tensor>();
  return steps.map(({ kernel, reads, writes, writtenBytes, movedBytes, end }, index) => {
    const stays = hitFraction(movedBytes, cache);
    let hits = stays * writtenBytes;
    reads.forEach(({ touchedAt }, place) => {
      if (touchedAt !== undefined) hits += kernel.reads[place]!.bytes * hitFraction(end - touchedAt, cache);
    });
    // while the kernel runs, what it reads is in use
    for (const tensor of reads) tensor.touchedAt = end - movedBytes;
    let writtenBack = 0;
    for (const tensor of dirty) {
      const still = stillDirty(tensor, end - tensor.touchedAt!, cache);
      writtenBack += tensor.dirtyBytes - still;
      tensor.dirtyBytes = still;
      if (still === 0) dirty.delete(tensor);
    }
    for (const tensor of reads) {
      tensor.touchedAt = end;
      if (tensor.lastReader === index) clean(tensor, dirty);
    }
    writes.forEach((tensor, place) => {
      tensor.touchedAt = end;
      tensor.stayedBytes = kernel.writes[place]!.bytes * stays;
      tensor.dirtyBytes = tensor.stayedBytes;
      if (stays > 0) dirty.add(tensor);
      else dirty.delete(tensor);
    });
    return { hbmBytes: movedBytes - hits + writtenBack, l2Bytes: hits };
  });
}

const stillDirty = ({ dirtyBytes, stayedBytes }: Tensor, distanceBytes: number, cache: Cache): number =>
  Math.min(dirtyBytes, stayedBytes * hitFraction(distanceBytes, cache));

function clean(tensor: Tensor, dirty: Set<Tensor>): void {
  tensor.dirtyBytes = 0;
  dirty.delete(tensor);
}

/** Bytes that each tensor of a chain has left dirty, where it has. */
const dirtyTensors = ({ tensors }: Chain): Tensor[] =>
  [...tensors.values()].filter(({ dirtyBytes }) => dirtyBytes > 0);

/** The traffic of kernels after `justWritten` tensors have been written, and what they leave dirty. */
export function chainTraffic(
  kernels: readonly Kernel[],
  cache: Cache,
  justWritten: readonly string[],
): { readonly traffic: readonly Traffic[]; readonly dirtyBytes: ReadonlyMap<string, number> } {
  const chain = chainOf(kernels);
  touchAtStart(chain, justWritten);
  const traffic = follow(chain, cache);
  return { traffic, dirtyBytes: new Map(dirtyTensors(chain).map((one) => [one.name, one.dirtyBytes])) };
}

function touchAtStart({ tensors }: Chain, names: readonly string[]): void {
  for (const name of names) {
    const tensor = tensors.get(name);
    if (tensor !== undefined) tensor.touchedAt = 0;
  }
}

/** Tensors that others have just written when a pass begins. */
interface JustWritten {
  readonly forward: readonly string[];
  readonly backward: readonly string[];
}

const NOTHING: JustWritten = { forward: [], backward: [] };

/**
 * The traffic of a layer between layers like it. `firstBackward` is the index of the first backward kernel, past the
 * last one when there is none: a step runs the forward passes of all layers before the backward ones. What is no layer
 * says what others have `justWritten` for it.
 */
export function layerTraffic(
  kernels: readonly Kernel[],
  cache: Cache,
  firstBackward = kernels.length,
  justWritten = NOTHING,
): readonly Traffic[] {
  if (firstBackward >= kernels.length) return passTraffic(chainOf(kernels), cache, justWritten.forward, []);
  const forward = chainOf(kernels.slice(0, firstBackward));
  const backward = chainOf(kernels.slice(firstBackward));
  const wantedLater = [...backward.tensors.values()].filter(({ neededBefore }) => neededBefore);
  return [
    ...passTraffic(
      forward,
      cache,
      justWritten.forward,
      wantedLater.map(({ name }) => name),
    ),
    ...passTraffic(backward, cache, justWritten.backward, []),
  ];
}

/**
 * One pass of a layer between passes of layers like it: it finds in the L2 what the layer before has handed over, as far
 * back as that layer last touched it, and pushes out what that has left dirty. What another pass of the same layer still
 * wants has no last reader here.
 */
function passTraffic(
  chain: Chain,
  cache: Cache,
  justWritten: readonly string[],
  wantedLater: readonly string[],
): readonly Traffic[] {
  const wanted = wantedLater.map((name) => chain.tensors.get(name)).filter((tensor) => tensor !== undefined);
  for (const tensor of wanted) tensor.lastReader = -1;
  for (const tensor of chain.tensors.values())
    if (isHandedOver(tensor)) tensor.touchedAt = chain.steps[tensor.lastUser]!.end - chain.movedBytes;
  touchAtStart(chain, justWritten);
  const traffic = follow(chain, cache);
  writeBackLeft(chain, cache, traffic, (tensor) => !isHandedOver(tensor) || wanted.includes(tensor));
  return traffic;
}

/** From each layer to the next one, which reads it before it writes it anew. */
const isHandedOver = ({ neededBefore, written }: Tensor): boolean => neededBefore && written;

/**
 * What the layer before has left dirty, which is what this one leaves, is pushed out: at once by the first kernel that
 * empties the L2, else little by little. What is still there after as much again leaves in a later layer, and this one
 * pushes out as much of earlier ones.
 */
function writeBackLeft(
  chain: Chain,
  cache: Cache,
  traffic: readonly Sum[],
  outlives: (tensor: Tensor) => boolean,
): void {
  const { steps, movedBytes } = chain;
  const emptying = steps.findIndex((step) => hitFraction(step.movedBytes, cache) === 0);
  for (const tensor of dirtyTensors(chain)) {
    if (emptying >= 0) traffic[emptying]!.hbmBytes += tensor.dirtyBytes;
    else if (outlives(tensor)) pushOutSlowly(tensor, movedBytes - tensor.touchedAt!, chain, cache, traffic);
  }
}

function pushOutSlowly(
  tensor: Tensor,
  distanceBytes: number,
  { steps, movedBytes }: Chain,
  cache: Cache,
  traffic: readonly Sum[],
): void {
  let left = tensor.dirtyBytes;
  let distance = distanceBytes;
  steps.forEach((step, index) => {
    distance += step.movedBytes;
    const still = Math.min(left, tensor.stayedBytes * hitFraction(distance, cache));
    traffic[index]!.hbmBytes += left - still;
    left = still;
  });
  steps.forEach((step, index) => {
    traffic[index]!.hbmBytes += (left * step.movedBytes) / movedBytes;
  });
}
