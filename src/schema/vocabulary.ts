/**
 * Words and sizes that schemas and engine share. Apart from the schemas, so that the engine runs without loading zod:
 * most of a short command's start would be spent on that.
 */

/** Bytes of one stored element. */
export const BYTES_PER_ELEMENT = {
  fp32: 4,
  tf32: 4,
  fp16: 2,
  bf16: 2,
} as const;

export const DATA_TYPES = [
  "fp32",
  "tf32",
  "fp16",
  "bf16",
] as const satisfies (keyof typeof BYTES_PER_ELEMENT)[];

export const NORM_KINDS = ["layernorm", "rmsnorm"] as const;

/** From the most kernels to the fewest bytes; `facts` of each are in layer/normalization-passes.ts. */
export const NORM_IMPLEMENTATIONS = [
  "textbook",
  "eager",
  "native",
  "fused",
  "residual-fused",
  "folded",
] as const;

export type NormImplementation = (typeof NORM_IMPLEMENTATIONS)[number];
