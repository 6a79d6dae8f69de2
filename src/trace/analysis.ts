import type { Profile } from "../schema/profile.ts";
import type { TraceClass } from "../schema/trace.ts";
import { attentionByOperators, classOf } from "./classify.ts";
import type { Launched } from "./launches.ts";
import type { Norm } from "./norm.ts";
import { allNorms } from "./norms.ts";
import { type Steps, stepsOf } from "./steps.ts";

/** A profile with everything found in it: its steps, its norms, and the class of all that ran. */
export interface Analysis {
  readonly profile: Profile;
  readonly steps: Steps;
  readonly norms: readonly Norm[];
  /** what nothing is known of has no class */
  readonly classes: ReadonlyMap<Launched, TraceClass>;
}

export function analyse(profile: Profile): Analysis {
  const steps = stepsOf(profile);
  const norms = allNorms(steps.launched);
  const ofNorms = new Set(norms.flatMap(({ launched }) => launched));
  const ofAttention = attentionByOperators(steps.launched);
  const classes = new Map<Launched, TraceClass>();
  for (const one of steps.launched) {
    const found = ofNorms.has(one) ? "normalization" : ofAttention.has(one) ? "attention" : classOf(one);
    if (found !== undefined) classes.set(one, found);
  }
  return { profile, steps, norms, classes };
}
