import type { Model } from "../schema/model.ts";
import { ofAnyType } from "./any-type.ts";
import { languageModel } from "./config.ts";
import { MODEL_TYPES, type ModelType } from "./model-types.ts";
import { notModelled } from "./not-modelled.ts";
import { isRecord } from "./parts.ts";
import { type Config, type Mapped, reader, shown } from "./reader.ts";
import { unknownType } from "./unknown-type.ts";
import { unusedKeys } from "./unused-keys.ts";

/** Whose config.json it is: for the name and the source of the model. */
export interface Origin {
  /** used where the file does not say its name itself */
  readonly name: string;
  readonly source: string;
}

/** A model made of a config.json, what was read for it, and what a reader of its figures must know. */
export interface ImportedModel {
  readonly model: Model;
  /** `hidden from hidden_size`, ... */
  readonly mapped: readonly string[];
  /** guesses, defaults, and what is not modelled */
  readonly notes: readonly string[];
}

export type Import =
  | { readonly imported: ImportedModel; readonly problems?: never }
  | { readonly imported?: never; readonly problems: readonly string[] };

/** The content of a Hugging Face config.json as a model, or one line for each problem with the key's name. Pure. */
export function importModel(file: Config, origin: Origin): Import {
  if (!isRecord(file)) return { problems: [`expected an object, got ${shown(file)}`] };
  const { config, prefix, type } = languageModel(file);
  const known = type !== undefined && Object.hasOwn(MODEL_TYPES, type) ? MODEL_TYPES[type] : undefined;
  if (known === undefined) return { problems: unknownType(type, config, prefix) };
  const read = reader(config, prefix);
  const architecture = ofAnyType(read, known.architecture(read), file);
  if (read.problems.length > 0) return { problems: [...new Set(read.problems)] };
  const model: Model = {
    name: nameOf(file) ?? origin.name,
    source: `${origin.source} (model_type ${type})`,
    ...architecture,
  };
  const notes = [
    ...defaultNotes(read.defaults, known),
    ...unusedNotes(unusedKeys(read, architecture, prefix), known),
    ...read.notes,
    ...notModelled(file, config),
  ];
  return { imported: { model, mapped: mappings(read.mapped), notes } };
}

/** The repository that transformers noted when the config was loaded, unless it is somebody's folder. */
function nameOf({ _name_or_path: name }: Config): string | undefined {
  return typeof name === "string" && /^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(name) && name.length <= 200
    ? name
    : undefined;
}

function defaultNotes(defaults: readonly string[], { configClass }: ModelType): string[] {
  return defaults.length === 0 ? [] : [`by ${configClass}'s defaults: ${[...new Set(defaults)].join(", ")}`];
}

function unusedNotes(keys: readonly string[], { configClass }: ModelType): string[] {
  return keys.length === 0 ? [] : [`left out, as ${configClass} makes nothing of it: ${keys.join(", ")}`];
}

function mappings(mapped: readonly Mapped[]): string[] {
  const keys = new Map<string, Set<string>>();
  for (const { field, key } of mapped) keys.set(field, (keys.get(field) ?? new Set()).add(key));
  return [...keys].map(([field, from]) => `${field} from ${[...from].join(" and ")}`);
}
