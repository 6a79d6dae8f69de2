import * as z from "zod";
import { schemaReference, text } from "./fields.ts";
import { StackKernelsSchema } from "./kernels.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS, RUNTIMES } from "./vocabulary.ts";

const SourceSchema = z.strictObject({
  of: z.array(text).min(1).describe("The choices, by their path in this file"),
  basis: z
    .enum(["measured", "source code", "documentation", "assumed"])
    .describe("measured: kernels seen in profiles of real runs; else where it is read"),
  source: text.describe("The profile, file or page"),
});

/** How a framework turns a layer into kernels: defaults for what a scenario may say about kernels. */
export const StackSchema = z.strictObject({
  $schema: schemaReference,
  name: text.describe("Name shown in reports"),
  framework: text.describe("What it is"),
  version: text.describe("Version that the choices are of"),
  normalization: z
    .partialRecord(z.enum(NORM_KINDS), z.enum(NORM_IMPLEMENTATIONS))
    .default({})
    .describe("Implementation of each kind of norm; default: native"),
  kernels: StackKernelsSchema.default({}).describe("Choices among kernels; default: those of torch modules"),
  runtime: z.enum(RUNTIMES).optional().describe("How kernels are launched; default: graph"),
  training: z
    .strictObject({
      optimizerStates: z
        .enum(["fp32", "weights"])
        .optional()
        .describe("Type of adamw's states; default: fp32"),
    })
    .default({})
    .describe("What it adds to training"),
  notModelled: z.array(text).max(32).optional().describe("What it does that the engine does not know"),
  sources: z.array(SourceSchema).min(1).max(64).describe("Where each choice is from"),
});

export type Stack = z.infer<typeof StackSchema>;
