import { MODEL_TYPES } from "./model-types.ts";
import { isRecord } from "./parts.ts";
import type { Config } from "./reader.ts";

/** The language model in a config.json, and what it is. */
export interface LanguageModel {
  readonly config: Config;
  /** where it stands in the file: nothing, or `text_config.` */
  readonly prefix: string;
  /** `model_type`, or what the name of the architecture says */
  readonly type: string | undefined;
}

/** Models that see or hear keep their language model in `text_config`. */
export function languageModel(file: Config): LanguageModel {
  const type = typeOf(file);
  const inner = file["text_config"];
  if (!isRecord(inner)) return { config: file, prefix: "", type };
  const innerType = typeOf(inner) ?? type;
  const tie = inner["tie_word_embeddings"] ?? file["tie_word_embeddings"];
  const config = tie === undefined ? inner : { ...inner, tie_word_embeddings: tie };
  return { config, prefix: "text_config.", type: innerType };
}

/** No class is called by more letters. */
const LONGEST_NAME = 200;

/** The class that the weights were saved from. */
export function firstArchitecture({ architectures }: Config): string | undefined {
  const [first] = Array.isArray(architectures) ? (architectures as unknown[]) : [];
  return typeof first === "string" && first.length <= LONGEST_NAME ? first : undefined;
}

function typeOf(config: Config): string | undefined {
  const { model_type: type } = config;
  if (typeof type === "string" && type !== "") return type;
  const first = firstArchitecture(config);
  if (first === undefined) return undefined;
  const stem = bare(first.replace(/(For[A-Z]\w*|LMHeadModel|Model)$/, ""));
  return Object.keys(MODEL_TYPES).find((known) => bare(known) === stem) ?? first;
}

const bare = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
