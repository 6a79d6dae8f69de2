/**
 * Words and sizes that schemas and engine share. Apart from the schemas, so that the engine runs without loading zod:
 * most of a short command's start would be spent on that.
 */

/** Bytes of one stored element; 4-bit types with the scale that 128 (int4: two bytes) or 32 (fp4: one byte) share. */
export const BYTES_PER_ELEMENT = {
  fp32: 4,
  tf32: 4,
  fp16: 2,
  bf16: 2,
  fp8: 1,
  int8: 1,
  fp4: 0.5 + 1 / 32,
  int4: 0.5 + 2 / 128,
} as const;

export type DataType = keyof typeof BYTES_PER_ELEMENT;

/** Statistics, logits, scales and partial sums, whatever type the layer is computed in. */
export const FP32_BYTES = BYTES_PER_ELEMENT.fp32;

/** Numbers of tokens, experts and places. */
export const INDEX_BYTES = 4;

/** Types that a layer can be computed in throughout. */
export const WIDE_TYPES = ["fp32", "tf32", "fp16", "bf16"] as const satisfies DataType[];

/** Types that matrices are multiplied in; narrow ones leave the residual stream, norms and attention in bf16. */
export const MATMUL_TYPES = [...WIDE_TYPES, "fp8", "int8", "fp4"] as const satisfies DataType[];

/** Types that weights are stored in. */
export const DATA_TYPES = [...MATMUL_TYPES, "int4"] as const satisfies DataType[];

/** Types that keys and values are cached in. */
export const CACHE_TYPES = [...WIDE_TYPES, "fp8", "int8"] as const satisfies DataType[];

type NarrowType = Exclude<DataType, (typeof WIDE_TYPES)[number]>;

/** Matmuls of this type read quantized copies of their inputs. */
export const isNarrow = (type: DataType): type is NarrowType => !WIDE_TYPES.some((wide) => wide === type);

/** Type of the residual stream, norms, pointwise operators and attention beside matmuls of a type. */
export const streamType = (activations: DataType): Exclude<DataType, NarrowType> =>
  isNarrow(activations) ? "bf16" : activations;

/** Larger sizes than this overflow exact integer arithmetic once a few of them are multiplied. */
export const LARGEST_COUNT = 1e9;

/** A physical quantity is above zero and small enough that no product of a few of them overflows. */
export const SMALLEST_QUANTITY = 1e-30;
export const LARGEST_QUANTITY = 1e30;

/** Characters of a name or a description. */
export const LONGEST_TEXT = 2000;

export const PHASES = ["prefill", "decode", "train"] as const;

/** What an operator is counted as; how each is drawn is in report/chart/classes.ts. */
export const OPERATOR_CLASSES = ["normalization", "matmul", "attention", "pointwise", "collective"] as const;

/** How RoPE and activations are run. */
export const POINTWISE_KERNELS = ["eager", "fused"] as const;

export const ATTENTION_KERNELS = ["flash", "materialized"] as const;

export const RUNTIMES = ["graph", "eager"] as const;

/** What each of them computes and launches is one record in engine/layer/norm-kinds.ts. */
export const NORM_KINDS = ["layernorm", "rmsnorm", "dyt"] as const;

export type NormKind = (typeof NORM_KINDS)[number];

export const NORM_NAMES: Readonly<Record<NormKind, string>> = {
  layernorm: "LayerNorm",
  rmsnorm: "RMSNorm",
  dyt: "DyT",
};

/** What a kind is held against where only one other is asked for: the article's swap, either way round. */
export const SWAPPED_KIND: Readonly<Record<NormKind, NormKind>> = {
  layernorm: "rmsnorm",
  rmsnorm: "layernorm",
  dyt: "rmsnorm",
};

/** Whose attention kernel runs; what of it decides its time is one record in engine/device/attention-libraries.ts. */
export const ATTENTION_LIBRARIES = ["cudnn", "flash", "flashinfer", "triton"] as const;
export type AttentionLibrary = (typeof ATTENTION_LIBRARIES)[number];

/** From the most kernels to the fewest bytes; the kernels of each are in engine/layer/norm-kinds.ts. */
export const NORM_IMPLEMENTATIONS = [
  "textbook",
  "eager",
  "native",
  "fused",
  "residual-fused",
  "folded",
] as const;

export type NormImplementation = (typeof NORM_IMPLEMENTATIONS)[number];
