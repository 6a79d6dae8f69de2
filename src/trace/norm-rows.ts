import { sumOf } from "../engine/layer/kernel.ts";
import type { Hardware } from "../schema/hardware.ts";
import type { NormRow, TraceAnswer } from "../schema/trace.ts";
import type { NormImplementation, NormKind } from "../schema/vocabulary.ts";
import { groupBy } from "./launches.ts";
import type { Norm } from "./norm.ts";
import { leastBytes, predictedSeconds, predictionError, type SizedNorm } from "./predicted-norms.ts";
import { type PerStep, ratio } from "./totals.ts";

/** Norms that are alike, with what they would take by better kernels. Longest first. */
export function normRows(one: PerStep, hardware: Hardware | undefined): NormRow[] {
  const norms = one.analyses.flatMap((analysis) => analysis.norms);
  return [...groupBy(norms, keyOf).values()]
    .map((alike) => normRow(alike, one, hardware))
    .sort((a, b) => b.seconds - a.seconds);
}

const keyOf = ({ kind, implementation, direction, rows, columns, dtype, fusedWith }: Norm): string =>
  JSON.stringify([kind, implementation, direction, rows, columns, dtype, fusedWith]);

function normRow(alike: readonly Norm[], one: PerStep, hardware: Hardware | undefined): NormRow {
  const { launched: _, ...facts } = alike[0]!;
  const launched = alike.flatMap((norm) => norm.launched);
  const count = sumOf(launched.filter(isFirst(alike)), ({ event }) => event.launches) / one.steps;
  const seconds = one.seconds(launched);
  const sized = sizedNorm(facts);
  const bytes = sized && leastBytes(sized, facts.kind, facts.fusedWith.includes("residual add")) * count;
  return {
    ...facts,
    fusedWith: [...facts.fusedWith],
    count,
    kernels: one.kernels(launched),
    seconds,
    bytes: bytes ?? null,
    roofSeconds: bytes === undefined || hardware === undefined ? null : bytes / hardware.hbmBytesPerSecond,
    alternatives:
      sized === undefined || hardware === undefined
        ? []
        : alternatives(sized, { ...facts, count, seconds }, hardware),
  };
}

/** Of each norm the kernel that stands for it. */
function isFirst(norms: readonly Norm[]): (launched: Norm["launched"][number]) => boolean {
  const first = new Set(norms.map(({ launched }) => launched[0]));
  return (launched) => first.has(launched);
}

type Facts = Omit<Norm, "launched">;

function sizedNorm({ rows, columns, dtype, direction }: Facts): SizedNorm | undefined {
  return rows === null || columns === null || dtype === null
    ? undefined
    : { rows, columns, dtype, direction };
}

/** Kernels that do the same work as these: what is fused with a norm would have to be done apart by others. */
const BETTER: Readonly<Record<Facts["implementation"], readonly NormImplementation[]>> = {
  eager: ["native", "fused"],
  native: ["native", "fused"],
  fused: ["fused"],
  "residual-fused": ["residual-fused"],
};

const KINDS: Readonly<Record<NormKind, readonly NormKind[]>> = {
  layernorm: ["layernorm", "rmsnorm"],
  rmsnorm: ["rmsnorm"],
  dyt: ["dyt"],
};

type Measured = Facts & { readonly count: number; readonly seconds: number };

/** What better kernels would take, and RMSNorm in place of LayerNorm; the same as now is no alternative. */
function alternatives(norm: SizedNorm, measured: Measured, hardware: Hardware): NormRow["alternatives"] {
  if (measured.fusedWith.some((what) => what !== "residual add")) return [];
  return KINDS[measured.kind]
    .flatMap((kind) => BETTER[measured.implementation].map((implementation) => ({ kind, implementation })))
    .filter((one) => one.kind !== measured.kind || one.implementation !== measured.implementation)
    .flatMap((one) => {
      const found = alternative(norm, one, measured, hardware);
      return found === undefined || found.savedSeconds <= 0 ? [] : [found];
    })
    .sort((a, b) => b.savedSeconds - a.savedSeconds);
}

function alternative(
  norm: SizedNorm,
  { kind, implementation }: { readonly kind: NormKind; readonly implementation: NormImplementation },
  { count, seconds }: Measured,
  hardware: Hardware,
): NormRow["alternatives"][number] | undefined {
  const one = predictedSeconds(norm, kind, implementation, hardware);
  if (one === undefined) return undefined;
  const error = predictionError(norm, implementation, hardware);
  return {
    kind,
    implementation,
    seconds: one * count,
    savedSeconds: seconds - one * count,
    errorSeconds: error === undefined ? null : error * one * count,
  };
}

/** What all norms of a kind would save by one implementation: those it makes faster. */
export function savings(
  rows: readonly NormRow[],
  { seconds: stepSeconds, kernelSeconds, busyShare }: TraceAnswer["step"],
): TraceAnswer["savings"] {
  const found = rows.flatMap(({ alternatives }) =>
    alternatives.map((one) => ({ ...one, change: `${one.kind}:${one.implementation}` })),
  );
  const ofStep = (seconds: number): number | null =>
    busyShare === null ? null : ratio(seconds, stepSeconds);
  return [...groupBy(found, ({ change }) => change)]
    .map(([change, alike]) => {
      const savedSeconds = sumOf(alike, (one) => one.savedSeconds);
      // predictions of one law err to the same side: their errors add up
      const errorSeconds = alike.every((one) => one.errorSeconds !== null)
        ? sumOf(alike, (one) => one.errorSeconds!)
        : null;
      return {
        change,
        savedSeconds,
        savedShareOfStep: ofStep(savedSeconds),
        savedShareOfKernelTime: ratio(savedSeconds, kernelSeconds),
        errorShareOfStep: errorSeconds === null ? null : ofStep(errorSeconds),
        errorShareOfKernelTime: errorSeconds === null ? null : ratio(errorSeconds, kernelSeconds),
        resolved: errorSeconds === null ? null : savedSeconds > errorSeconds,
      };
    })
    .sort((a, b) => b.savedSeconds - a.savedSeconds);
}
