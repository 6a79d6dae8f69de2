/**
 * Error of each fitted class of kernels on sizes that its fit has not seen; the profiles keep it for `accuracy`:
 *
 *     npm run cross-validate
 */
import { readFileSync, writeFileSync } from "node:fs";
import { crossValidate } from "../src/calibration/cross-validate.ts";
import { HardwareSchema } from "../src/schema/hardware.ts";
import { MeasurementSchema } from "../src/schema/measurement.ts";

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`.padStart(7);

for (const [name, files] of [
  ["h100-sxm", ["measured", "counters", "head-widths"]],
  ["h200-sxm", ["measured", "counters", "head-widths"]],
] as const) {
  const path = `hardware-profiles/${name}.json`;
  const profile = HardwareSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  const rows = files.flatMap((file) =>
    readFileSync(`measurements/${name}/${file}.jsonl`, "utf8")
      .trim()
      .split("\n")
      .map((line) => MeasurementSchema.parse(JSON.parse(line))),
  );
  console.log(`\n${profile.name}: median and 90th percentile error, fitted and left out`);
  const found = crossValidate(rows, profile);
  const crossValidation = found.map((row) => ({
    name: row.name,
    sizes: row.folds,
    rows: row.rows,
    medianError: Number(row.heldMedianError.toPrecision(2)),
    percentile90Error: Number(row.heldPercentile90Error.toPrecision(2)),
  }));
  const { validation, crossValidation: _, ...rest } = profile;
  writeFileSync(path, `${JSON.stringify({ ...rest, crossValidation, validation }, null, 2)}\n`);
  for (const row of found) {
    const fit = `${percent(row.fitMedianError)} ${percent(row.fitPercentile90Error)}`;
    const held = `${percent(row.heldMedianError)} ${percent(row.heldPercentile90Error)}`;
    console.log(
      `  ${row.name.padEnd(26)}${String(row.rows).padStart(5)} rows ${String(row.folds).padStart(3)} folds  ${fit}  ${held}`,
    );
  }
}
