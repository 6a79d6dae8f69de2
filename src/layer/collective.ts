import type { Dimensions } from "./dimensions.ts";
import type { Kernel, Operator, Work } from "./kernel.ts";

type Operation = Extract<Work, { kind: "collective" }>["operation"];

/** One exchange between the ranks of a tensor-parallel group over a tensor of `messageBytes`. */
function collective(name: string, operation: Operation, ranks: number, messageBytes: number): Operator {
  const shard = messageBytes / ranks;
  const readBytes = operation === "all-gather" ? shard : messageBytes;
  const writtenBytes = operation === "reduce-scatter" ? shard : messageBytes;
  const kernel: Kernel = {
    name: operation,
    flops: 0,
    reads: [{ tensor: `${name} input`, bytes: readBytes }],
    writes: [{ tensor: `${name} output`, bytes: writtenBytes }],
    streamedBytes: 0,
    work: { kind: "collective", operation, ranks, messageBytes },
  };
  return { name, class: "collective", kernels: [kernel] };
}

/** Bytes each rank must send (ring): twice (r-1)/r of the tensor for an all-reduce, once for the others. */
export function wireBytes(work: Extract<Work, { kind: "collective" }>): number {
  const once = ((work.ranks - 1) / work.ranks) * work.messageBytes;
  return work.operation === "all-reduce" ? 2 * once : once;
}

/** Sequence parallelism gathers the tokens before a block's first matmul ... */
export function blockGather(d: Dimensions, block: "attention" | "ffn"): Operator[] {
  if (d.ranks === 1 || d.normTokens === d.tokens) return [];
  return [collective(`${block}-all-gather`, "all-gather", d.ranks, blockBytes(d))];
}

/** ... and scatters their sum behind its last one; without it every rank needs the whole sum. */
export function blockReduce(d: Dimensions, block: "attention" | "ffn"): Operator[] {
  if (d.ranks === 1) return [];
  const operation = d.normTokens === d.tokens ? "all-reduce" : "reduce-scatter";
  return [collective(`${block}-${operation}`, operation, d.ranks, blockBytes(d))];
}

const blockBytes = (d: Dimensions): number => d.tokens * d.hidden * d.activationBytes;
