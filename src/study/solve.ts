import { scenarioAt } from "../ask/scenario-at.ts";
import type { Space } from "../ask/space.ts";
import type { Scenario } from "../schema/scenario.ts";
import { scenarioProblems } from "../schema/scenario-rules.ts";
import { answersFor } from "./answers-for.ts";
import type { ResultField } from "./result-field.ts";
import { type Range, type Scan, scan } from "./scan.ts";

/**
 * Where a field of the result reaches a target when one parameter of a space without axes moves. Values that make no
 * valid scenario (heads that the ranks do not divide) are left out.
 */
export function solve(space: Space, field: ResultField, target: number, name: string, range: Range): Scan {
  return scan(fieldAlong(space, field, name), target, range);
}

/** A field of the result as a function of one parameter; undefined where there is no scenario or no such number. */
export function fieldAlong(
  space: Space,
  field: ResultField,
  name: string,
): (value: number) => number | undefined {
  const scenarioAt = scenariosAlong(space, name);
  return (value) => {
    const scenario = scenarioAt(value);
    return scenario && (field.read(answersFor(scenario)) ?? undefined);
  };
}

/** The scenarios of a space without axes along one parameter; undefined where there is no such layer. */
export function scenariosAlong(space: Space, name: string): (value: number) => Scenario | undefined {
  const along = { ...space, axes: [{ name, values: [] }] };
  return (value) => {
    const scenario = scenarioAt(along, [value]);
    return scenarioProblems(scenario).length > 0 ? undefined : scenario;
  };
}

/** Names that people use for fields of the scenario. */
export const PARAMETER_ALIASES: Readonly<Record<string, string>> = {
  "hbm-bandwidth": "hardware.hbmBytesPerSecond",
  "compute-units": "hardware.computeUnits",
  "head-dim": "model.headDim",
  "l2-resident": "hardware.calibration.cache.residentBytes.value",
};

/** Ranges that hold what is built and what may come. */
const RANGES: Readonly<Record<string, Range>> = {
  batch: { from: 1, to: 4096, step: 1 },
  sequence: { from: 1, to: 131_072, step: 1 },
  context: { from: 1, to: 1_048_576, step: 1 },
  hidden: { from: 256, to: 65_536, step: 64 },
  ffn: { from: 64, to: 262_144, step: 64 },
  heads: { from: 1, to: 512, step: 1 },
  "kv-heads": { from: 1, to: 512, step: 1 },
  layers: { from: 1, to: 1024, step: 1 },
  "tensor-parallel": { from: 1, to: 64, step: 1 },
};

/** How far around its own value any other number is varied. */
const AROUND = 16;

/** Where a parameter is looked at unless the user says so; `value` is what the scenario has. */
export function defaultRange(name: string, value: number, whole: boolean): Range {
  const known = RANGES[name];
  if (known !== undefined) return known;
  return whole
    ? { from: Math.max(1, Math.floor(value / AROUND)), to: Math.ceil(Math.max(1, value) * AROUND), step: 1 }
    : { from: value / AROUND, to: value * AROUND, step: undefined };
}
