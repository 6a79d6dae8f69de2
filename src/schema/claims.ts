import * as z from "zod";
import { answeredBy, text } from "./fields.ts";
import { ScenarioSchema } from "./scenario.ts";

const CLAIM_IDS = [
  "flop-share",
  "runtime-share",
  "rmsnorm-saving",
  "memory-bound",
  "multiple-passes",
  "utilization",
  "cost",
  "convergence",
] as const;

const VERDICTS = [
  "holds",
  "holds only if",
  "does not hold",
  "cannot be answered here",
  "outside this model",
] as const;

const ValueSchema = z.strictObject({
  name: text,
  value: z.number(),
  unit: z.enum(["share", "seconds", "bytes", "count", "usd", "points", "ratio"]),
});

const PlaceSchema = z.strictObject({
  claim: text.describe("What would hold there"),
  field: text,
  target: z.number(),
  parameter: text,
  norm: text.describe("Normalization and kernels it is asked of"),
  crossings: z.array(
    z.strictObject({
      value: z.number(),
      direction: z.enum(["rising", "falling"]),
      before: z.number(),
      after: z.number(),
    }),
  ),
  nearest: z.strictObject({ value: z.number(), field: z.number() }).nullable(),
  from: z.number(),
  to: z.number(),
});

const ClaimSchema = z.strictObject({
  id: z.enum(CLAIM_IDS),
  claim: text.describe("What the article says"),
  values: z.array(ValueSchema).describe("What it comes to in this scenario"),
  verdict: z.enum(VERDICTS),
  condition: z.string().describe("Under which condition it holds; empty where there is none"),
  threshold: z.string().describe("What counts as holding"),
  places: z.array(PlaceSchema).describe("Where it would hold, found by solving"),
  evidence: z.array(z.string()).describe("What others have published, or was measured for this"),
});

/** What `claims --json` prints. Names of schemaVersion 1 never change. */
export const ClaimsSchema = z.strictObject({
  ...answeredBy,
  scenario: ScenarioSchema,
  claims: z.array(ClaimSchema),
});

export type Claims = z.infer<typeof ClaimsSchema>;
export type Claim = z.infer<typeof ClaimSchema>;
export type Place = z.infer<typeof PlaceSchema>;
