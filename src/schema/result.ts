import * as z from "zod";
import { BASES } from "./basis.ts";
import { answeredBy, text } from "./fields.ts";
import { ScenarioSchema } from "./scenario.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS, OPERATOR_CLASSES } from "./vocabulary.ts";

const BOUNDS = ["compute", "memory", "cache", "latency", "host", "network"] as const;

const amount = z.number().min(0);
const share = z
  .number()
  .min(0)
  .max(1 + 1e-9);

/** What only a calibration tells: no datasheet says how fast norm kernels are. */
const NOT_BY_DATASHEET = "null without a calibration";

export const OperatorResultSchema = z.strictObject({
  name: text,
  class: z.enum(OPERATOR_CLASSES),
  flops: amount,
  hbmReadBytes: amount,
  hbmWriteBytes: amount,
  kernels: z.int().min(0),
  arithmeticIntensity: amount.describe("FLOPs per byte of HBM traffic; 0 without traffic"),
  seconds: amount,
  idealSeconds: amount,
  bound: z
    .enum(BOUNDS)
    .describe(
      "What its longest-waiting kernels wait for: arithmetic, HBM, L2, latency (floors, launches, instruction issue), host, network",
    ),
  shareOfTime: share.nullable().describe(`Of the layer; of norms ${NOT_BY_DATASHEET}`),
});

const AlternativeSchema = z.strictObject({
  kind: z.enum(NORM_KINDS),
  implementation: z.enum(NORM_IMPLEMENTATIONS),
  layerSeconds: amount.nullable().describe(`The layer with these norms; ${NOT_BY_DATASHEET}`),
  normalizationSeconds: amount.nullable().describe(NOT_BY_DATASHEET),
  savedSeconds: z
    .number()
    .nullable()
    .describe(`Against the scenario as given; negative: slower; ${NOT_BY_DATASHEET}`),
  savedShareOfTime: z.number().max(1).nullable().describe(NOT_BY_DATASHEET),
  errorShareOfTime: amount
    .optional()
    .describe(
      "Typical error of savedShareOfTime, from measured pairs of such layers; absent where nobody measured any",
    ),
  resolved: z
    .boolean()
    .optional()
    .describe("Whether the saving is larger than its error; absent with errorShareOfTime"),
  savedActivationBytes: amount.describe("Tensors that the layer keeps for its backward pass; 0 in inference"),
  secondsByClass: z
    .partialRecord(z.enum(OPERATOR_CLASSES), amount)
    .nullable()
    .describe(`Of the layer's operators; ${NOT_BY_DATASHEET}`),
  normalizationForwardHbmBytes: amount.describe("What its norms ask of HBM in the forward pass"),
});

const LeverSchema = z.strictObject({
  name: text,
  change: text.describe("The flags that make it"),
  savedSeconds: z.number().describe("Of the layer; negative: slower"),
  savedShareOfTime: z.number().max(1),
  errorShareOfTime: amount
    .optional()
    .describe("Typical error of savedShareOfTime; absent where nobody measured such pairs of layers"),
  resolved: z
    .boolean()
    .optional()
    .describe("Whether the saving is larger than its error; absent with errorShareOfTime"),
});

/** What `run --json` prints. Names of schemaVersion 1 never change. */
export const ResultSchema = z.strictObject({
  ...answeredBy,
  scenario: ScenarioSchema.describe("Resolved: model and hardware in full, every default filled in"),
  layer: z.strictObject({
    seconds: amount.describe(
      "One layer among the others of its step: with its share of what starting the step costs",
    ),
    kernelSeconds: amount.describe(
      "Its kernels' own durations, without gaps, starts and waits: what a profiler adds up",
    ),
    idealSeconds: amount,
    flops: amount,
    hbmBytes: amount.describe("What the kernels ask of HBM: what the counters of a cold cache see"),
    hbmTrafficBytes: amount.describe("What of these HBM serves behind the L2, write-backs included"),
    kernels: z.int().min(0),
    modelFlopsUtilization: amount.describe(
      "FLOPs of the model (those of operators that are run again left out) per second, over the peak of the matmuls' type",
    ),
    hardwareFlopsUtilization: amount.describe("The same with recomputation: all FLOPs that the GPU executes"),
    bandwidthUtilization: amount.describe("hbmTrafficBytes per second, over the peak bandwidth"),
    savedActivationBytes: amount.describe("Tensors kept for the backward pass; 0 in inference"),
  }),
  operators: z.array(OperatorResultSchema),
  normalization: z.strictObject({
    seconds: amount.nullable().describe(NOT_BY_DATASHEET),
    shareOfTime: share.nullable().describe(NOT_BY_DATASHEET),
    flops: amount,
    shareOfFlops: share,
    hbmBytes: amount,
    shareOfHbmBytes: share,
  }),
  statisticalNormalization: z
    .strictObject({ shareOfTime: share.nullable().describe(NOT_BY_DATASHEET), shareOfFlops: share })
    .describe("Normalization and softmax, the class of Ivanov et al. (MLSys 2021)"),
  alternatives: z.array(AlternativeSchema),
  levers: z
    .array(LeverSchema)
    .describe(
      "What each change of the layer's kernels would save, best first, and behind them all that save anything together; empty without a calibration",
    ),
  wholeModel: z.strictObject({
    layers: z.int().min(1),
    seconds: amount.describe(
      "One step: embedding, all layers, final norm, output head; in prefill the time to the first token; in train forward, backward and optimizer of all accumulated batches",
    ),
    kernelSeconds: amount.describe(
      "Of that step, the kernels' own durations, without gaps, starts and waits: what a profiler adds up; of all pipeline stages together",
    ),
    tokensPerSecond: amount.describe("Of all its GPUs together, with every pipeline stage busy"),
    tokensPerSecondPerGpu: amount,
    normalization: z
      .strictObject({
        seconds: amount.nullable().describe(`Kernels' own durations; ${NOT_BY_DATASHEET}`),
        shareOfTime: share.nullable().describe(`Of kernelSeconds; ${NOT_BY_DATASHEET}`),
      })
      .describe("Norms of all layers, of the embedding and before the output head"),
    embeddingSeconds: amount,
    layersSeconds: amount,
    finalNormSeconds: amount,
    headSeconds: amount.describe("Logits of the last tokens; in train of all, with loss and gradients"),
    optimizerSeconds: amount.describe("0 in inference"),
    flops: amount.describe("On one GPU of each pipeline stage, of all stages together"),
    modelFlopsUtilization: amount.describe("Recomputation left out"),
    hardwareFlopsUtilization: amount.describe("Recomputation counted"),
    parameters: amount,
    activeParameters: amount.describe("That a token is multiplied with"),
    gpus: z.int().min(1).describe("That hold one copy of the model"),
    kinds: z
      .array(z.strictObject({ name: text, layers: z.int().min(1), layerSeconds: amount }))
      .optional()
      .describe("Layers of each kind, where the model has several"),
  }),
  memory: z
    .strictObject({
      weightBytes: amount,
      kvCacheBytes: amount,
      activationBytes: amount.describe(
        "Largest kernel's tensors; in train also what all layers keep for their backward passes",
      ),
      optimizerBytes: amount.describe("Gradients, master weights and moments; 0 in inference"),
      totalBytes: amount,
      deviceBytes: amount,
    })
    .describe("What the whole model asks of one GPU"),
  cost: z
    .strictObject({
      gpuHourUsd: amount.optional(),
      usdPerMillionTokens: amount.optional(),
      boardPowerWatts: amount.optional(),
      joulesPerToken: amount.optional(),
      swapped: z
        .strictObject({
          kind: z.enum(NORM_KINDS),
          usdPerMillionTokens: amount.optional(),
          joulesPerToken: amount.optional(),
        })
        .optional()
        .describe(
          "The same with the other kind of norm by the same kernels; absent for passes of your own, and without a calibration",
        ),
    })
    .describe("All GPUs at the profile's price and board power; absent where it does not say"),
  typicalError: z
    .strictObject({
      layer: z.number().describe("Median relative error of the layer's time"),
      shareOfTime: z.number().describe("Median error of normalization's share, share of 1"),
      layers: z.int().describe("Measured layers behind it, of models that were not fitted"),
    })
    .nullable()
    .describe("How far the profile was off on measured layers like this one; null where nobody measured any"),
  confidence: z
    .strictObject({
      layerError: z
        .number()
        .min(0)
        .optional()
        .describe(
          "Typical relative error of the layer's time: of measured layers like it, else from the errors of its kernels; absent where nobody knows",
        ),
      basis: z
        .enum(BASES)
        .describe(
          "What the device's laws rest on: its own measurements, what others published of it, another device",
        ),
    })
    .describe("How far the layer's time can be trusted, and by what"),
  warnings: z.array(z.string()),
});

export type Result = z.infer<typeof ResultSchema>;
export type OperatorResult = z.infer<typeof OperatorResultSchema>;
export type Alternative = z.infer<typeof AlternativeSchema>;
export type Lever = z.infer<typeof LeverSchema>;
export type OperatorClass = (typeof OPERATOR_CLASSES)[number];
export type Bound = (typeof BOUNDS)[number];
