import * as z from "zod";
import { answeredBy, text } from "./fields.ts";
import { OperatorResultSchema } from "./result.ts";
import { ScenarioSchema } from "./scenario.ts";

const TensorSchema = z.strictObject({ tensor: text, bytes: z.number().min(0) });

const StepSchema = z.strictObject({
  name: text.describe("What is computed"),
  formula: text.describe(
    "As the engine computes it; softMaximum(p, a, b, ...) is (a^p + b^p + ...)^(1/p), softMaximum4 that of exponent 4, power(x, p) is x^p; the table says what the others are",
  ),
  substituted: text.describe("The same with the values put in"),
  value: z.number(),
  operands: z.array(
    z.strictObject({
      name: text,
      value: z.union([z.number(), z.string(), z.boolean()]),
      source: text.optional().describe("Where a number of the hardware comes from"),
    }),
  ),
});

const KernelSchema = z.strictObject({
  name: text,
  kind: text.describe("Which timing law it follows"),
  flops: z.number().min(0),
  reads: z.array(TensorSchema),
  writes: z.array(TensorSchema),
  streamedBytes: z.number().min(0).describe("Weights, tables and cached keys and values, from HBM"),
  hbmBytes: z.number().describe("Bytes that HBM serves, what it writes back for others included"),
  l2Bytes: z.number().min(0).describe("Bytes that the L2 serves"),
  seconds: z.number().min(0).describe("Alone, without the gap before it"),
  bound: text,
  terms: z
    .strictObject({
      compute: z.number(),
      memory: z.number(),
      cache: z.number(),
      latency: z.number(),
      network: z.number(),
    })
    .describe("Seconds that each resource would take alone"),
  steps: z.array(StepSchema),
});

/** What `explain --json` prints. Names of schemaVersion 1 never change. */
export const ExplanationSchema = z.strictObject({
  ...answeredBy,
  scenario: ScenarioSchema,
  readFrom: z
    .strictObject({
      scenario: text,
      model: text.describe("Its source field says where its sizes are from"),
      hardware: text.describe("Its sources say where each number is from"),
      changed: z.array(text).describe("Fields that flags changed after that"),
    })
    .optional()
    .describe("Files; of the package where they begin with one of its folders"),
  operators: z.array(
    OperatorResultSchema.omit({ kernels: true, arithmeticIntensity: true, shareOfTime: true }).extend({
      kernels: z.array(KernelSchema),
      launchSeconds: z
        .number()
        .describe("Gaps before its kernels, waiting for the host, and its share of the start"),
    }),
  ),
  totals: z
    .array(StepSchema)
    .describe("Figures of the result that are made of its operators'; none where one operator is asked for"),
});

export type Explanation = z.infer<typeof ExplanationSchema>;
