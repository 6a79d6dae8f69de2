import { bert } from "./bert.ts";
import { deepseekV2, deepseekV3 } from "./deepseek.ts";
import { gptOss, mixtral, qwen2Moe, qwen3Moe } from "./experts.ts";
import { falcon } from "./falcon.ts";
import { gemma, gemma2, gemma3 } from "./gemma.ts";
import { bloom, gpt2, gptNeoX, opt } from "./gpt.ts";
import { llama, mistral, olmo2, phi3, qwen2, qwen3 } from "./llama.ts";
import type { Architecture } from "./parts.ts";
import type { Reader } from "./reader.ts";

/** A family of models as the transformers library knows it. */
export interface ModelType {
  /** its class there (models/.../configuration_....py), whose defaults hold where config.json is silent */
  readonly configClass: string;
  readonly architecture: (read: Reader) => Architecture;
}

const type = (configClass: string, architecture: ModelType["architecture"]): ModelType => ({
  configClass,
  architecture,
});

/** Every `model_type` that is understood. */
export const MODEL_TYPES: Readonly<Record<string, ModelType>> = {
  llama: type("LlamaConfig", llama),
  mistral: type("MistralConfig", mistral),
  mixtral: type("MixtralConfig", mixtral),
  qwen2: type("Qwen2Config", qwen2),
  qwen2_moe: type("Qwen2MoeConfig", qwen2Moe),
  qwen3: type("Qwen3Config", qwen3),
  qwen3_moe: type("Qwen3MoeConfig", qwen3Moe),
  gemma: type("GemmaConfig", gemma),
  gemma2: type("Gemma2Config", gemma2),
  gemma3: type("Gemma3TextConfig", gemma3),
  gemma3_text: type("Gemma3TextConfig", gemma3),
  phi3: type("Phi3Config", phi3),
  gpt2: type("GPT2Config", gpt2),
  gpt_neox: type("GPTNeoXConfig", gptNeoX),
  opt: type("OPTConfig", opt),
  falcon: type("FalconConfig", falcon),
  bloom: type("BloomConfig", bloom),
  bert: type("BertConfig", bert),
  roberta: type("RobertaConfig", bert),
  deepseek_v2: type("DeepseekV2Config", deepseekV2),
  deepseek_v3: type("DeepseekV3Config", deepseekV3),
  olmo2: type("Olmo2Config", olmo2),
  gpt_oss: type("GptOssConfig", gptOss),
};
