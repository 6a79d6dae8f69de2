import { UserError } from "../errors.ts";
import { isConfig } from "../hugging-face/is-config.ts";
import type { Hardware } from "../schema/hardware.ts";
import type { Model } from "../schema/model.ts";
import { withoutSchema } from "../schema/resolve.ts";
import type { LoadedFile, ScenarioFile } from "../schema/scenario.ts";
import type { Stack } from "../schema/stack.ts";
import { underFile } from "../schema/stack-choices.ts";
import { type Document, onlyDocument, readDocument, readDocuments, readReferred } from "./document.ts";
import type { Io } from "./terminal.ts";
import type { SchemaKind, Validated } from "./validate.ts";

/** Models and hardware by name or path, each read once however often it is asked for. */
export interface Library {
  readonly io: Io;
  readonly parts: Map<string, Promise<Loaded<unknown>>>;
  /** the files that were read */
  readonly read: Set<string>;
}

export const library = (io: Io): Library => ({ io, parts: new Map(), read: new Set() });

/** The value with its defaults filled in, or one line for each problem. */
export type Loaded<T> =
  | {
      readonly value: T;
      /** what a reader of its figures must know */
      readonly notes: readonly string[];
      /** of a config.json: which field is from which key */
      readonly mapped?: readonly string[] | undefined;
      /** where it was read */
      readonly label?: string;
      readonly problems?: never;
    }
  | { readonly value?: never; readonly problems: readonly string[] };

/** The document as its kind of thing, defaults filled in, or its problems; a model may be a config.json. */
export async function read<K extends SchemaKind>(kind: K, document: Document): Promise<Loaded<Validated<K>>> {
  if (document.trusted) return { value: withoutSchema(document.data as Validated<K>), notes: [] };
  if (kind === "model" && isConfig(document.data)) return readConfig(kind, document);
  const { validate } = await import("./validate.ts");
  const { value, problems } = validate(kind, document.data);
  return problems === undefined ? { value: withoutSchema(value as Validated<K>), notes: [] } : { problems };
}

async function readConfig<K extends SchemaKind>(
  kind: K,
  { data, label, origin }: Document,
): Promise<Loaded<Validated<K>>> {
  const { importModel } = await import("../hugging-face/import-model.ts");
  const { imported, problems } = importModel(data as Readonly<Record<string, unknown>>, origin);
  if (problems !== undefined) return { problems };
  const { validate } = await import("./validate.ts");
  const checked = validate(kind, imported.model);
  if (checked.problems !== undefined) return { problems: checked.problems };
  const notes = imported.notes.map((note) => `${label}: ${note}`);
  return { value: checked.value as Validated<K>, notes, mapped: imported.mapped };
}

/** The same, for a caller to whom problems are the end. */
export async function readOrThrow<K extends SchemaKind>(
  kind: K,
  document: Document,
): Promise<Exclude<Loaded<Validated<K>>, { problems: readonly string[] }>> {
  const loaded = await read(kind, document);
  if (loaded.problems !== undefined) throw notValid(kind, document.label, loaded.problems);
  return loaded;
}

export const BAD_FLAGS = "the flags do not give a valid scenario";

const notValid = (kind: SchemaKind, label: string, problems: readonly string[]): UserError =>
  new UserError(`${label} is not a valid ${kind === "hardware" ? "hardware profile" : kind}`, problems);

/** A scenario document with its model and its hardware; `instead` are the ones that flags name. */
export async function loadScenario(
  given: Document,
  instead: { readonly model?: string | undefined; readonly hardware?: string | undefined },
  library: Library,
): Promise<LoadedScenario> {
  if (isConfig(given.data)) throw isNoScenario(given.label);
  library.read.add(given.path);
  const { document, stack, problems: stackProblems = [] } = await withStack(given, library);
  const { value: file, problems: ownProblems = [] } = await read("scenario", documentWith(document, instead));
  const problems = [...stackProblems, ...ownProblems];
  const references = file ?? (isObject(document.data) ? { ...document.data, ...defined(instead) } : {});
  const model = await part("model", references.model, instead.model, document, library);
  const hardware = await part("hardware", references.hardware, instead.hardware, document, library);
  const all = [...problems, ...(model.problems ?? []), ...(hardware.problems ?? [])];
  if (model.problems !== undefined || hardware.problems !== undefined || all.length > 0) {
    const fromFlags =
      problems.length === 0 &&
      (model.problems === undefined || instead.model !== undefined) &&
      (hardware.problems === undefined || instead.hardware !== undefined);
    throw fromFlags ? new UserError(BAD_FLAGS, all) : notValid("scenario", document.label, all);
  }
  const loaded = {
    ...(file as ScenarioFile),
    model: model.value as Model,
    hardware: hardware.value as Hardware,
    stack,
  };
  const own = instead.model === undefined ? loaded.model : await ownModel(document, library);
  return {
    // a kind of norm is asked for of some model: without that it is nobody's
    file:
      own === undefined ? { ...loaded, normalization: { ...loaded.normalization, kind: undefined } } : loaded,
    own: own ?? loaded.model,
    notes: [...model.notes, ...hardware.notes],
    files: {
      scenario: document.label,
      model: model.label ?? document.label,
      hardware: hardware.label ?? document.label,
    },
  };
}

/** Models or hardware that flags name beside a scenario, by their names. */
export async function loadNamed<K extends NamedPart>(
  kind: K,
  names: readonly string[],
  document: Document,
  library: Library,
): Promise<{ readonly values: Readonly<Record<string, Validated<K>>>; readonly notes: readonly string[] }> {
  const values: Record<string, Validated<K>> = {};
  const notes: string[] = [];
  for (const name of names) {
    const loaded = await part(kind, name, name, document, library);
    if (loaded.problems !== undefined) throw new UserError(BAD_FLAGS, loaded.problems);
    values[name] = loaded.value as Validated<K>;
    notes.push(...loaded.notes);
  }
  return { values, notes };
}

interface Stacked {
  readonly document: Document;
  readonly stack?: Stack | undefined;
  readonly problems?: readonly string[];
}

/** The document with what the stack that it names says about kernels filled in. */
async function withStack(document: Document, library: Library): Promise<Stacked> {
  if (!isObject(document.data) || document.data["stack"] === undefined) return { document };
  const { stack: named, ...rest } = document.data;
  const found = await part("stack", named, undefined, document, library);
  if (found.problems !== undefined)
    return { document: { ...document, data: rest, trusted: false }, problems: found.problems };
  const { value: stack, problems } = await read("stack", { ...document, data: found.value, trusted: false });
  // what is wrong with a stack that is written in the scenario, the scenario's own schema says
  if (problems !== undefined) return { document: { ...document, trusted: false } };
  return { document: { ...document, data: underFile(document.data, stack), trusted: false }, stack };
}

/** The model that the document itself names, where it can be read. */
async function ownModel(document: Document, library: Library): Promise<Model | undefined> {
  const { model } = document.data as { readonly model?: unknown };
  const { value } = await part("model", model, undefined, document, library);
  return isObject(value) ? (value as Model) : undefined;
}

/** Where a scenario and its parts were read; a part that is written in the scenario's file is from there. */
export interface ScenarioFiles {
  readonly scenario: string;
  readonly model: string;
  readonly hardware: string;
}

interface LoadedScenario {
  readonly file: LoadedFile;
  /** the model that the scenario itself names, also where a flag names another */
  readonly own: Model;
  readonly notes: readonly string[];
  readonly files: ScenarioFiles;
}

const isNoScenario = (label: string): UserError =>
  new UserError(`${label} is a model's config.json, not a scenario`, [
    `to run a scenario with it: \`norm-roofline run --model ${label === "standard input" ? "-" : label}\``,
  ]);

function documentWith(
  document: Document,
  instead: { model?: string | undefined; hardware?: string | undefined },
) {
  return isObject(document.data)
    ? { ...document, data: { ...document.data, ...defined(instead) } }
    : document;
}

const isObject = (data: unknown): data is Record<string, unknown> =>
  typeof data === "object" && data !== null && !Array.isArray(data);

const defined = (object: object): object =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

type NamedPart = "model" | "hardware" | "stack";

/** The scenario's model, hardware or stack: the object itself, or what its name or path leads to. */
async function part(
  kind: NamedPart,
  reference: unknown,
  flag: string | undefined,
  document: Document,
  library: Library,
): Promise<Loaded<unknown>> {
  const { parts } = library;
  if (isObject(reference)) return { value: withoutSchema(reference), notes: [] };
  if (typeof reference !== "string" || reference === "") return { value: reference, notes: [] };
  const key = JSON.stringify([kind, reference, flag === undefined ? document.folder : null]);
  const known = parts.get(key) ?? readPart(kind, reference, flag !== undefined, document, library);
  parts.set(key, known);
  const loaded = await known;
  const place = flag === undefined ? kind : `--${kind}`;
  return loaded.problems ? { problems: loaded.problems.map((line) => `${place}: ${line}`) } : loaded;
}

async function readPart(
  kind: NamedPart,
  reference: string,
  isFlag: boolean,
  scenario: Document,
  { io, read: files }: Library,
): Promise<Loaded<unknown>> {
  try {
    const document = isFlag
      ? await readFlagged(kind, reference, scenario, io)
      : readReferred(kind, reference, scenario.folder, io.environment);
    files.add(document.path);
    const loaded = await read(kind, document);
    return loaded.problems
      ? { problems: loaded.problems.map((line) => `${line} (in ${document.label})`) }
      : { ...loaded, label: document.label };
  } catch (error) {
    if (error instanceof UserError) return { problems: [error.message, ...error.problems] };
    throw error;
  }
}

const readFlagged = async (
  kind: NamedPart,
  reference: string,
  scenario: Document,
  io: Io,
): Promise<Document> =>
  kind === "model" && reference === "-"
    ? modelOnInput(scenario, io)
    : readDocument(kind, reference, ".", io.environment);

async function modelOnInput(scenario: Document, io: Io): Promise<Document> {
  if (scenario.label.startsWith("standard input"))
    throw new UserError("standard input is the scenario already: name the model's file");
  return onlyDocument(await readDocuments("model", "-", io), "standard input");
}
