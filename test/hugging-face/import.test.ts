import { describe, expect, test } from "vitest";
import { parameterCounts } from "../../src/engine/model/parameters.ts";
import { importModel } from "../../src/hugging-face/import-model.ts";
import { isConfig } from "../../src/hugging-face/is-config.ts";
import type { Model } from "../../src/schema/model.ts";
import { model as shipped } from "../support/scenarios.ts";
import { CONFIGS } from "./configs.ts";

type Config = Readonly<Record<string, unknown>>;

const ORIGIN = { name: "a model", source: "a test" };

function read(name: string, changes: Config = {}) {
  const { imported, problems } = importModel({ ...CONFIGS[name]!.config, ...changes }, ORIGIN);
  if (problems !== undefined) throw new Error(problems.join("; "));
  return imported;
}

const problemsOf = (config: Config): readonly string[] => importModel(config, ORIGIN).problems ?? [];

/** Kinds of layers as `name: how many`. */
const kindsOf = ({ layerKinds }: Model): Readonly<Record<string, number>> =>
  Object.fromEntries((layerKinds ?? []).map(({ name, layers }) => [name, layers]));

describe("a config.json", () => {
  test.each([
    [{ model_type: "llama" }, true],
    [{ architectures: ["LlamaForCausalLM"] }, true],
    [{ model_type: null }, true],
    [{ hidden: 1, model_type: "llama" }, false],
    [shipped("llama-3-8b"), false],
    [{}, false],
    [[{ model_type: "llama" }], false],
    [null, false],
    ["model_type", false],
  ])("is told from a model file: %j", (data, expected) => {
    expect(isConfig(data)).toBe(expected);
  });

  test("is called as it was found: what it was trained on from is a note", () => {
    const { model, notes } = read("gpt2-xl", { _name_or_path: "openai-community/gpt2-xl" });
    expect(model.name).toBe("a model");
    expect(notes.join()).toMatch(/_name_or_path openai-community\/gpt2-xl/);
    for (const folder of ["", ".", "/home/me/checkpoints/7", "../x", "a/b/c", 3])
      expect(read("gpt2-xl", { _name_or_path: folder }).notes.join()).not.toMatch(/_name_or_path/);
  });

  test("says in the source where it is from and what type it has", () => {
    expect(read("gpt2-xl").model.source).toBe("a test (model_type gpt2)");
  });

  test("says which field is from which key", () => {
    const { mapped } = read("bert-large-uncased");
    expect(mapped).toContain("hidden from hidden_size");
    expect(mapped).toContain("positionRows from max_position_embeddings and type_vocab_size");
  });

  test.each(Object.entries(CONFIGS))(
    "of %s names its architecture well enough without model_type",
    (_, { config }) => {
      if (config["architectures"] === undefined) return;
      const { model_type, ...rest } = config;
      const { imported } = importModel(rest, ORIGIN);
      expect(imported?.model.source).toContain(String(model_type).replace("_text", ""));
    },
  );
});

describe("the language model of a config.json that sees and hears", () => {
  const inner = { ...CONFIGS["Mistral-7B-v0.1"]!.config };
  const wrapper = { model_type: "mistral3", text_config: inner, vision_config: { hidden_size: 1024 } };

  test("is mapped, and the rest said to be left out", () => {
    const { imported } = importModel(wrapper, ORIGIN);
    expect(imported!.model).toEqual({
      ...read("Mistral-7B-v0.1").model,
      source: "a test (model_type mistral)",
    });
    expect(imported!.notes.join()).toMatch(/only the language model is mapped/);
    expect(imported!.mapped).toContain("hidden from text_config.hidden_size");
  });

  test("has its problems named with their place", () => {
    const broken = { ...wrapper, text_config: { ...inner, hidden_size: "wide" } };
    expect(problemsOf(broken)).toEqual([
      'text_config.hidden_size: expected a whole number from 1 to 100000000, got "wide"',
    ]);
    expect(problemsOf({ ...wrapper, text_config: { model_type: "mamba" } })[0]).toMatch(
      /^text_config\.model_type: no mapping for "mamba"/,
    );
  });

  test("shares its embeddings if the file around it says so", () => {
    const text = { ...inner, tie_word_embeddings: undefined };
    const { imported } = importModel({ ...wrapper, tie_word_embeddings: true, text_config: text }, ORIGIN);
    expect(imported!.model.tiedEmbeddings).toBe(true);
  });

  test("of the smallest Gemma 3 gets its sizes from the defaults, and this is said", () => {
    const file = {
      model_type: "gemma3",
      text_config: {
        hidden_size: 2560,
        intermediate_size: 10240,
        num_hidden_layers: 34,
        sliding_window: 1024,
      },
    };
    const { imported } = importModel(file, ORIGIN);
    expect(imported!.model).toMatchObject({ heads: 8, kvHeads: 4, headDim: 256, vocabulary: 262_208 });
    expect(kindsOf(imported!.model)).toEqual({ window: 29, full: 5 });
    expect(imported!.notes[0]).toMatch(
      /^by Gemma3TextConfig's defaults: .*text_config\.num_attention_heads 8.*text_config\.vocab_size 262208/,
    );
  });
});

describe("kinds of layers", () => {
  const dense = (changes: Config) => kindsOf(read("Qwen3-30B-A3B", changes).model);

  test.each([
    [{ decoder_sparse_step: 2 }, { experts: 24, dense: 24 }],
    [{ decoder_sparse_step: 3 }, { experts: 16, dense: 32 }],
    [{ mlp_only_layers: [0, 1, 47] }, { experts: 45, dense: 3 }],
    [
      { decoder_sparse_step: 2, mlp_only_layers: [0, 1] },
      { experts: 23, dense: 25 },
    ],
    [{ mlp_only_layers: [100] }, {}],
    [{}, {}],
  ])("of Qwen3 MoE with %j", (changes, expected) => {
    expect(dense(changes)).toEqual(expected);
  });

  test("that no layer has leave no trace of experts", () => {
    const { model } = read("Qwen3-30B-A3B", { decoder_sparse_step: 49 });
    expect(model.experts).toBeUndefined();
    expect(model.layerKinds).toBeUndefined();
  });

  test.each([
    [{ first_k_dense_replace: 0 }, {}],
    [
      { first_k_dense_replace: 3, moe_layer_freq: 2 },
      { experts: 29, dense: 32 },
    ],
    [{ first_k_dense_replace: 60 }, { dense: 60, experts: 1 }],
  ])("of DeepSeek-V3 with %j", (changes, expected) => {
    expect(kindsOf(read("DeepSeek-V3", changes).model)).toEqual(expected);
  });

  test.each([
    [
      "Qwen2.5-7B",
      { use_sliding_window: true, sliding_window: 512, max_window_layers: 20 },
      { full: 20, window: 8 },
    ],
    ["Qwen2.5-7B", { use_sliding_window: true, sliding_window: 512, max_window_layers: 28 }, {}],
    ["Qwen2.5-7B", { use_sliding_window: false, max_window_layers: 20 }, {}],
    ["Qwen2.5-7B", { use_sliding_window: true, sliding_window: null }, {}],
    ["Qwen3-32B", { use_sliding_window: true, sliding_window: 512, max_window_layers: 0 }, {}],
    ["gemma-2-9b", { sliding_window: null }, {}],
    ["gemma-2-9b", { num_hidden_layers: 43 }, { window: 22, full: 21 }],
    ["gemma-3-1b-it", { sliding_window_pattern: 2 }, { window: 13, full: 13 }],
    ["gemma-3-1b-it", { sliding_window_pattern: 1 }, {}],
    ["gpt-oss-20b", { layer_types: null }, { window: 12, full: 12 }],
    ["gpt-oss-120b", { layer_types: Array(36).fill("full_attention") }, {}],
  ])("of %s with %j", (name, changes, expected) => {
    expect(kindsOf(read(name, changes).model)).toEqual(expected);
  });

  test("of both sorts are named by both", () => {
    const changes = {
      use_sliding_window: true,
      sliding_window: 64,
      max_window_layers: 8,
      decoder_sparse_step: 2,
    };
    expect(kindsOf(read("Qwen1.5-MoE-A2.7B", changes).model)).toEqual({
      "experts-full": 12,
      "dense-full": 8,
      "dense-window": 4,
    });
  });

  test.each([
    [
      Array(35).fill("full_attention"),
      /layer_types: expected a list of num_hidden_layers \(36\) items, got 35/,
    ],
    [
      Array(36).fill("linear_attention"),
      /layer_types: expected "full_attention" or "sliding_attention", got "linear/,
    ],
    ["all", /layer_types: expected a list, got "all"/],
  ])("must be known and complete: %#", (types, pattern) => {
    const config = { ...CONFIGS["gpt-oss-120b"]!.config, layer_types: types };
    expect(problemsOf(config).join("\n")).toMatch(pattern);
  });
});

describe("layer_types", () => {
  const listed = (layers: number, full: number) =>
    Array.from({ length: layers }, (_, index) => (index < full ? "full_attention" : "sliding_attention"));

  test.each([
    ["Meta-Llama-3-70B", 80],
    ["Mistral-7B-v0.1", 32],
    ["Qwen2.5-7B", 28],
    ["Phi-3-mini-4k-instruct", 32],
    ["gemma-7b", 28],
    ["gpt2-xl", 48],
    ["OLMo-2-1124-7B", 32],
  ])("say which layers of %s have the window, whatever its type does by itself", (name, layers) => {
    const used = { use_sliding_window: undefined, sliding_window: 512 };
    const { model, mapped } = read(name, { ...used, layer_types: listed(layers, 8) });
    expect(model.slidingWindow).toBe(512);
    expect(kindsOf(model)).toEqual({ window: layers - 8, full: 8 });
    expect(mapped.join()).toMatch(/slidingWindow from sliding_window/);
    const all = read(name, { ...used, layer_types: listed(layers, 0) }).model;
    expect([all.slidingWindow, all.layerKinds]).toEqual([512, undefined]);
    const none = read(name, { ...used, layer_types: listed(layers, layers) }).model;
    expect([none.slidingWindow, none.layerKinds]).toEqual([undefined, undefined]);
  });

  test("cross with experts", () => {
    const { model } = read("Mixtral-8x7B-v0.1", { sliding_window: 512, layer_types: listed(32, 8) });
    expect(kindsOf(model)).toEqual({ window: 24, full: 8 });
    expect(model.experts).toBeDefined();
    const deepseek = read("DeepSeek-V3", { sliding_window: 512, layer_types: listed(61, 2) }).model;
    expect(kindsOf(deepseek)).toEqual({ "experts-window": 58, "dense-full": 2, "dense-window": 1 });
  });

  test.each([
    ["Qwen2.5-7B", { use_sliding_window: false, sliding_window: 512 }, /but use_sliding_window is false/],
    ["Meta-Llama-3-70B", {}, /but there is no sliding_window/],
  ])("of %s with %j name a window that is not there, and this is said", (name, changes, pattern) => {
    const layers = read(name).model.layers;
    const { model, notes } = read(name, { ...changes, layer_types: listed(layers, 0) });
    expect(model.slidingWindow).toBeUndefined();
    expect(notes.join("\n")).toMatch(pattern);
  });

  test.each(["Meta-Llama-3-70B", "gpt2-xl"])("of %s that nobody knows are a problem", (name) => {
    const layers = read(name).model.layers;
    const config = { ...CONFIGS[name]!.config, layer_types: Array(layers).fill("linear_attention") };
    expect(problemsOf(config).join()).toMatch(
      /layer_types: expected "full_attention" or "sliding_attention"/,
    );
  });
});

describe("tokens that see those after them", () => {
  test.each([
    ["Qwen2.5-7B", { is_causal: false }],
    ["Meta-Llama-3-70B", { is_causal: false }],
    ["gemma-7b", { use_bidirectional_attention: true }],
  ])("in %s with %j make it an encoder that keeps its class's head", (name, changes) => {
    const { model, notes, mapped } = read(name, changes);
    expect(model).toMatchObject({ causal: false, outputHead: true });
    expect(mapped.join()).toMatch(new RegExp(`causal from ${Object.keys(changes)[0]}`));
    expect(notes.join()).toMatch(/output head kept, as \w+ForCausalLM has it/);
    expect(parameterCounts(model).total).toBe(parameterCounts(read(name).model).total);
  });

  test("are none where the key says what is so anyway", () => {
    for (const changes of [
      { is_causal: true },
      { is_causal: null },
      { use_bidirectional_attention: false },
    ]) {
      const { model, notes } = read("Meta-Llama-3-70B", changes);
      expect([model.causal, model.outputHead, notes]).toEqual([true, undefined, []]);
    }
    expect(read("bert-large-uncased", { is_causal: false }).model.causal).toBe(false);
  });

  test("must be said with true or false", () => {
    const config = { ...CONFIGS["Meta-Llama-3-70B"]!.config, is_causal: "no" };
    expect(problemsOf(config)).toEqual(['is_causal: expected true or false, got "no"']);
  });
});

describe("the output head", () => {
  test.each([
    "MistralModel",
    "MistralForSequenceClassification",
    "MistralForTokenClassification",
    "MistralForQuestionAnswering",
    "MistralForRewardModel",
  ])("is left out of a %s, and this is said", (name) => {
    const { model, notes } = read("Mistral-7B-v0.1", { architectures: [name] });
    const whole = read("Mistral-7B-v0.1").model;
    expect(model.outputHead).toBe(false);
    expect(notes).toEqual([
      `${name} gives no logits over the vocabulary: output head left out (--set model.outputHead=true adds it)`,
    ]);
    const left = parameterCounts(whole).total - parameterCounts(model).total;
    expect(left).toBe(whole.vocabulary * whole.hidden);
  });

  test.each([
    ["MistralForCausalLM"],
    ["Mistral3ForConditionalGeneration"],
    ["GPT2LMHeadModel"],
    ["GPT2DoubleHeadsModel"],
    ["somebody's own"],
    [""],
    [3],
  ])("is there in a %s", (name) => {
    expect(read("Mistral-7B-v0.1", { architectures: [name] }).model.outputHead).toBeUndefined();
  });

  test("is that of the class around a language model", () => {
    const inner = { ...CONFIGS["Mistral-7B-v0.1"]!.config, architectures: ["MistralForCausalLM"] };
    const file = (architectures: unknown) => ({ model_type: "mistral3", architectures, text_config: inner });
    const headOf = (architectures: unknown) =>
      importModel(file(architectures), ORIGIN).imported!.model.outputHead;
    expect(headOf(["Mistral3Model"])).toBe(false);
    expect(headOf(["Mistral3ForConditionalGeneration"])).toBeUndefined();
    expect(headOf(undefined)).toBeUndefined();
  });

  test("of an encoder is its type's own matter", () => {
    expect(read("bert-large-uncased", { architectures: ["BertModel"] }).model.outputHead).toBeUndefined();
  });
});

describe("a key that changes a layer, and that the type makes nothing of,", () => {
  test.each<readonly [string, Config, string]>([
    ["Meta-Llama-3-70B", { sliding_window: 4096 }, "sliding_window 4096"],
    ["Meta-Llama-3-70B", { num_local_experts: 8 }, "num_local_experts 8"],
    ["Meta-Llama-3-70B", { qk_norm: true }, "qk_norm true"],
    ["Meta-Llama-3-70B", { partial_rotary_factor: 0.5 }, "partial_rotary_factor 0.5"],
    ["Meta-Llama-3-70B", { attention_chunk_size: 8192 }, "attention_chunk_size 8192"],
    ["Meta-Llama-3-70B", { no_rope_layers: [1, 1, 0] }, "no_rope_layers [1,1,0]"],
    ["Qwen2.5-7B", { mlp_bias: true }, "mlp_bias true"],
    ["DeepSeek-V3", { index_topk: 2048 }, "index_topk 2048"],
    ["gpt2-xl", { num_key_value_heads: 5 }, "num_key_value_heads 5"],
    ["gpt-neox-20b", { head_dim: 128 }, "head_dim 128"],
    ["bert-large-uncased", { is_causal: true }, "is_causal true"],
    ["OLMo-2-1124-7B", { parallel_attn: true, kv_lora_rank: 512 }, "parallel_attn true, kv_lora_rank 512"],
  ])("is named: %s with %j", (name, changes, keys) => {
    const { notes } = read(name, changes);
    expect(notes.join("\n")).toMatch(
      new RegExp(`left out, as \\w+Config makes nothing of it: ${keys.replaceAll(/[[\].]/g, "\\$&")}$`, "m"),
    );
    expect(read(name, changes).model).toEqual(read(name).model);
  });

  test.each<readonly [string, Config]>([
    ["Meta-Llama-3-70B", { sliding_window: null, num_local_experts: 0, mlp_only_layers: [], qk_norm: false }],
    ["Meta-Llama-3-70B", { partial_rotary_factor: 1, num_experts: 1 }],
    ["Qwen3-32B", { use_qk_norm: true, sliding_window: 4096, use_sliding_window: false }],
    ["Qwen3-30B-A3B", { shared_expert_intermediate_size: 0, qkv_bias: false }],
    ["gpt2-xl", { head_dim: 64, num_key_value_heads: 25, attention_bias: true }],
    ["DeepSeek-V3", { head_dim: 64, num_shared_experts: 1 }],
  ])("is not, where it says nothing new: %s with %j", (name, changes) => {
    expect(read(name, changes).notes.join("\n")).not.toMatch(/makes nothing of it/);
  });

  test("is in no config.json that is published", () => {
    for (const name of Object.keys(CONFIGS))
      expect(read(name).notes.join(), name).not.toMatch(/makes nothing/);
  });
});

describe("a detail of a type", () => {
  test.each<readonly [string, Config, Partial<Model>]>([
    ["Meta-Llama-3-70B", { attention_bias: true }, { bias: "attention" }],
    ["Meta-Llama-3-70B", { attention_bias: true, mlp_bias: true }, { bias: "all" }],
    ["Meta-Llama-3-70B", { head_dim: 64 }, { headDim: 64 }],
    ["Meta-Llama-3-70B", { hidden_act: "gelu_pytorch_tanh" }, { activation: "gelu" }],
    ["Meta-Llama-3-70B", { hidden_act: "relu2" }, { activation: "relu" }],
    ["Mistral-7B-v0.1", { sliding_window: null }, { slidingWindow: undefined }],
    ["Mistral-7B-v0.1", { sliding_window: undefined }, { slidingWindow: 4096 }],
    ["Mixtral-8x7B-v0.1", { sliding_window: 4096 }, { slidingWindow: 4096 }],
    ["Mixtral-8x7B-v0.1", { num_key_value_heads: undefined }, { kvHeads: 8 }],
    ["Mixtral-8x7B-v0.1", { num_key_value_heads: null }, { kvHeads: 32 }],
    ["falcon-rw-1b", { num_kv_heads: 8 }, { kvHeads: 8 }],
    ["Qwen1.5-MoE-A2.7B", { qkv_bias: false }, { bias: "none" }],
    ["Phi-3-mini-4k-instruct", { partial_rotary_factor: 0.75 }, { rotaryDim: 72 }],
    ["Phi-3-mini-4k-instruct", { rope_parameters: { partial_rotary_factor: 0.5 } }, { rotaryDim: 48 }],
    ["gpt2-xl", { n_inner: 100 }, { ffn: 100 }],
    ["gpt-neox-20b", { use_parallel_residual: false }, { normPlacement: "pre" }],
    ["gpt-neox-20b", { rotary_pct: 1.0 }, { rotaryDim: undefined }],
    ["opt-1.3b", { do_layer_norm_before: false }, { normPlacement: "post" }],
    ["opt-1.3b", { enable_bias: false }, { bias: "none" }],
    ["falcon-7b", { multi_query: false }, { kvHeads: 71 }],
    ["falcon-40b", { num_ln_in_parallel_attn: 1 }, { normPlacement: "parallel-shared" }],
    ["falcon-rw-1b", { alibi: false }, { positions: "rope", normPlacement: "pre" }],
    ["falcon-7b", { ffn_hidden_size: 100 }, { ffn: 100 }],
    ["bert-large-uncased", { is_decoder: true }, { causal: true }],
    ["DeepSeek-V3", { n_shared_experts: null }, { experts: { count: 256, perToken: 8, ffn: 2048 } }],
    ["DeepSeek-V3", { attention_bias: true }, { bias: "attention" }],
    ["OLMo-2-1124-7B", {}, { normPlacement: "branch", qkNorm: true, qkNormSpan: "projection" }],
    ["gpt-oss-20b", { attention_bias: false }, { bias: "none" }],
  ])("%s with %j", (name, changes, expected) => {
    expect(read(name, changes).model).toMatchObject(JSON.parse(JSON.stringify(expected)));
    for (const [key, value] of Object.entries(expected))
      if (value === undefined) expect(read(name, changes).model).not.toHaveProperty(key);
  });
});

describe("what does not fit together is a problem with the key's name", () => {
  test.each<readonly [string, Config, RegExp]>([
    [
      "Meta-Llama-3-70B",
      { num_key_value_heads: 7 },
      /^num_key_value_heads: expected a divisor of num_attention_heads \(64\), got 7$/,
    ],
    [
      "Meta-Llama-3-70B",
      { num_attention_heads: 48 },
      /^num_attention_heads: expected a divisor of hidden_size \(8192\) where head_dim is missing, got 48$/,
    ],
    [
      "Meta-Llama-3-70B",
      { num_hidden_layers: 1e7 },
      /^num_hidden_layers: expected at most 100000, got 10000000$/,
    ],
    ["Meta-Llama-3-70B", { hidden_act: "sine" }, /^hidden_act: expected one of silu, .*, got "sine"$/],
    [
      "Meta-Llama-3-70B",
      { tie_word_embeddings: "no" },
      /^tie_word_embeddings: expected true or false, got "no"$/,
    ],
    [
      "Mixtral-8x7B-v0.1",
      { num_experts_per_tok: 9 },
      /^num_experts_per_tok: expected at most the number of experts \(num_local_experts 8\), got 9$/,
    ],
    [
      "falcon-40b",
      { num_kv_heads: 7 },
      /^num_kv_heads: expected a divisor of num_attention_heads \(128\), got 7$/,
    ],
    ["falcon-40b", { num_ln_in_parallel_attn: 3 }, /^num_ln_in_parallel_attn: expected 1 or 2, got 3$/],
    ["gpt-neox-20b", { rotary_pct: 1.5 }, /^rotary_pct: expected a number above 0 and at most 1, got 1\.5$/],
    [
      "Qwen3-30B-A3B",
      { mlp_only_layers: ["first"] },
      /^mlp_only_layers: expected a list of layers' indices from 0, got "first"$/,
    ],
    [
      "DeepSeek-V3",
      { n_shared_experts: 300 },
      /^n_shared_experts: expected at most n_routed_experts \(256\), got 300$/,
    ],
    [
      "DeepSeek-V3",
      { q_lora_rank: "small" },
      /^q_lora_rank: expected a whole number from 1 to 100000000, got "small"$/,
    ],
    [
      "gpt2-xl",
      { n_embd: undefined },
      /^n_embd: expected a whole number .*, got nothing \(nor hidden_size\)$/,
    ],
  ])("%s with %j", (name, changes, pattern) => {
    const problems = problemsOf({ ...CONFIGS[name]!.config, ...changes });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(pattern);
  });

  test("and all problems are found at once", () => {
    const changes = { hidden_size: 0, num_hidden_layers: "many", vocab_size: null, hidden_act: 3 };
    const problems = problemsOf({ ...CONFIGS["Meta-Llama-3-70B"]!.config, ...changes });
    expect(problems.map((line) => line.split(":")[0]).sort()).toEqual(Object.keys(changes).sort());
  });
});

describe("notes say", () => {
  test.each<readonly [string, Config, RegExp]>([
    [
      "Meta-Llama-3-70B",
      { num_key_value_heads: null },
      /by LlamaConfig's defaults: num_key_value_heads as num_attention_heads \(64\)/,
    ],
    [
      "Meta-Llama-3-70B",
      { mlp_bias: true },
      /biases in the feed-forward block alone cannot be said: taken as none/,
    ],
    ["Meta-Llama-3-70B", { torch_dtype: "float16" }, /weights are float16: --precision fp16 computes in it/],
    ["Meta-Llama-3-70B", { torch_dtype: undefined, dtype: "float32" }, /--precision fp32/],
    [
      "Meta-Llama-3-70B",
      { quantization_config: {} },
      /quantization_config: types are the scenario's.*--set precision\.weights=/,
    ],
    ["Meta-Llama-3-70B", { rope_parameters: { rope_type: "yarn" } }, /RoPE scaling \(yarn\)/],
    ["Mistral-7B-v0.1", { sliding_window: undefined }, /by MistralConfig's defaults: sliding_window 4096/],
    ["gemma-2-9b", {}, /attn_logit_softcapping.*final_logit_softcapping/s],
    ["gpt2-xl", {}, /activation gelu_new is taken as gelu/],
    ["gpt2-xl", { add_cross_attention: true }, /cross-attention is not modelled/],
    ["opt-1.3b", { word_embed_proj_dim: 512 }, /word_embed_proj_dim 512: .* the layers are right/],
    [
      "bloom",
      { apply_residual_connection_post_layernorm: true },
      /residuals are taken from before the norms/,
    ],
    ["bert-large-uncased", { position_embedding_type: "relative_key" }, /relative_key is taken as absolute/],
    ["bert-large-uncased", {}, /pooler and masked-language head are not modelled/],
    ["DeepSeek-V3", {}, /num_nextn_predict_layers 1\) are left out/],
    ["DeepSeek-V3", {}, /quantization_config \(fp8\)/],
    ["gpt-oss-20b", {}, /attention sinks .* are not modelled/],
  ])("of %s with %j what was guessed or left out", (name, changes, pattern) => {
    expect(read(name, changes).notes.join("\n")).toMatch(pattern);
  });

  test("nothing where nothing was guessed", () => {
    for (const name of ["Meta-Llama-3-70B", "Mistral-7B-v0.1", "Mixtral-8x7B-v0.1", "Qwen3-32B"])
      expect(read(name).notes).toEqual([]);
  });
});

describe("an unknown model_type", () => {
  test.each(["llama5_text", "gemma5_text", "deepseek_v33", "bart", "lama"])(
    "is not taken for another architecture because it is spelled alike: %s",
    (type) => {
      expect(problemsOf({ model_type: type }).join("\n")).not.toMatch(/did you mean/);
    },
  );

  test("is described by what its file shows of the layers", () => {
    const config = {
      model_type: "qwen9",
      num_hidden_layers: 4,
      num_experts: 16,
      num_experts_per_tok: 2,
      moe_intermediate_size: 512,
      kv_lora_rank: 64,
      sliding_window: 128,
      layer_types: ["linear_attention", "linear_attention", "linear_attention", "full_attention"],
    };
    expect(problemsOf(config)[1]).toBe(
      'it says: layers 4, experts.count 16, experts.perToken 2, experts.ffn 512, latentAttention.keyValueRank 64, slidingWindow 128, layer_types 3 "linear_attention" and 1 "full_attention"',
    );
    expect(problemsOf({ ...config, use_sliding_window: false })[1]).not.toMatch(/slidingWindow/);
    expect(problemsOf({ model_type: "x", layer_types: [] })).toHaveLength(3);
  });

  test("is answered with those that are known, what is there, what is missing, and the way to a model file", () => {
    const config = { model_type: "qwen4", hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4 };
    const [unknown, there, nearest, missing, way, ...more] = problemsOf(config);
    expect(more).toEqual([]);
    expect(unknown).toMatch(/^model_type: no mapping for "qwen4"; known: llama, mistral/);
    expect(there).toBe("it says: layers 2, hidden 64, heads 4");
    expect(nearest).toBe("nearest by its parts: llama");
    expect(missing).toMatch(
      /^missing for a model file: kvHeads, headDim, ffn, vocabulary, gated, activation, bias,/,
    );
    expect(way).toMatch(
      /norm-roofline show llama-3-8b > mine\.json.*norm-roofline schema model.*check mine\.json/,
    );
  });

  test.each<readonly [Config, string]>([
    [{ n_routed_experts: 64, n_shared_experts: 1, kv_lora_rank: 512 }, "deepseek_v3"],
    [{ num_experts: 64 }, "mixtral"],
    [{ num_experts: 64, n_shared_experts: 1 }, "glm4_moe"],
    [{ layer_norm_eps: 1e-5, type_vocab_size: 2 }, "bert"],
    [{ layer_norm_epsilon: 1e-5 }, "gpt_neox"],
    [{ kv_lora_rank: 512 }, "minicpm3"],
    [{ use_qk_norm: true }, "qwen3"],
    [{ num_experts: 8, layer_norm_eps: 1e-5, type_vocab_size: 2 }, "phimoe (with encoder besides)"],
  ])("has as its nearest the known one of the same parts: %j", (parts, nearest) => {
    const problems = problemsOf({ model_type: "qwen4", hidden_size: 64, ...parts });
    expect(problems).toContain(`nearest by its parts: ${nearest}`);
  });

  test.each<readonly [Config, RegExp]>([
    [{ model_type: "mine", is_encoder_decoder: true }, /an encoder and a decoder/],
    [{ model_type: "mine", ssm_state_size: 128 }, /Mamba/],
    [{ model_type: "whisper" }, /cross-attention/],
    [{ model_type: "mine", hc_mult: 4 }, /hyper-connections/],
  ])("whose layers no model file can say is refused with that reason: %j", (config, reason) => {
    expect(problemsOf(config)[0]).toMatch(reason);
    expect(problemsOf(config).join()).not.toMatch(/to write one/);
  });

  test("is read as the type that its class is of", () => {
    const { model_type: _, ...config } = CONFIGS["DeepSeek-V3"]!.config;
    const { imported } = importModel(
      { ...config, model_type: "kimi_k9", architectures: ["DeepseekV3ForCausalLM"] },
      ORIGIN,
    );
    expect(imported!.model.source).toBe("a test (model_type deepseek_v3)");
  });

  test.each([
    { model_type: 3 },
    { model_type: null },
    { architectures: [] },
    { architectures: "LlamaForCausalLM" },
  ])("is also one that is none: %j", (config) => {
    expect(problemsOf(config)[0]).toMatch(/^model_type: no mapping for nothing; known: llama,/);
  });

  test("may be called like a property of all objects", () => {
    for (const type of ["constructor", "__proto__", "toString"])
      expect(problemsOf({ model_type: type })[0]).toMatch(new RegExp(`no mapping for "${type}"`));
  });
});
