import { bert } from "./bert.ts";
import { deepseekV2, deepseekV3, glm4MoeLite, minicpm3 } from "./deepseek.ts";
import { clipVision, distilbert, electra, modernbert, siglipVision, vit } from "./encoders.ts";
import * as moe from "./expert-families.ts";
import { gptOss, mixtral, qwen2Moe, qwen3Moe } from "./experts.ts";
import { falcon } from "./falcon.ts";
import * as dense from "./families.ts";
import { gemma, gemma2, gemma3 } from "./gemma.ts";
import { bloom, dbrx, gpt2, gptBigCode, gptj, gptNeoX, mpt, opt } from "./gpt.ts";
import { llama, mistral, olmo2, phi3, qwen2, qwen3 } from "./llama.ts";
import type { Architecture } from "./parts.ts";
import type { Reader } from "./reader.ts";

/** A family of models as the transformers library knows it. */
export interface ModelType {
  /** its class there (models/.../configuration_....py) or in its repository, whose defaults hold where config.json is silent */
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
  // language models of those that see
  qwen2_vl: type("Qwen2VLTextConfig", dense.qwen2),
  qwen2_vl_text: type("Qwen2VLTextConfig", dense.qwen2),
  qwen2_5_vl: type("Qwen2_5_VLTextConfig", dense.qwen2),
  qwen2_5_vl_text: type("Qwen2_5_VLTextConfig", dense.qwen2),
  qwen3_vl_text: type("Qwen3VLTextConfig", dense.qwen3),
  qwen3_vl_moe_text: type("Qwen3VLMoeTextConfig", qwen3Moe),
  mllama_text_model: type("MllamaTextConfig", dense.mllama),
  llava: type("LlamaConfig", llama),
  kimi_k2: type("DeepseekV3Config", deepseekV3),
  llama4_text: type("Llama4TextConfig", moe.llama4),
  gemma4_text: type("Gemma4TextConfig", dense.gemma4),
  glm: type("GlmConfig", dense.glm),
  glm4: type("Glm4Config", dense.glm4),
  glm4_moe: type("Glm4MoeConfig", moe.glm4Moe),
  glm4_moe_lite: type("Glm4MoeLiteConfig", glm4MoeLite),
  ministral: type("MinistralConfig", dense.ministral),
  ministral3: type("Ministral3Config", dense.ministral),
  minimax_m2: type("MiniMaxM2Config", moe.minimaxM2),
  phi: type("PhiConfig", dense.phi),
  phimoe: type("PhimoeConfig", moe.phimoe),
  granite: type("GraniteConfig", dense.granite),
  granitemoe: type("GraniteMoeConfig", moe.graniteMoe),
  cohere: type("CohereConfig", dense.cohere),
  cohere2: type("Cohere2Config", dense.cohere2),
  olmo: type("OlmoConfig", dense.olmo),
  olmo3: type("Olmo3Config", dense.olmo3),
  olmoe: type("OlmoeConfig", moe.olmoe),
  exaone: type("ExaoneConfig", dense.exaone),
  exaone4: type("Exaone4Config", dense.exaone4),
  seed_oss: type("SeedOssConfig", dense.seedOss),
  smollm3: type("SmolLM3Config", dense.smollm3),
  starcoder2: type("Starcoder2Config", dense.starcoder2),
  stablelm: type("StableLmConfig", dense.stablelm),
  mimo: type("Qwen2Config", qwen2),
  internlm2: type("InternLM2Config", dense.internlm2),
  internlm3: type("InternLM3Config", dense.internlm3),
  baichuan: type("BaichuanConfig", dense.baichuan),
  chatglm: type("ChatGLMConfig", dense.chatglm),
  qwen: type("QWenConfig", dense.qwen),
  xverse: type("XverseConfig", llama),
  ernie4_5: type("Ernie4_5Config", dense.ernie45),
  ernie4_5_moe: type("Ernie4_5_MoeConfig", moe.ernie45Moe),
  hunyuan_v1_dense: type("HunYuanDenseV1Config", dense.hunyuan),
  hunyuan_v1_moe: type("HunYuanMoEV1Config", moe.hunyuanMoe),
  dots1: type("Dots1Config", moe.dots1),
  minicpm3: type("MiniCPM3Config", minicpm3),
  nemotron: type("NemotronConfig", dense.nemotron),
  helium: type("HeliumConfig", dense.helium),
  arcee: type("ArceeConfig", dense.arcee),
  apertus: type("ApertusConfig", dense.apertus),
  mpt: type("MptConfig", mpt),
  dbrx: type("DbrxConfig", dbrx),
  gptj: type("GPTJConfig", gptj),
  gpt_bigcode: type("GPTBigCodeConfig", gptBigCode),
  "xlm-roberta": type("XLMRobertaConfig", bert),
  camembert: type("CamembertConfig", bert),
  distilbert: type("DistilBertConfig", distilbert),
  electra: type("ElectraConfig", electra),
  modernbert: type("ModernBertConfig", modernbert),
  vit: type("ViTConfig", vit),
  clip_vision_model: type("CLIPVisionConfig", clipVision),
  clip_text_model: type("CLIPTextConfig", dense.clipText),
  siglip_vision_model: type("SiglipVisionConfig", siglipVision),
};
