import { isRecord } from "./parts.ts";
import type { Config } from "./reader.ts";

/** What a config.json says that a model file does not, and what follows from that. */
export function notModelled(file: Config, config: Config): string[] {
  return REMARKS.flatMap((remark) => remark(config, file) ?? []);
}

/** A remark on the language model's config, or on the file around it. */
type Remark = (config: Config, file: Config) => string | undefined;

const REMARKS: readonly Remark[] = [
  (config, file) =>
    config !== file || isRecord(file["vision_config"])
      ? "only the language model is mapped: towers for images or sound are left out"
      : undefined,
  ({ rope_scaling: old, rope_parameters: now }) => {
    const kind = ropeKind(old) ?? ropeKind(now);
    return kind && `RoPE scaling (${kind}) is left out: it changes angles, not time`;
  },
  ({ attn_logit_softcapping: cap }) =>
    typeof cap === "number"
      ? "the cap on attention scores (attn_logit_softcapping) is not modelled"
      : undefined,
  ({ final_logit_softcapping: cap }) =>
    typeof cap === "number" ? "the cap on logits (final_logit_softcapping) is not modelled" : undefined,
  (config) => {
    const key = ["num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules"].find(
      (one) => Number(config[one]) > 0,
    );
    return key && `layers that predict more than the next token (${key} ${config[key]}) are left out`;
  },
  ({ add_cross_attention: cross, is_encoder_decoder: both }) =>
    cross === true || both === true ? "cross-attention is not modelled" : undefined,
  (config, file) => quantization(config["quantization_config"] ?? file["quantization_config"]),
  (config, file) => dataType([config, file].flatMap((one) => [one["torch_dtype"], one["dtype"]])),
];

/** Kinds of RoPE that are more than turning by the position. */
function ropeKind(rope: unknown): string | undefined {
  if (!isRecord(rope)) return undefined;
  const kind = rope["rope_type"] ?? rope["type"];
  return typeof kind === "string" && kind !== "default" ? kind : undefined;
}

function quantization(config: unknown): string | undefined {
  if (!isRecord(config)) return undefined;
  const method = config["quant_method"];
  const how = typeof method === "string" ? ` (${method})` : "";
  const stored = storedType(config);
  return `quantization_config${how}: types are the scenario's, not the model's: --set precision.weights=${stored ?? "..."} says how weights are stored`;
}

/** The type that names of methods and formats speak of; undefined where they name none, or several. */
function storedType(config: Config): string | undefined {
  const { quant_method: method, quant_algo: algorithm, fmt, bits } = config;
  const said = [method, algorithm, fmt]
    .filter((one) => typeof one === "string")
    .join(" ")
    .toLowerCase();
  if (/fp4/.test(said)) return "fp4";
  if (/fp8|e4m3/.test(said)) return "fp8";
  if (bits === 4 || /awq/.test(said)) return "int4";
  return bits === 8 ? "int8" : undefined;
}

const FLAGS: Readonly<Record<string, string>> = { float16: "fp16", float32: "fp32" };

/** Scenarios compute in bf16 unless told otherwise. */
function dataType(types: readonly unknown[]): string | undefined {
  const found = types.find((type) => typeof type === "string");
  const flag = typeof found === "string" && Object.hasOwn(FLAGS, found) ? FLAGS[found] : undefined;
  return flag && `weights are ${found as string}: --precision ${flag} computes in it`;
}
