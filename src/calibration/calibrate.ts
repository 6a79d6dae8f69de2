import type { Device } from "../engine/device/device.ts";
import { device } from "../engine/device/device.ts";
import { idealTiming } from "../engine/device/ideal.ts";
import { kernelTiming } from "../engine/device/kernel-time.ts";
import { rereadBytes } from "../engine/device/norm-row-per-block.ts";
import { chainTraffic } from "../engine/device/residency.ts";
import type { Kernel } from "../engine/layer/kernel.ts";
import { readBytes, sumOf } from "../engine/layer/kernel.ts";
import type { Calibration, CalibrationValues, Parameter } from "../schema/calibration.ts";
import type { Hardware } from "../schema/hardware.ts";
import { type MeasuredKind, type Measurement, SHORTEST_SECONDS } from "../schema/measurement.ts";
import { type ParameterPath, replaceParameters, valueAt, withValues } from "../schema/parameters.ts";
import { formatPercent, plural } from "../units.ts";
import { fitParameters } from "./fit.ts";
import { boundsOf, FIT_STAGES } from "./fit-stages.ts";
import { measuredCase } from "./measured-kernels.ts";
import { layerPredictions } from "./measured-layers.ts";

/** One thing that was measured and that the simulator predicts: seconds, or bytes where counters counted them. */
export interface Observation {
  readonly value: number;
  /** relative uncertainty of the measurement and of the model together */
  readonly uncertainty: number;
  readonly predict: (target: Device) => number;
}

/** How well one stage of the fit came out: absolute relative errors. */
interface StageFit {
  readonly name: string;
  readonly rows: number;
  readonly medianError: number;
  readonly percentile90Error: number;
}

export interface CalibrationFit {
  readonly profile: Hardware & { calibration: Calibration };
  readonly stages: readonly StageFit[];
  /** fitted parameters that the data says nothing about; they keep the base's values */
  readonly undetermined: readonly ParameterPath[];
}

/** Who measured the rows that a stage was fitted on, and where they are. */
type MeasuredBy = (rows: readonly Measurement[]) => Pick<Parameter, "origin" | "source">;

const fitText = ({ name, rows, medianError }: StageFit): string =>
  `${name}: ${plural(rows, "row")}, median error ${formatPercent(medianError)}`;

/** What the model is expected to miss besides the spread of a measurement. */
const MODEL_UNCERTAINTY = 0.04;
const COUNTER_UNCERTAINTY = 0.02;

/**
 * Fits a profile's calibration to measurements, stage by stage: a stage holds what earlier ones found. Parameters of
 * stages without rows keep the base's values. Every fitted parameter has the origin and the source of its stage's rows,
 * and how many they are, and how far the fit is off on them.
 */
export function calibrate(
  measurements: readonly Measurement[],
  base: Hardware & { calibration: Calibration },
  measuredBy: MeasuredBy,
): CalibrationFit {
  let target = device(base);
  const stages: StageFit[] = [];
  const fitted = new Map<string, Pick<Parameter, "origin" | "source">>();
  const undetermined: ParameterPath[] = [];
  for (const stage of FIT_STAGES) {
    const rows = measurements.filter(stage.rows).filter((row) => observe(row).length > 0);
    const observations = rows.flatMap(observe);
    if (observations.length < stage.parameters.length) continue;
    const trial = { ...target, calibration: fitStage(stage.parameters, observations, target) };
    const known = stage.parameters.filter((path) => isDetermined(path, observations, trial));
    undetermined.push(...stage.parameters.filter((path) => !known.includes(path)));
    if (known.length === 0) continue;
    // the others must fit beside the values that the undetermined ones keep
    const calibration =
      // Stryker disable next-line ConditionalExpression,EqualityOperator: only faster where all are known
      known.length === stage.parameters.length ? trial.calibration : fitStage(known, observations, target);
    target = { ...target, calibration };
    const fit = quality(stage.name, observations, target);
    const { origin, source } = measuredBy(rows);
    const from = { origin, source: `${source} (${fitText(fit)})` };
    for (const path of known) fitted.set(path, from);
    stages.push(fit);
  }
  const final = target.calibration!;
  const calibration = replaceParameters(base.calibration, (path, parameter) =>
    fitted.has(path)
      ? { value: Number(valueAt(final, path).toPrecision(4)), ...fitted.get(path)! }
      : parameter,
  );
  return { profile: { ...base, calibration }, stages, undetermined };
}

/** Relative standard error above which the measurements are taken to say nothing about a parameter. */
const LARGEST_STANDARD_ERROR = 1;
/** By how much a parameter is moved to see which rows follow. */
const STEP_FACTOR = 1.01;

/** How sharply the rows of a stage see a parameter: the standard error that they alone would leave it. */
function isDetermined(path: ParameterPath, observations: readonly Observation[], target: Device): boolean {
  const values = target.calibration!;
  const moved = {
    ...target,
    // Stryker disable next-line ArithmeticOperator: a step down says as much as one up
    calibration: withValues(values, [path], [valueAt(values, path) * STEP_FACTOR]),
  };
  const information = sumOf(observations, ({ predict, uncertainty }) => {
    const slope = Math.log(predict(moved) / predict(target)) / Math.log(STEP_FACTOR);
    return (slope / uncertainty) ** 2;
  });
  // Stryker disable next-line EqualityOperator: no sum of slopes comes to it to the last bit
  return 1 / Math.sqrt(information) < LARGEST_STANDARD_ERROR;
}

export function fitStage(
  paths: readonly ParameterPath[],
  observations: readonly Observation[],
  target: Device,
): CalibrationValues {
  const base = target.calibration!;
  const found = fitParameters({
    start: paths.map((path) => valueAt(base, path)),
    bounds: paths.map(boundsOf),
    observed: observations.map((observation) => observation.value),
    uncertainty: observations.map((observation) => observation.uncertainty),
    predict: (numbers) => {
      const trial = { ...target, calibration: withValues(base, paths, numbers) };
      return observations.map((observation) => observation.predict(trial));
    },
  });
  return withValues(base, paths, found);
}

/** An operator row is one observation, a layer row one per normalization. */
export function observe(row: Measurement): Observation[] {
  if (row.kind === "layer") {
    return layerPredictions(row).map(({ seconds, predict }) => ({
      value: seconds,
      uncertainty: MODEL_UNCERTAINTY,
      predict,
    }));
  }
  if (row.kind === "norm-counters") return observeCounters(row);
  const measured = measuredCase(row);
  if (measured === undefined) return [];
  // what has kernels is an operator
  const seconds = measuredSeconds(row as OperatorRow);
  if (seconds === undefined) return [];
  return [
    {
      value: seconds.value,
      uncertainty: Math.hypot(MODEL_UNCERTAINTY, seconds.spread),
      predict: kernelChainSeconds(measured.kernels, measured.justWritten, "layerSeconds" in row),
    },
  ];
}

/** Bytes that a norm's kernels read from HBM. */
function observeCounters(row: MeasuredKind<"norm-counters">): Observation[] {
  const kernels = measuredCase({ ...row, kind: "norm" })?.kernels;
  const value = sumOf(row.kernels, (kernel) => kernel.readBytes);
  if (kernels === undefined || value === 0) return [];
  const predict = (target: Device): number =>
    sumOf(kernels, (kernel) => readBytes(kernel) + rereadBytes(kernel.work, target));
  return [{ value, uncertainty: COUNTER_UNCERTAINTY, predict }];
}

/**
 * Kernels back to back with the device's launch gap between them, as in a graph; their ideal without calibration.
 * Inside a layer the weights that are streamed after them also wait until what they left dirty is written back.
 */
export function kernelChainSeconds(
  kernels: readonly Kernel[],
  justWritten: readonly string[],
  insideLayer: boolean,
): (target: Device) => number {
  // where reads come from hangs on the L2's parameters alone, which most trials of a fit leave as they are
  let known: { readonly cache: CalibrationValues["cache"]; readonly chain: ReturnType<typeof chainTraffic> };
  return (target) => {
    if (target.calibration === undefined)
      return sumOf(kernels, (kernel) => idealTiming(kernel, target).seconds);
    const { cache, launch, memory } = target.calibration;
    if (known?.cache !== cache) known = { cache, chain: chainTraffic(kernels, cache, justWritten) };
    const { traffic, dirtyBytes } = known.chain;
    // what was dirty before the kernels ran is written back without them too
    const added = [...dirtyBytes].filter(([tensor]) => !justWritten.includes(tensor));
    const writeBackSeconds =
      sumOf(added, ([, bytes]) => bytes) / (target.hbmBytesPerSecond * memory.weightFraction);
    return kernels.reduce(
      (sum, kernel, index) => sum + launch.gapSeconds + kernelTiming(kernel, traffic[index]!, target).seconds,
      insideLayer ? writeBackSeconds : 0,
    );
  };
}

type OperatorRow = MeasuredKind<
  Exclude<
    Measurement["kind"],
    "environment" | "environment-after" | "layer" | "norm-counters" | "framework-run" | "framework-kernel"
  >
>;

/** The time inside a layer where it was measured, else the warm one; with its relative half-width. */
function measuredSeconds(row: OperatorRow): { value: number; spread: number } | undefined {
  if (row.mode === "eager") return undefined;
  const value = row.layerSeconds ?? row.warmSeconds;
  const range = row.layerSeconds === undefined ? row.warmSpread : row.layerSpread;
  if (value === undefined || value < SHORTEST_SECONDS) return undefined;
  return { value, spread: range === undefined ? 0 : Math.abs(range[1] - range[0]) / 2 / value };
}

function quality(name: string, observations: readonly Observation[], target: Device): StageFit {
  const errors = relativeErrors(observations, target);
  return {
    name,
    rows: errors.length,
    medianError: quantile(errors, 0.5),
    percentile90Error: quantile(errors, 0.9),
  };
}

/** By how much a device's predictions are off, absolute, the smallest first. */
export const relativeErrors = (observations: readonly Observation[], target: Device): number[] =>
  observations.map(({ predict, value }) => Math.abs(predict(target) / value - 1)).sort((a, b) => a - b);

/** Nearest-rank quantile of sorted numbers; 0 for none. */
export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
