import { describe, expect, test } from "vitest";
import { CLASS_DEFAULTS } from "../../src/hugging-face/class-defaults.ts";
import { importModel } from "../../src/hugging-face/import-model.ts";
import { MODEL_TYPES } from "../../src/hugging-face/model-types.ts";
import { CONFIGS } from "./configs.ts";

type Config = Readonly<Record<string, unknown>>;

/** Keys whose other value leaves the layer as it is, each with the reason. */
const DOES_NOT_MATTER: Readonly<Record<string, (config: Config) => boolean>> = {
  // how far RoPE was trained; where positions are learned it is read
  max_position_embeddings: () => true,
  n_positions: ({ model_type: type }) => type === "gptj",
  // a window that is not used
  sliding_window: ({ use_sliding_window: used }) => used === false,
  // behind the last layer
  moe_layer_end_index: () => true,
};

const otherValue = (value: unknown): unknown =>
  typeof value === "number" ? 2 * value + 2 : typeof value === "boolean" ? !value : undefined;

const answer = (config: Config): string =>
  JSON.stringify(importModel(config, { name: "a model", source: "a test" }));

const ONE_OF_EACH = Object.entries(MODEL_TYPES).flatMap(([type, { configClass }]) => {
  const found = Object.values(CONFIGS).find(({ config }) => config["model_type"] === type);
  const defaults = CLASS_DEFAULTS[configClass];
  return found === undefined || defaults === undefined || found.config["text_config"] !== undefined
    ? []
    : [[type, found.config, defaults] as const];
});

describe.each(ONE_OF_EACH)("a config.json of type %s", (_, config, defaults) => {
  test("answers otherwise when a key of its class has another value", () => {
    const before = answer(config);
    const silent = Object.entries(defaults).filter(([key, value]) => {
      const other = otherValue(config[key] ?? value);
      if (other === undefined || DOES_NOT_MATTER[key]?.(config)) return false;
      return answer({ ...config, [key]: other }) === before;
    });
    expect(silent).toEqual([]);
  });
});

test("what the class supplies fills a config inside another, and is said", () => {
  const { imported } = importModel(
    { model_type: "llava", text_config: { model_type: "llama", num_hidden_layers: 32, vocab_size: 32064 } },
    { name: "a model", source: "a test" },
  );
  expect(imported!.model).toMatchObject({ hidden: 4096, heads: 32, kvHeads: 32, ffn: 11008 });
  expect(imported!.notes[0]).toMatch(/by LlamaConfig's defaults: .*text_config\.hidden_size 4096/);
});

test.each(["text_config", "language_config", "llm_config", "thinker_config"])(
  "a language model is found in %s, and inside another there",
  (key) => {
    const inner = CONFIGS["Qwen3-8B"]?.config ?? CONFIGS["Qwen3-32B"]!.config;
    for (const file of [{ [key]: inner }, { [key]: { model_type: "wrapper", text_config: inner } }]) {
      const { imported } = importModel({ model_type: "wrapper", ...file }, { name: "a", source: "a test" });
      expect(imported!.model.layers).toBe(inner["num_hidden_layers"]);
    }
  },
);
