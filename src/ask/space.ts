import type { Hardware } from "../schema/hardware.ts";
import type { Model } from "../schema/model.ts";
import type { LoadedFile, ScenarioFile } from "../schema/scenario.ts";
import type { Stack } from "../schema/stack.ts";
import { fieldOf, type Point } from "./flags.ts";
import type { Setting } from "./set-path.ts";

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
  readonly settings: readonly Setting[];
  readonly axes: readonly Axis[];
  /** every model and hardware that a flag or an axis names */
  readonly models: Readonly<Record<string, Model>>;
  readonly devices: Readonly<Record<string, Hardware>>;
  /** every stack that a flag or an axis names */
  readonly stacks?: Readonly<Record<string, Stack>>;
}

/** Points of a space: the product of its axes' lengths. */
export const sizeOf = ({ axes }: Pick<Space, "axes">): number =>
  axes.reduce((product, { values }) => product * values.length, 1);

/** The value of each axis at a point; the last axis moves fastest. */
export function valuesAt(axes: readonly Axis[], index: number): AxisValue[] {
  const found: AxisValue[] = [];
  let rest = index;
  for (let axis = axes.length - 1; axis >= 0; axis--) {
    const { values } = axes[axis]!;
    found[axis] = values[rest % values.length]!;
    rest = Math.floor(rest / values.length);
  }
  return found;
}

/** What a scenario has, and a flag or a path may change. */
const PARTS: Readonly<Record<Exclude<keyof ScenarioFile, "$schema" | "description">, true>> = {
  model: true,
  hardware: true,
  workload: true,
  precision: true,
  stack: true,
  normalization: true,
  kernels: true,
  runtime: true,
  parallelism: true,
  training: true,
  layerKind: true,
};

/** The part of the scenario that a flag or a path is about; undefined for a path that leads nowhere. */
export function partOf(name: string): string | undefined {
  const [first] = fieldOf(name).split(".", 1);
  return Object.hasOwn(PARTS, first!) ? first : undefined;
}
