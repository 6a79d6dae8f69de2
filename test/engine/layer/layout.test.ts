import { describe, expect, test } from "vitest";
import { normPlaces } from "../../../src/engine/layer/layout.ts";
import { model } from "../../support/scenarios.ts";

describe("the places of a model's norms", () => {
  test.each([
    ["llama-3-8b", ["attention-norm", "ffn-norm"]],
    ["bert-large", ["attention-norm", "ffn-norm"]],
    ["falcon-7b", ["attention-norm"]],
    ["gemma-2-9b", ["attention-norm", "post-attention-norm", "ffn-norm", "post-ffn-norm"]],
    ["olmo-2-7b", ["query-norm", "key-norm", "post-attention-norm", "post-ffn-norm"]],
    ["qwen3-8b", ["attention-norm", "query-norm", "key-norm", "ffn-norm"]],
    ["deepseek-v3", ["attention-norm", "query-latent-norm", "kv-latent-norm", "ffn-norm"]],
    ["deepseek-v2-lite", ["attention-norm", "kv-latent-norm", "ffn-norm"]],
  ])("of %s are %j", (name, expected) => {
    expect(normPlaces(model(name)).map((place) => place.name)).toEqual(expected);
  });
});
