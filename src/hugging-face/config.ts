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

/** Where models that see or hear keep their language model, and CLIP, which is about pictures, that of pictures. */
const INSIDE = ["thinker_config", "text_config", "language_config", "llm_config", "decoder_config"] as const;
const INSIDE_OF: Readonly<Record<string, readonly string[]>> = {
  clip: ["vision_config"],
  siglip: ["vision_config"],
};

/** The innermost config of a model that is known how to read. */
export function languageModel(file: Config, prefix = "", around?: string): LanguageModel {
  const type = typeOf(file) ?? around;
  const keys = (type !== undefined && Object.hasOwn(INSIDE_OF, type) && INSIDE_OF[type]) || INSIDE;
  const key = keys.find((one) => isRecord(file[one]));
  if (key === undefined) return { config: file, prefix, type };
  const inner = file[key] as Config;
  const tie = inner["tie_word_embeddings"] ?? file["tie_word_embeddings"];
  const config = tie === undefined ? inner : { ...inner, tie_word_embeddings: tie };
  return languageModel(config, `${prefix}${key}.`, type);
}

/** No class is called by more letters. */
const LONGEST_NAME = 200;

/** The class that the weights were saved from. */
export function firstArchitecture({ architectures }: Config): string | undefined {
  const [first] = Array.isArray(architectures) ? (architectures as unknown[]) : [];
  return typeof first === "string" && first.length <= LONGEST_NAME ? first : undefined;
}

/** `model_type`; where that is not known, the type that the name of the class says, if it is. */
function typeOf(config: Config): string | undefined {
  const { model_type: said } = config;
  const type = typeof said === "string" && said !== "" ? said : undefined;
  if (type !== undefined && Object.hasOwn(MODEL_TYPES, type)) return type;
  const first = firstArchitecture(config);
  const stem = first === undefined ? undefined : bare(first.replace(/(For[A-Z]\w*|LMHeadModel|Model)$/, ""));
  return Object.keys(MODEL_TYPES).find((known) => bare(known) === stem) ?? type ?? first;
}

const bare = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
