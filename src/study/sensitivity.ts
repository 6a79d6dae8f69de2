import type { Scenario } from "../schema/scenario.ts";
import type { Sensitivity } from "../schema/sensitivity.ts";
import { typicalError } from "../simulate/typical-error.ts";
import { ANSWERED_BY } from "../version.ts";
import { type Answers, answerer } from "./answers.ts";
import { WHAT_IF_FLAGS } from "./flags.ts";
import { savingOfGiven } from "./result-field.ts";
import { getPath } from "./set-path.ts";
import { type Space, scenariosOf } from "./space.ts";
import { pointProblems } from "./space-problems.ts";

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
    ...(workload.phase === "decode" ? ["context"] : ["sequence"]),
    ...(workload.phase === "prefill" && workload.context > 0 ? ["context"] : []),
  ];
}

interface Figures {
  readonly share: number;
  readonly saving: number;
  readonly seconds: number;
}

const figuresOf = (answers: Answers): Figures => ({
  share: answers.normalization().shareOfTime,
  seconds: answers.layer().seconds,
  saving: savingOfGiven(answers) ?? 0,
});

/** How much 10% more of each parameter moves normalization's share, RMSNorm's saving and the layer's time. */
export function sensitivity(space: Space): Sensitivity {
  const scenario = scenariosOf(space)([]);
  const ask = answerer();
  const base = figuresOf(ask(scenario));
  const effects = parametersOf(scenario).flatMap((parameter) => {
    const flag = WHAT_IF_FLAGS.find(({ name }) => name === parameter);
    const value = getPath(scenario, (flag?.field ?? parameter).split("."));
    if (typeof value !== "number" || value === 0) return [];
    const whole = flag !== undefined || parameter.startsWith("model.");
    const found = firstValid(space, parameter, whole ? wholeSteps(value) : [value * (1 + STEP)]);
    if (found === undefined) return [];
    const { movedTo, other } = found;
    const there = figuresOf(ask(other));
    // whole numbers do not move by exactly 10%
    const scale = STEP / (movedTo / value - 1);
    return [
      {
        parameter,
        value,
        movedTo,
        shareOfTimeChange: scale * (there.share - base.share),
        savingChange: scale * (there.saving - base.saving),
        layerSecondsChange: scale * (there.seconds / base.seconds - 1),
      },
    ];
  });
  const band = typicalError(scenario);
  return {
    ...ANSWERED_BY,
    scenario,
    shareOfTime: base.share,
    saving: base.saving,
    layerSeconds: base.seconds,
    effects: [...effects].sort((a, b) => Math.abs(b.shareOfTimeChange) - Math.abs(a.shareOfTimeChange)),
    band: band && { layerError: band.layer, shareError: band.shareOfTime, layers: band.layers },
  };
}

/** Whole numbers from 10% more on, up to twice as much: not every size can be shared out as the scenario does. */
function wholeSteps(value: number): number[] {
  const first = Math.max(value + 1, Math.round(value * (1 + STEP)));
  return Array.from({ length: Math.max(1, 2 * value - first + 1) }, (_, index) => first + index);
}

/** The first of the values with which there is such a layer. */
function firstValid(
  space: Space,
  name: string,
  values: readonly number[],
): { readonly movedTo: number; readonly other: Scenario } | undefined {
  const scenarioAt = scenariosOf({ ...space, axes: [{ name, values }] });
  for (const [index, movedTo] of values.entries()) {
    const other = scenarioAt([index]);
    if (pointProblems(other).length === 0) return { movedTo, other };
  }
  return undefined;
}
