import type { Result } from "../../schema/result.ts";
import type { NormKind } from "../../schema/vocabulary.ts";
import { NORM_NAMES } from "../../schema/vocabulary.ts";
import { type Swap, swaps } from "../../study/savings.ts";
import { formatPercent, formatSeconds } from "../../units.ts";
import { savingText, shareText, UNKNOWN } from "./figure-text.ts";

/** One line of the headline: what is changed, and what that does to the layer's time. */
export interface Verdict {
  readonly change: string;
  readonly verb: "saves" | "costs" | "changes nothing measurable" | "cannot be told from zero";
  /** with its typical error, where that is known */
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
  const { savedSeconds, savedShareOfTime, errorShareOfTime } = swap;
  const verb = verbOf(swap);
  const share = verb === "cannot be told from zero" ? savedShareOfTime : Math.abs(savedShareOfTime);
  return {
    change: change(swap, given),
    verb,
    share: savingText(share, errorShareOfTime),
    time: formatSeconds(Math.abs(savedSeconds)),
  };
}

function verbOf({ savedShareOfTime, errorShareOfTime }: Swap): Verdict["verb"] {
  const size = Math.abs(savedShareOfTime);
  if (errorShareOfTime !== undefined && size <= errorShareOfTime) return "cannot be told from zero";
  if (errorShareOfTime === undefined && size < NOTHING_MEASURABLE) return "changes nothing measurable";
  return savedShareOfTime < 0 ? "costs" : "saves";
}

/** A verdict that names no direction, in words; undefined where it says what is saved or costs. */
export function undecided({ verb, share }: Verdict): string | undefined {
  switch (verb) {
    case "saves":
    case "costs":
      return undefined;
    case "changes nothing measurable":
      return verb;
    case "cannot be told from zero":
      return `${share}: ${verb}`;
  }
}

function change({ question, kind, implementation }: Swap, given: NormKind): string {
  const name = NORM_NAMES[kind];
  switch (question) {
    case "other-kind":
      return `${name} instead of ${NORM_NAMES[given]}, ${implementation} kernels`;
    case "better-kernel":
      return `${name} by a better kernel (fused, one pass)`;
    case "residual-fused":
      return `${name} with the residual add fused in`;
    case "eager":
      return `${name} op by op, as Hugging Face runs it`;
  }
}
