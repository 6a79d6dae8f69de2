import type { Dimensions } from "./dimensions.ts";
import type { Kernel, Operator, Work } from "./kernel.ts";

type Collective = Extract<Work, { kind: "collective" }>;

/** One exchange between `ranks` GPUs over a tensor of `messageBytes`. */
export function collective(
  name: string,
  operation: Collective["operation"],
  ranks: number,
  messageBytes: number,
  input: string,
  output: string,
  algorithm: Collective["algorithm"] = "nccl",
): Operator {
  const shard = messageBytes / ranks;
  const readBytes = operation === "all-gather" ? shard : messageBytes;
  const writtenBytes = operation === "reduce-scatter" ? shard : messageBytes;
  const kernel: Kernel = {
    name: operation,
    flops: 0,
    reads: [{ tensor: input, bytes: readBytes }],
    writes: [{ tensor: output, bytes: writtenBytes }],
    streamedBytes: 0,
    work: { kind: "collective", operation, ranks, messageBytes, algorithm },
  };
  return { name, class: "collective", kernels: [kernel] };
}

/**
 * Bytes each rank must send: (r-1)/r of the tensor, twice that for an all-reduce, which is a reduce-scatter and an
 * all-gather (ring).
 */
export function wireBytes(work: Collective): number {
  const once = ((work.ranks - 1) / work.ranks) * work.messageBytes;
  return work.operation === "all-reduce" ? 2 * once : once;
}

type Block = "attention" | "ffn";

/** Name of a tensor that was gathered for a block: the other block gathers another. */
export const gatheredTensor = (tensor: string, block: Block): string => `${tensor} gathered for ${block}`;

/** Name of a rank's part of a sum that is scattered. */
export const partialTensor = (tensor: string): string => `partial ${tensor}`;

/** Every rank's tokens where sequence parallelism has left a rank its own; in place where one name says both. */
export const gatherTokens = (
  name: string,
  d: Dimensions,
  bytes: number,
  own: string,
  whole = own,
): Operator[] =>
  d.ranks === 1 || d.normTokens === d.tokens
    ? []
    : [collective(name, "all-gather", d.ranks, bytes, own, whole)];

/** The ranks' sum: of all tokens on every rank, or under sequence parallelism of a rank's own. */
export function sumTokens(
  name: string,
  d: Dimensions,
  bytes: number,
  whole: string,
  own = whole,
): Operator[] {
  if (d.ranks === 1) return [];
  const operation = d.normTokens === d.tokens ? "all-reduce" : "reduce-scatter";
  return [collective(`${name}-${operation}`, operation, d.ranks, bytes, whole, own, d.allReduce)];
}

/** Sequence parallelism gathers the tokens before a block's first matmul ... */
export const blockGather = (
  d: Dimensions,
  block: Block,
  own: string,
  whole: string,
  bytesPerElement = d.activationBytes,
): Operator[] => gatherTokens(`${block}-all-gather`, d, d.tokens * d.hidden * bytesPerElement, own, whole);

/** ... and scatters their sum behind its last one; without it every rank needs the whole sum. */
export const blockReduce = (d: Dimensions, block: Block, whole: string, own: string): Operator[] =>
  sumTokens(block, d, d.tokens * d.hidden * d.activationBytes, whole, own);

/** Tokens to the GPUs of their experts, or back; nothing where one GPU holds them all. */
export const exchange = (
  name: string,
  ranks: number,
  messageBytes: number,
  input: string,
  output: string,
): Operator[] => (ranks === 1 ? [] : [collective(name, "all-to-all", ranks, messageBytes, input, output)]);
