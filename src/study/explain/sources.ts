import { getPath } from "../../ask/set-path.ts";
import type { Parameter } from "../../schema/calibration.ts";
import type { Hardware } from "../../schema/hardware.ts";

const TYPED = "set on the command line";
const NO_LINK = "not given: taken to be so fast that it takes no time";

/**
 * Where the number of the hardware at a path of the scenario comes from: a flag, its calibration's own note, or the
 * profile's list of sources.
 */
export function sourceOf(path: string, hardware: Hardware, changed: readonly string[]): string | undefined {
  if (changed.some((one) => isPartOf(one, path) || isPartOf(path, one))) return TYPED;
  const field = path.slice("hardware.".length);
  if (field.startsWith("calibration.")) {
    const { origin, source } = getPath(hardware, field.split(".")) as Parameter;
    return `${origin}: ${source}`;
  }
  if (field === "linkBytesPerSecond" && hardware.linkBytesPerSecond === undefined) return NO_LINK;
  if (field === "gpuHourUsd.value") return hardware.gpuHourUsd?.source;
  return datasheetSource(field, hardware.sources);
}

const isPartOf = (path: string, whole: string): boolean => path === whole || path.startsWith(`${whole}.`);

function datasheetSource(field: string, sources: Hardware["sources"]): string | undefined {
  const found =
    sources.find(({ fields }) => fields.includes(field)) ??
    sources.find(({ fields }) => fields.some((one) => isPartOf(field, one) || isPartOf(one, field)));
  return found?.source;
}
