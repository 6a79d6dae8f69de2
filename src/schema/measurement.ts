import * as z from "zod";
import { count, countOrZero, text } from "./fields.ts";
import { PHASES } from "./vocabulary.ts";

/** Rows of a measurements file (JSON Lines) as tools/measure_gpu.py writes them. SI base units. */

/** No clock resolves less; and shares of less would overflow. */
export const SHORTEST_SECONDS = 1e-12;

const seconds = z.number().positive().min(SHORTEST_SECONDS).max(1e6);
const spread = z.tuple([seconds, seconds]).describe("25th and 75th percentile, seconds");
const difference = z.number().min(-1).max(1e6);

const operatorFields = {
  implementation: text,
  dtype: text,
  mode: z.literal("eager").optional().describe("Present when the case could not be captured in a graph"),
  warmSeconds: seconds.optional().describe("Per call in a graph of many identical calls"),
  warmSpread: spread.optional(),
  coldSeconds: difference.optional().describe("One call after the L2 was flushed, less an empty kernel's"),
  coldSpread: z.tuple([difference, difference]).optional(),
  layerSeconds: difference.optional().describe("What the call adds inside a layer, by difference"),
  layerSpread: z.tuple([difference, difference]).optional(),
};

const GpuStateSchema = z.strictObject({
  smClockHz: z.number().nullable(),
  memoryClockHz: z.number().nullable(),
  powerWatts: z.number().nullable(),
  temperatureCelsius: z.number().nullable(),
});

/** First row of a file; counters files give only part of it. */
const EnvironmentSchema = z.strictObject({
  kind: z.literal("environment"),
  schemaVersion: z.literal(1),
  gpu: text,
  computeUnits: count,
  l2Bytes: count,
  memoryBytes: z.number().positive().optional(),
  driver: z.string().nullable().optional(),
  torch: text,
  cuda: z.string().nullable(),
  rocm: z.string().nullable().optional(),
  triton: z.string().nullable().optional(),
  python: text.optional(),
  date: text,
  before: GpuStateSchema.optional(),
  emptyKernelWarmSeconds: seconds.optional(),
  emptyKernelColdSeconds: seconds.optional(),
});

const EnvironmentAfterSchema = z.strictObject({
  kind: z.literal("environment-after"),
  after: GpuStateSchema,
  elapsedSeconds: seconds,
  skipped: z.array(z.string()),
});

const StreamSchema = z.strictObject({
  kind: z.enum(["copy", "fill", "read"]),
  ...operatorFields,
  readBytes: z.number().min(0).max(1e13),
  writeBytes: z.number().min(0).max(1e13),
});

const GemmSchema = z.strictObject({
  kind: z.literal("gemm"),
  ...operatorFields,
  m: count,
  n: count,
  k: count,
  role: z.enum(["forward", "gradInput", "gradWeight"]).describe("m, n, k are those of the forward product"),
});

const NormSchema = z.strictObject({
  kind: z.enum(["norm", "norm-backward"]),
  ...operatorFields,
  rows: count,
  hidden: count,
});

const ElementsSchema = z.strictObject({
  kind: z.enum(["pointwise", "softmax"]),
  ...operatorFields,
  rows: count,
  columns: count,
});

const AttentionSchema = z.strictObject({
  kind: z.literal("attention"),
  ...operatorFields,
  batch: count,
  queries: count,
  keys: count,
  heads: count,
  kvHeads: count,
  headDim: count,
  /** of values, where they are not as wide as keys: latent attention's, decompressed */
  valueDim: count.optional(),
  causal: z.boolean(),
  direction: z.enum(["forward", "backward"]),
});

const GroupedGemmSchema = z
  .strictObject({
    kind: z.literal("grouped-gemm"),
    ...operatorFields,
    tokens: count,
    experts: count,
    perToken: count,
    touched: count.describe("Experts that a token was sent to"),
    n: count,
    k: count,
  })
  .describe("y[m,n] = x[m,k] W[n,k]^T for each expert, m its share of tokens x perToken, in one launch");

const SelectionSchema = z.strictObject({
  kind: z.literal("selection"),
  ...operatorFields,
  step: z.enum(["top-k", "sort"]),
  elements: count,
});

const QuantizeSchema = z.strictObject({
  kind: z.literal("quantize"),
  ...operatorFields,
  rows: count,
  columns: count,
});

const CollectiveSchema = z.strictObject({
  kind: z.literal("collective"),
  ...operatorFields,
  operation: z.enum(["all-reduce", "all-gather", "reduce-scatter", "all-to-all"]),
  ranks: z.int().min(2).max(1e6),
  messageBytes: count.describe("Of the whole tensor"),
});

const LayerShapeSchema = z.strictObject({
  hidden: count,
  heads: count,
  kvHeads: count,
  headDim: count,
  ffn: count,
  gated: z.boolean(),
  bias: z.enum(["none", "qkv", "all"]),
  positions: z.enum(["rope", "learned", "none"]),
  causal: z.boolean().default(true),
  qkNorm: z.boolean().optional(),
  experts: z
    .strictObject({ count, perToken: count, ffn: count })
    .refine(({ count, perToken }) => perToken <= count, {
      path: ["perToken"],
      error: "expected at most experts.count",
    })
    .optional()
    .describe("Mixture of experts in place of the feed-forward block"),
});

const LayerSchema = z.strictObject({
  kind: z.literal("layer"),
  model: text,
  shape: LayerShapeSchema,
  phase: z.enum(PHASES),
  batch: count,
  sequence: count,
  context: countOrZero,
  dtype: text,
  runtime: z.enum(["graph", "eager"]),
  pointwise: z.enum(["eager", "fused"]),
  tensor: count.optional().describe("GPUs that share the layer; default 1"),
  layers: count.default(1).describe("Layers chained in one graph or step; seconds are per layer"),
  seconds: z.record(z.string(), seconds).describe("By normalization; `none`: without norms"),
  spread: z.record(z.string(), spread).optional(),
  added: z
    .record(z.string(), difference)
    .optional()
    .describe("Seconds that each normalization adds: median difference to the layer without norms"),
  addedSpread: z.record(z.string(), z.tuple([difference, difference])).optional(),
});

const CountersSchema = z.strictObject({
  kind: z.literal("norm-counters"),
  implementation: text,
  dtype: text,
  rows: count,
  hidden: count,
  cache: z.enum(["cold", "warm"]),
  kernels: z.array(
    z.strictObject({
      name: text,
      readBytes: z.number().min(0),
      writeBytes: z.number().min(0),
      l2Bytes: z.number().min(0),
    }),
  ),
});

/** A step of a model in a framework, as a profiler and hooks around its norms have it. */
const FrameworkRunSchema = z.strictObject({
  kind: z.literal("framework-run"),
  framework: text.describe("Name and version"),
  torch: text,
  mode: z.enum(["eager", "compiled"]),
  model: text.describe("Name in models/"),
  layers: count.describe("Of the model, whose vocabulary is whole"),
  phase: z.enum(PHASES),
  batch: count,
  sequence: count,
  context: countOrZero,
  dtype: text,
  wallSeconds: seconds.describe("Of a step without a profiler"),
  kernelSeconds: seconds.describe("Sum of its kernels, copies and fills included"),
  kernels: count,
  normForwardSeconds: seconds.optional().describe("Kernels inside norm modules; QK-norms count, adds do not"),
  normBackwardSeconds: z.number().min(0).max(1e6).optional(),
  normForwardKernels: count.optional(),
  normBackwardKernels: countOrZero.optional(),
});

/** Kernels of such steps that measurements of single operators do not have. */
const FrameworkKernelSchema = z.strictObject({
  kind: z.literal("framework-kernel"),
  operation: z.enum([
    "cache-concatenation",
    "rope-times-cos",
    "rope-negate",
    "rope-concatenate",
    "rope-times-sin",
    "rope-add",
    "attention",
    "attention-backward",
    "misaligned-matmul",
    "optimizer",
    "smallest",
  ]),
  run: text.describe("Model, phase, shape and mode of the run"),
  dtype: text,
  shape: z
    .array(count)
    .max(8)
    .describe("Of what it writes; of a matmul m, n, k; of an optimizer the parameters"),
  masked: z.boolean().optional().describe("Of attention: whether it reads a mask"),
  launches: count,
  seconds: seconds.describe("Median of its launches in a step; of an optimizer their sum"),
});

export const MeasurementSchema = z.discriminatedUnion("kind", [
  EnvironmentSchema,
  EnvironmentAfterSchema,
  StreamSchema,
  GemmSchema,
  NormSchema,
  ElementsSchema,
  AttentionSchema,
  GroupedGemmSchema,
  SelectionSchema,
  QuantizeSchema,
  CollectiveSchema,
  LayerSchema,
  CountersSchema,
  FrameworkRunSchema,
  FrameworkKernelSchema,
]);

export type Measurement = z.infer<typeof MeasurementSchema>;
export type MeasuredKind<K extends Measurement["kind"]> = Extract<Measurement, { kind: K }>;
export type MeasuredLayer = MeasuredKind<"layer">;
