import type { Dimensions } from "./dimensions.ts";
import type { Access, Kernel } from "./kernel.ts";
import { pointwise } from "./pointwise.ts";

/** x cos + rotate(x) sin over queries and keys; the tables hold one row a position. */
export function rotaryEmbedding(d: Dimensions, style: "eager" | "fused"): Kernel[] {
  if (style === "fused") return [fusedRotary(d, "rotary embedding", "queries and keys", "rotated")];
  return [...rotateEager(d, "queries", d.heads), ...rotateEager(d, "keys", d.kvHeads)];
}

/** The rotation's transpose, applied to the gradients: the same work. */
export function rotaryBackward(d: Dimensions, style: "eager" | "fused"): Kernel[] {
  if (style === "fused")
    return [fusedRotary(d, "rotary gradient", "gradient of rotated", "gradient of queries and keys")];
  return [...rotateEagerBackward(d, "keys", d.kvHeads), ...rotateEagerBackward(d, "queries", d.heads)];
}

const tableBytes = (d: Dimensions): number => d.newTokens * d.rotaryDim * d.activationBytes;

function fusedRotary(d: Dimensions, name: string, from: string, to: string): Kernel {
  const elements = d.tokens * (d.heads + d.kvHeads) * d.rotaryDim;
  const bytes = elements * d.activationBytes;
  return pointwise(
    name,
    "vectorized",
    elements,
    3,
    [{ tensor: from, bytes }],
    [{ tensor: to, bytes }],
    2 * tableBytes(d),
  );
}

/** The turned part of all heads, whole or one half of it, under a name. */
function headTensors(d: Dimensions, which: "queries" | "keys", heads: number) {
  const elements = d.tokens * heads * d.rotaryDim;
  const part = (name: string, share: number): Access => ({
    tensor: `${which} ${name}`,
    bytes: elements * share * d.activationBytes,
  });
  return {
    elements,
    whole: (name: string) => part(name, 1),
    half: (name: string) => part(name, 0.5),
  };
}

/** Multiply, negate, concatenate, multiply, add: as Hugging Face's apply_rotary_pos_emb runs op by op. */
function rotateEager(d: Dimensions, which: "queries" | "keys", heads: number): Kernel[] {
  const { elements, whole, half } = headTensors(d, which, heads);
  const source = (fraction: number): Access => ({
    tensor: `qkv ${which}`,
    bytes: fraction * elements * d.activationBytes,
  });
  // a decode step's tensors are contiguous: its add is an ordinary one
  const addAccess = d.newTokens > 1 ? "transposed" : "vectorized";
  const kernels = [
    pointwise(
      `${which}: times cos`,
      "strided",
      elements,
      1,
      [source(1)],
      [whole("times cos")],
      tableBytes(d),
    ),
    pointwise(`${which}: negate half`, "strided", elements / 2, 1, [source(0.5)], [half("negated")]),
    pointwise(
      `${which}: concatenate`,
      "concatenate",
      elements,
      0,
      [half("negated"), source(0.5)],
      [whole("turned")],
    ),
    pointwise(
      `${which}: times sin`,
      "strided",
      elements,
      1,
      [whole("turned")],
      [whole("times sin")],
      tableBytes(d),
    ),
    pointwise(
      `${which}: add`,
      addAccess,
      elements,
      1,
      [whole("times cos"), whole("times sin")],
      [whole("rotated")],
    ),
  ];
  return d.rotaryDim === d.headDim ? kernels : [...kernels, joinUnturned(d, which, heads)];
}

/** Where RoPE turns only part of a head, the rest is concatenated behind it. */
function joinUnturned(d: Dimensions, which: string, heads: number): Kernel {
  const elements = d.tokens * heads * d.headDim;
  const bytes = elements * d.activationBytes;
  const turned = d.rotaryDim / d.headDim;
  return pointwise(
    `${which}: join`,
    "concatenate",
    elements,
    0,
    [
      { tensor: `${which} rotated`, bytes: bytes * turned },
      { tensor: `qkv ${which}`, bytes: bytes * (1 - turned) },
    ],
    [{ tensor: `${which} joined`, bytes }],
  );
}

function rotateEagerBackward(d: Dimensions, which: "queries" | "keys", heads: number): Kernel[] {
  const { elements, whole, half } = headTensors(d, which, heads);
  return [
    pointwise(
      `${which}: gradient times sin`,
      "strided",
      elements,
      1,
      [whole("gradient")],
      [whole("gradient times sin")],
      tableBytes(d),
    ),
    pointwise(
      `${which}: negate half`,
      "strided",
      elements / 2,
      1,
      [half("gradient times sin")],
      [half("gradient negated")],
    ),
    pointwise(
      `${which}: gradient times cos`,
      "strided",
      elements,
      1,
      [whole("gradient")],
      [whole("gradient times cos")],
      tableBytes(d),
    ),
    pointwise(
      `${which}: concatenate`,
      "concatenate",
      elements,
      0,
      [half("gradient negated"), half("gradient times sin")],
      [whole("gradient turned")],
    ),
    pointwise(
      `${which}: add`,
      "transposed",
      elements,
      1,
      [whole("gradient times cos"), whole("gradient turned")],
      [whole("gradient rotated")],
    ),
  ];
}
