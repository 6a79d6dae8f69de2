import * as z from "zod";
import { CalibrationSchema } from "./calibration.ts";
import { count, countOrZero, quantity, schemaReference, text } from "./fields.ts";
import { NORM_IMPLEMENTATIONS, PHASES } from "./vocabulary.ts";

const SourceSchema = z.strictObject({
  fields: z.array(text).min(1).describe("Names of the fields this source is for"),
  source: text.describe("Datasheet, publication or measurement"),
});

const range = z.tuple([countOrZero, countOrZero]);

/** The layers behind an error: outside of it nobody has measured. */
const MeasuredSchema = z.strictObject({
  batch: range.describe("Sequences, least and most"),
  tokens: range.describe("New tokens of the whole batch, least and most"),
  context: range.describe("Tokens in the KV cache of a sequence, least and most"),
  hidden: range.describe("Width of the residual stream, least and most"),
  headDims: z.array(count).min(1).describe("Widths of one head"),
  norms: z.array(text).min(1).describe("Kind and implementation, such as rmsnorm.native"),
  pointwise: z
    .array(z.enum(["eager", "fused"]))
    .min(1)
    .describe("How RoPE and activation were run"),
});

const SavingErrorSchema = z.strictObject({
  between: z
    .tuple([z.enum(NORM_IMPLEMENTATIONS), z.enum(NORM_IMPLEMENTATIONS)])
    .describe("Kernels before and after, in alphabetical order; of either kind of norm"),
  pairs: count.describe("Pairs of measured layers that differ in the norm alone, and measurably"),
  errorShareOfTime: z
    .number()
    .min(0)
    .describe("Median absolute error of the share of time saved, share of 1"),
});

const ClassErrorSchema = z.strictObject({
  name: text.describe("Class of kernels"),
  sizes: count.describe(
    "Sizes left out, one after the other (hidden sizes, weight matrices, head layouts), or parts of published rows",
  ),
  rows: count.describe("Measurements predicted"),
  medianError: z.number().min(0).describe("Median absolute error on what was left out, share of 1"),
  percentile90Error: z.number().min(0).describe("90th percentile of the same"),
  basis: z
    .enum(["measured", "published", "transferred"])
    .optional()
    .describe(
      "measured (default): rows of this device; published: rows that others published of it; transferred: rows of the devices that a calibration was carried over to, without a fit",
    ),
});

/** One GPU (or TPU) as its datasheet describes it, and what it was measured to reach. */
export const HardwareSchema = z.strictObject({
  $schema: schemaReference,
  name: text.describe("Name shown in reports"),
  gpu: text.optional().describe("Name that the driver reports: tells measurements of another device"),
  sources: z.array(SourceSchema).min(1).describe("Where each number comes from"),
  peakFlopsPerSecond: z
    .strictObject({
      fp32Vector: quantity.describe("fp32 on the vector units, dense"),
      tf32: quantity.optional().describe("tf32 on the tensor cores, dense"),
      fp16: quantity.optional().describe("fp16 on the tensor cores, fp32 accumulate, dense"),
      bf16: quantity.optional().describe("bf16 on the tensor cores, dense"),
      int8: quantity
        .optional()
        .describe("int8 on the tensor cores, int32 accumulate, dense, operations per second"),
      fp8: quantity.optional().describe("fp8 on the tensor cores, dense"),
      fp4: quantity.optional().describe("fp4 on the tensor cores, dense"),
    })
    .describe("Peak rates without sparsity, FLOP per second"),
  hbmBytesPerSecond: quantity.describe("Peak bandwidth of the device memory, bytes per second"),
  hbmBytes: quantity.describe("Size of the device memory as the driver reports it, bytes"),
  l2Bytes: quantity.describe("Size of the L2 cache, bytes"),
  lastLevelBytes: quantity
    .optional()
    .describe("Size of a cache behind the L2 that all of it shares (AMD's Infinity Cache), bytes"),
  computeUnits: count.describe("Streaming multiprocessors or compute units"),
  boostClockHz: quantity.optional().describe("Clock at which the peak rates hold, Hz"),
  maxClockHz: quantity
    .optional()
    .describe("Highest clock, at which light kernels run, Hz; absent: boostClockHz"),
  linkBytesPerSecond: quantity.optional().describe("Link to other GPUs, bytes per second in one direction"),
  linkedGpus: count
    .optional()
    .describe("GPUs that the link joins, where these are fewer than a node has: a bridge of two cards"),
  gpusPerNode: count
    .optional()
    .describe("GPUs that the link joins at full rate: a node, or an NVLink domain"),
  interNodeBytesPerSecond: quantity
    .optional()
    .describe("Network between nodes, bytes per second and GPU in one direction"),
  interNodeLatencySeconds: quantity.optional().describe("Time of the smallest message between nodes, s"),
  boardPowerWatts: quantity.optional().describe("Board power limit, W"),
  gpuHourUsd: z
    .strictObject({ value: quantity, source: text.describe("Provider and date") })
    .optional()
    .describe("Price of one GPU-hour, USD"),
  generator: text.optional().describe("Program and version that wrote the calibration"),
  calibration: CalibrationSchema.optional().describe(
    "What the device was measured to reach; without it every time is the datasheet's ideal",
  ),
  crossValidation: z
    .array(ClassErrorSchema)
    .optional()
    .describe("How well each law predicts what its fit has not seen"),
  validation: z
    .array(
      z.strictObject({
        phase: z.enum(PHASES),
        runtime: z.enum(["graph", "eager"]).describe("How its kernels were launched"),
        layersWith: z
          .enum(["experts", "two GPUs", "fp8"])
          .optional()
          .describe("What these layers have beyond a dense one on one GPU"),
        layers: count.describe("Measured layers compared, of models that were not fitted"),
        medianError: z.number().min(0).describe("Median absolute error of the layer's time, share of 1"),
        percentile90Error: z.number().min(0).describe("90th percentile of the same"),
        shareErrorPoints: z
          .number()
          .min(0)
          .describe("Median absolute error of normalization's share of time, percentage points"),
        measured: MeasuredSchema.optional().describe(
          "What the measured layers were, fitted ones too; absent: the error is taken to hold for no layer",
        ),
        savings: z
          .array(SavingErrorSchema)
          .optional()
          .describe(
            "How far off the savings of a swap of norms are; swaps that are not listed were not measured",
          ),
        source: text.describe("Which measurements"),
      }),
    )
    .optional()
    .describe("How well the calibration predicts layers it was not fitted on"),
});

export type Hardware = z.infer<typeof HardwareSchema>;
export type ClassError = z.infer<typeof ClassErrorSchema>;
export type Validation = NonNullable<Hardware["validation"]>[number];
export type SavingError = z.infer<typeof SavingErrorSchema>;
export type Measured = z.infer<typeof MeasuredSchema>;
