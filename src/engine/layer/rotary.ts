import type { Scenario } from "../../schema/scenario.ts";
import { KEYS_GRADIENT, QUERIES_GRADIENT } from "./attention.ts";
import type { Dimensions } from "./dimensions.ts";
import type { Access, Kernel } from "./kernel.ts";
import { pointwise } from "./pointwise.ts";

type RotaryStyle = Pick<Scenario["kernels"], "pointwise" | "rope">;

/** Heads of keys that the rotation writes, where a compiler has it write those of every query head. */
export interface ExpandedKeys {
  readonly tensor: string;
  readonly heads: number;
}

const isTransposed = ({ rope }: RotaryStyle, d: Dimensions): boolean =>
  rope === "transposed" && d.newTokens > 1;

/** x cos + rotate(x) sin over queries and keys; the tables hold one row a position. */
export function rotaryEmbedding(d: Dimensions, style: RotaryStyle, expanded?: ExpandedKeys): Kernel[] {
  const after = d.rotaryDim === d.headDim ? "rotated" : "joined";
  if (style.pointwise === "fused")
    return fusedRotary(d, style, "rotary embedding", bothTensors("source"), bothTensors(after), expanded);
  return [...rotateEager(d, style, "queries", d.heads), ...rotateEager(d, style, "keys", d.kvHeads)];
}

/** The rotation's transpose, applied to the gradients in place: the same work. */
export function rotaryBackward(d: Dimensions, style: RotaryStyle, queries = QUERIES_GRADIENT): Kernel[] {
  if (style.pointwise === "fused") {
    const gradients = { queries, keys: KEYS_GRADIENT };
    return fusedRotary(d, style, "rotary gradient", gradients, gradients);
  }
  const backward = isTransposed(style, d) ? rotateTransposedBackward : rotateEagerBackward;
  return [...backward(d, "keys", d.kvHeads, KEYS_GRADIENT), ...backward(d, "queries", d.heads, queries)];
}

const tableBytes = (d: Dimensions): number => d.newTokens * d.rotaryDim * d.activationBytes;

interface QueriesAndKeys {
  readonly queries: string;
  readonly keys: string;
}

/** One kernel for both; of transposed views a compiler makes one each, which read along one order and write along another. */
function fusedRotary(
  d: Dimensions,
  style: RotaryStyle,
  name: string,
  from: QueriesAndKeys,
  to: QueriesAndKeys,
  expanded?: ExpandedKeys,
): Kernel[] {
  if (style.rope !== "transposed") return [fusedRotaryOfBoth(d, name, from, to)];
  const access = isTransposed(style, d) ? "permuted" : "vectorized";
  const one = (which: "queries" | "keys", heads: number, target: ExpandedKeys): Kernel => {
    const elements = d.tokens * target.heads * d.rotaryDim;
    const read = { tensor: from[which], bytes: d.tokens * heads * d.rotaryDim * d.activationBytes };
    const write = { tensor: target.tensor, bytes: elements * d.activationBytes };
    return pointwise(`${name}, ${which}`, access, elements, 3, [read], [write], 2 * tableBytes(d));
  };
  return [
    one("queries", d.heads, { tensor: to.queries, heads: d.heads }),
    one("keys", d.kvHeads, expanded ?? { tensor: to.keys, heads: d.kvHeads }),
  ];
}

function fusedRotaryOfBoth(d: Dimensions, name: string, from: QueriesAndKeys, to: QueriesAndKeys): Kernel {
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
function rotateEager(d: Dimensions, style: RotaryStyle, which: "queries" | "keys", heads: number): Kernel[] {
  const { elements, whole, half } = headTensors(d, heads);
  const names = TENSORS[which];
  // heads of one operand lie apart and those of the other together
  const permuted = isTransposed(style, d);
  // a decode step's tensors are contiguous: its add is an ordinary one
  const addAccess = permuted ? "permuted" : d.newTokens > 1 ? "transposed" : "vectorized";
  const kernels = [
    pointwise(
      "times cos",
      permuted ? "permuted" : "strided",
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

/**
 * What autograd runs for a rotation of transposed views: the two halves are slices, and each one's gradient is written
 * into zeros of the whole.
 */
function rotateTransposedBackward(
  d: Dimensions,
  which: "queries" | "keys",
  heads: number,
  gradient: string,
): Kernel[] {
  const { elements, whole, half } = headTensors(d, heads);
  const names = TENSORS[which];
  const slice = (name: string, source: string, target: string): Kernel[] => [
    pointwise(`zeros for ${name}`, "vectorized", elements, 0, [], [whole(target)]),
    pointwise(`${name} into its place`, "strided", elements / 2, 0, [half(source)], [half(target)]),
  ];
  const { gradientTimesSin, gradientNegated, gradientTurned, gradientTimesCos, turned } = names;
  const times = (table: string, target: string): Kernel =>
    pointwise(
      `gradient times ${table}`,
      "permuted",
      elements,
      1,
      [whole(gradient)],
      [whole(target)],
      tableBytes(d),
    );
  return [
    times("sin", gradientTimesSin),
    pointwise("negate half", "strided", elements / 2, 1, [half(gradientTimesSin)], [half(gradientNegated)]),
    ...slice("negated half", gradientNegated, gradientTurned),
    ...slice("other half", gradientTimesSin, turned),
    pointwise(
      "add halves",
      "vectorized",
      elements,
      1,
      [whole(gradientTurned), whole(turned)],
      [whole(gradientTurned)],
    ),
    times("cos", gradientTimesCos),
    pointwise(
      "add",
      "permuted",
      elements,
      1,
      [whole(gradientTimesCos), whole(gradientTurned)],
      [whole(gradient)],
    ),
  ];
}
