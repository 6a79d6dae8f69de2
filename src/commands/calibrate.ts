import { calibrate as fitProfile } from "../calibration/calibrate.ts";
import { startingCalibration } from "../calibration/transfer.ts";
import { validate } from "../calibration/validate.ts";
import { EXIT, UserError } from "../errors.ts";
import { readDocument } from "../io/document.ts";
import { readOrThrow } from "../io/load.ts";
import { readMeasurements } from "../io/measurements.ts";
import type { Io } from "../io/terminal.ts";
import { keepInputs } from "../io/write.ts";
import { calibrationReport } from "../report/calibration.ts";
import { json } from "../report/json.ts";
import { VERSION } from "../version.ts";
import { pathsOf, sayWritten, writeText } from "./output.ts";

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
  // what is known of how well the base predicts is about the base
  const { validation: _, crossValidation: __, ...datasheet } = base;
  const start = {
    ...datasheet,
    name: options.name ?? base.name,
    generator: `norm-roofline ${VERSION}`,
    calibration: (options.scratch ? undefined : base.calibration) ?? startingCalibration(base),
  };
  const source = files.join(", ");
  const found = fitProfile(measurements, start, {
    origin: "measured",
    source: (rows) => [...new Set(rows.map((row) => fileOf.get(row)))].join(", "),
  });
  if (found.stages.length === 0)
    throw new UserError(`${source}: no rows that a calibration could be fitted on`, [
      "expected rows of tools/measure_gpu.py: gemm, norm, pointwise, attention, ...",
    ]);
  const profile = { ...found.profile, validation: validate(measurements, found.profile, () => source) };
  io.stderr(
    await calibrationReport({ ...found, profile }, { width: io.columns, color: false, unicode: io.unicode }),
  );
  for (const path of paths) {
    await writeText(path, json([profile], false), io);
    sayWritten(path, paths, io);
  }
  return EXIT.ok;
}
