import type { Result } from "../schema/result.ts";
import type { NormKind } from "../schema/vocabulary.ts";
import { NORM_NAMES } from "../schema/vocabulary.ts";
import { type Swap, swaps } from "../study/savings.ts";
import { formatPercent, formatSeconds } from "../units.ts";
import { shareText, UNKNOWN } from "./words.ts";

/** One line of the headline: what is changed, and what that does to the layer's time. */
export interface Verdict {
  readonly change: string;
  readonly verb: "saves" | "costs" | "changes nothing measurable";
  readonly share: string;
  readonly time: string;
}

export function sentence({ normalization, layer }: Result): string {
  const { shareOfFlops, shareOfTime, seconds } = normalization;
  const flops = `Normalization is ${formatPercent(shareOfFlops)} of FLOPs`;
  if (seconds === null) return `${flops}; its share of runtime, and what RMSNorm saves: ${UNKNOWN}.`;
  return `${flops} and ${shareText(shareOfTime)} of runtime (${formatSeconds(seconds)} of ${formatSeconds(layer.seconds)}).`;
}

export const verdicts = (result: Result): Verdict[] =>
  swaps(result).map((swap) => verdict(swap, result.scenario.normalization.kind));

/** Below this nobody could measure it. */
const NOTHING_MEASURABLE = 0.0005;

function verdict(swap: Swap, given: NormKind): Verdict {
  const share = Math.abs(swap.savedShareOfTime);
  const verb = swap.savedSeconds < 0 ? "costs" : "saves";
  return {
    change: change(swap, given),
    verb: share < NOTHING_MEASURABLE ? "changes nothing measurable" : verb,
    share: formatPercent(share),
    time: formatSeconds(Math.abs(swap.savedSeconds)),
  };
}

function change({ question, kind, implementation }: Swap, given: NormKind): string {
  const name = NORM_NAMES[kind];
  switch (question) {
    case "other-kind":
      return `${name} instead of ${NORM_NAMES[given]}, same ${implementation} kernels`;
    case "better-kernel":
      return `${name} by a better kernel (fused, one pass)`;
    case "residual-fused":
      return `${name} with the residual add fused in`;
    case "eager":
      return `${name} op by op, as Hugging Face runs it`;
  }
}
