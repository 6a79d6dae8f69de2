import type { Unit } from "../../study/result-field.ts";
import {
  formatBytes,
  formatCount,
  formatPercent,
  formatSeconds,
  formatUsd,
  significant,
} from "../../units.ts";

/** What a datasheet does not say: how long norms take, and all that follows from it. */
export const UNKNOWN = "unknown (datasheet only)";

export const shareText = (share: number | null): string => (share === null ? UNKNOWN : formatPercent(share));

/** A share as percentage points. */
export const pointsText = (share: number): string => formatPercent(share).replace("%", "");

/** `0.09% ± 0.39`: a saving with its typical error in points, where that is known. */
export const savingText = (share: number, error: number | undefined): string =>
  `${formatPercent(share)}${error === undefined ? "" : ` ± ${pointsText(error)}`}`;

/** What stands behind a saving. */
export const ERROR_NOTE =
  "±: typical error of such a saving in percentage points, from measured pairs of layers; a smaller one cannot be told from zero. Without ±: nobody has measured such pairs.";

/** A number of the result as people read it. */
export function unitText(value: number, unit: Unit, digits = 3): string {
  switch (unit) {
    case "seconds":
      return formatSeconds(value, digits);
    case "share":
      return digits === 3 ? formatPercent(value) : `${significant(100 * value, digits)}%`;
    case "bytes":
      return formatBytes(value);
    case "flops":
      return formatCount(value);
    case "count":
      return String(value);
    case "intensity":
    case "rate":
      return significant(value);
    case "usd":
      return formatUsd(value);
    case "watts":
      return `${significant(value)} W`;
    case "joules":
      return `${significant(value)} J`;
  }
}
