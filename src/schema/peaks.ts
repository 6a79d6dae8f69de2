import type { Hardware } from "./hardware.ts";
import { type DataType, MATMUL_TYPES } from "./vocabulary.ts";

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

/** Types that the device has units for. */
export const matmulTypesOf = (hardware: Hardware): (typeof MATMUL_TYPES)[number][] =>
  MATMUL_TYPES.filter((type) => matmulPeak(hardware, type) !== undefined);

/** The type to compute in where the device has not the one that was asked for. */
export function usualTypeOf(hardware: Hardware): (typeof MATMUL_TYPES)[number] | undefined {
  const known = matmulTypesOf(hardware);
  return (["bf16", "fp16"] as const).find((type) => known.includes(type)) ?? known[0];
}

/** Which peak holds for matrices of this type: that of the vector units where the device has none of the type's own. */
export const peakName = (hardware: Hardware, dataType: DataType): PeakName =>
  dataType === "fp32" || dataType === "int4" || hardware.peakFlopsPerSecond[dataType] === undefined
    ? "fp32Vector"
    : dataType;

/** That peak, FLOP per second. */
export const peakFlopsFor = (hardware: Hardware, dataType: DataType): number =>
  matmulPeak(hardware, dataType) ?? hardware.peakFlopsPerSecond.fp32Vector;
