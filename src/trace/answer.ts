import type { Hardware } from "../schema/hardware.ts";
import type { TraceAnswer } from "../schema/trace.ts";
import { plural } from "../units.ts";
import { ANSWERED_BY } from "../version.ts";
import { type Analysis, analyse } from "./analysis.ts";
import { profileOf } from "./gpu.ts";
import { inferred } from "./inferred.ts";
import { normRows, savings } from "./norm-rows.ts";
import { operatorRows } from "./operators.ts";
import type { TracedRun } from "./runs.ts";
import { tracedScenario } from "./scenario.ts";
import { classTotals, normTotals, perStep, ratio, stepTotals, unknownTotals } from "./totals.ts";

/** Profiles by which a run's GPU is known: the one that was asked for, or one with its name. */
export interface Hardwares {
  readonly asked: Hardware | undefined;
  readonly shipped: readonly Hardware[];
}

/** What a run spent on normalization, and what better kernels would have saved on its GPU. Pure. */
export function traceAnswer({ file, profiles }: TracedRun, known: Hardwares): TraceAnswer {
  const analyses = profiles.map(analyse);
  const one = perStep(analyses);
  const gpu = profiles.flatMap(({ gpus }) => gpus)[0] ?? null;
  const hardware = known.asked ?? (gpu === null ? undefined : profileOf(gpu, known.shipped));
  const step = stepTotals(one);
  const norms = normRows(one, hardware);
  const unknown = unknownTotals(one);
  const found = inferred(analyses[0]!);
  const traced = tracedScenario(analyses[0]!, found, hardware);
  return {
    ...ANSWERED_BY,
    trace: {
      file,
      format: profiles[0]!.format,
      gpu,
      steps: Math.max(...analyses.map(({ steps }) => steps.count)),
      ranks: profiles.length,
    },
    step,
    normalization: normTotals(one, step),
    classes: classTotals(one),
    norms,
    savings: savings(norms, step),
    scenario: traced?.file ?? null,
    inferred: found,
    assumed: [...(traced?.assumed ?? [])],
    operators: traced === null ? [] : operatorRows(analyses[0]!, traced),
    unknown,
    warnings: [
      ...profiles.flatMap(({ problems }) => problems),
      ...aboutSteps(analyses),
      ...aboutGpu(gpu, hardware),
      ...aboutUnknown(ratio(unknown.seconds, step.kernelSeconds)),
    ],
  };
}

function aboutSteps(analyses: readonly Analysis[]): string[] {
  const [first] = analyses;
  const dropped = analyses.reduce(
    (total, { profile, steps }) => total + profile.events.length - steps.launched.length,
    0,
  );
  return [
    ...(first!.steps.marked
      ? []
      : ["The run marked no steps (ProfilerStep#): all that was recorded counts as one."]),
    ...(dropped === 0 ? [] : [`${plural(dropped, "GPU event")} outside the marked steps are left out.`]),
  ];
}

function aboutGpu(gpu: string | null, hardware: Hardware | undefined): string[] {
  if (gpu === null && hardware === undefined)
    return ["The trace does not say which GPU ran: no roof and no savings without --hardware."];
  if (hardware === undefined)
    return [`There is no profile of ${gpu}: no roof and no savings without --hardware.`];
  return hardware.calibration === undefined
    ? [`${hardware.name} has no calibration, and no datasheet says how fast norm kernels are: no savings.`]
    : [];
}

/** Above this share the answer may miss a norm. */
const MUCH_UNKNOWN = 0.02;

const aboutUnknown = (share: number): string[] =>
  share > MUCH_UNKNOWN
    ? [
        `${(100 * share).toFixed(1)}% of the kernel time is of kernels that nothing is known of: norms may be among them.`,
      ]
    : [];
