import { contradictions } from "../ask/contradictions.ts";
import { type FlagName, type Point, WHAT_IF_FLAGS } from "../ask/flags.ts";
import { type FlagTexts, parseGrid } from "../ask/points.ts";
import { parseSetting, type Setting } from "../ask/set-path.ts";
import { namesPart } from "../ask/space.ts";
import { applyWhatIf, normFor } from "../ask/what-if.ts";
import { numberText } from "../ask/with-settings.ts";
import { UserError } from "../errors.ts";
import { type Document, readDocuments } from "../io/document.ts";
import { parseJson } from "../io/json.ts";
import { BAD_FLAGS, type Library, library, loadScenario } from "../io/load.ts";
import type { Io } from "../io/terminal.ts";
import { keepInputs } from "../io/write.ts";
import type { Model } from "../schema/model.ts";
import { resolveScenario } from "../schema/resolve.ts";
import type { LoadedFile, Scenario } from "../schema/scenario.ts";

/** The flags of every command that takes a scenario, under the names commander gives them (`kvHeads`). */
export interface WhatIfOptions {
  readonly [name: string]: unknown;
  readonly sequenceParallel?: boolean;
  readonly set?: readonly string[];
  /** files to write, where the command has any */
  readonly output?: readonly string[];
}

/** One scenario to simulate: where it comes from, and what flags made of it. */
export interface Case {
  readonly label: string;
  /** what flags changed about the model and the hardware that are named */
  readonly reshaped: readonly string[];
  readonly point: Point;
  readonly scenario: Scenario;
  readonly notes: readonly string[];
}

export interface Cases {
  readonly cases: readonly Case[];
  /** flags with more than one value */
  readonly varied: readonly FlagName[];
}

/** Every scenario named, with every combination of the flags' values. */
export async function loadCases(
  references: readonly string[],
  options: WhatIfOptions,
  io: Io,
): Promise<Cases> {
  const flags = flagTexts(options);
  const { grid, problems } = parseGrid(flags);
  if (problems !== undefined) throw new UserError("the flags cannot be read", problems);
  const settings = (options.set ?? []).map(readSetting);
  const sequenceParallel = options.sequenceParallel === true;
  const twice = contradictions({ flags, sequenceParallel, settings, moved: [] });
  if (twice.length > 0) throw new UserError(CONTRADICTION, twice);
  const parts = library(io);
  const cases: Case[] = [];
  for (const reference of references) {
    for (const document of await readDocuments("scenario", reference, io)) {
      for (const point of grid.points) {
        const change = { point, sequenceParallel, settings };
        const loaded = await loadCase(document, change, parts);
        cases.push({ ...loaded, reshaped: reshapedBy(change, grid.varied) });
      }
    }
  }
  keepInputs(options.output ?? [], parts.read);
  return { cases, varied: grid.varied };
}

export const CONTRADICTION = "the flags contradict each other: leave one out";

/** What was typed behind each flag. */
export const flagTexts = (options: WhatIfOptions): FlagTexts =>
  Object.fromEntries(WHAT_IF_FLAGS.map(({ name }) => [name, options[optionName(name)]]));

/** The name that commander gives an option: `kvHeads`. */
export const optionName = (flag: string): string =>
  flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

export function readSetting(text: string): Setting {
  const { setting, problem } = parseSetting(text, (value) => {
    const parsed = parseJson(value);
    return parsed.values?.length === 1 ? parsed.values[0] : value;
  });
  if (problem !== undefined) throw new UserError(`--set: ${problem}`);
  return setting as Setting;
}

interface Change {
  readonly point: Point;
  readonly sequenceParallel: boolean;
  readonly settings: readonly Setting[];
}

async function loadCase(document: Document, change: Change, parts: Library): Promise<Omit<Case, "reshaped">> {
  const { file, own, notes: imported } = await loadScenario(document, partsNamed(change), parts);
  const { file: changed, notes } = await changeFile(file, own, change);
  const { scenario, problems } = resolveScenario(changed, changed.model, changed.hardware);
  if (problems !== undefined) {
    const lines = problems.map((line) => withFlag(line, change.point));
    const isFlags = lines.some((line) => line.startsWith("--")) || change.settings.length > 0;
    throw new UserError(isFlags ? BAD_FLAGS : `${document.label} cannot be simulated`, lines);
  }
  return {
    label: shortLabel(document.label),
    point: change.point,
    scenario: scenario!,
    notes: [...imported, ...notes],
  };
}

/** Model and hardware that a flag, or `--set model=name`, puts in place of the file's. */
function partsNamed({ point, settings }: Change) {
  const set = (part: "model" | "hardware"): string | undefined => {
    const value = settings.find((setting) => namesPart(setting) && setting.path[0] === part)?.value;
    return value as string | undefined;
  };
  return { model: set("model") ?? point.model, hardware: set("hardware") ?? point.hardware };
}

async function changeFile(
  given: LoadedFile,
  own: Model,
  { point, sequenceParallel, settings }: Change,
): Promise<{ file: LoadedFile; notes: readonly string[] }> {
  if (Object.keys(point).length === 0 && settings.length === 0 && !sequenceParallel)
    return { file: given, notes: [] };
  // what a file says of itself is not true of what flags make of it
  const { description, ...file } = given;
  const rest = settings.filter((setting) => !namesPart(setting));
  const { model, hardware, ...flags } = point;
  if (Object.keys(flags).length === 0 && rest.length === 0 && !sequenceParallel)
    return { file: { ...file, normalization: normFor(file.normalization, file.model, own) }, notes: [] };
  const { input, notes } = applyWhatIf(file, point, sequenceParallel, rest, own);
  const { validate } = await import("../io/validate.ts");
  const { value, problems } = validate("scenario", input);
  if (problems !== undefined)
    throw new UserError(
      BAD_FLAGS,
      problems.map((line) => withFlag(line, point)),
    );
  return { file: value as LoadedFile, notes };
}

/** `workload.batch: ...` is what `--batch` was about. */
function withFlag(line: string, point: Point): string {
  const flag = WHAT_IF_FLAGS.find(
    ({ name, field }) =>
      point[name] !== undefined && (line.startsWith(`${field}:`) || line.startsWith(`${field}.`)),
  );
  return flag === undefined ? line : `--${flag.name}: ${line}`;
}

/** What tells a case from the others: its scenario, the values of its flags, or both. */
export function caseLabel(
  { label: scenario, reshaped, point }: Case,
  varied: readonly FlagName[],
  several = true,
): string {
  const values = varied.map((name) =>
    typeof point[name] === "number" ? `${name} ${point[name]}` : point[name],
  );
  const named = several || values.length === 0 ? [scenario, ...values] : values;
  return [...named, ...reshaped].join(", ");
}

const RESHAPES = /^(model|hardware)\.(?!gpuHourUsd)/;

/** `hidden 4096`, of flags that are the same for all cases. */
function reshapedBy({ point, settings }: Change, varied: readonly FlagName[]): string[] {
  const flags = WHAT_IF_FLAGS.filter(
    ({ name, field }) => point[name] !== undefined && !varied.includes(name) && RESHAPES.test(field),
  );
  const set = settings.filter(({ path }) => RESHAPES.test(path.join(".")));
  return [
    ...flags.map(({ name }) => `${name} ${point[name]}`),
    ...set.map(
      ({ path, value }) =>
        `${path.join(".")} ${typeof value === "number" ? numberText(value) : JSON.stringify(value)}`,
    ),
  ];
}

const shortLabel = (label: string): string => label.replace(/^scenarios\//, "").replace(/\.json$/, "");
