import type { NormRow, TraceAnswer } from "../../schema/trace.ts";
import { NORM_NAMES, type NormKind } from "../../schema/vocabulary.ts";
import { formatPercent, formatSeconds, plural, significant } from "../../units.ts";
import { pointsText } from "./figure-text.ts";

/** The answer in a few lines: whoever reads no further knows it. */
export function sentences(answer: TraceAnswer): string[] {
  return [shareText(answer), ...savingTexts(answer), ...hostText(answer)];
}

function shareText({ normalization, norms }: TraceAnswer): string {
  const { seconds, shareOfKernelTime, forwardSeconds, backwardSeconds } = normalization;
  if (norms.length === 0) return "In this run no normalization was found.";
  const parts = backwardSeconds > 0 ? `, ${formatPercent(forwardSeconds / seconds)} of it forward` : "";
  const forward = norms.filter(({ direction }) => direction === "forward");
  const counted = forward.length > 0 ? forward : norms;
  const count = counted.reduce((sum, norm) => sum + norm.count, 0);
  const roof = roofShare(norms);
  const inside = [
    mainNorms(counted),
    `${countText(count)} norms a step`,
    ...(roof === undefined ? [] : [`${formatPercent(roof)} of the memory roof`]),
  ];
  return `In this run normalization takes ${formatPercent(shareOfKernelTime)} of GPU time: ${formatSeconds(seconds)} a step${parts} (${inside.join(", ")}).`;
}

/** Counts of one step are means over steps: mostly whole. */
export const countText = (count: number): string =>
  Number.isInteger(count) ? String(count) : significant(count);

/** What the norms must move over what they take; undefined where no roof is known. */
function roofShare(norms: readonly NormRow[]): number | undefined {
  const known = norms.filter(({ roofSeconds }) => roofSeconds !== null);
  const seconds = known.reduce((sum, norm) => sum + norm.seconds, 0);
  return seconds > 0 ? known.reduce((sum, norm) => sum + norm.roofSeconds!, 0) / seconds : undefined;
}

/** `op-by-op RMSNorm and fused RMSNorm`, the longest first. */
function mainNorms(norms: readonly NormRow[]): string {
  const names = [...new Set(norms.map(normName))];
  return names.length > 2 ? `${names.slice(0, 2).join(", ")} and others` : names.join(" and ");
}

export const normName = ({ kind, implementation }: Pick<NormRow, "kind" | "implementation">): string =>
  `${implementation === "eager" ? "op-by-op" : implementation} ${NORM_NAMES[kind]}`;

const CHANGES: Readonly<Record<string, string>> = {
  native: "torch's own",
  fused: "one-kernel",
  "residual-fused": "residual-fused",
};

/** `rmsnorm:fused` in words. */
function changeName(change: string): string {
  const [kind = "", implementation = ""] = change.split(":");
  return `${CHANGES[implementation] ?? implementation} ${NORM_NAMES[kind as NormKind] ?? kind}`;
}

function savingTexts({ savings }: TraceAnswer): string[] {
  return savings.map(({ change, savedSeconds, savedShareOfKernelTime, errorShareOfKernelTime, resolved }) => {
    const name = changeName(change).replace(/^./, (letter) => letter.toUpperCase());
    const error = errorShareOfKernelTime === null ? "" : ` ± ${pointsText(errorShareOfKernelTime)}`;
    const share = `${formatPercent(savedShareOfKernelTime)}${error}`;
    return resolved === false
      ? `${name}: ${share} of GPU time, which cannot be told from zero.`
      : `${name} would save ${share} of GPU time (${formatSeconds(savedSeconds)} a step).`;
  });
}

/** From here on the host decides how long a step takes. */
const HOST_BOUND = 0.5;
const SLIGHTLY_HOST_BOUND = 0.1;

function hostText({ step }: TraceAnswer): string[] {
  const { hostBoundShare, busyShare } = step;
  if (hostBoundShare === null || busyShare === null || hostBoundShare < SLIGHTLY_HOST_BOUND) return [];
  const waits = `The GPU waits for the host in ${formatPercent(hostBoundShare)} of the step`;
  return hostBoundShare >= HOST_BOUND
    ? [`${waits}: faster kernels would not shorten it, fewer launches (CUDA graphs, torch.compile) would.`]
    : [`${waits}: there, faster kernels do not shorten it.`];
}

/** The run in a line: what ran where. */
export function runText({ trace, step }: TraceAnswer): string {
  const { gpu, steps, ranks } = trace;
  const busy = step.busyShare === null ? [] : [`GPU busy ${formatPercent(step.busyShare)}`];
  return [
    gpu ?? "a GPU that the trace does not name",
    plural(steps, "step"),
    ...(ranks > 1 ? [`${ranks} ranks`] : []),
    ...(step.busyShare === null ? [] : [`${formatSeconds(step.seconds)} a step`]),
    `${formatSeconds(step.kernelSeconds)} of kernels`,
    `${countText(step.kernels)} kernels`,
    ...busy,
  ].join(" · ");
}
