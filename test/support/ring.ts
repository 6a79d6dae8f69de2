import { times } from "./walk.ts";

/** Exchanges between GPUs that stand in a ring, run on numbers: what each ends up with, and how many it has sent. */
export interface Exchanged {
  readonly results: readonly (readonly number[])[];
  readonly sentByOne: number;
}

/** Each rank's tensor, cut into as many chunks as there are ranks. */
type Chunks = number[][];

const cut = (tensor: readonly number[], ranks: number): Chunks =>
  Array.from({ length: ranks }, (_, index) => {
    const length = tensor.length / ranks;
    return tensor.slice(index * length, (index + 1) * length);
  });

/** One step: every rank sends a chunk to the next, which puts it into its own. */
function step(
  held: readonly Chunks[],
  which: (rank: number) => number,
  put: (own: readonly number[], came: readonly number[]) => number[],
): number {
  const ranks = held.length;
  const sent = held.map((chunks, rank) => [...chunks[which(rank)]!]);
  sent.forEach((chunk, rank) => {
    const index = which(rank);
    const next = held[(rank + 1) % ranks]!;
    next[index] = put(next[index]!, chunk);
  });
  return sent[0]!.length;
}

/** After it rank r holds the sum of chunk r + 1. */
function scatter(held: readonly Chunks[]): number {
  const ranks = held.length;
  let sent = 0;
  times(ranks - 1, (round) => {
    sent += step(
      held,
      (rank) => (rank - round + ranks) % ranks,
      (own, came) => own.map((value, index) => value + came[index]!),
    );
  });
  return sent;
}

/** Begins with rank r holding chunk r + 1. */
function gather(held: readonly Chunks[]): number {
  const ranks = held.length;
  let sent = 0;
  times(ranks - 1, (round) => {
    sent += step(
      held,
      (rank) => (rank + 1 - round + ranks) % ranks,
      (_, came) => [...came],
    );
  });
  return sent;
}

export function reduceScatter(tensors: readonly (readonly number[])[]): Exchanged {
  const ranks = tensors.length;
  const held = tensors.map((tensor) => cut(tensor, ranks));
  const sentByOne = scatter(held);
  return { results: held.map((chunks, rank) => chunks[(rank + 1) % ranks]!), sentByOne };
}

export function allReduce(tensors: readonly (readonly number[])[]): Exchanged {
  const held = tensors.map((tensor) => cut(tensor, tensors.length));
  const sentByOne = scatter(held) + gather(held);
  return { results: held.map((chunks) => chunks.flat()), sentByOne };
}

/** `shards[r]` is the part that rank r has. */
export function allGather(shards: readonly (readonly number[])[]): Exchanged {
  const ranks = shards.length;
  const held = shards.map((_, rank) =>
    Array.from({ length: ranks }, (__, index) => (index === (rank + 1) % ranks ? [...shards[index]!] : [])),
  );
  const sentByOne = gather(held);
  return { results: held.map((chunks) => chunks.flat()), sentByOne };
}

/** Chunk c of rank r becomes chunk r of rank c; a rank's own chunk stays. */
export function allToAll(tensors: readonly (readonly number[])[]): Exchanged {
  const ranks = tensors.length;
  const held = tensors.map((tensor) => cut(tensor, ranks));
  const sent = held[0]!.slice(1).reduce((sum, chunk) => sum + chunk.length, 0);
  return { results: held.map((_, rank) => held.flatMap((chunks) => chunks[rank]!)), sentByOne: sent };
}
