import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Import, importModel } from "../../src/hugging-face/import-model.ts";
import { MODEL_TYPES } from "../../src/hugging-face/model-types.ts";
import { ModelSchema } from "../../src/schema/model.ts";
import { CONFIGS } from "./configs.ts";

type Config = Readonly<Record<string, unknown>>;

const read = (config: Config): Import => importModel(config, { name: "a model", source: "a test" });

/** One config of each type, the language model's own part where it stands in a larger one. */
const ONE_OF_EACH: readonly (readonly [string, Config])[] = Object.keys(MODEL_TYPES).map((type) => {
  const { config } = Object.values(CONFIGS).find(
    (known) => known.config["model_type"] === type && !Object.hasOwn(known.config, "text_config"),
  ) ?? { config: { ...(CONFIGS["gemma-3-27b-it"]!.config["text_config"] as Config), model_type: type } };
  return [type, config];
});

/** Sizes that a model may have, with those that depend on each other chosen together. */
const anySizes = fc
  .record({
    kvHeads: fc.integer({ min: 1, max: 8 }),
    group: fc.integer({ min: 1, max: 8 }),
    headDim: fc.constantFrom(32, 64, 80, 128),
    ffn: fc.integer({ min: 1, max: 40_000 }),
    layers: fc.integer({ min: 1, max: 130 }),
    vocabulary: fc.integer({ min: 1, max: 300_000 }),
    experts: fc.integer({ min: 1, max: 300 }),
    idle: fc.integer({ min: 0, max: 8 }),
    window: fc.option(fc.integer({ min: 1, max: 100_000 })),
    usesWindow: fc.boolean(),
    dense: fc.integer({ min: 0, max: 130 }),
    step: fc.integer({ min: 1, max: 7 }),
    flag: fc.boolean(),
  })
  .map(
    ({
      kvHeads,
      group,
      headDim,
      ffn,
      layers,
      vocabulary,
      experts,
      idle,
      window,
      usesWindow,
      dense,
      step,
      flag,
    }) => {
      const heads = kvHeads * group;
      return {
        num_attention_heads: heads,
        n_head: heads,
        num_key_value_heads: kvHeads,
        num_kv_heads: kvHeads,
        hidden_size: heads * headDim,
        n_embd: heads * headDim,
        n_embed: heads * headDim,
        head_dim: headDim,
        num_hidden_layers: layers,
        n_layer: layers,
        n_layers: layers,
        num_layers: layers,
        n_heads: heads,
        d_model: heads * headDim,
        dim: heads * headDim,
        kv_channels: headDim,
        multi_query_group_num: kvHeads,
        attn_config: { kv_n_heads: kvHeads },
        intermediate_size: ffn,
        ffn_dim: ffn,
        ffn_hidden_size: ffn,
        hidden_dim: ffn,
        intermediate_size_mlp: ffn,
        local_attention: window ?? 128,
        cross_attention_layers: [],
        moe_num_experts: experts,
        moe_k: 1,
        moe_topk: 1,
        n_inner: ffn,
        vocab_size: vocabulary,
        padded_vocab_size: vocabulary,
        patch_size: 1 + (vocabulary % 16),
        image_size: 224,
        num_experts: experts,
        num_local_experts: experts,
        n_routed_experts: experts,
        num_experts_per_tok: Math.max(1, experts - idle),
        n_shared_experts: Math.min(idle, experts),
        moe_intermediate_size: ffn,
        shared_expert_intermediate_size: ffn,
        sliding_window: window,
        use_sliding_window: usesWindow,
        max_window_layers: dense,
        sliding_window_pattern: step,
        first_k_dense_replace: dense,
        moe_layer_freq: step,
        decoder_sparse_step: step,
        mlp_only_layers: [dense, 0],
        attention_bias: flag,
        new_decoder_architecture: flag,
        parallel_attn: usesWindow,
        use_parallel_residual: flag,
        tie_word_embeddings: flag,
        do_layer_norm_before: flag,
      };
    },
  );

describe.each(ONE_OF_EACH)("a config.json of type %s", (type, config) => {
  const { imported } = read(config);
  const keysRead = imported!.mapped.flatMap((line) => line.split(" from ")[1]!.split(" and "));

  test("whatever its sizes, becomes a model that the schema accepts", () => {
    fc.assert(
      fc.property(anySizes, (sizes) => {
        const { imported, problems } = read({ ...sizes, model_type: type });
        expect(problems).toBeUndefined();
        const parsed = ModelSchema.safeParse(imported!.model);
        expect(parsed.error?.issues).toBeUndefined();
        const { layers, layerKinds } = parsed.data!;
        expect(layers).toBe(sizes.num_hidden_layers);
        for (const kind of layerKinds ?? []) expect(kind.name).not.toBe("");
      }),
    );
  });

  test("without one of its keys has a default or says which key is missing", () => {
    for (const key of Object.keys(config).filter((name) => name !== "model_type")) {
      const { [key]: _, ...rest } = config;
      const { imported, problems } = read(rest);
      if (imported !== undefined) expect(ModelSchema.safeParse(imported.model).success).toBe(true);
      else
        expect(problems!.join("\n")).toMatch(new RegExp(`^${key}: expected .*got nothing|\\b${key}\\b`, "m"));
    }
  });

  test.each(keysRead)("with a wrong %s says so by the key's name, and nothing else is wrong", (key) => {
    // where -1 stands for the last layer
    const negative = key === "moe_layer_end_index" ? [] : [-1];
    for (const wrong of [...negative, 1.5, "many", {}, [{}], 1e300]) {
      const given = config[key];
      if (typeof given === typeof wrong && typeof given !== "number" && !Array.isArray(wrong)) continue;
      const { problems } = read({ ...config, [key]: wrong });
      expect(problems, `${key} ${JSON.stringify(wrong)}`).toBeDefined();
      expect(problems!.every((line) => line.startsWith(`${key}: expected `))).toBe(true);
    }
  });

  test("answers anything in any key without throwing", () => {
    const anyKey = fc.constantFrom(...Object.keys(config), "text_config", "rope_scaling", "dtype");
    fc.assert(
      fc.property(fc.dictionary(anyKey, fc.jsonValue(), { maxKeys: 5 }), (changes) => {
        const { imported, problems } = read({ ...config, ...changes });
        if (imported !== undefined) expect(ModelSchema.safeParse(imported.model).success).toBe(true);
        else expect(problems!.length).toBeGreaterThan(0);
      }),
    );
  });

  test("gives the same model however its keys are ordered", () => {
    const turned = Object.fromEntries(Object.entries(config).reverse());
    expect(read(turned)).toEqual(read(config));
  });
});

/** What cannot be guessed: without it there is no model. */
const REQUIRED: readonly (readonly [string, readonly string[]])[] = [
  ["llama", ["hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size"]],
  ["mixtral", ["hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size"]],
  ["gpt2", ["n_embd", "n_layer", "n_head", "vocab_size"]],
  ["bloom", ["n_layer", "n_head", "hidden_size", "vocab_size"]],
  ["opt", ["hidden_size", "num_hidden_layers", "num_attention_heads", "ffn_dim", "vocab_size"]],
  ["falcon", ["hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"]],
  ["bert", ["hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size"]],
  [
    "deepseek_v2",
    [
      "hidden_size",
      "num_hidden_layers",
      "num_attention_heads",
      "intermediate_size",
      "vocab_size",
      "num_experts_per_tok",
    ],
  ],
  [
    "deepseek_v3",
    ["hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size"],
  ],
  ["gpt_oss", ["hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size"]],
];

test.each(REQUIRED)("an empty config.json of type %s asks for all that cannot be guessed", (type, keys) => {
  const { problems } = read({ model_type: type });
  expect(problems!.map((line) => line.split(":")[0]).sort()).toEqual([...keys].sort());
  for (const line of problems!)
    expect(line).toMatch(/expected a whole number from 1 to 100000000, got nothing/);
});
