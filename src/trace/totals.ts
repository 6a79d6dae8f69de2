import { sumOf } from "../engine/layer/kernel.ts";
import type { ProfileFormat } from "../schema/profile.ts";
import type { TraceAnswer, TraceClass } from "../schema/trace.ts";
import { TRACE_CLASSES } from "../schema/trace.ts";
import type { Analysis } from "./analysis.ts";
import { groupBy, type Launched } from "./launches.ts";
import { busySeconds } from "./steps.ts";

/** Amounts of one step of one rank: what all ranks ran in all steps, divided by both. */
export interface PerStep {
  readonly analyses: readonly Analysis[];
  readonly seconds: (launched: Iterable<Launched>) => number;
  readonly kernels: (launched: Iterable<Launched>) => number;
  /** by how many steps of how many ranks a count is divided */
  readonly steps: number;
}

export function perStep(analyses: readonly Analysis[]): PerStep {
  const steps = sumOf(analyses, ({ steps }) => steps.count);
  return {
    analyses,
    steps,
    seconds: (launched) => sumOf(launched, ({ event }) => event.seconds) / steps,
    kernels: (launched) => sumOf(launched, ({ event }) => event.launches) / steps,
  };
}

const allLaunched = ({ analyses }: PerStep): Launched[] => analyses.flatMap(({ steps }) => steps.launched);

export const ratio = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);

/** Formats that say when a kernel ran, not only how long. */
const hasTimes: ReadonlySet<ProfileFormat> = new Set(["kineto", "nsys-cuda-gpu-trace"]);

export function stepTotals(one: PerStep): TraceAnswer["step"] {
  const all = allLaunched(one);
  const seconds = sumOf(one.analyses, ({ steps }) => steps.seconds) / one.steps;
  const timed = seconds > 0 && one.analyses.every(({ profile }) => hasTimes.has(profile.format));
  return {
    seconds: timed ? seconds : 0,
    kernelSeconds: one.seconds(all),
    busyShare: timed ? meanOverDevices(one, busySeconds) / seconds : null,
    hostBoundShare:
      timed && one.analyses.every(isLaunchKnown) ? meanOverDevices(one, waitedSeconds) / seconds : null,
    kernels: one.kernels(all),
  };
}

const isLaunchKnown = ({ profile }: Analysis): boolean => profile.launches.size > 0;

/** Of each device alone, and the mean of them: a step of several GPUs takes as long as one of them. */
function meanOverDevices(one: PerStep, value: (launched: readonly Launched[]) => number): number {
  const each = one.analyses.map(({ steps }) => {
    const devices = [...groupBy(steps.launched, ({ event }) => event.device).values()];
    return sumOf(devices, value) / Math.max(1, devices.length);
  });
  return sumOf(each, (seconds) => seconds) / one.steps;
}

/** Between the end of all that was issued and the next issue the device has nothing to do: it waits for the host. */
function waitedSeconds(launched: readonly Launched[]): number {
  const sorted = [...launched].sort((a, b) => a.event.start - b.event.start);
  let waited = 0;
  let until = Number.POSITIVE_INFINITY;
  for (const { event, issued } of sorted) {
    if (issued > until) waited += Math.max(0, Math.min(issued, event.start) - until);
    const end = event.start + event.seconds;
    until = until === Number.POSITIVE_INFINITY ? end : Math.max(until, end);
  }
  return waited;
}

export function classTotals(one: PerStep): TraceAnswer["classes"] {
  const all = allLaunched(one);
  const whole = one.seconds(all);
  const classes = new Map<Launched, TraceClass>(one.analyses.flatMap((analysis) => [...analysis.classes]));
  const groups = groupBy(all, (launched) => classes.get(launched) ?? "other");
  return TRACE_CLASSES.filter((name) => groups.has(name))
    .map((name) => ({
      class: name,
      seconds: one.seconds(groups.get(name)!),
      shareOfKernelTime: ratio(one.seconds(groups.get(name)!), whole),
      kernels: one.kernels(groups.get(name)!),
    }))
    .sort((a, b) => b.seconds - a.seconds);
}

/** Names of kernels can be very long; of each as much as tells it from the others. */
const LONGEST_NAME = 200;

export function unknownTotals(one: PerStep): TraceAnswer["unknown"] {
  const unknown = one.analyses.flatMap(({ steps, classes }) =>
    steps.launched.filter((launched) => !classes.has(launched)),
  );
  const kernels = [...groupBy(unknown, ({ event }) => event.name.slice(0, LONGEST_NAME))]
    .map(([name, launched]) => ({ name, seconds: one.seconds(launched) }))
    .sort((a, b) => b.seconds - a.seconds);
  return { seconds: one.seconds(unknown), kernels };
}

export function normTotals(
  one: PerStep,
  { seconds: stepSeconds, kernelSeconds, busyShare }: TraceAnswer["step"],
): TraceAnswer["normalization"] {
  const of = (direction?: string): Launched[] =>
    one.analyses.flatMap(({ norms }) =>
      norms
        .filter((norm) => direction === undefined || norm.direction === direction)
        .flatMap(({ launched }) => launched),
    );
  const seconds = one.seconds(of());
  return {
    seconds,
    shareOfKernelTime: ratio(seconds, kernelSeconds),
    shareOfStep: busyShare === null ? null : ratio(seconds, stepSeconds),
    kernels: one.kernels(of()),
    forwardSeconds: one.seconds(of("forward")),
    backwardSeconds: one.seconds(of("backward")),
  };
}
