import * as z from "zod";
import { answeredBy, text } from "./fields.ts";
import { PROFILE_FORMATS } from "./profile.ts";
import { ScenarioFileSchema } from "./scenario.ts";
import { NORM_KINDS } from "./vocabulary.ts";

/** Classes of what a device ran. */
export const TRACE_CLASSES = [
  "normalization",
  "matmul",
  "attention",
  "pointwise",
  "collective",
  "memory",
  "optimizer",
  "loss",
  "other",
] as const;

export type TraceClass = (typeof TRACE_CLASSES)[number];

const amount = z.number().min(0);
const share = z.number();
const FOUND_IMPLEMENTATIONS = ["eager", "native", "fused", "residual-fused"] as const;
const implementation = z
  .enum(FOUND_IMPLEMENTATIONS)
  .describe(
    "eager: op by op; native: torch's own kernel; fused: one kernel; residual-fused: one kernel with the residual add",
  );

const NormRowSchema = z
  .strictObject({
    kind: z.enum(NORM_KINDS),
    implementation,
    direction: z.enum(["forward", "backward"]),
    rows: z.int().min(1).nullable().describe("Rows of one norm; null where the trace does not say"),
    columns: z.int().min(1).nullable().describe("Elements of a row"),
    dtype: text.nullable().describe("Type of its input and output"),
    fusedWith: z.array(text).describe("What else its kernels do: their time counts as the norm's in full"),
    count: amount.describe("Norms a step"),
    kernels: amount.describe("Kernels a step, of all these norms together"),
    seconds: amount,
    bytes: amount
      .nullable()
      .describe("What these norms must move at least: input read once, output written once, weights"),
    roofSeconds: amount.nullable().describe("Those bytes at the device's peak bandwidth"),
    alternatives: z
      .array(
        z.strictObject({
          kind: z.enum(NORM_KINDS),
          implementation: text,
          seconds: amount.describe("Predicted, of all these norms together"),
          savedSeconds: z.number().describe("Measured minus predicted"),
          errorSeconds: amount
            .nullable()
            .describe("Typical error of the prediction; null where nobody measured such kernels"),
        }),
      )
      .describe("Implementations that this device is predicted to run faster"),
  })
  .describe("Norms of one kind, implementation, direction and shape");

/** What `trace --json` prints. All seconds are of one step. */
export const TraceSchema = z.strictObject({
  ...answeredBy,
  trace: z.strictObject({
    file: text,
    format: z.enum(PROFILE_FORMATS),
    gpu: text.nullable().describe("Name that the driver reports"),
    steps: z.int().min(1).describe("Steps that the run marked; 1 where it marked none"),
    ranks: z.int().min(1).describe("Processes of the run that were read, one file each"),
  }),
  step: z.strictObject({
    seconds: amount,
    kernelSeconds: amount.describe("Sum of all that the GPU ran, of one rank"),
    busyShare: share
      .nullable()
      .describe("Share of the step in which the GPU ran something; null without times"),
    hostBoundShare: share
      .nullable()
      .describe("Share of the step in which the GPU waited for the host to issue its next kernel"),
    kernels: amount,
  }),
  normalization: z.strictObject({
    seconds: amount,
    shareOfKernelTime: share,
    shareOfStep: share.nullable(),
    kernels: amount,
    forwardSeconds: amount,
    backwardSeconds: amount,
  }),
  classes: z.array(
    z.strictObject({
      class: z.enum(TRACE_CLASSES),
      seconds: amount,
      shareOfKernelTime: share,
      kernels: amount,
    }),
  ),
  norms: z.array(NormRowSchema),
  savings: z.array(
    z.strictObject({
      change: text.describe("Kind and implementation of all norms that would change, such as rmsnorm:fused"),
      savedSeconds: z.number(),
      savedShareOfStep: share.nullable(),
      savedShareOfKernelTime: share,
      errorShareOfStep: share.nullable().describe("Typical error; null where the profile states none"),
      errorShareOfKernelTime: share.nullable(),
      resolved: z
        .boolean()
        .nullable()
        .describe("Whether the saving is larger than its error; null: not known"),
    }),
  ),
  scenario: ScenarioFileSchema.nullable().describe("What ran, as far as the trace tells it"),
  inferred: z
    .strictObject({
      phase: z.enum(["prefill", "decode", "train"]).nullable(),
      batch: z.int().min(1).nullable(),
      sequence: z.int().min(1).nullable(),
      context: z.int().min(0).nullable(),
      layers: z.int().min(1).nullable(),
      hidden: z.int().min(1).nullable(),
      heads: z.int().min(1).nullable(),
      kvHeads: z.int().min(1).nullable(),
      headDim: z.int().min(1).nullable(),
      ffn: z.int().min(1).nullable(),
      vocabulary: z.int().min(1).nullable(),
      dtype: text.nullable(),
    })
    .describe("What shapes and names tell of the run, each null where they don't"),
  assumed: z.array(text).describe("What the scenario needs and the trace does not say"),
  operators: z.array(
    z.strictObject({
      name: text,
      count: amount,
      measuredSeconds: amount,
      predictedSeconds: amount.nullable(),
    }),
  ),
  unknown: z.strictObject({
    seconds: amount,
    kernels: z.array(z.strictObject({ name: z.string(), seconds: amount })),
  }),
  warnings: z.array(z.string()),
});

export type TraceAnswer = z.infer<typeof TraceSchema>;
export type NormRow = z.infer<typeof NormRowSchema>;
