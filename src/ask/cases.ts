import type { Scenario } from "../schema/scenario.ts";
import { type FlagName, isFlag, type Point, WHAT_IF_FLAGS } from "./flags.ts";
import { changedAt, scenarioAt } from "./scenario-at.ts";
import { type Space, sizeOf, valuesAt } from "./space.ts";
import { numberText } from "./with-settings.ts";

/** One scenario to simulate: where it comes from, and what flags made of it. */
export interface Case {
  readonly label: string;
  /** what flags changed about the model and the hardware that are named */
  readonly reshaped: readonly string[];
  /** the values of all flags */
  readonly point: Point;
  readonly scenario: Scenario;
  readonly notes: readonly string[];
}

/** A space with the name of its scenario, and what is to be known of its files. */
interface Origin extends Space {
  readonly label: string;
  readonly notes: readonly string[];
}

/** Every point of a space. */
export const casesOf = (space: Origin): Case[] =>
  Array.from({ length: sizeOf(space) }, (_, index) => {
    const values = valuesAt(space.axes, index);
    const moved = space.axes.map(({ name }, axis) => [name, values[axis]]);
    return {
      label: space.label,
      reshaped: reshapedBy(space),
      point: { ...space.fixed, ...Object.fromEntries(moved) } as Point,
      scenario: scenarioAt(space, values),
      notes: [...space.notes, ...changedAt(space, values).notes],
    };
  });

/** Flags with more than one value: the same for all spaces of a command line. */
export const variedIn = ([space]: readonly Space[]): FlagName[] =>
  (space?.axes ?? []).map(({ name }) => name).filter(isFlag);

/** What tells a case from the others: its scenario, the values of its flags, or both. */
export function caseLabel(
  { label, reshaped, point }: Case,
  varied: readonly FlagName[],
  several = true,
): string {
  const values = varied.map((name) => {
    const value = point[name];
    return typeof value === "number" ? `${name} ${value}` : value;
  });
  const named = several || values.length === 0 ? [label, ...values] : values;
  return [...named, ...reshaped].join(", ");
}

const RESHAPES = /^(model|hardware)\.(?!gpuHourUsd)/;

/** `hidden 4096`, of flags that are the same for all cases. */
function reshapedBy({ fixed, settings }: Space): string[] {
  const flags = WHAT_IF_FLAGS.filter(({ name, field }) => fixed[name] !== undefined && RESHAPES.test(field));
  const set = settings
    .map(({ path, value }) => ({ field: path.join("."), value }))
    .filter(({ field }) => RESHAPES.test(field));
  return [
    ...flags.map(({ name }) => `${name} ${fixed[name]}`),
    ...set.map(
      ({ field, value }) =>
        `${field} ${typeof value === "number" ? numberText(value) : JSON.stringify(value)}`,
    ),
  ];
}
