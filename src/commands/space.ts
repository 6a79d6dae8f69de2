import { UserError } from "../errors.ts";
import { readDocuments } from "../io/document.ts";
import { type Library, loadScenario } from "../io/load.ts";
import type { Io } from "../io/terminal.ts";
import type { Hardware } from "../schema/hardware.ts";
import type { Model } from "../schema/model.ts";
import { withoutSchema } from "../schema/resolve.ts";
import { type FlagName, type Point, WHAT_IF_FLAGS } from "../study/flags.ts";
import { parseNumbers } from "../study/numbers.ts";
import { parseWords } from "../study/points.ts";
import type { Setting } from "../study/set-path.ts";
import { type Axis, namesPart, partOf, type Space, sizeOf, spaceProblems } from "../study/space.ts";
import { applyWhatIf } from "../study/what-if.ts";
import { optionName, readSetting, type WhatIfOptions } from "./scenarios.ts";

export type AxisOptions = WhatIfOptions & { readonly axis?: readonly string[] };

/** More values of one axis than this are a mistake. */
const MOST_VALUES = 1e7;
/** More points than this take hours, and were most likely not meant. */
const MOST_SPACE_POINTS = 1e9;

/** The space that a command line spans: lists of flags and `--axis` as axes, in the order they were typed. */
export async function loadSpace(
  reference: string,
  options: AxisOptions,
  argv: readonly string[],
  io: Io,
): Promise<Space> {
  const { fixed, axes, problems } = readAxes(options, argv);
  if (problems.length > 0) throw new UserError("the flags cannot be read", problems);
  const settings = (options.set ?? []).map(readSetting);
  const [document, second] = await readDocuments("scenario", reference, io);
  if (document === undefined || second !== undefined)
    throw new UserError(`${reference} holds more than one scenario: one can be swept at a time`);
  const library: Library = new Map();
  const named = (part: "model" | "hardware") => nameOf(part, fixed, axes, settings);
  const base = { model: named("model"), hardware: named("hardware") };
  const file = await loadScenario(document, base, library);
  const models = new Map<string, Model>();
  const devices = new Map<string, Hardware>();
  for (const name of namesOf("model", fixed, axes))
    models.set(
      name,
      withoutSchema<Model>((await loadScenario(document, { ...base, model: name }, library)).model),
    );
  for (const name of namesOf("hardware", fixed, axes))
    devices.set(
      name,
      withoutSchema<Hardware>((await loadScenario(document, { ...base, hardware: name }, library)).hardware),
    );
  const space: Space = {
    file: {
      ...file,
      model: withoutSchema<Model>(file.model),
      hardware: withoutSchema<Hardware>(file.hardware),
    },
    fixed,
    sequenceParallel: options.sequenceParallel === true,
    settings,
    axes,
    models: Object.fromEntries(models),
    devices: Object.fromEntries(devices),
  };
  const size = sizeOf(space);
  if (size > MOST_SPACE_POINTS)
    throw new UserError(`${size} points: expected at most ${MOST_SPACE_POINTS}; take coarser steps`);
  await checkSpace(space);
  return space;
}

interface ReadAxes {
  readonly fixed: Point;
  readonly axes: readonly Axis[];
  readonly problems: readonly string[];
}

function readAxes(options: AxisOptions, argv: readonly string[]): ReadAxes {
  const problems: string[] = [];
  const fixed: Record<string, string | number> = {};
  const axes: { axis: Axis; at: number }[] = [];
  for (const { name, kind } of WHAT_IF_FLAGS) {
    const text = options[optionName(name)];
    if (typeof text !== "string") continue;
    const { values, problem } = kind === "numbers" ? parseNumbers(text, MOST_VALUES) : parseWords(text);
    if (problem !== undefined) problems.push(`--${name}: ${problem}`);
    else if (values!.length === 1) fixed[name] = values![0]!;
    else axes.push({ axis: { name, values: values! }, at: lastPlace(argv, `--${name}`) });
  }
  (options.axis ?? []).forEach((text, index) => {
    const { axis, problem } = parseAxis(text);
    if (problem !== undefined) problems.push(`--axis: ${problem}`);
    else axes.push({ axis: axis!, at: places(argv, "--axis")[index] ?? argv.length });
  });
  axes.sort((a, b) => a.at - b.at);
  const names = axes.map(({ axis }) => axis.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index || name in fixed);
  if (twice !== undefined) problems.push(`${twice} is given twice`);
  return { fixed, axes: axes.map(({ axis }) => axis), problems };
}

const places = (argv: readonly string[], flag: string): number[] =>
  argv.flatMap((word, index) => (word === flag || word.startsWith(`${flag}=`) ? [index] : []));

const lastPlace = (argv: readonly string[], flag: string): number => places(argv, flag).at(-1) ?? -1;

type ParsedAxis =
  | { readonly axis: Axis; readonly problem?: never }
  | { readonly axis?: never; readonly problem: string };

/** `hardware.hbmBytesPerSecond=1e12-5e12+1e12` or `precision.kvCache=bf16,fp16`. */
function parseAxis(text: string): ParsedAxis {
  const [, path, list] = /^\s*([\w.$-]+)\s*=(.*)$/s.exec(text) ?? [];
  if (path === undefined || list === undefined)
    return { problem: `expected path=values, such as workload.batch=1,8, got ${JSON.stringify(text)}` };
  if (!path.includes(".") && path !== "runtime")
    return { problem: `${path} is no field with a value of its own (there is --${path} for names)` };
  if (partOf(path) === undefined || isFlagName(path))
    return { problem: `${path} is not a field of a scenario, such as hardware.hbmBytesPerSecond` };
  if (/^\s*[-\d.]/.test(list)) {
    const { values, problem } = parseNumbers(list, MOST_VALUES);
    return problem === undefined
      ? { axis: { name: path, values: values! } }
      : { problem: `${path}: ${problem}` };
  }
  const { values, problem } = parseWords(list);
  return problem === undefined
    ? { axis: { name: path, values: values! } }
    : { problem: `${path}: ${problem}` };
}

const isFlagName = (name: string): name is FlagName => WHAT_IF_FLAGS.some((flag) => flag.name === name);

/** The model or hardware that the first point has. */
function nameOf(
  part: "model" | "hardware",
  fixed: Point,
  axes: readonly Axis[],
  settings: readonly Setting[],
): string | undefined {
  const set = settings.findLast(({ path }) => path.length === 1 && path[0] === part)?.value;
  if (typeof set === "string") return set;
  const first = axes.find(({ name }) => name === part)?.values[0];
  return typeof first === "string" ? first : fixed[part];
}

function namesOf(part: "model" | "hardware", fixed: Point, axes: readonly Axis[]): readonly string[] {
  const listed = axes.find(({ name }) => name === part)?.values ?? [];
  return [...listed.map(String), ...(fixed[part] === undefined ? [] : [fixed[part]])];
}

/** Everything that is wrong with any point is said before the first one is simulated. */
async function checkSpace(space: Space): Promise<void> {
  const problems = [...(await valueProblems(space))];
  if (problems.length === 0) problems.push(...spaceProblems(space));
  if (problems.length > 0)
    throw new UserError("the flags do not give valid scenarios", problems.slice(0, MOST_PROBLEMS));
}

const MOST_PROBLEMS = 12;

/** What the schema says of values along each axis, the other axes at their first values. */
export async function valueProblems(space: Space): Promise<string[]> {
  const { validate } = await import("../io/validate.ts");
  const problemsAt = (moving: Axis | undefined, value: string | number | undefined): readonly string[] =>
    validate("scenario", inputAt(space, moving, value)).problems ?? [];
  const problems = new Set<string>(space.axes.length === 0 ? problemsAt(undefined, undefined) : []);
  for (const axis of space.axes)
    for (const value of telling(axis.values))
      for (const problem of problemsAt(axis, value)) problems.add(`${axis.name} ${value}: ${problem}`);
  return [...problems];
}

/** The scenario file with the flags and the axes' values in it, not validated. */
function inputAt(space: Space, moving: Axis | undefined, value: string | number | undefined): unknown {
  const { axes, fixed, file, sequenceParallel, settings, models, devices } = space;
  const point: Record<string, string | number> = { ...fixed };
  const set = settings.filter((setting) => !namesPart(setting));
  for (const axis of axes) {
    const now = axis === moving ? value! : axis.values[0]!;
    if (isFlagName(axis.name)) point[axis.name] = now;
    else set.push({ path: axis.name.split("."), value: now });
  }
  const { model, hardware, ...rest } = point as Point;
  const loaded = {
    ...file,
    model: model === undefined ? file.model : models[model]!,
    hardware: hardware === undefined ? file.hardware : devices[hardware]!,
  };
  return applyWhatIf(loaded, rest, sequenceParallel, set).input;
}

/** Values that show what is wrong with any: every word; of numbers the extremes and the first that is not whole. */
function telling(values: readonly (string | number)[]): readonly (string | number)[] {
  if (typeof values[0] === "string") return values;
  const numbers = values as readonly number[];
  const broken = numbers.find((value) => !Number.isInteger(value));
  let [least, most] = [numbers[0]!, numbers[0]!];
  for (const value of numbers) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return [...new Set([least, most, ...(broken === undefined ? [] : [broken])])];
}
