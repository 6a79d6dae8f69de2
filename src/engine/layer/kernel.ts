import type { OperatorClass } from "../../schema/result.ts";
import type { AttentionLibrary, DataType } from "../../schema/vocabulary.ts";

/** Bytes of one tensor that a kernel reads or writes. Two accesses with one name are the same memory. */
export interface Access {
  readonly tensor: string;
  readonly bytes: number;
}

/** What makes an element-wise kernel cost issue time per element, beside its bytes: its function or its operands. */
export type PointwiseAccess =
  | "vectorized"
  | "silu"
  | "gelu"
  | "unrolled"
  | "strided"
  | "transposed"
  | "permuted"
  | "concatenate"
  | "concatenate-cache"
  | "many-tensors";

/** Kinds of norms whose row kernels have timing parameters of their own. */
export type RowLaw = "layernorm" | "rmsnorm";

/** What decides how long a kernel takes, besides its FLOPs and bytes. One member a timing law in engine/device/. */
export type Work =
  | {
      readonly kind: "matmul";
      /** output rows, output columns, inner dimension of one product, and how many products there are */
      readonly m: number;
      readonly n: number;
      readonly k: number;
      readonly products: number;
      /** true: products of different numbers of rows, `m` on average, in one launch: a mixture of experts */
      readonly grouped: boolean;
      readonly gradient: boolean;
      readonly dataType: DataType;
      /** true: rows that do not start at 16 bytes, which only slow kernels read and write */
      readonly misaligned?: boolean;
    }
  | {
      readonly kind: "attention";
      /** width of a query and a key head, and of a value head */
      readonly keyDim: number;
      readonly valueDim: number;
      /** new tokens of one sequence, and all tokens they attend to */
      readonly queries: number;
      readonly keys: number;
      /** most tokens that one of them attends to */
      readonly window: number;
      readonly causal: boolean;
      readonly direction: "forward" | "backward";
      readonly dataType: DataType;
      /** true: which pairs count is read from a mask, so that none is skipped */
      readonly masked?: boolean;
      /** that each have so many queries, and the heads that this GPU has of them */
      readonly sequences: number;
      readonly heads: number;
      readonly library: AttentionLibrary;
    }
  | {
      readonly kind: "decode-attention";
      readonly keyDim: number;
      readonly valueDim: number;
      /** query heads that read the same keys and values */
      readonly groupSize: number;
      readonly dataType: DataType;
      readonly sequences: number;
      readonly kvHeads: number;
      /** tokens in the cache that one sequence attends to */
      readonly keys: number;
      readonly library: AttentionLibrary;
    }
  | { readonly kind: "pointwise"; readonly access: PointwiseAccess; readonly elements: number }
  | { readonly kind: "softmax"; readonly elements: number; readonly columns: number }
  | { readonly kind: "row-sum"; readonly rows: number; readonly columns: number }
  | { readonly kind: "quantize"; readonly rows: number; readonly columns: number }
  | { readonly kind: "selection"; readonly step: "top-k" | "sort"; readonly elements: number }
  | { readonly kind: "column-sum"; readonly rows: number; readonly columns: number }
  | {
      readonly kind: "row-per-block" | "row-in-registers";
      readonly norm: RowLaw;
      readonly direction: "forward" | "backward";
      readonly rows: number;
      readonly columns: number;
      /** tensors of rows that it reads: two where it takes a residual add along */
      readonly inputs: number;
      /** bytes of one row of the operands that the kernel reads twice if they do not stay on chip */
      readonly rowBytes: number;
    }
  | {
      readonly kind: "collective";
      readonly operation: "all-reduce" | "all-gather" | "reduce-scatter" | "all-to-all";
      readonly ranks: number;
      /** bytes of the whole tensor, on each rank after an all-reduce or all-gather, before an all-to-all */
      readonly messageBytes: number;
      /** one-shot: every GPU reads the others' tensors in one kernel, as serving engines do with short messages */
      readonly algorithm: "nccl" | "one-shot";
    };

/** One launch on the GPU: what it computes and what it asks of HBM. */
export interface Kernel {
  readonly name: string;
  readonly flops: number;
  /** tensors that earlier kernels wrote, so that they may still be in the L2 */
  readonly reads: readonly Access[];
  readonly writes: readonly Access[];
  /** weights, tables and cached keys and values: nothing in this layer touched them before, they come from HBM */
  readonly streamedBytes: number;
  readonly work: Work;
}

/** A step of the layer as people name it: one or more kernels. */
export interface Operator {
  readonly name: string;
  readonly class: OperatorClass;
  readonly kernels: readonly Kernel[];
}

export const sumOf = <T>(items: Iterable<T>, value: (item: T) => number): number => {
  let sum = 0;
  for (const item of items) sum += value(item);
  return sum;
};

const accessedBytes = (accesses: readonly Access[]): number => {
  let bytes = 0;
  for (const access of accesses) bytes += access.bytes;
  return bytes;
};

/** Bytes the kernel must read from HBM when nothing is cached and nothing is read twice. */
export const readBytes = (kernel: Kernel): number => kernel.streamedBytes + accessedBytes(kernel.reads);

export const writeBytes = (kernel: Kernel): number => accessedBytes(kernel.writes);
