import { relative } from "node:path";
import { accuracy as compare } from "../calibration/accuracy.ts";
import { differences, measuredGpus } from "../calibration/measured-gpu.ts";
import { EXIT, UserError } from "../errors.ts";
import { readDocument } from "../io/document.ts";
import { readOrThrow } from "../io/load.ts";
import { readMeasurements, shippedMeasurements } from "../io/measurements.ts";
import { packageRoot } from "../io/shipped.ts";
import { type Io, say } from "../io/terminal.ts";
import { keepInputs } from "../io/write.ts";
import { type OutputOptions, output } from "../output.ts";
import { accuracyReport } from "../report/text/accuracy.ts";
import type { AccuracyAnswer } from "../schema/accuracy.ts";
import { formatPercent } from "../units.ts";
import { ANSWERED_BY } from "../version.ts";

export type AccuracyOptions = OutputOptions & {
  readonly against?: readonly string[];
  readonly maxError?: string;
};

const DEFAULT_PROFILE = "h100-sxm";

/** `accuracy`: predicted against measured, for a profile and measurements of its device. */
export async function accuracy(name = DEFAULT_PROFILE, options: AccuracyOptions, io: Io): Promise<number> {
  const { write } = output(options, io);
  const limit = readLimit(options.maxError);
  const document = readDocument("hardware", name, ".");
  const files = filesFor(name, options.against);
  keepInputs(options.output ?? [], [document.path, ...files.map(({ path }) => path)]);
  const { value: profile } = await readOrThrow("hardware", document);
  const measured = files.map(({ path, label }) => ({ label, rows: readMeasurements(path, label) }));
  const reports = measured.map(
    ({ label, rows }): AccuracyAnswer => ({
      ...ANSWERED_BY,
      profile: profile.name,
      against: label,
      ...compare(rows, profile),
      // cross-validated on the profile's own operators and counters
      ...(options.against === undefined && profile.crossValidation !== undefined
        ? { crossValidation: profile.crossValidation }
        : {}),
    }),
  );
  const worse = limit === undefined ? [] : layersAbove(reports, limit);
  await write((format, look) => accuracyReport(reports, format, look));
  for (const { label, rows } of measured)
    for (const gpu of measuredGpus(rows))
      for (const line of differences(gpu, profile))
        say(io, `note: ${label} is of another GPU than ${profile.name}: ${line}`);
  for (const line of worse) say(io, `above --max-error ${limit}: ${line}`);
  return worse.length === 0 ? EXIT.ok : EXIT.checkFailed;
}

function filesFor(name: string, against: readonly string[] | undefined): { path: string; label: string }[] {
  if (against !== undefined) return against.map((path) => ({ path, label: path }));
  const shipped = shippedMeasurements(name);
  if (shipped.length === 0)
    throw new UserError(
      `there are no measurements of ${JSON.stringify(name)} here: name a file with --against (tools/measure_gpu.py makes one)`,
    );
  return shipped.map((path) => ({ path, label: relative(packageRoot(), path) }));
}

function readLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const limit = Number(text);
  if (text.trim() === "" || !(limit > 0))
    throw new UserError(`--max-error: expected a share above 0, such as 0.05, got ${JSON.stringify(text)}`);
  return limit;
}

const isJudged = ({ name, fitted }: AccuracyAnswer["layers"][number]): boolean =>
  fitted !== true && !/^(prefill|decode).*eager$/.test(name);

/** The limit is for layers that no fit has seen and that the host does not decide: CUDA graphs and training steps. */
function layersAbove(reports: readonly AccuracyAnswer[], limit: number): string[] {
  const judged = reports.some(({ layers }) => layers.some(isJudged));
  if (!judged)
    throw new UserError(
      "--max-error has nothing to judge: these measurements hold no layers in graphs or training steps that were not fitted",
    );
  return reports.flatMap(({ against, layers }) =>
    layers
      .filter(isJudged)
      .filter(({ medianError }) => medianError > limit)
      .map(({ name, medianError }) => `${against}: ${name}: median error ${formatPercent(medianError)}`),
  );
}
