import { KEYS_GRADIENT, QUERIES_GRADIENT } from "./attention.ts";
import type { Dimensions } from "./dimensions.ts";
import type { Access, Kernel } from "./kernel.ts";
import { pointwise } from "./pointwise.ts";

/** x cos + rotate(x) sin over queries and keys; the tables hold one row a position. */
export function rotaryEmbedding(d: Dimensions, style: "eager" | "fused"): Kernel[] {
  const after = d.rotaryDim === d.headDim ? "rotated" : "joined";
  if (style === "fused")
    return [fusedRotary(d, "rotary embedding", bothTensors("source"), bothTensors(after))];
  return [...rotateEager(d, "queries", d.heads), ...rotateEager(d, "keys", d.kvHeads)];
}

/** The rotation's transpose, applied to the gradients in place: the same work. */
export function rotaryBackward(
  d: Dimensions,
  style: "eager" | "fused",
  queries = QUERIES_GRADIENT,
): Kernel[] {
  if (style === "fused") {
    const gradients = { queries, keys: KEYS_GRADIENT };
    return [fusedRotary(d, "rotary gradient", gradients, gradients)];
  }
  return [
    ...rotateEagerBackward(d, "keys", d.kvHeads, KEYS_GRADIENT),
    ...rotateEagerBackward(d, "queries", d.heads, queries),
  ];
}

const tableBytes = (d: Dimensions): number => d.newTokens * d.rotaryDim * d.activationBytes;

interface QueriesAndKeys {
  readonly queries: string;
  readonly keys: string;
}

function fusedRotary(d: Dimensions, name: string, from: QueriesAndKeys, to: QueriesAndKeys): Kernel {
  const elements = d.tokens * (d.heads + d.kvHeads) * d.rotaryDim;
  const queryBytes = d.tokens * d.heads * d.rotaryDim * d.activationBytes;
  const keyBytes = d.tokens * d.kvHeads * d.rotaryDim * d.activationBytes;
  const both = ({ queries, keys }: QueriesAndKeys): Access[] => [
    { tensor: queries, bytes: queryBytes },
    { tensor: keys, bytes: keyBytes },
  ];
  return pointwise(name, "vectorized", elements, 3, both(from), both(to), 2 * tableBytes(d));
}

type TensorOf = keyof ReturnType<typeof tensorNames>;

/** Tensors of a rotation op by op; made once, since a sweep compares the names of millions of layers. */
const tensorNames = (which: "queries" | "keys") => ({
  source: `qkv ${which}`,
  negated: `${which} negated`,
  turned: `${which} turned`,
  timesCos: `${which} times cos`,
  timesSin: `${which} times sin`,
  rotated: `${which} rotated`,
  joined: `${which} joined`,
  gradientTimesSin: `${which} gradient times sin`,
  gradientTimesCos: `${which} gradient times cos`,
  gradientNegated: `${which} gradient negated`,
  gradientTurned: `${which} gradient turned`,
});

const TENSORS = { queries: tensorNames("queries"), keys: tensorNames("keys") };

const bothTensors = (tensor: TensorOf): QueriesAndKeys => ({
  queries: TENSORS.queries[tensor],
  keys: TENSORS.keys[tensor],
});

/** The turned part of all heads, whole or one half of it, under a name. */
function headTensors(d: Dimensions, heads: number) {
  const elements = d.tokens * heads * d.rotaryDim;
  const bytes = elements * d.activationBytes;
  return {
    elements,
    whole: (tensor: string): Access => ({ tensor, bytes }),
    half: (tensor: string): Access => ({ tensor, bytes: bytes / 2 }),
  };
}

/** Multiply, negate, concatenate, multiply, add: as Hugging Face's apply_rotary_pos_emb runs op by op. */
function rotateEager(d: Dimensions, which: "queries" | "keys", heads: number): Kernel[] {
  const { elements, whole, half } = headTensors(d, heads);
  const names = TENSORS[which];
  // a decode step's tensors are contiguous: its add is an ordinary one
  const addAccess = d.newTokens > 1 ? "transposed" : "vectorized";
  const kernels = [
    pointwise(
      "times cos",
      "strided",
      elements,
      1,
      [whole(names.source)],
      [whole(names.timesCos)],
      tableBytes(d),
    ),
    pointwise("negate half", "strided", elements / 2, 1, [half(names.source)], [half(names.negated)]),
    pointwise(
      "concatenate",
      "concatenate",
      elements,
      0,
      [half(names.negated), half(names.source)],
      [whole(names.turned)],
    ),
    pointwise(
      "times sin",
      "strided",
      elements,
      1,
      [whole(names.turned)],
      [whole(names.timesSin)],
      tableBytes(d),
    ),
    pointwise(
      "add",
      addAccess,
      elements,
      1,
      [whole(names.timesCos), whole(names.timesSin)],
      [whole(names.rotated)],
    ),
  ];
  return d.rotaryDim === d.headDim ? kernels : [...kernels, joinUnturned(d, which, heads)];
}

/** Where RoPE turns only part of a head, the rest is concatenated behind it. */
function joinUnturned(d: Dimensions, which: "queries" | "keys", heads: number): Kernel {
  const elements = d.tokens * heads * d.headDim;
  const bytes = elements * d.activationBytes;
  const turned = d.rotaryDim / d.headDim;
  return pointwise(
    "join",
    "concatenate",
    elements,
    0,
    [
      { tensor: TENSORS[which].rotated, bytes: bytes * turned },
      { tensor: TENSORS[which].source, bytes: bytes * (1 - turned) },
    ],
    [{ tensor: TENSORS[which].joined, bytes }],
  );
}

function rotateEagerBackward(
  d: Dimensions,
  which: "queries" | "keys",
  heads: number,
  gradient: string,
): Kernel[] {
  const { elements, whole, half } = headTensors(d, heads);
  const names = TENSORS[which];
  return [
    pointwise(
      "gradient times sin",
      "strided",
      elements,
      1,
      [whole(gradient)],
      [whole(names.gradientTimesSin)],
      tableBytes(d),
    ),
    pointwise(
      "negate half",
      "strided",
      elements / 2,
      1,
      [half(names.gradientTimesSin)],
      [half(names.gradientNegated)],
    ),
    pointwise(
      "gradient times cos",
      "strided",
      elements,
      1,
      [whole(gradient)],
      [whole(names.gradientTimesCos)],
      tableBytes(d),
    ),
    pointwise(
      "concatenate",
      "concatenate",
      elements,
      0,
      [half(names.gradientNegated), half(names.gradientTimesSin)],
      [whole(names.gradientTurned)],
    ),
    pointwise(
      "add",
      "transposed",
      elements,
      1,
      [whole(names.gradientTimesCos), whole(names.gradientTurned)],
      [whole(gradient)],
    ),
  ];
}
