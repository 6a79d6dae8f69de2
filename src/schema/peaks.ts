import type { Hardware } from "./hardware.ts";
import type { DataType } from "./vocabulary.ts";

export type PeakName = keyof Hardware["peakFlopsPerSecond"];

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

/** Which peak holds for matrices of this type: that of the vector units where the device has none of the type's own. */
export const peakName = (hardware: Hardware, dataType: DataType): PeakName =>
  dataType === "fp32" || dataType === "int4" || hardware.peakFlopsPerSecond[dataType] === undefined
    ? "fp32Vector"
    : dataType;

/** That peak, FLOP per second. */
export const peakFlopsFor = (hardware: Hardware, dataType: DataType): number =>
  matmulPeak(hardware, dataType) ?? hardware.peakFlopsPerSecond.fp32Vector;
