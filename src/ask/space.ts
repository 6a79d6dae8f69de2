import type { Hardware } from "../schema/hardware.ts";
import type { Model } from "../schema/model.ts";
import type { LoadedFile, Scenario } from "../schema/scenario.ts";
import { named } from "./differences.ts";
import { type FlagName, type Point, WHAT_IF_FLAGS } from "./flags.ts";
import type { Setting } from "./set-path.ts";
import {
  changeHardware,
  changeKernels,
  changeLayerKind,
  changeModel,
  changeNorm,
  changeParallelism,
  changePrecision,
  changeWorkload,
  normFor,
  wholeModel,
  withNamedSizes,
} from "./what-if.ts";
import { withSettings } from "./with-settings.ts";

export type AxisValue = string | number | boolean;

/** A flag or a field of the scenario, and the values it takes in turn. */
export interface Axis {
  /** a flag's name, or a dotted path into the scenario */
  readonly name: string;
  readonly values: readonly AxisValue[];
}

/** A scenario file, what flags fix in it, and the axes along which it moves. Plain data: workers get it as it is. */
export interface Space {
  readonly file: LoadedFile;
  /** the model that the file itself names, wherever a flag puts another one in its place */
  readonly own: Model;
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
  "training",
  "layerKind",
] as const;

/** A field of the scenario; each flag and each path moves one of them. */
type Part = (typeof PARTS)[number];

/** The path of the field that a flag or an axis is about. */
export const fieldOf = (name: string): string =>
  WHAT_IF_FLAGS.find((flag) => flag.name === name)?.field ?? name;

/** The part of the scenario that an axis moves; undefined for a path that leads nowhere. */
export function partOf(name: string): Part | undefined {
  const [first] = fieldOf(name).split(".", 1);
  return PARTS.find((part) => part === first);
}

export const isFlag = (name: string): name is FlagName => WHAT_IF_FLAGS.some((flag) => flag.name === name);

/**
 * Scenarios of a space by the digits of a point. A part is made again only when an axis that moves it has moved, so
 * that neighbours share all others: what the simulator remembers stays valid. Nothing is validated.
 */
export function scenariosOf(space: Space): (digits: readonly number[]) => Scenario {
  const parts = PARTS.map((part) => partMaker(space, part));
  const [
    model,
    hardware,
    workload,
    precision,
    normalization,
    kernels,
    runtime,
    parallelism,
    training,
    layerKind,
  ] = parts as [
    (digits: readonly number[]) => Model,
    (digits: readonly number[]) => Hardware,
    (digits: readonly number[]) => Scenario["workload"],
    (digits: readonly number[]) => Scenario["precision"],
    (digits: readonly number[]) => LoadedFile["normalization"],
    (digits: readonly number[]) => Scenario["kernels"],
    (digits: readonly number[]) => Scenario["runtime"],
    (digits: readonly number[]) => Scenario["parallelism"],
    (digits: readonly number[]) => Scenario["training"],
    (digits: readonly number[]) => Scenario["layerKind"],
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
      training: training(digits),
      layerKind: layerKind(digits),
    };
  };
}

/** The model's own norm where the file and the flags name none. */
function normalizationKeeper() {
  let last: LoadedFile["normalization"] | undefined;
  let filled: Scenario["normalization"] | undefined;
  return (norm: LoadedFile["normalization"], own: Model["norm"]): Scenario["normalization"] => {
    // as it is, so that it is the same whenever its axis comes round
    if (norm.kind !== undefined) return norm as Scenario["normalization"];
    if (norm !== last || filled?.kind !== own) filled = { kind: own, implementation: norm.implementation };
    last = norm;
    return filled;
  };
}

/** Another model may have another norm than the one that the file asks for. */
const moves = (name: string, part: Part): boolean =>
  partOf(name) === part || (part === "normalization" && name === "model");

/** A part of so many values at most is made once for each, however often its axes come round. */
const MOST_KEPT = 16_384;

function partMaker(space: Space, part: Part): (digits: readonly number[]) => unknown {
  const axes = space.axes.flatMap(({ name }, index) => (moves(name, part) ? [index] : []));
  if (axes.length === 0) {
    const made = makePart(space, part, axes, []);
    return () => made;
  }
  const count = axes.reduce((product, axis) => product * space.axes[axis]!.values.length, 1);
  const kept: unknown[] | undefined = count > 0 && count <= MOST_KEPT ? [] : undefined;
  const last = axes.map(() => -1);
  let made: unknown;
  return (digits) => {
    let place = 0;
    let moved = false;
    for (let i = 0; i < axes.length; i++) {
      const digit = digits[axes[i]!]!;
      if (digit !== last[i]) moved = true;
      last[i] = digit;
      place = place * space.axes[axes[i]!]!.values.length + digit;
    }
    if (!moved) return made;
    made = kept?.[place] ?? makePart(space, part, axes, digits);
    if (kept !== undefined) kept[place] = made;
    return made;
  };
}

function makePart(space: Space, part: Part, axes: readonly number[], digits: readonly number[]): unknown {
  const point: Record<string, AxisValue> = { ...space.fixed };
  let settings = space.settings;
  for (const index of axes) {
    const { name, values } = space.axes[index]!;
    const value = values[digits[index]!]!;
    if (isFlag(name)) point[name] = value;
    else settings = [...settings, { path: name.split("."), value }];
  }
  const whole = { [part]: fromFlags(space, part, withNamedSizes(point as Point, settings)) };
  const ofPart = settings.filter((setting) => setting.path[0] === part && !namesPart(setting));
  const changed = withSettings(whole, ofPart);
  const made = (changed as Record<string, unknown>)[part];
  if (part === "model") return named(modelAt(space, point as Point), made as Model);
  return part === "workload" ? withSequence(made as Workload) : made;
}

const modelAt = ({ file, models }: Space, { model }: Point): Model =>
  model === undefined ? file.model : models[model]!;

/** `--set model=name` is what `--model` says: a name to load, not a value to put there. */
export const namesPart = ({ path, value }: Setting): boolean =>
  path.length === 1 && typeof value === "string" && (path[0] === "model" || path[0] === "hardware");

function fromFlags(space: Space, part: Part, point: Point): unknown {
  const { file, own, sequenceParallel, settings, devices } = space;
  switch (part) {
    case "model":
      return changeModel(modelAt(space, point), point).value;
    case "hardware":
      return changeHardware(point.hardware === undefined ? file.hardware : devices[point.hardware]!, point);
    case "workload":
      return changeWorkload(file.workload, point).value;
    case "precision":
      return changePrecision(file.precision, point.precision);
    case "normalization":
      return changeNorm(
        normFor(file.normalization, wholeModel(settings) ?? modelAt(space, point), own),
        point.norm,
      );
    case "kernels":
      return changeKernels(file.kernels, point);
    case "runtime":
      return point.runtime ?? file.runtime;
    case "parallelism":
      return changeParallelism(file.parallelism, point, sequenceParallel);
    case "training":
      return file.training;
    case "layerKind":
      return changeLayerKind(file, point);
  }
}

type Workload = LoadedFile["workload"];

const withSequence = (workload: Workload): Workload => ({ ...workload, sequence: workload.sequence ?? 1 });
