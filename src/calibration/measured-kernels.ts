import { flashAttention, flashAttentionBackward } from "../engine/layer/attention.ts";
import { collective } from "../engine/layer/collective.ts";
import type { Dimensions } from "../engine/layer/dimensions.ts";
import type { Kernel } from "../engine/layer/kernel.ts";
import {
  type MatmulTypes,
  type Projection,
  projectionBackward,
  projectionForward,
} from "../engine/layer/matmul.ts";
import {
  type NormPlace,
  type NormStyle,
  normalization,
  normalizationBackward,
} from "../engine/layer/normalization.ts";
import { quantization } from "../engine/layer/quantization.ts";
import type { MeasuredKind, Measurement } from "../schema/measurement.ts";
import {
  type AttentionLibrary,
  BYTES_PER_ELEMENT,
  DATA_TYPES,
  type DataType,
  INDEX_BYTES,
  streamType,
} from "../schema/vocabulary.ts";
import type { MeasuredCase } from "./measured-case.ts";
import { measuredPointwise } from "./measured-pointwise.ts";
import { normNamed } from "./norm-name.ts";

const FRESH = "fresh input";

/** The kernels of one operator row; undefined for rows that the simulator has no kernel for. */
export function measuredCase(row: Measurement): MeasuredCase | undefined {
  if (!("dtype" in row) || !isDataType(row.dtype)) return undefined;
  switch (row.kind) {
    case "norm":
    case "norm-backward":
      return measuredNorm(row, row.dtype);
    case "gemm":
      return measuredGemm(row, row.dtype);
    case "attention":
      return measuredAttention(row, row.dtype);
    case "pointwise":
      return measuredPointwise(row, BYTES_PER_ELEMENT[row.dtype], FRESH);
    case "softmax":
      return measuredSoftmax(row, BYTES_PER_ELEMENT[row.dtype]);
    case "grouped-gemm":
      return measuredGroupedGemm(row, row.dtype);
    case "selection":
      return measuredSelection(row);
    case "quantize":
      return { kernels: measuredQuantize(row, BYTES_PER_ELEMENT[row.dtype]), justWritten: [FRESH] };
    case "collective":
      return { kernels: measuredCollective(row), justWritten: [] };
    case "copy":
    case "fill":
    case "read":
      return measuredStream(row);
  }
}

const isDataType = (name: string): name is DataType => DATA_TYPES.some((type) => type === name);

function measuredNorm(
  row: MeasuredKind<"norm" | "norm-backward">,
  dtype: DataType,
): MeasuredCase | undefined {
  const norm = normNamed(row.implementation);
  if (norm === undefined) return undefined;
  const { kind, implementation } = norm;
  const place: NormPlace = {
    // Stryker disable next-line StringLiteral: a label
    name: "norm",
    // with the residual add fused in, the norm's input is the sum that the kernel writes
    input: implementation === "residual-fused" ? "residual sum" : FRESH,
    output: "output",
    residual: { branch: FRESH, stream: "residual stream" },
    beforeMatmul: true,
  };
  const bytes = BYTES_PER_ELEMENT[dtype];
  const style: NormStyle = {
    kind,
    implementation,
    activationBytes: bytes,
    narrowBytes: bytes,
    weightBytes: bytes,
  };
  const site = { place, rows: row.rows, columns: row.hidden, narrowOutput: false, ranks: 1 };
  const operator = row.kind === "norm" ? normalization(site, style) : normalizationBackward(site, style);
  // backward rows were measured in a loop: what the forward pass saved is as warm as the gradient
  const saved =
    row.kind === "norm" ? [] : operator.kernels.flatMap((k) => k.reads.map((read) => read.tensor));
  return { kernels: operator.kernels, justWritten: [FRESH, ...saved] };
}

const typesOf = (dataType: DataType): MatmulTypes => ({
  dataType,
  inputBytes: BYTES_PER_ELEMENT[dataType],
  outputBytes: BYTES_PER_ELEMENT[streamType(dataType)],
  weightBytes: BYTES_PER_ELEMENT[dataType],
});

const MEASURED_PROJECTION = {
  name: "projection",
  products: 1,
  grouped: false,
  bias: false,
  input: FRESH,
  quantize: false,
  output: "output",
} as const;

function measuredGroupedGemm(row: MeasuredKind<"grouped-gemm">, dataType: DataType): MeasuredCase {
  const { n, k, touched: products } = row;
  const m = (row.tokens * row.perToken) / products;
  const projection: Projection = { ...MEASURED_PROJECTION, m, n, k, products, grouped: true };
  return { kernels: [projectionForward(projection, typesOf(dataType))], justWritten: [FRESH] };
}

function measuredSelection({ step, elements }: MeasuredKind<"selection">): MeasuredCase {
  const bytes = elements * INDEX_BYTES;
  const kernel: Kernel = {
    name: step,
    flops: 0,
    reads: [{ tensor: FRESH, bytes }],
    writes: [],
    streamedBytes: 0,
    work: { kind: "selection", step, elements },
  };
  return { kernels: [kernel], justWritten: [FRESH] };
}

const measuredQuantize = (row: MeasuredKind<"quantize">, wideBytes: number): readonly Kernel[] =>
  // Stryker disable next-line StringLiteral: a label
  quantization("measured", FRESH, row, { wideBytes, narrowBytes: 1 }).kernels;

const measuredCollective = (row: MeasuredKind<"collective">): readonly Kernel[] =>
  // Stryker disable next-line StringLiteral: a label
  collective(
    "measured",
    row.operation,
    row.ranks,
    row.messageBytes,
    FRESH,
    "output",
    algorithmOf(row.implementation),
  ).kernels;

/** By a row's name: `one-shot` is the kernel of a serving engine, all else NCCL. */
export const algorithmOf = (implementation: string): "nccl" | "one-shot" =>
  implementation === "one-shot" ? "one-shot" : "nccl";

function measuredGemm(row: MeasuredKind<"gemm">, dataType: DataType): MeasuredCase {
  const types = typesOf(dataType);
  const { m, n, k, role } = row;
  const projection: Projection = { ...MEASURED_PROJECTION, m, n, k };
  const backward = projectionBackward(projection, types);
  const kernel =
    role === "forward" ? projectionForward(projection, types) : backward[role === "gradWeight" ? 0 : 1]!;
  return { kernels: [kernel], justWritten: [FRESH, "gradient of output"] };
}

function measuredAttention(row: MeasuredKind<"attention">, dataType: DataType): MeasuredCase | undefined {
  const bytes = BYTES_PER_ELEMENT[dataType];
  const decode = row.queries === 1;
  // queries that no key is there for are not what a layer asks
  if (row.keys < row.queries) return undefined;
  // a training step's backward pass is an operator of its own, whatever the phase
  // Stryker disable next-line StringLiteral: any phase but decode and train
  const phase = decode ? "decode" : "prefill";
  const d: Dimensions = {
    sequences: row.batch,
    newTokens: row.queries,
    tokens: row.batch * row.queries,
    heads: row.heads,
    kvHeads: row.kvHeads,
    headDim: row.valueDim ?? row.headDim,
    rotaryDim: row.headDim,
    ranks: 1,
    allReduce: "nccl",
    // keys wider than values are latent attention's, decompressed
    latent: row.valueDim === undefined ? undefined : { keyValueRank: 1, nopeDim: row.headDim, ropeDim: 0 },
    experts: undefined,
    activationBytes: bytes,
    matmulInputBytes: bytes,
    weightBytes: bytes,
    kvBytes: bytes,
    // of what surrounds attention
    normTokens: 1,
    hidden: 1,
    ffn: 1,
  };
  const operator = row.direction === "backward" ? flashAttentionBackward : flashAttention;
  const context = decode ? row.keys : row.keys - row.queries;
  const window = Number.POSITIVE_INFINITY;
  const plain = { chunked: false, joined: false, expanded: false, rotationExpands: false, masked: false };
  const library = libraryOf(row.implementation);
  const style = {
    phase,
    causal: row.causal,
    dataType,
    context,
    window,
    rotated: true,
    library,
    ...plain,
  } as const;
  const { kernels } = operator(style, d);
  const measured = rotatesCache(row.implementation) ? kernels : kernels.map(withWarmCache);
  return {
    kernels: measured,
    justWritten: measured.flatMap((kernel) => kernel.reads.map((read) => read.tensor)),
  };
}

/**
 * Whose kernel a row is of, by its name: torch's SDPA takes cuDNN's on the GPUs that were measured with it, its own
 * FlashAttention is FlashAttention 2, and tables of others are of serving engines.
 */
function libraryOf(implementation: string): AttentionLibrary {
  if (/triton/.test(implementation)) return "triton";
  if (/^(sdpa|.*cudnn)/.test(implementation)) return "cudnn";
  return /^flash(-sdpa|-aten)?$/.test(implementation) ? "flash" : "flashinfer";
}

/** tools/measure_gpu.py and tools/measure_attention.py give each call another cache; tables of others repeat one call. */
const rotatesCache = (implementation: string): boolean => ["sdpa", "cudnn", "flash"].includes(implementation);

const withWarmCache = (kernel: Kernel): Kernel => ({
  ...kernel,
  reads: [...kernel.reads, { tensor: "cached keys and values", bytes: kernel.streamedBytes }],
  streamedBytes: 0,
});

function measuredSoftmax(row: MeasuredKind<"pointwise" | "softmax">, bytes: number): MeasuredCase {
  const elements = row.rows * row.columns;
  const kernel: Kernel = {
    name: "softmax",
    flops: 0,
    reads: [{ tensor: FRESH, bytes: elements * bytes }],
    writes: [{ tensor: "output", bytes: elements * bytes }],
    streamedBytes: 0,
    work: { kind: "softmax", elements, columns: row.columns },
  };
  return { kernels: [kernel], justWritten: [FRESH] };
}

function measuredStream(row: MeasuredKind<"copy" | "fill" | "read">): MeasuredCase {
  const kernel: Kernel = {
    name: row.kind,
    flops: 0,
    reads: [{ tensor: FRESH, bytes: row.readBytes }],
    writes: [{ tensor: "output", bytes: row.writeBytes }],
    streamedBytes: 0,
    work: { kind: "pointwise", access: "vectorized", elements: 0 },
  };
  return { kernels: [kernel], justWritten: [FRESH] };
}
