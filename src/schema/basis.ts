import type { Hardware } from "./hardware.ts";

/** What a profile's laws rest on. */
export const BASES = ["measured", "published", "transferred", "datasheet"] as const;
export type Basis = (typeof BASES)[number];

/** By where the share of the tensor peak comes from, which decides most layers. */
export function basisOf({ calibration }: Pick<Hardware, "calibration">): Basis {
  if (calibration === undefined) return "datasheet";
  const { origin } = calibration.matmul.peakFraction;
  return origin === "assumed" ? "transferred" : origin;
}
