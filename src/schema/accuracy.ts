import * as z from "zod";
import { answeredBy, text } from "./fields.ts";
import { HardwareSchema } from "./hardware.ts";
import { PHASES } from "./vocabulary.ts";

const amount = z.number().min(0);
const rows = z.int().min(0);

/** How far predictions are from what was measured. Errors are shares of the measured value, bias keeps its sign. */
const ErrorsSchema = z.strictObject({
  rows,
  medianError: amount,
  percentile90Error: amount,
  worstError: amount,
  bias: z.number(),
  datasheetMedianError: amount.describe("The same for the datasheet's roofline"),
});

/** Share of runtime or saving, predicted against measured: errors in percentage points. */
const DifferenceSchema = z.strictObject({
  name: text,
  phase: z.enum(PHASES),
  rows,
  resolved: rows.describe(
    "Rows whose measured difference is larger than its spread; only these are compared",
  ),
  medianErrorPoints: amount,
  percentile90ErrorPoints: amount,
  rightSign: amount.describe("Share of the resolved rows with the right sign"),
});

/** What `accuracy --json` prints: a profile compared with one measurements file. */
export const AccuracySchema = z.strictObject({
  ...answeredBy,
  profile: text,
  against: text.describe("The measurements"),
  kernels: z.array(z.strictObject({ name: text, ...ErrorsSchema.shape })),
  layers: z.array(z.strictObject({ name: text, fitted: z.boolean(), ...ErrorsSchema.shape })),
  differences: z.array(DifferenceSchema),
  crossValidation: HardwareSchema.shape.crossValidation,
});

export type AccuracyAnswer = z.infer<typeof AccuracySchema>;
export type Errors = z.infer<typeof ErrorsSchema>;
export type Difference = z.infer<typeof DifferenceSchema>;
