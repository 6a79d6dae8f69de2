import type { Hardware } from "./hardware.ts";
import type { DataType } from "./vocabulary.ts";

/** Peak of the units that multiply matrices of this type, FLOP per second; fp32 runs on the vector units. */
export function matmulPeak({ peakFlopsPerSecond: peak }: Hardware, dataType: DataType): number | undefined {
  switch (dataType) {
    case "fp32":
      return peak.fp32Vector;
    // Stryker disable next-line ConditionalExpression,StringLiteral: no profile has a peak of that name
    case "int4":
      // a type to store weights in: they are multiplied in the type of the activations
      return undefined;
    default:
      return peak[dataType];
  }
}
