import { type CalibrationFit, calibrate as fitProfile } from "../calibration/calibrate.ts";
import { heldOutErrors } from "../calibration/held-out-errors.ts";
import { measuredDevice } from "../calibration/measured-device.ts";
import { differences, type MeasuredGpu, measuredGpus } from "../calibration/measured-gpu.ts";
import { EXIT, UserError } from "../errors.ts";
import { readDocument } from "../io/document.ts";
import { readOrThrow } from "../io/load.ts";
import { readMeasurements } from "../io/measurements.ts";
import { shippedNames } from "../io/shipped.ts";
import type { Io } from "../io/terminal.ts";
import { keepInputs } from "../io/write.ts";
import { pathsOf, sayWritten, writeText } from "../output.ts";
import { calibrationReport } from "../report/text/calibration.ts";
import { json } from "../report/text/json.ts";
import type { Hardware } from "../schema/hardware.ts";
import { formatPercent, plural } from "../units.ts";
import { VERSION } from "../version.ts";

export interface CalibrateOptions {
  readonly base: string;
  readonly name?: string;
  readonly scratch?: boolean;
  readonly output?: readonly string[];
}

/** `calibrate`: measurements of a GPU become a profile; what was found goes to stderr. */
export async function calibrate(
  files: readonly string[],
  options: CalibrateOptions,
  io: Io,
): Promise<number> {
  const paths = pathsOf(options);
  const document = readDocument("hardware", options.base, ".");
  keepInputs(options.output ?? [], [...files, document.path]);
  const { value: base } = await readOrThrow("hardware", document);
  const fileOf = new Map(files.flatMap((file) => readMeasurements(file).map((row) => [row, file] as const)));
  const measurements = [...fileOf.keys()];
  const source = files.join(", ");
  const gpu = onlyGpu(measuredGpus(measurements), source);
  if (options.name === undefined) await refuseAnother(gpu, base, source);
  const start = measuredDevice(base, gpu, { ...options, source, generator: `norm-roofline ${VERSION}` });
  const found = fitProfile(measurements, start, (rows) => ({
    origin: "measured",
    source: [...new Set(rows.map((row) => fileOf.get(row)))].join(", "),
  }));
  if (found.stages.length === 0)
    throw new UserError(`${source}: no rows that a calibration could be fitted on`, [
      "expected rows of tools/measure_gpu.py: gemm, norm, pointwise, attention, ...",
    ]);
  refuseAbsurd(found, base, source);
  const profile = { ...found.profile, validation: heldOutErrors(measurements, found.profile, () => source) };
  io.stderr(
    await calibrationReport({ ...found, profile }, { width: io.columns, color: false, unicode: io.unicode }),
  );
  for (const path of paths) {
    await writeText(path, json([profile], false), io);
    sayWritten(path, paths, io);
  }
  return EXIT.ok;
}

function onlyGpu(gpus: readonly MeasuredGpu[], source: string): MeasuredGpu | undefined {
  if (gpus.length > 1)
    throw new UserError(`${source}: measured on more than one GPU`, [
      ...gpus.map(({ gpu, computeUnits }) => `${gpu}, ${computeUnits} compute units`),
      "a profile is of one: calibrate each with its own files",
    ]);
  return gpus[0];
}

const NEW_DEVICE =
  'for a device without a profile: --name "My GPU", with the profile nearest to it as --base';

/** Without a name of its own the profile is the base's, and so must be the GPU. */
async function refuseAnother(gpu: MeasuredGpu | undefined, base: Hardware, source: string): Promise<void> {
  if (gpu === undefined)
    throw new UserError(`${source} does not say which GPU was measured`, [
      "expected a row of kind environment, which tools/measure_gpu.py writes first",
      NEW_DEVICE,
    ]);
  const differing = differences(gpu, base);
  if (differing.length === 0) return;
  const own = await shippedFor(gpu);
  throw new UserError(`${source} was measured on another GPU than ${base.name}`, [
    ...differing,
    own === undefined ? NEW_DEVICE : `--base ${own} is its profile`,
  ]);
}

async function shippedFor(gpu: MeasuredGpu): Promise<string | undefined> {
  for (const name of shippedNames("hardware")) {
    const { value } = await readOrThrow("hardware", readDocument("hardware", name, "."));
    if (differences(gpu, value).length === 0) return name;
  }
  return undefined;
}

/** Fits of a GPU to its own profile miss by 13% at most; of H200 to H100's, whose memory is slower, by 39%. */
const LARGEST_MEDIAN_ERROR = 0.3;

function refuseAbsurd({ stages }: CalibrationFit, base: Hardware, source: string): void {
  const absurd = stages.filter(({ medianError }) => medianError > LARGEST_MEDIAN_ERROR);
  if (absurd.length === 0) return;
  throw new UserError(`${source} does not fit ${base.name}`, [
    ...absurd.map(
      ({ name, rows, medianError }) =>
        `${name}: ${plural(rows, "row")}, median error ${formatPercent(medianError)}, expected at most ${100 * LARGEST_MEDIAN_ERROR}%`,
    ),
    "the peaks must be those of the GPU measured: put its datasheet into a copy of the profile (norm-roofline show) and name that as --base",
  ]);
}
