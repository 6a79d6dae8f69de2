import { UserError } from "../../errors.ts";
import { BAD_FLAGS, type ScenarioFiles } from "../../io/load.ts";
import { fieldOf, isTaken, WHAT_IF_FLAGS } from "../flags.ts";
import { isAbout, spaceProblems, withPlace } from "../problems.ts";
import { changedAt, scenarioAt } from "../scenario-at.ts";
import { getPath } from "../set-path.ts";
import { type Axis, type AxisValue, partOf, type Space } from "../space.ts";
import { typedAs } from "./given.ts";

interface Origin {
  readonly files: ScenarioFiles;
}

/** The space, defaults filled into its settings; or everything that is wrong with any of its points. */
export async function checkedSpace<S extends Space & Origin>(space: S): Promise<S> {
  const wrong = needsSchema(space) ? [...(await valueProblems(space)), ...idleAxes(space)] : [];
  if (wrong.length > MOST_PROBLEMS) throw new UserError(BAD_FLAGS, [...wrong.slice(0, MOST_PROBLEMS), "..."]);
  if (wrong.length > 0) throw new UserError(BAD_FLAGS, wrong);
  const filled = space.settings.length === 0 ? space : await withDefaults(space);
  const problems = spaceProblems(filled);
  if (problems.length === 0) return filled;
  throw new UserError(isAsFiled(space) ? `${space.files.scenario} cannot be simulated` : BAD_FLAGS, problems);
}

const MOST_PROBLEMS = 20;

const isAsFiled = ({ fixed, settings, axes }: Space): boolean =>
  Object.keys(fixed).length + settings.length + axes.length === 0;

/**
 * Whether values are asked for that only the schema can judge. The files are valid already, and what most flags take is
 * known without it: loading the schema would take longer than all else that a short command does.
 */
function needsSchema({ fixed, settings, axes }: Space): boolean {
  const given = [...axes, ...Object.entries(fixed).map(([name, value]) => ({ name, values: [value] }))];
  return settings.length > 0 || given.some((axis) => !isKnown(axis));
}

/** With the hidden size others move: whether they may be so large is for the schema to say. */
function isKnown({ name, values }: Axis): boolean {
  const flag = WHAT_IF_FLAGS.find((one) => one.name === name && name !== "hidden");
  return flag !== undefined && values.every((value) => isTaken(flag, value));
}

/** What a setting leaves out has its default. */
async function withDefaults<S extends Space>(space: S): Promise<S> {
  const { validate } = await import("../../io/validate.ts");
  const { value } = validate("scenario", changedAt(space, firstOf(space)).input);
  return { ...space, settings: space.settings.map(({ path }) => ({ path, value: getPath(value, path) })) };
}

const firstOf = ({ axes }: Space): AxisValue[] => axes.map(({ values }) => values[0]!);

/** What the schema says of values along each axis, the other axes at their first values. */
export async function valueProblems(space: Space): Promise<string[]> {
  const { validate } = await import("../../io/validate.ts");
  const problemsAt = (values: readonly AxisValue[]): readonly string[] =>
    validate("scenario", changedAt(space, values).input).problems ?? [];
  const alone = space.axes.length === 0 ? problemsAt([]).map((line) => withPlace(line, [], space)) : [];
  const moved = space.axes.flatMap((axis) =>
    telling(axis.values).flatMap((value) =>
      problemsAt(movedTo(space, axis, value)).flatMap((line) => lineAt(line, axis, value, space)),
    ),
  );
  return [...new Set([...alone, ...moved])];
}

const movedTo = ({ axes }: Space, moved: Axis, value: AxisValue): AxisValue[] =>
  axes.map((axis) => (axis === moved ? value : axis.values[0]!));

/** A problem at a place along an axis; one that is about something else typed is that's, or said along its own axis. */
function lineAt(line: string, axis: Axis, value: AxisValue, space: Space): string[] {
  const { axes, settings } = space;
  if (settings.some(({ path }) => isAbout(line, path.join(".")))) return [line];
  const isFixed = WHAT_IF_FLAGS.some(
    ({ name, field }) => space.fixed[name] !== undefined && isAbout(line, field),
  );
  if (isFixed) return [withPlace(line, [], space)];
  const own = axes.find(({ name }) => isAbout(line, fieldOf(name)));
  return own === undefined || own === axis ? [withPlace(line, [{ name: axis.name, value }], space)] : [];
}

/** Axes along which nothing changes, because a setting fixes what they would move. */
const idleAxes = (space: Space): string[] =>
  space.axes.flatMap((axis) => {
    const setting = space.settings.find(({ path }) => path[0] === partOf(axis.name));
    if (setting === undefined || axis.values.length < 2) return [];
    const scenarios = telling(axis.values).map((value) =>
      JSON.stringify(scenarioAt(space, movedTo(space, axis, value))),
    );
    return new Set(scenarios).size > 1
      ? []
      : [`${typedAs(axis.name)}: changes nothing, because of --set ${setting.path.join(".")}`];
  });

/** Values that show what is wrong with any: every word; of numbers the extremes and the first that is not whole. */
function telling(values: readonly AxisValue[]): readonly AxisValue[] {
  if (typeof values[0] !== "number") return values;
  const numbers = values as readonly number[];
  const broken = numbers.find((value) => !Number.isInteger(value));
  let [least, most] = [numbers[0]!, numbers[0]!];
  for (const value of numbers) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return [...new Set([least, most, ...(broken === undefined ? [] : [broken])])];
}
