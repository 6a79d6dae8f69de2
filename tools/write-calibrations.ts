/**
 * Writes the `calibration` block of the shipped hardware profiles from the shipped measurements:
 *
 *     npm run calibrations
 *
 * H100 and H200 are fitted on measurements of those GPUs; A100 is carried over from H100 and its matmuls are fitted
 * on published latencies; V100 is carried over from A100 and its matmuls are set to what Ivanov et al. publish.
 * Deterministic: the same files give the same profiles.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { calibrate } from "../src/calibration/calibrate.ts";
import { heldOutErrors } from "../src/calibration/held-out-errors.ts";
import { parametersOf, replaceParameters } from "../src/calibration/parameters.ts";
import { startingCalibration, transferCalibration } from "../src/calibration/transfer.ts";
import { layerResult } from "../src/engine/layer-result.ts";
import type { Calibration } from "../src/schema/calibration.ts";
import { type Hardware, HardwareSchema } from "../src/schema/hardware.ts";
import { type Measurement, MeasurementSchema } from "../src/schema/measurement.ts";
import { ModelSchema } from "../src/schema/model.ts";
import { resolveScenario } from "../src/schema/resolve.ts";
import { ScenarioFileSchema } from "../src/schema/scenario.ts";
import { FITTED_ON, HELD_AGAINST } from "./measured-files.ts";

type Calibrated = Hardware & { calibration: Calibration };

const profilePath = (name: string): string => `hardware-profiles/${name}.json`;

const readProfile = (name: string): Hardware =>
  HardwareSchema.omit({ calibration: true, validation: true })
    .loose()
    .transform(({ calibration: _, validation: __, ...profile }) => profile as Hardware)
    .parse(JSON.parse(readFileSync(profilePath(name), "utf8")));

const fileOf = new Map<Measurement, string>();

function readMeasurements(path: string): Measurement[] {
  const lines = readFileSync(path, "utf8").trim().split("\n");
  const rows = lines.map((line) => MeasurementSchema.parse(JSON.parse(line)));
  for (const row of rows) fileOf.set(row, path);
  return rows;
}

/** The files that rows are from. */
const filesOf = (rows: readonly Measurement[]): string =>
  [...new Set(rows.map((row) => fileOf.get(row)!))].join(", ");

function fitted(
  name: string,
  rows: readonly Measurement[],
  origin: "measured" | "published",
  start: (hardware: Hardware) => Calibration,
): Calibrated {
  const { validation: _, ...hardware } = readProfile(name);
  const fit = calibrate(rows, { ...hardware, calibration: start(hardware) }, { origin, source: filesOf });
  console.log(name);
  for (const stage of fit.stages) {
    console.log(
      `  ${stage.name.padEnd(32)} ${String(stage.rows).padStart(4)} rows  median ${percent(stage.medianError)}  90th percentile ${percent(stage.percentile90Error)}`,
    );
  }
  if (fit.undetermined.length > 0) console.log(`  not determined: ${fit.undetermined.join(", ")}`);
  return fit.profile;
}

const percent = (share: number): string => `${(100 * share).toFixed(1).padStart(5)}%`;

function write(name: string, profile: Calibrated): void {
  const { calibration, crossValidation, validation, ...datasheet } = profile;
  const ordered = { ...datasheet, calibration, crossValidation, validation };
  writeFileSync(profilePath(name), `${JSON.stringify(ordered, null, 2)}\n`);
}

/** The rows of a profile's files of one of the lists. */
const measurementsOf = (name: "h100-sxm" | "h200-sxm", files: typeof FITTED_ON): Measurement[] =>
  files[name].flatMap((file) => readMeasurements(`measurements/${name}/${file}.jsonl`));

/** The profile with what it misses on layers that were not fitted. */
const validated = (name: "h100-sxm" | "h200-sxm", profile: Calibrated): Calibrated => ({
  ...profile,
  validation: heldOutErrors(measurementsOf(name, HELD_AGAINST), profile, filesOf),
});

const h100Fitted = fitted("h100-sxm", measurementsOf("h100-sxm", FITTED_ON), "measured", startingCalibration);
/** Only what others published says how exchanges of more than two GPUs go. */
const h100: Calibrated = {
  ...h100Fitted,
  calibration: replaceParameters(h100Fitted.calibration, (path, parameter) =>
    path === "network.moreRanksFactor" || path === "network.secondsPerRank"
      ? {
          ...parameter,
          origin: "published",
          source: `all-reduce of 4 and 8 H100s, microsoft/vidur: ${parameter.source}`,
        }
      : parameter,
  ),
};

/** Exchanges of more GPUs than were measured, as published for another device with the same links. */
const filledFrom = (profile: Calibrated, other: Calibrated): Calibrated => {
  const known = new Map(parametersOf(transferCalibration(other, profile)));
  return {
    ...profile,
    calibration: replaceParameters(profile.calibration, (path, parameter) =>
      path.startsWith("network.") && parameter.origin === "assumed" ? known.get(path)! : parameter,
    ),
  };
};

const h200Measured = fitted(
  "h200-sxm",
  measurementsOf("h200-sxm", FITTED_ON),
  "measured",
  startingCalibration,
);
const h200 = filledFrom(h200Measured, h100);

/** Figures of gpu-benches (te42kyfo/gpu-benches): best streaming kernels and L2 reads, as others measured them. */
const GPU_BENCHES = "te42kyfo/gpu-benches: best streaming kernels, L2 reads";
const PUBLISHED_MEMORY = {
  // 85% to 88% of the peak; a row a block keeps the distance to streaming kernels that it has on H100
  a100: {
    "memory.streamingFraction": 0.865,
    "memory.rowPerBlockFraction": 0.83,
    "cache.bytesPerSecond": 5.4e12,
  },
  v100: {
    "memory.streamingFraction": 0.9,
    "memory.rowPerBlockFraction": 0.86,
    "cache.bytesPerSecond": 2.4e12,
  },
} as const;

const withPublished = (profile: Calibrated, values: Readonly<Record<string, number>>): Calibrated => ({
  ...profile,
  calibration: replaceParameters(profile.calibration, (path, parameter) =>
    values[path] === undefined
      ? parameter
      : { value: values[path], origin: "published", source: GPU_BENCHES },
  ),
});

const a100Transferred = fitted(
  "a100-sxm-80gb",
  readMeasurements("measurements/a100-sxm-80gb/gemm-vllm.jsonl"),
  "published",
  (hardware) => transferCalibration(h100, hardware),
);
const a100 = withPublished(
  {
    ...a100Transferred,
    calibration: replaceParameters(a100Transferred.calibration, (_, parameter) =>
      parameter.origin === "published"
        ? { ...parameter, source: `matmul latencies of ai-dynamo/aiconfigurator: ${parameter.source}` }
        : parameter,
    ),
  },
  PUBLISHED_MEMORY.a100,
);
const carriedOver = (name: string, from: Calibrated): Calibrated => {
  const hardware = readProfile(name);
  return { ...hardware, calibration: transferCalibration(from, hardware) };
};

/**
 * Ivanov et al. (MLSys 2021, table 1): tensor contractions are 61.0% of the 9.14 ms that forward and backward of one
 * BERT-large layer take in PyTorch on a V100, batch 8, sequence 512, fp16.
 */
const IVANOV_CONTRACTION_SECONDS = 0.61 * 9.14e-3;

/** The share of the tensor peak at which the simulated contractions take that long, by bisection. */
function withPublishedContractions(profile: Calibrated): Calibrated {
  const bert = ScenarioFileSchema.parse(
    JSON.parse(readFileSync("scenarios/bert-large-train-v100.json", "utf8")),
  );
  const model = ModelSchema.parse(JSON.parse(readFileSync("models/bert-large.json", "utf8")));
  const at = (share: number): Calibrated => ({
    ...profile,
    calibration: replaceParameters(profile.calibration, (path, parameter) =>
      path === "matmul.peakFraction"
        ? {
            value: Number(share.toPrecision(4)),
            origin: "published",
            source: "time of tensor contractions in Ivanov et al., MLSys 2021, table 1",
          }
        : parameter,
    ),
  });
  const seconds = (share: number): number => {
    const resolved = resolveScenario(bert, model, at(share));
    if (resolved.problems !== undefined) throw new Error(resolved.problems.join("; "));
    const { operators } = layerResult(resolved.scenario);
    return operators
      .filter((operator) => operator.class === "matmul")
      .reduce((sum, operator) => sum + operator.seconds, 0);
  };
  let [slow, fast] = [0.1, 1];
  while (fast - slow > 1e-5) {
    const middle = (slow + fast) / 2;
    if (seconds(middle) > IVANOV_CONTRACTION_SECONDS) slow = middle;
    else fast = middle;
  }
  return at(fast);
}

write("h100-sxm", validated("h100-sxm", h100));
write("h200-sxm", validated("h200-sxm", h200));
write("a100-sxm-80gb", a100);
write("a100-sxm-40gb", carriedOver("a100-sxm-40gb", a100));
write(
  "v100-sxm2-32gb",
  withPublishedContractions(withPublished(carriedOver("v100-sxm2-32gb", a100), PUBLISHED_MEMORY.v100)),
);
