/**
 * Writes the `calibration` block of the shipped hardware profiles from the shipped measurements:
 *
 *     npm run calibrations            all of them
 *     npm run calibrations -- b200    some, carried over from the others as they are
 *
 * H100 and H200 are fitted on measurements of those GPUs, the others carried over from the nearest device above them in
 * `measured-files.ts` and fitted on what others published of them. Deterministic: the same files give the same profiles.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { calibrate } from "../src/calibration/calibrate.ts";
import { splitErrors, transferErrors } from "../src/calibration/class-errors.ts";
import { heldOutErrors } from "../src/calibration/held-out-errors.ts";
import { startingCalibration, transferCalibration } from "../src/calibration/transfer.ts";
import type { Calibration } from "../src/schema/calibration.ts";
import { type ClassError, type Hardware, HardwareSchema } from "../src/schema/hardware.ts";
import { type Measurement, MeasurementSchema } from "../src/schema/measurement.ts";
import { parametersOf, replaceParameters } from "../src/schema/parameters.ts";
import { CALIBRATED, PUBLISHERS } from "./measured-files.ts";

type CalibratedProfile = Hardware & { calibration: Calibration };

const profilePath = (name: string): string => `hardware-profiles/${name}.json`;

const readProfile = (name: string): Hardware =>
  HardwareSchema.parse(JSON.parse(readFileSync(profilePath(name), "utf8")));

/** Without what this script writes, which may have other names by now. */
function datasheet(name: string): Hardware {
  const { calibration: _, validation: __, ...rest } = JSON.parse(readFileSync(profilePath(name), "utf8"));
  return HardwareSchema.parse(rest);
}

const fileOf = new Map<Measurement, string>();

function readMeasurements(name: string, files: readonly string[]): Measurement[] {
  return files.flatMap((file) => {
    const path = `measurements/${name}/${file}.jsonl`;
    const lines = readFileSync(path, "utf8").trim().split("\n");
    const rows = lines.map((line) => MeasurementSchema.parse(JSON.parse(line)));
    for (const row of rows) fileOf.set(row, path);
    return rows;
  });
}

const publisherOf = (file: string): string | undefined => PUBLISHERS[file.replace(/^.*\/|\.jsonl$/g, "")];

/** The files that rows are from, with who published them. */
const filesOf = (rows: readonly Measurement[]): string => {
  const files = [...new Set(rows.map((row) => fileOf.get(row)!))];
  const publishers = files.flatMap((file) => publisherOf(file) ?? []);
  return [
    ...files,
    ...(publishers.length === 0 ? [] : [`as ${[...new Set(publishers)].join(", ")} published them`]),
  ].join(", ");
};

const isPublished = (row: Measurement): boolean => publisherOf(fileOf.get(row)!) !== undefined;

const measuredBy = (rows: readonly Measurement[]): { origin: "measured" | "published"; source: string } => ({
  origin: rows.some(isPublished) ? "published" : "measured",
  source: filesOf(rows),
});

const percent = (share: number): string => `${(100 * share).toFixed(1).padStart(5)}%`;

/** Where nobody measured the device itself, the values of the device that it was carried over from. */
function start(name: string, hardware: Hardware): CalibratedProfile {
  const { from, values = {}, valuesSource = "" } = CALIBRATED[name]!;
  if (from === undefined) return { ...hardware, calibration: startingCalibration(hardware) };
  const source = readProfile(from) as CalibratedProfile;
  const transferred = transferCalibration(source, hardware);
  const calibration = replaceParameters(transferred, (path, parameter) =>
    values[path] === undefined
      ? parameter
      : { value: values[path], origin: "published", source: valuesSource },
  );
  return { ...hardware, calibration };
}

function calibrated(name: string): CalibratedProfile {
  const { fitted = [], heldAgainst = [] } = CALIBRATED[name]!;
  const { crossValidation: known, ...hardware } = datasheet(name);
  const base = start(name, hardware);
  const rows = readMeasurements(name, fitted);
  console.log(name);
  const fit = calibrate(rows, base, measuredBy);
  for (const stage of fit.stages)
    console.log(
      `  ${stage.name.padEnd(32)} ${String(stage.rows).padStart(4)} rows  median ${percent(stage.medianError)}  90th percentile ${percent(stage.percentile90Error)}`,
    );
  if (fit.undetermined.length > 0) console.log(`  not determined: ${fit.undetermined.join(", ")}`);
  const profile = fit.profile;
  if (heldAgainst.length > 0)
    return {
      ...profile,
      ...(known === undefined ? {} : { crossValidation: known }),
      validation: heldOutErrors(readMeasurements(name, heldAgainst), profile, filesOf),
    };
  return profile;
}

/** The profile with what nobody measured of its exchanges from another device with the same links. */
function withNetwork(profile: CalibratedProfile, of: string | undefined): CalibratedProfile {
  if (of === undefined) return profile;
  const known = new Map(parametersOf(transferCalibration(readProfile(of) as CalibratedProfile, profile)));
  const calibration = replaceParameters(profile.calibration, (path, parameter) =>
    path.startsWith("network.") && parameter.origin === "assumed" ? known.get(path)! : parameter,
  );
  return { ...profile, calibration };
}

/** Errors by class: of the device's own rows where there are any, else of carrying a calibration over to the others. */
function withErrors(name: string, transferred: readonly ClassError[]): CalibratedProfile {
  const profile = withNetwork(readProfile(name) as CalibratedProfile, CALIBRATED[name]!.networkOf);
  if (profile.validation !== undefined) return profile;
  const { fitted = [] } = CALIBRATED[name]!;
  const { crossValidation: _, ...hardware } = profile;
  const own = fitted.length === 0 ? [] : splitErrors(readMeasurements(name, fitted), start(name, hardware));
  const known = own.map((one): ClassError => ({ ...one, basis: "published" }));
  const others = transferred.filter(({ name: kernels }) => own.every((one) => one.name !== kernels));
  return { ...profile, crossValidation: [...known, ...others] };
}

/** Every device with rows of its own, as it was before they were fitted: what a transfer alone is worth. */
const transferred = (): ClassError[] =>
  transferErrors(
    Object.entries(CALIBRATED).flatMap(([name, { from, fitted = [] }]) =>
      from === undefined || fitted.length === 0
        ? []
        : [{ rows: readMeasurements(name, fitted), profile: start(name, datasheet(name)) }],
    ),
  );

function write(name: string, profile: CalibratedProfile): void {
  const { calibration, crossValidation, validation, ...rest } = profile;
  writeFileSync(
    profilePath(name),
    `${JSON.stringify({ ...rest, calibration, crossValidation, validation }, null, 2)}\n`,
  );
}

const asked = process.argv.slice(2);
for (const name of Object.keys(CALIBRATED))
  if (asked.length === 0 || asked.includes(name)) write(name, calibrated(name));
const errors = transferred();
for (const name of Object.keys(CALIBRATED))
  if (asked.length === 0 || asked.includes(name)) write(name, withErrors(name, errors));
