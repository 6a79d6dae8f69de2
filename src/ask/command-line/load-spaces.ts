import { UserError } from "../../errors.ts";
import { type Document, readDocuments } from "../../io/document.ts";
import { type Library, library, loadNamed, loadScenario, type ScenarioFiles } from "../../io/load.ts";
import { noteAll } from "../../io/notes.ts";
import type { Io } from "../../io/terminal.ts";
import { keepInputs } from "../../io/write.ts";
import { MOST_POINTS } from "../numbers.ts";
import type { Space } from "../space.ts";
import { checkedSpace } from "./check-space.ts";
import { type Given, type Reading, readGiven, type WhatIfOptions } from "./given.ts";

export const DEFAULT_SCENARIO = "llama-3-70b-prefill-h100";

/** A table of results: somebody reads it. */
export const TABLE: Reading = { mostValues: MOST_POINTS, mostPoints: MOST_POINTS };

/** A sweep is read by programs; more points take hours. */
export const SWEEP: Reading = { mostValues: 1e7, mostPoints: 1e9 };

/** A space, and where it comes from. */
export interface LoadedSpace extends Space {
  /** what to call its scenario */
  readonly label: string;
  /** where the parts of its first point were read */
  readonly files: ScenarioFiles;
  /** what a reader of the answer must know of the files */
  readonly notes: readonly string[];
}

/** Every scenario named, as the space that the flags span around it; all that is wrong with any point is a UserError. */
export async function loadSpaces(
  references: readonly string[],
  options: WhatIfOptions,
  reading: Reading,
  io: Io,
): Promise<LoadedSpace[]> {
  const given = readGiven(options, reading);
  const parts = library(io);
  const spaces: LoadedSpace[] = [];
  for (const reference of references)
    for (const document of await readDocuments("scenario", reference, io))
      spaces.push(await checkedSpace(await loadSpace(document, given, parts)));
  keepInputs(options.output ?? [], parts.read);
  return spaces;
}

/** The space of one scenario. */
export async function loadOne(
  reference: string = DEFAULT_SCENARIO,
  options: WhatIfOptions,
  reading: Reading,
  io: Io,
): Promise<LoadedSpace> {
  const [space, second] = await loadSpaces([reference], options, reading, io);
  if (space === undefined || second !== undefined)
    throw new UserError(`${reference} holds more than one scenario: one can be taken at a time`);
  noteAll(space.notes, io);
  return space;
}

/** The same where no flag may list values, and why. */
export async function loadPoint(
  reference: string | undefined,
  options: WhatIfOptions,
  because: string,
  io: Io,
  vary?: string,
): Promise<LoadedSpace> {
  const space = await loadOne(reference, options, { ...SWEEP, vary }, io);
  const [axis] = space.axes;
  if (axis !== undefined) throw new UserError(`--${axis.name}: expected one value: ${because}`);
  return space;
}

/** The scenario file with the model and hardware of the first point, and all those that flags name. */
async function loadSpace(document: Document, given: Given, parts: Library): Promise<LoadedSpace> {
  const names = { model: namesOf("model", given), hardware: namesOf("hardware", given) };
  const first = { model: names.model[0], hardware: names.hardware[0] };
  const { file, own, files, notes } = await loadScenario(document, first, parts);
  const models = await loadNamed("model", names.model, document, parts);
  const devices = await loadNamed("hardware", names.hardware, document, parts);
  const stacks = await loadNamed("stack", namesOf("stack", given), document, parts);
  return {
    ...given,
    file,
    own,
    models: models.values,
    devices: devices.values,
    stacks: stacks.values,
    label: document.label.replace(/^scenarios\//, "").replace(/\.json$/, ""),
    files,
    notes: [...new Set([...notes, ...models.notes, ...devices.notes])],
  };
}

function namesOf(part: "model" | "hardware" | "stack", { fixed, axes }: Given): readonly string[] {
  const listed = axes.find(({ name }) => name === part)?.values.map(String);
  return listed ?? (fixed[part] === undefined ? [] : [fixed[part]]);
}
