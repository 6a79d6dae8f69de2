import { UserError } from "../errors.ts";
import type { Hardware } from "../schema/hardware.ts";
import type { Model } from "../schema/model.ts";
import type { ScenarioFile } from "../schema/scenario.ts";
import type { LoadedFile } from "../study/what-if.ts";
import { type Document, readDocument } from "./document.ts";
import type { Outcome, SchemaKind, Validated } from "./validate.ts";

/** Models and hardware by name or path, each read once however often it is asked for. */
export type Library = Map<string, Promise<Outcome<unknown>>>;

/** The document as its kind of thing, defaults filled in, or its problems. */
export async function read<K extends SchemaKind>(
  kind: K,
  document: Document,
): Promise<Outcome<Validated<K>>> {
  if (document.trusted) return { value: withoutSchema(document.data) as Validated<K> };
  const { validate } = await import("./validate.ts");
  return validate(kind, document.data);
}

/** Editors want `$schema` in a file; nothing behind the files does. */
function withoutSchema(data: unknown): unknown {
  const { $schema, ...rest } = data as { $schema?: unknown };
  return rest;
}

/** The same, for a caller to whom problems are the end. */
export async function readOrThrow<K extends SchemaKind>(kind: K, document: Document): Promise<Validated<K>> {
  const { value, problems } = await read(kind, document);
  if (problems !== undefined) throw notValid(kind, document.label, problems);
  return value as Validated<K>;
}

const notValid = (kind: SchemaKind, label: string, problems: readonly string[]): UserError =>
  new UserError(`${label} is not a valid ${kind === "hardware" ? "hardware profile" : kind}`, problems);

/** A scenario document with its model and its hardware; `instead` are the ones that flags name. */
export async function loadScenario(
  document: Document,
  instead: { readonly model?: string | undefined; readonly hardware?: string | undefined },
  library: Library,
): Promise<LoadedFile> {
  const { value: file, problems = [] } = await read("scenario", documentWith(document, instead));
  const references = file ?? (isObject(document.data) ? { ...document.data, ...defined(instead) } : {});
  const model = await part("model", references.model, instead.model, document, library);
  const hardware = await part("hardware", references.hardware, instead.hardware, document, library);
  const all = [...problems, ...(model.problems ?? []), ...(hardware.problems ?? [])];
  if (all.length > 0) throw notValid("scenario", document.label, all);
  return { ...(file as ScenarioFile), model: model.value as Model, hardware: hardware.value as Hardware };
}

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

/** The scenario's model or hardware: the object itself, or what its name or path leads to. */
async function part(
  kind: "model" | "hardware",
  reference: unknown,
  flag: string | undefined,
  document: Document,
  library: Library,
): Promise<Outcome<unknown>> {
  if (typeof reference !== "string" || reference === "") return { value: reference };
  const folder = flag === undefined ? document.folder : ".";
  const key = `${kind} ${folder} ${reference}`;
  const known = library.get(key) ?? readPart(kind, reference, folder);
  library.set(key, known);
  const outcome = await known;
  const place = flag === undefined ? kind : `--${kind}`;
  return outcome.problems ? { problems: outcome.problems.map((line) => `${place}: ${line}`) } : outcome;
}

async function readPart(
  kind: "model" | "hardware",
  reference: string,
  folder: string,
): Promise<Outcome<unknown>> {
  try {
    const document = readDocument(kind, reference, folder);
    const outcome = await read(kind, document);
    return outcome.problems
      ? { problems: outcome.problems.map((line) => `${line} (in ${document.label})`) }
      : outcome;
  } catch (error) {
    if (error instanceof UserError) return { problems: [error.message, ...error.problems] };
    throw error;
  }
}
