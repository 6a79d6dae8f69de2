import * as z from "zod";
import { answeredBy, text } from "./fields.ts";

const SampleSchema = z.strictObject({
  parameter: z.number().describe("Value of the parameter"),
  field: z.number().describe("Value of the field there"),
});

/** What `solve --json` prints. Names of schemaVersion 1 never change. */
export const SolutionSchema = z.strictObject({
  ...answeredBy,
  field: text.describe("Field of the result"),
  target: z.number(),
  parameter: text.describe("What was varied: a flag or a path into the scenario"),
  range: z.strictObject({
    from: z.number(),
    to: z.number(),
    step: z.number().nullable().describe("Distance of neighbouring values; null: real numbers"),
  }),
  evaluations: z.int().min(0),
  crossings: z
    .array(
      z.strictObject({
        value: z.number().describe("First value of the parameter on the other side of the target"),
        direction: z.enum(["rising", "falling"]),
        kind: z
          .enum(["smooth", "jump"])
          .describe("jump: the field leaps over the target where tiles, waves or caches do"),
        before: SampleSchema,
        after: SampleSchema,
      }),
    )
    .describe("Every passage of the field through the target, in order of the parameter"),
  nearest: SampleSchema.nullable().describe("Where the field comes nearest to the target"),
  notes: z.array(z.string()),
});

export type Solution = z.infer<typeof SolutionSchema>;
