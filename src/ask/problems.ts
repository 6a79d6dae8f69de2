import { SCENARIO_RULES, type ScenarioRule } from "../schema/scenario-rules.ts";
import { type FlagName, fieldOf, WHAT_IF_FLAGS } from "./flags.ts";
import { scenarioAt } from "./scenario-at.ts";
import { type Axis, type AxisValue, type Space, sizeOf, valuesAt } from "./space.ts";

/** More than these would be of the same kind. */
const MOST_PROBLEMS = 8;

/** A few seconds' worth; no grid that somebody meant has more combinations of the fields of one rule. */
const MOST_COMBINATIONS = 4e6;

/**
 * What is wrong with points of the space, and where, before any of them is simulated. Every rule is asked about every
 * combination of the axes that move what it looks at: few, however many points there are.
 */
export function spaceProblems(space: Space): string[] {
  const found = new Set<string>();
  for (const { moving, rules } of rulesByAxes(space))
    for (const problem of problemsAlong(space, moving, rules)) {
      found.add(problem);
      if (found.size > MOST_PROBLEMS) return [...[...found].slice(0, MOST_PROBLEMS), "..."];
    }
  return [...found];
}

/** Rules that the same axes move. */
interface Group {
  readonly moving: readonly Axis[];
  readonly rules: ScenarioRule[];
}

function rulesByAxes(space: Space): Iterable<Group> {
  const groups = new Map<string, Group>();
  for (const rule of SCENARIO_RULES) {
    const moving = space.axes.filter(({ name }) => isMoving(space, name, rule.reads));
    const key = moving.map(({ name }) => name).join();
    const group = groups.get(key) ?? { moving, rules: [] };
    group.rules.push(rule);
    groups.set(key, group);
  }
  return groups.values();
}

function* problemsAlong(
  space: Space,
  moving: readonly Axis[],
  rules: readonly ScenarioRule[],
): Generator<string> {
  const combinations = sizeOf({ axes: moving });
  if (combinations > MOST_COMBINATIONS) {
    const names = moving.map(({ name }) => name).join(", ");
    yield `${combinations} combinations of ${names} are too many to check: expected at most ${MOST_COMBINATIONS}; sweep a part at a time`;
    return;
  }
  for (let index = 0; index < combinations; index++) {
    const values = valuesAt(moving, index);
    const at = space.axes.map((axis) => values[moving.indexOf(axis)] ?? axis.values[0]!);
    const where = moving.map(({ name }, axis) => ({ name, value: values[axis]! }));
    const scenario = scenarioAt(space, at);
    for (const { problems } of rules)
      for (const problem of problems(scenario)) yield withPlace(problem, where, space);
  }
}

/** A problem with the flag that it is about, or with the place on a grid. */
export function withPlace(
  problem: string,
  where: readonly { readonly name: string; readonly value: AxisValue }[],
  { fixed }: Pick<Space, "fixed">,
): string {
  if (where.length > 0)
    return `at ${where.map(({ name, value }) => `${name} ${value}`).join(", ")}: ${problem}`;
  const flag = WHAT_IF_FLAGS.find(({ name, field }) => fixed[name] !== undefined && isAbout(problem, field));
  return flag === undefined ? problem : `--${flag.name}: ${problem}`;
}

/** `workload.batch: ...` is what `--batch` was about. */
export const isAbout = (problem: string, field: string): boolean =>
  problem.startsWith(`${field}:`) || problem.startsWith(`${field}.`);

/** Whether an axis moves one of these fields. */
const isMoving = (space: Space, name: string, fields: readonly string[]): boolean =>
  movedFields(space, name).some((moved) => fields.some((field) => overlap(moved, field)));

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
