import { WHAT_IF_FLAGS } from "../ask/flags.ts";
import { scenarioAt } from "../ask/scenario-at.ts";
import { getPath } from "../ask/set-path.ts";
import type { Space } from "../ask/space.ts";
import { knownError } from "../engine/typical-error.ts";
import { datasheetOnly } from "../engine/warnings.ts";
import { PHASE_FACTS } from "../schema/phases.ts";
import type { Scenario } from "../schema/scenario.ts";
import type { Sensitivity } from "../schema/sensitivity.ts";
import { ANSWERED_BY } from "../version.ts";
import type { Answers } from "./answers.ts";
import { answersFor } from "./answers-for.ts";
import { savingErrorOfGiven, savingOfGiven } from "./result-field.ts";
import { scenariosAlong } from "./solve.ts";

const STEP = 0.1;

/** What may move the answer: the device's figures, its calibration where it has one, and the sizes of the work. */
function parametersOf(scenario: Scenario): readonly string[] {
  const { hardware, model, normalization, workload, precision, parallelism, runtime } = scenario;
  const calibrated = (...paths: string[]): string[] =>
    hardware.calibration === undefined ? [] : paths.map((path) => `hardware.calibration.${path}.value`);
  const perBlock = `rowPerBlock.${normalization.kind}`;
  const inRegisters = `rowInRegisters.${normalization.kind}`;
  const { experts } = model;
  const exchanges = parallelism.tensor > 1 || (parallelism.expert ?? 1) > 1;
  return [
    "hardware.hbmBytesPerSecond",
    precision.activations === "fp32"
      ? "hardware.peakFlopsPerSecond.fp32Vector"
      : `hardware.peakFlopsPerSecond.${precision.activations}`,
    ...(exchanges ? ["hardware.linkBytesPerSecond"] : []),
    ...calibrated(
      "cache.residentBytes",
      "cache.bytesPerSecond",
      runtime === "graph" ? "launch.gapSeconds" : "host.secondsPerKernel",
      `${perBlock}.floorSeconds`,
      `${perBlock}.rowSecondsPerColumn`,
      `${perBlock}.blockSecondsPerColumn`,
      `${inRegisters}.floorSeconds`,
      "rowSum.secondsPerStep",
      "pointwise.unrolledSecondsPerElement",
      "pointwise.stridedSecondsPerElement",
      "matmul.peakFraction",
      "memory.weightFraction",
      "memory.streamingFraction",
      "memory.rowPerBlockFraction",
      ...(experts === undefined ? [] : ["experts.floorSeconds", "experts.speed"]),
      ...(exchanges ? ["network.latencySeconds", "network.linkFraction", "network.secondsPerRank"] : []),
    ),
    "hidden",
    ...(experts === undefined
      ? ["ffn"]
      : ["model.experts.ffn", "model.experts.count", "model.experts.perToken"]),
    "batch",
    ...PHASE_FACTS[workload.phase].lengths,
  ];
}

interface Figures {
  readonly share: number | null;
  readonly saving: number | null;
  readonly seconds: number;
}

function figuresOf(answers: Answers): Figures {
  const saving = savingOfGiven(answers);
  return {
    share: answers.normalization().shareOfTime,
    seconds: answers.layer().seconds,
    // passes of your own have no twin
    saving: saving === undefined ? 0 : saving,
  };
}

/** null where nobody knows the figure. */
const changeOf = (before: number | null, after: number | null, scale: number): number | null =>
  before === null || after === null ? null : scale * (after - before);

/** How large an effect is: on normalization's share, on the layer where nobody knows that share. */
const size = ({ shareOfTimeChange, layerSecondsChange }: Sensitivity["effects"][number]): number =>
  Math.abs(shareOfTimeChange ?? layerSecondsChange);

/** How much 10% more of each parameter moves normalization's share, RMSNorm's saving and the layer's time. */
export function sensitivity(space: Space): Sensitivity {
  const scenario = scenarioAt(space);
  const answers = answersFor(scenario);
  const base = figuresOf(answers);
  const savingError = savingErrorOfGiven(answers);
  const { typicalError: band, unknownBecause } = knownError(scenario, answers.operators());
  const effects = parametersOf(scenario).flatMap((parameter) => {
    const flag = WHAT_IF_FLAGS.find(({ name }) => name === parameter);
    const value = getPath(scenario, (flag?.field ?? parameter).split("."));
    if (typeof value !== "number" || value === 0) return [];
    const whole = flag !== undefined || parameter.startsWith("model.");
    const found = moved(space, parameter, value, whole);
    if (found === undefined) return [];
    const { movedTo, other } = found;
    const there = figuresOf(answersFor(other));
    // whole numbers do not move by exactly 10%
    const scale = STEP / (movedTo / value - 1);
    return [
      {
        parameter,
        value,
        movedTo,
        shareOfTimeChange: changeOf(base.share, there.share, scale),
        savingChange: changeOf(base.saving, there.saving, scale),
        layerSecondsChange: scale * (there.seconds / base.seconds - 1),
      },
    ];
  });
  return {
    ...ANSWERED_BY,
    scenario,
    shareOfTime: base.share,
    saving: base.saving,
    ...(savingError === undefined ? {} : { savingError }),
    layerSeconds: base.seconds,
    effects: [...effects].sort((a, b) => size(b) - size(a)),
    band: band && { layerError: band.layer, shareError: band.shareOfTime, layers: band.layers },
    warnings: [...datasheetOnly(scenario.hardware), ...unknownBecause],
  };
}

/**
 * A tenth more of a parameter, and the scenario with it. Not every whole number can be shared out as the scenario does:
 * then the next one up to twice as much; undefined where there is none.
 */
function moved(
  space: Space,
  name: string,
  value: number,
  whole: boolean,
): { readonly movedTo: number; readonly other: Scenario } | undefined {
  const along = scenariosAlong(space, name);
  const first = whole ? Math.max(value + 1, Math.round(value * (1 + STEP))) : value * (1 + STEP);
  const last = whole ? Math.max(first, 2 * value) : first;
  for (let movedTo = first; movedTo <= last; movedTo++) {
    const other = along(movedTo);
    if (other !== undefined) return { movedTo, other };
  }
  return undefined;
}
