import type { Calibration } from "../schema/calibration.ts";
import type { Hardware } from "../schema/hardware.ts";
import { differences, type MeasuredGpu } from "./measured-gpu.ts";
import { startingCalibration, transferCalibration } from "./transfer.ts";

interface Wanted {
  readonly name?: string;
  /** start from nominal values instead of the base's calibration */
  readonly scratch?: boolean;
  /** the files that were measured */
  readonly source: string;
  readonly generator: string;
}

/** The base as the device that was measured, with the calibration that its fit starts from. */
export function measuredDevice(
  base: Hardware,
  gpu: MeasuredGpu | undefined,
  { name = base.name, scratch = false, source, generator }: Wanted,
): Hardware & { calibration: Calibration } {
  // what is known of how well the base predicts is about the base
  const { validation: _, crossValidation: __, calibration, ...datasheet } = base;
  const isBase = gpu !== undefined && differences(gpu, base).length === 0;
  const own = isBase ? datasheet : takenOver(datasheet);
  const device = { ...(gpu === undefined ? own : asReported(own, gpu, source)), name, generator };
  if (scratch || calibration === undefined) return { ...device, calibration: startingCalibration(device) };
  const from = { ...base, calibration };
  return { ...device, calibration: isBase ? calibration : transferCalibration(from, device) };
}

/** The datasheet of one device as the best that is known of another. */
function takenOver({ gpu: _, ...datasheet }: Hardware): Hardware {
  const others = withoutFields(datasheet.sources, ["gpu"]);
  const sources = others.map((one) => ({
    ...one,
    source: `taken over from ${datasheet.name}: ${one.source}`,
  }));
  return { ...datasheet, sources };
}

/** The profile with what the driver of the measured GPU reports, and where the rest is from. */
function asReported(profile: Hardware, measured: MeasuredGpu, file: string): Hardware {
  const { gpu, computeUnits, l2Bytes, memoryBytes, rocm } = measured;
  const reported = {
    gpu,
    computeUnits,
    ...(rocm == null ? { l2Bytes } : {}),
    ...(memoryBytes === undefined ? {} : { hbmBytes: memoryBytes }),
  };
  const fields = Object.keys(reported);
  const others = withoutFields(profile.sources, fields);
  return {
    ...profile,
    ...reported,
    sources: [{ fields, source: `reported by the driver: ${file}` }, ...others],
  };
}

const withoutFields = (sources: Hardware["sources"], fields: readonly string[]): Hardware["sources"] =>
  sources
    .map((one) => ({ ...one, fields: one.fields.filter((field) => !fields.includes(field)) }))
    .filter((one) => one.fields.length > 0);
