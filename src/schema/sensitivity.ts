import * as z from "zod";
import { answeredBy, text } from "./fields.ts";
import { ScenarioSchema } from "./scenario.ts";

const EffectSchema = z.strictObject({
  parameter: text.describe("A flag, or a path into the scenario"),
  value: z.number().describe("Its value in the scenario"),
  movedTo: z.number().describe("10% more, in whole numbers where the schema wants them"),
  shareOfTimeChange: z
    .number()
    .nullable()
    .describe("Change of normalization's share of time, for exactly 10% more; null without a calibration"),
  savingChange: z
    .number()
    .nullable()
    .describe("Change of the share that RMSNorm saves (same kernels), likewise; null without a calibration"),
  layerSecondsChange: z.number().describe("Relative change of the layer's time, likewise"),
});

/** What `sensitivity --json` prints. Names of schemaVersion 1 never change. */
export const SensitivitySchema = z.strictObject({
  ...answeredBy,
  scenario: ScenarioSchema,
  shareOfTime: z.number().nullable().describe("Null without a calibration"),
  saving: z.number().nullable().describe("Null without a calibration"),
  savingError: z
    .number()
    .optional()
    .describe("Typical error of that saving, share of 1; absent where nobody measured such pairs of layers"),
  layerSeconds: z.number(),
  effects: z
    .array(EffectSchema)
    .describe("Largest effect on normalization's share first, on the layer's time where that is null"),
  band: z
    .strictObject({
      layerError: z.number().describe("Median relative error of such layers, of models that were not fitted"),
      shareError: z.number().describe("Median error of normalization's share there, share of 1"),
      layers: z.int().describe("Measured layers behind it"),
    })
    .nullable()
    .describe("How far the profile was off where it was measured; null where nobody measured"),
  warnings: z.array(z.string()),
});

export type Sensitivity = z.infer<typeof SensitivitySchema>;
