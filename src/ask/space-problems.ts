import { CROSS_RULES, type CrossRule } from "../schema/resolve.ts";
import type { Scenario } from "../schema/scenario.ts";
import type { FlagName } from "./flags.ts";
import { fieldOf, type Space, scenariosOf } from "./space.ts";

/** What the schema says of fields that meet in one part, for scenarios that are made without it. */
const PART_RULES: readonly CrossRule[] = [
  {
    reads: ["model.heads", "model.kvHeads"],
    problem: ({ model: { heads, kvHeads } }) =>
      heads % kvHeads === 0
        ? undefined
        : `model.kvHeads: expected a divisor of heads (${heads}), got ${kvHeads}`,
  },
  {
    reads: ["model.rotaryDim", "model.headDim"],
    problem: ({ model: { rotaryDim, headDim } }) =>
      rotaryDim === undefined || rotaryDim <= headDim
        ? undefined
        : `model.rotaryDim: expected at most headDim (${headDim}), got ${rotaryDim}`,
  },
  {
    reads: ["workload.phase", "workload.sequence"],
    problem: ({ workload: { phase, sequence } }) =>
      phase !== "decode" || sequence === 1
        ? undefined
        : `workload.sequence: expected 1 in decode, got ${sequence}`,
  },
  {
    reads: ["workload.phase", "workload.context"],
    problem: ({ workload: { phase, context } }) =>
      phase !== "train" || context === 0
        ? undefined
        : `workload.context: expected 0 in train, got ${context}`,
  },
];

const RULES = [...CROSS_RULES, ...PART_RULES];

/** Problems of one point that only show where its fields meet; empty for a scenario that can be simulated. */
export const pointProblems = (scenario: Scenario): string[] =>
  RULES.flatMap(({ problem }) => problem(scenario) ?? []);

/** More than these would be of the same kind. */
const MOST_PROBLEMS = 8;

/** A few seconds' worth; no grid that somebody meant has more combinations of the fields of one rule. */
const MOST_COMBINATIONS = 4e6;

/**
 * What is wrong with points of the space, and where, before any of them is simulated. Every rule is asked about every
 * combination of the axes that move what it looks at: few, however many points there are.
 */
export function spaceProblems(space: Space): string[] {
  const scenarioAt = scenariosOf(space);
  const found = new Set<string>();
  for (const rule of RULES)
    for (const problem of ruleProblems(space, rule, scenarioAt)) {
      found.add(problem);
      if (found.size > MOST_PROBLEMS) return [...[...found].slice(0, MOST_PROBLEMS), "..."];
    }
  return [...found];
}

function* ruleProblems(
  space: Space,
  { reads, problem }: CrossRule,
  scenarioAt: (digits: readonly number[]) => Scenario,
): Generator<string> {
  const { axes } = space;
  const moving = movingAxes(space, reads);
  const names = moving.map((axis) => axes[axis]!.name).join(", ");
  const combinations = moving.reduce((product, axis) => product * axes[axis]!.values.length, 1);
  if (combinations > MOST_COMBINATIONS) {
    yield `${combinations} combinations of ${names} are too many to check: expected at most ${MOST_COMBINATIONS}; sweep a part at a time`;
    return;
  }
  const digits = axes.map(() => 0);
  for (let index = 0; index < combinations; index++) {
    setDigits(space, moving, index, digits);
    const wrong = problem(scenarioAt(digits));
    if (wrong === undefined) continue;
    const where = moving.map((axis) => `${axes[axis]!.name} ${axes[axis]!.values[digits[axis]!]}`);
    yield where.length === 0 ? wrong : `at ${where.join(", ")}: ${wrong}`;
  }
}

/** Moves some axes to their combination of this index and leaves the others where they are. */
function setDigits({ axes }: Space, moving: readonly number[], index: number, digits: number[]): void {
  let rest = index;
  for (let i = moving.length - 1; i >= 0; i--) {
    const axis = moving[i]!;
    const { length } = axes[axis]!.values;
    digits[axis] = rest % length;
    rest = Math.floor(rest / length);
  }
}

/** Axes that move one of these fields. */
const movingAxes = (space: Space, fields: readonly string[]): number[] =>
  space.axes.flatMap(({ name }, index) =>
    movedFields(space, name).some((moved) => fields.some((field) => overlap(moved, field))) ? [index] : [],
  );

const overlap = (a: string, b: string): boolean => a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);

/** Flags that move more than their own field, unless another flag names that. */
const FOLLOWERS: Partial<Record<FlagName, readonly FlagName[]>> = {
  hidden: ["heads", "kv-heads", "ffn"],
  heads: ["kv-heads"],
  phase: ["sequence", "context"],
};

function movedFields({ axes, fixed }: Space, name: string): string[] {
  const isGiven = (flag: FlagName): boolean =>
    fixed[flag] !== undefined || axes.some((axis) => axis.name === flag);
  const followers = FOLLOWERS[name as FlagName] ?? [];
  return [name, ...followers.filter((flag) => !isGiven(flag))].map(fieldOf);
}
