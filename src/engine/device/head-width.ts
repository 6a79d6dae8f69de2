import type { CalibrationValues } from "../../schema/calibration.ts";

interface Widths {
  readonly keyDim: number;
  readonly valueDim: number;
}

export const meanWidth = ({ keyDim, valueDim }: Widths): number => (keyDim + valueDim) / 2;
export const MEAN_WIDTH = "(keyDim + valueDim) / 2";

export const TILE_WIDTH = 64;
const paddedWidth = (width: number): number => TILE_WIDTH * Math.ceil(width / TILE_WIDTH);

/**
 * Mean width of key and value heads as a kernel multiplies them: tiles are multiples of 64 elements wide, and what a
 * head does not fill is multiplied all the same. cuDNN's kernels for heads of 32 to 256 are named after these tiles, and
 * take as long for a head of 80 as for one of 128 (measurements/h100-sxm, h200-sxm: head-widths.jsonl).
 */
export const launchedWidth = ({ keyDim, valueDim }: Widths): number =>
  (paddedWidth(keyDim) + paddedWidth(valueDim)) / 2;
export const LAUNCHED_WIDTH =
  "(TILE_WIDTH * ceil(keyDim / TILE_WIDTH) + TILE_WIDTH * ceil(valueDim / TILE_WIDTH)) / 2";

type Fractions = Pick<
  CalibrationValues["attention"],
  "fractionHeadDim64" | "fractionHeadDim128" | "fractionHeadDim256"
>;

/** Achieved share of the tensor peak between the calibrated head dimensions, linear in log2 of the head dimension. */
export function headDimFraction(headDim: number, p: Fractions): number {
  const octave = Math.min(2, Math.max(0, Math.log2(headDim / 64)));
  // Stryker disable next-line EqualityOperator: both lines meet there
  return octave <= 1
    ? p.fractionHeadDim64 + octave * (p.fractionHeadDim128 - p.fractionHeadDim64)
    : p.fractionHeadDim128 + (octave - 1) * (p.fractionHeadDim256 - p.fractionHeadDim128);
}

/** The text of `headDimFraction` for a `width` of so many elements, with the parameters of `group`. */
export function headDimFractionText(width: number, group: string): string {
  const at = (headDim: 64 | 128 | 256): string => `${group}.fractionHeadDim${headDim}`;
  if (width <= 64) return at(64);
  if (width === 128) return at(128);
  if (width >= 256) return at(256);
  return width < 128
    ? `${at(64)} + log2(width / 64) * (${at(128)} - ${at(64)})`
    : `${at(128)} + log2(width / 128) * (${at(256)} - ${at(128)})`;
}
