import type { Point } from "../ask/flags.ts";
import { getPath, type Setting } from "../ask/set-path.ts";
import { type Axis, type AxisValue, isFlag, namesPart, partOf, type Space, sizeOf } from "../ask/space.ts";
import { spaceProblems } from "../ask/space-problems.ts";
import { applyWhatIf } from "../ask/what-if.ts";
import { UserError } from "../errors.ts";
import { readDocuments } from "../io/document.ts";
import { type Library, library, loadScenario, type ScenarioFiles } from "../io/load.ts";
import type { Io } from "../io/terminal.ts";
import { keepInputs } from "../io/write.ts";
import type { Hardware } from "../schema/hardware.ts";
import type { Model } from "../schema/model.ts";
import { withoutSchema } from "../schema/resolve.ts";
import { type AxisOptions, readAxes, typedAs } from "./axes.ts";
import { noteAll } from "./note-import.ts";
import { readSetting } from "./scenarios.ts";

/** More points than this take hours, and were most likely not meant. */
const MOST_SPACE_POINTS = 1e9;

/** A space, and where the parts of its first point were read. */
export interface LoadedSpace extends Space {
  readonly files: ScenarioFiles;
}

/** The space that a command line spans; everything that is wrong with any point of it is a UserError. */
export async function loadSpace(
  reference: string,
  options: AxisOptions,
  argv: readonly string[],
  io: Io,
): Promise<LoadedSpace> {
  const settings = (options.set ?? []).map(readSetting);
  const { fixed, axes, problems } = readAxes(options, settings, argv);
  if (problems.length > 0) throw new UserError("the flags cannot be read", problems);
  const parts = library(io);
  const loaded = await loadParts(reference, { fixed, axes, settings }, parts);
  keepInputs(options.output ?? [], parts.read);
  const { files, ...read } = loaded;
  const space = { ...read, fixed, axes, settings, sequenceParallel: options.sequenceParallel === true };
  const size = sizeOf(space);
  if (size > MOST_SPACE_POINTS)
    throw new UserError(`${size} points: expected at most ${MOST_SPACE_POINTS}; take coarser steps`);
  return { ...(await checked(space)), files };
}

type Typed = Pick<Space, "fixed" | "axes" | "settings">;

/** The scenario file with the model and hardware of the first point, and all those that an axis names. */
async function loadParts(
  reference: string,
  typed: Typed,
  parts: Library,
): Promise<Pick<LoadedSpace, "file" | "own" | "models" | "devices" | "files">> {
  const [document, second] = await readDocuments("scenario", reference, parts.io);
  if (document === undefined || second !== undefined)
    throw new UserError(`${reference} holds more than one scenario: one can be swept at a time`);
  const notes = new Set<string>();
  const base = { model: nameOf("model", typed), hardware: nameOf("hardware", typed) };
  const load = async (names: Partial<typeof base>): Promise<Pick<LoadedSpace, "file" | "own" | "files">> => {
    const { file, own, files, notes: found } = await loadScenario(document, { ...base, ...names }, parts);
    for (const note of found) notes.add(note);
    const model = withoutSchema<Model>(file.model);
    const hardware = withoutSchema<Hardware>(file.hardware);
    return { file: { ...file, model, hardware }, own, files };
  };
  const { file, own, files } = await load({});
  const models = new Map<string, Model>();
  const devices = new Map<string, Hardware>();
  for (const model of namesOf("model", typed)) models.set(model, (await load({ model })).file.model);
  for (const hardware of namesOf("hardware", typed))
    devices.set(hardware, (await load({ hardware })).file.hardware);
  noteAll(notes, parts.io);
  return { file, own, files, models: Object.fromEntries(models), devices: Object.fromEntries(devices) };
}

type NamedPart = "model" | "hardware";

/** The model or hardware that the first point has. */
function nameOf(part: NamedPart, { fixed, axes, settings }: Typed): string | undefined {
  const set = settings.findLast(({ path }) => path.length === 1 && path[0] === part)?.value;
  if (typeof set === "string") return set;
  const first = axes.find(({ name }) => name === part)?.values[0];
  return typeof first === "string" ? first : fixed[part];
}

function namesOf(part: NamedPart, { fixed, axes }: Typed): readonly string[] {
  const listed = axes.find(({ name }) => name === part)?.values ?? [];
  return [...listed.map(String), ...(fixed[part] === undefined ? [] : [fixed[part]])];
}

/** The space, its settings with their defaults filled in; or everything that is wrong with any of its points. */
async function checked(space: Space): Promise<Space> {
  const { validate } = await import("../io/validate.ts");
  const { value } = validate("scenario", inputAt(space));
  // what a setting leaves out has its default; a name is gone, as it stands for the part that was loaded
  const settings = space.settings.map((setting) =>
    namesPart(setting) ? setting : { ...setting, value: getPath(value, setting.path) },
  );
  const filled = { ...space, settings };
  const problems = [...(await valueProblems(space)), ...(await idleAxes(space))];
  if (problems.length === 0) problems.push(...spaceProblems(filled));
  if (problems.length > 0)
    throw new UserError("the flags do not give valid scenarios", problems.slice(0, MOST_PROBLEMS));
  return filled;
}

const MOST_PROBLEMS = 12;

/** What the schema says of values along each axis, the other axes at their first values. */
export async function valueProblems(space: Space): Promise<string[]> {
  const { validate } = await import("../io/validate.ts");
  const problems = new Set<string>(
    space.axes.length === 0 ? validate("scenario", inputAt(space)).problems : [],
  );
  for (const axis of space.axes)
    for (const value of telling(axis.values))
      for (const problem of validate("scenario", inputAt(space, { axis, value })).problems ?? [])
        problems.add(`${axis.name} ${value}: ${problem}`);
  return [...problems];
}

/** Axes along which nothing changes, because a setting fixes what they would move. */
async function idleAxes(space: Space): Promise<string[]> {
  const { validate } = await import("../io/validate.ts");
  return space.axes.flatMap((axis) => {
    const setting = space.settings.find(({ path }) => path[0] === partOf(axis.name));
    if (setting === undefined || axis.values.length < 2) return [];
    const scenarios = telling(axis.values).map((value) =>
      JSON.stringify(validate("scenario", inputAt(space, { axis, value })).value),
    );
    return new Set(scenarios).size > 1
      ? []
      : [`${typedAs(axis.name)}: changes nothing, because of --set ${setting.path.join(".")}`];
  });
}

interface Move {
  readonly axis: Axis;
  readonly value: AxisValue;
}

/** The scenario file with the flags and the axes' first values in it, one axis moved; not validated. */
function inputAt(space: Space, move?: Move): unknown {
  const { axes, fixed, file, own, sequenceParallel, settings, models, devices } = space;
  const point: Record<string, AxisValue> = { ...fixed };
  const set: Setting[] = settings.filter((setting) => !namesPart(setting));
  for (const axis of axes) {
    const now = axis === move?.axis ? move.value : axis.values[0]!;
    if (isFlag(axis.name)) point[axis.name] = now;
    else set.push({ path: axis.name.split("."), value: now });
  }
  const { model, hardware, ...rest } = point as Point;
  const loaded = {
    ...file,
    model: model === undefined ? file.model : models[model]!,
    hardware: hardware === undefined ? file.hardware : devices[hardware]!,
  };
  return applyWhatIf(loaded, rest, sequenceParallel, set, own).input;
}

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
