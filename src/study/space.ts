import type { Hardware } from "../schema/hardware.ts";
import type { Model } from "../schema/model.ts";
import { crossProblems } from "../schema/resolve.ts";
import type { Scenario } from "../schema/scenario.ts";
import { type FlagName, type Point, WHAT_IF_FLAGS } from "./flags.ts";
import { type Setting, setPath } from "./set-path.ts";
import { changeModel, changeNorm, changeWorkload, everything, type LoadedFile } from "./what-if.ts";

/** A flag or a field of the scenario, and the values it takes in turn. */
export interface Axis {
  /** a flag's name, or a dotted path into the scenario */
  readonly name: string;
  readonly values: readonly (string | number)[];
}

/** A scenario file, what flags fix in it, and the axes along which it moves. Plain data: workers get it as it is. */
export interface Space {
  readonly file: LoadedFile;
  readonly fixed: Point;
  readonly sequenceParallel: boolean;
  readonly settings: readonly Setting[];
  readonly axes: readonly Axis[];
  /** every model and hardware that an axis names */
  readonly models: Readonly<Record<string, Model>>;
  readonly devices: Readonly<Record<string, Hardware>>;
}

/** Points of a space: the product of its axes' lengths. */
export const sizeOf = ({ axes }: Space): number =>
  axes.reduce((product, { values }) => product * values.length, 1);

/** Writes the index of each axis' value at a point into `digits`; the last axis moves fastest. */
export function digitsAt(axes: readonly Axis[], index: number, digits: number[]): void {
  let rest = index;
  for (let axis = axes.length - 1; axis >= 0; axis--) {
    const { length } = axes[axis]!.values;
    digits[axis] = rest % length;
    rest = Math.floor(rest / length);
  }
}

const PARTS = [
  "model",
  "hardware",
  "workload",
  "precision",
  "normalization",
  "kernels",
  "runtime",
  "parallelism",
] as const;

/** A field of the scenario; each flag and each path moves one of them. */
type Part = (typeof PARTS)[number];

/** The part of the scenario that an axis moves; undefined for a path that leads nowhere. */
export function partOf(name: string): Part | undefined {
  const flag = WHAT_IF_FLAGS.find((one) => one.name === name);
  const first = (flag?.field ?? name).split(".", 1)[0];
  return PARTS.find((part) => part === first);
}

const isFlag = (name: string): name is FlagName => WHAT_IF_FLAGS.some((flag) => flag.name === name);

/**
 * Scenarios of a space by the digits of a point. A part is made again only when an axis that moves it has moved, so
 * that neighbours share all others: what the simulator remembers stays valid. Nothing is validated.
 */
export function scenariosOf(space: Space): (digits: readonly number[]) => Scenario {
  const parts = PARTS.map((part) => partMaker(space, part));
  const [model, hardware, workload, precision, normalization, kernels, runtime, parallelism] = parts as [
    (digits: readonly number[]) => Model,
    (digits: readonly number[]) => Hardware,
    (digits: readonly number[]) => Scenario["workload"],
    (digits: readonly number[]) => Scenario["precision"],
    (digits: readonly number[]) => LoadedFile["normalization"],
    (digits: readonly number[]) => Scenario["kernels"],
    (digits: readonly number[]) => Scenario["runtime"],
    (digits: readonly number[]) => Scenario["parallelism"],
  ];
  const norm = normalizationKeeper();
  return (digits) => {
    const modelNow = model(digits);
    return {
      model: modelNow,
      hardware: hardware(digits),
      workload: workload(digits),
      precision: precision(digits),
      normalization: norm(normalization(digits), modelNow.norm),
      kernels: kernels(digits),
      runtime: runtime(digits),
      parallelism: parallelism(digits),
    };
  };
}

/** The model's own norm where the file and the flags name none. */
function normalizationKeeper() {
  let last: LoadedFile["normalization"] | undefined;
  let filled: Scenario["normalization"] | undefined;
  return (norm: LoadedFile["normalization"], own: Model["norm"]): Scenario["normalization"] => {
    const kind = norm.kind ?? own;
    if (norm !== last || filled?.kind !== kind) filled = { kind, implementation: norm.implementation };
    last = norm;
    return filled;
  };
}

function partMaker(space: Space, part: Part): (digits: readonly number[]) => unknown {
  const axes = space.axes.flatMap(({ name }, index) => (partOf(name) === part ? [index] : []));
  let lastDigits: readonly number[] | undefined;
  let made: unknown;
  return (digits) => {
    if (lastDigits === undefined || axes.some((axis, i) => digits[axis] !== lastDigits![i])) {
      lastDigits = axes.map((axis) => digits[axis]!);
      made = makePart(space, part, axes, digits);
    }
    return made;
  };
}

function makePart(space: Space, part: Part, axes: readonly number[], digits: readonly number[]): unknown {
  const point: Record<string, string | number> = { ...space.fixed };
  let settings = space.settings;
  for (const index of axes) {
    const { name, values } = space.axes[index]!;
    const value = values[digits[index]!]!;
    if (isFlag(name)) point[name] = value;
    else settings = [...settings, { path: name.split("."), value }];
  }
  const whole = { [part]: fromFlags(space, part, point as Point) };
  const changed = settings
    .filter((setting) => setting.path[0] === part && !namesPart(setting))
    .reduce<unknown>((tree, { path, value }) => setPath(tree, path, value), whole);
  return (changed as Record<string, unknown>)[part];
}

/** `--set model=name` is what `--model` says: a name to load, not a value to put there. */
export const namesPart = ({ path, value }: Setting): boolean =>
  path.length === 1 && typeof value === "string" && (path[0] === "model" || path[0] === "hardware");

function fromFlags({ file, sequenceParallel, models, devices }: Space, part: Part, point: Point): unknown {
  switch (part) {
    case "model":
      return changeModel(point.model === undefined ? file.model : models[point.model]!, point).value;
    case "hardware":
      return point.hardware === undefined ? file.hardware : devices[point.hardware]!;
    case "workload":
      return withSequence(changeWorkload(file.workload, point).value);
    case "precision":
      return point.precision === undefined ? file.precision : everything(point.precision);
    case "normalization":
      return changeNorm(file.normalization, point.norm);
    case "kernels":
      return {
        pointwise: point.pointwise ?? file.kernels.pointwise,
        attention: point.attention ?? file.kernels.attention,
      };
    case "runtime":
      return point.runtime ?? file.runtime;
    case "parallelism":
      return {
        tensor: point["tensor-parallel"] ?? file.parallelism.tensor,
        sequenceParallel: sequenceParallel || file.parallelism.sequenceParallel,
      };
  }
}

const withSequence = (workload: { readonly sequence?: number }) => ({
  ...workload,
  sequence: workload.sequence ?? 1,
});

/** Problems of one point that only show where its parts meet; empty for a scenario that can be simulated. */
export function pointProblems(scenario: Scenario): string[] {
  const { heads, kvHeads, rotaryDim, headDim } = scenario.model;
  const { phase, sequence, context } = scenario.workload;
  const problems = crossProblems(scenario);
  if (heads % kvHeads !== 0)
    problems.push(`model.kvHeads: expected a divisor of heads (${heads}), got ${kvHeads}`);
  if (rotaryDim !== undefined && rotaryDim > headDim)
    problems.push("model.rotaryDim: expected at most headDim");
  if (phase === "decode" && sequence !== 1)
    problems.push(`workload.sequence: expected 1 in decode, got ${sequence}`);
  if (phase === "train" && context !== 0)
    problems.push(`workload.context: expected 0 in train, got ${context}`);
  return problems;
}

/** Parts whose values meet in a rule; each group is checked in all its combinations. */
const MEETING_PARTS: readonly (readonly Part[])[] = [
  ["model", "parallelism"],
  ["hardware", "precision"],
];

/** Axes of the workload that a rule joins: a decode step has one token, training no context. */
const PHASE_RULES = [
  "phase",
  "sequence",
  "context",
  "workload.phase",
  "workload.sequence",
  "workload.context",
];

const MOST_PROBLEMS = 8;

const extremes = (values: Axis["values"]): Axis["values"] =>
  values.length <= 2 ? values : [values[0]!, values[values.length - 1]!];

/** What is wrong with points of the space, and where, before any of them is simulated. */
export function spaceProblems(space: Space): string[] {
  const scenarioAt = scenariosOf(space);
  const found = new Set<string>();
  const splitsTokens = space.sequenceParallel || space.file.parallelism.sequenceParallel;
  const movesPhase = space.axes.some(({ name }) => name.endsWith("phase"));
  const groups: readonly ((name: string) => boolean)[] = [
    ...MEETING_PARTS.map((parts) => (name: string) => parts.some((part) => part === partOf(name))),
    (name) => PHASE_RULES.includes(name),
    ...(splitsTokens ? [(name: string) => ["workload", "parallelism"].includes(partOf(name) ?? "")] : []),
  ];
  for (const belongs of groups) {
    const moving = space.axes.map(({ name }) => belongs(name));
    // lengths meet the phase's rules one by one, unless the phase moves too: their extremes tell
    const axes = space.axes.map((axis, index) =>
      moving[index] && (movesPhase || splitsTokens || !PHASE_RULES.includes(axis.name))
        ? axis
        : { ...axis, values: moving[index] ? extremes(axis.values) : axis.values.slice(0, 1) },
    );
    const digits: number[] = [];
    for (let index = 0; index < sizeOf({ ...space, axes }); index++) {
      digitsAt(axes, index, digits);
      const where = axes.flatMap(({ name, values }, axis) =>
        moving[axis] ? [`${name} ${values[digits[axis]!]}`] : [],
      );
      for (const problem of pointProblems(scenarioAt(digits)))
        found.add(where.length === 0 ? problem : `at ${where.join(", ")}: ${problem}`);
      if (found.size > MOST_PROBLEMS) return [...[...found].slice(0, MOST_PROBLEMS), "..."];
    }
  }
  return [...found];
}
