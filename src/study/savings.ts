import type { Alternative, Result } from "../schema/result.ts";
import type { NormKind } from "../schema/vocabulary.ts";
import { type NormImplementation, SWAPPED_KIND } from "../schema/vocabulary.ts";

/** One change of the normalization, against the scenario as given; negative: it costs. */
export interface Swap {
  readonly question: "other-kind" | "better-kernel" | "residual-fused" | "eager";
  readonly kind: NormKind;
  readonly implementation: NormImplementation;
  readonly savedSeconds: number;
  readonly savedShareOfTime: number;
  /** absent where nobody has measured such pairs of layers */
  readonly errorShareOfTime?: number;
}

const isGiven = ({ scenario }: Result, kind: NormKind, implementation: NormImplementation): boolean =>
  scenario.normalization.kind === kind && scenario.normalization.implementation === implementation;

export function alternative(
  result: Result,
  kind: NormKind,
  implementation: NormImplementation,
): Alternative | undefined {
  return result.alternatives.find((other) => other.kind === kind && other.implementation === implementation);
}

/**
 * What people mean by "switch to RMSNorm", kept apart: the formula alone (same kernels), a better kernel, the residual
 * add fused in, and RMSNorm op by op. What the scenario has already, or an earlier line said, is left out.
 */
export function swaps(result: Result): Swap[] {
  const { kind, implementation } = result.scenario.normalization;
  const found: Swap[] = [];
  const add = (question: Swap["question"], to: NormKind, by: NormImplementation): void => {
    const other = alternative(result, to, by);
    const said = found.some((swap) => swap.kind === to && swap.implementation === by);
    if (other === undefined || said || isGiven(result, to, by)) return;
    const { savedSeconds, savedShareOfTime, errorShareOfTime } = other;
    // nobody knows what is saved where no norm's time is known
    if (savedSeconds === null || savedShareOfTime === null) return;
    const error = errorShareOfTime === undefined ? {} : { errorShareOfTime };
    found.push({ question, kind: to, implementation: by, savedSeconds, savedShareOfTime, ...error });
  };
  if (typeof implementation === "string") add("other-kind", SWAPPED_KIND[kind], implementation);
  // a kernel that is slower here is not a better one
  const byFused = alternative(result, "rmsnorm", "fused")?.savedSeconds ?? 0;
  if (byFused > 0) add("better-kernel", "rmsnorm", "fused");
  add("residual-fused", "rmsnorm", "residual-fused");
  add("eager", "rmsnorm", "eager");
  return found;
}
