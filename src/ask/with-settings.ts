import type { Hardware } from "../schema/hardware.ts";
import { getPath, type Setting, setPath } from "./set-path.ts";

/**
 * A copy of the tree with every setting in its place. A device with another figure than its profile's is another device:
 * its name says what was changed, and the errors measured on the profile's are not its own.
 */
export function withSettings(tree: object, settings: readonly Setting[]): object {
  const changed = settings.reduce<unknown>((input, { path, value }) => setPath(input, path, value), tree);
  const figures = settings.filter((setting) => changesTimes(setting) && !isSame(tree, setting));
  const replaced = settings.some(({ path }) => path.join(".") === "hardware");
  if (figures.length === 0 || replaced) return changed as object;
  const { hardware } = changed as { hardware: Hardware };
  const { validation: _, crossValidation: __, ...device } = hardware;
  const renamed = settings.some(({ path }) => path.join(".") === "hardware.name");
  const name = renamed ? hardware.name : `${hardware.name} (with ${changesText(figures)})`;
  return { ...(changed as object), hardware: { ...device, name } };
}

/** Of a device, what no time depends on. */
const TIMELESS = ["$schema", "name", "sources", "generator", "hbmBytes", "boardPowerWatts", "gpuHourUsd"];

const changesTimes = ({ path: [part, field] }: Setting): boolean =>
  part === "hardware" && field !== undefined && !TIMELESS.includes(field);

const isSame = (tree: object, { path, value }: Setting): boolean => getPath(tree, path) === value;

const MOST_SHOWN = 3;

function changesText(figures: readonly Setting[]): string {
  const shown = figures.slice(0, MOST_SHOWN).map(({ path, value }) => {
    const field = path.slice(1).filter((key) => key !== "value");
    return [field.join("."), ...(typeof value === "number" ? [numberText(value)] : [])].join(" ");
  });
  const more = figures.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more changed`] : [])].join(", ");
}

/** As it would be typed: 8e12. */
export const numberText = (value: number): string =>
  value !== 0 && (value >= 1e6 || value < 1e-3) ? value.toExponential().replace("e+", "e") : String(value);
