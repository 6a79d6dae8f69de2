import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { type Measurement, MeasurementSchema } from "../schema/measurement.ts";
import { readText } from "./files.ts";
import { parseJson } from "./json.ts";
import { problemLines } from "./problems.ts";
import { packageRoot } from "./shipped.ts";

/** Measurements of a shipped profile's own device, as paths; none where nothing was measured. */
export function shippedMeasurements(profile: string): string[] {
  const folder = join(packageRoot(), "measurements", profile);
  if (!/^[\w][\w.-]*$/.test(profile) || !existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith(".jsonl"));
  return files.sort().map((file) => join(folder, file));
}

/** Problems beyond these are of the same kind. */
const MOST_PROBLEMS = 10;

/** Every row of a measurements file (JSON Lines, as tools/measure_gpu.py writes it). */
export function readMeasurements(path: string, label = path): Measurement[] {
  const { values, problem } = parseJson(readText(path, label));
  if (problem !== undefined) throw new UserError(`${label} ${problem}`);
  const problems: string[] = [];
  let more = 0;
  const rows = values!.flatMap((value, index) => {
    const parsed = MeasurementSchema.safeParse(value);
    if (parsed.success) return [parsed.data];
    // a file may hold millions of wrong rows, and a line takes longer than the check
    if (problems.length > MOST_PROBLEMS) more++;
    else
      problems.push(
        ...problemLines(parsed.error, value, MeasurementSchema).map((line) => `row ${index + 1}: ${line}`),
      );
    return [];
  });
  if (problems.length > 0) {
    more += Math.max(0, problems.length - MOST_PROBLEMS);
    throw new UserError(`${label} is not a valid measurements file`, [
      ...problems.slice(0, MOST_PROBLEMS),
      ...(more > 0 ? [`and ${more} more`] : []),
    ]);
  }
  return rows;
}
