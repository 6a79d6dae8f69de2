import type { Model } from "../schema/model.ts";
import { ofAnyType } from "./any-type.ts";
import { CLASS_DEFAULTS } from "./class-defaults.ts";
import { languageModel } from "./config.ts";
import { MODEL_TYPES, type ModelType } from "./model-types.ts";
import { notModelled } from "./not-modelled.ts";
import { isRecord } from "./parts.ts";
import { type Config, type Mapped, reader, shown } from "./reader.ts";
import { unknownType } from "./unknown-type.ts";
import { unusedKeys } from "./unused-keys.ts";

/** Whose config.json it is: for the name and the source of the model. */
export interface Origin {
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
  const read = reader(config, prefix, classDefaults(known.configClass, prefix));
  const architecture = ofAnyType(read, known.architecture(read), file);
  if (read.problems.length > 0) return { problems: [...new Set(read.problems)] };
  const model: Model = {
    name: origin.name,
    source: `${origin.source} (model_type ${type})`,
    ...architecture,
  };
  const notes = [
    ...defaultNotes(read.defaults, known),
    ...unusedNotes(unusedKeys(read, architecture, prefix), known),
    ...read.notes,
    ...notModelled(file, config),
    ...loadedFrom(file),
  ];
  return { imported: { model, mapped: mappings(read.mapped), notes } };
}

/** Files of their own name their sizes: only a config inside another leaves them to its class. */
const SIZES = new Set([
  "hidden_size",
  "num_hidden_layers",
  "num_attention_heads",
  "intermediate_size",
  "vocab_size",
  "n_embd",
  "n_layer",
  "n_layers",
  "n_head",
  "n_heads",
  "d_model",
  "dim",
  "hidden_dim",
]);

function classDefaults(configClass: string, prefix: string): Config {
  const all = CLASS_DEFAULTS[configClass] ?? {};
  if (prefix !== "") return all;
  return Object.fromEntries(Object.entries(all).filter(([key]) => !SIZES.has(key)));
}

/** What transformers noted is often not this model, but the one that it was trained on from. */
function loadedFrom({ _name_or_path: name }: Config): string[] {
  const isRepository =
    typeof name === "string" && /^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(name) && name.length <= 200;
  return isRepository ? [`_name_or_path ${name}: what it was loaded or trained on from`] : [];
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
