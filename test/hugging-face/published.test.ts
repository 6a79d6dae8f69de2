import { describe, expect, test } from "vitest";
import { parameterCounts } from "../../src/engine/model/parameters.ts";
import { importModel } from "../../src/hugging-face/import-model.ts";
import { MODEL_TYPES } from "../../src/hugging-face/model-types.ts";
import { type Model, ModelSchema } from "../../src/schema/model.ts";
import { model as shippedModel } from "../support/scenarios.ts";
import { CONFIGS, type Published } from "./configs.ts";

function imported(config: Published["config"]): Model {
  const { imported, problems } = importModel(config, { name: "a model", source: "a test" });
  expect(problems).toBeUndefined();
  return ModelSchema.parse(imported!.model);
}

const ALL = Object.entries(CONFIGS);

describe("a real config.json", () => {
  test("is known for every model_type", () => {
    const types = ALL.map(([, { config }]) => config["model_type"]);
    expect([...new Set(types)].sort()).toEqual(Object.keys(MODEL_TYPES).sort());
  });

  test.each(ALL)(
    "of %s becomes a model of the published size",
    (_, { config, parameters, exact, besides = 0 }) => {
      const counted = parameterCounts(imported(config)).total + besides;
      expect(Math.abs(counted / parameters - 1)).toBeLessThan(0.005);
      if (exact) expect(counted).toBe(parameters);
    },
  );

  const shipped = ALL.filter(([, published]) => published.shipped !== undefined);

  test.each(shipped)("of %s becomes the model that is shipped", (_, { config, shipped }) => {
    const { name: _name, source: _source, ...numbers } = imported(config);
    const { name, source, $schema, ...expected } = shippedModel(shipped!);
    expect(numbers).toEqual(expected);
  });

  const active = ALL.filter(([, published]) => published.active !== undefined);

  test.each(active)(
    "of %s lets a token pass through as many parameters as published, within 2%%",
    (_, published) => {
      const counted = parameterCounts(imported(published.config)).active;
      expect(Math.abs(counted / published.active! - 1)).toBeLessThan(0.02);
    },
  );
});

describe("FLOPs of a token, twice its active parameters and the attention scores,", () => {
  test("of DeepSeek-V3 in training at 4096 tokens are the published 250 GFLOP", () => {
    // Insights into DeepSeek-V3 (arXiv 2505.09343), table 2
    const model = imported(CONFIGS["DeepSeek-V3"]!.config);
    const { nopeDim, ropeDim } = model.latentAttention!;
    const meanContext = 4096 / 2;
    const scores = 2 * model.layers * model.heads * (nopeDim + ropeDim + model.headDim) * meanContext;
    const flops = 3 * (2 * parameterCounts(model).active + scores);
    expect(Math.abs(flops / 250e9 - 1)).toBeLessThan(0.02);
  });

  test("of Mixtral are those of a 12.9B model", () => {
    const { active } = parameterCounts(imported(CONFIGS["Mixtral-8x7B-v0.1"]!.config));
    expect(Math.abs((2 * active) / (2 * 12.9e9) - 1)).toBeLessThan(0.02);
  });
});

describe("gpt-oss's own table of parameters", () => {
  // model card, table 1: MLP, attention, embedding and unembedding; billions
  test.each([
    ["gpt-oss-20b", 19.12, 0.64, 1.16],
    ["gpt-oss-120b", 114.71, 0.96, 1.16],
  ])("agrees for %s", (name, mlp, attention, embeddings) => {
    const model = imported(CONFIGS[name]!.config);
    const { embedding, outputHead, kinds } = parameterCounts(model);
    expect((embedding + outputHead) / 1e9).toBeCloseTo(embeddings, 2);
    const layers = kinds.reduce((sum, kind) => sum + kind.layers * kind.total, 0);
    const dense = { ...model, bias: "attention" as const, layerKinds: undefined, experts: undefined };
    const { ffn, hidden } = model;
    const withoutBlock = parameterCounts(dense).kinds[0]!.total - 3 * ffn * hidden;
    expect((model.layers * withoutBlock) / 1e9).toBeCloseTo(attention, 2);
    expect((layers - model.layers * withoutBlock) / 1e9).toBeCloseTo(mlp, 1);
  });
});
