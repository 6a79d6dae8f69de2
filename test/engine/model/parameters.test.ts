import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parameterCounts } from "../../../src/engine/model/parameters.ts";
import type { Model } from "../../../src/schema/model.ts";
import { anyScenario, model } from "../../support/scenarios.ts";

const total = (model: Model): number => parameterCounts(model).total;
const LLAMA = model("llama-3-8b");
const MIXTRAL = model("mixtral-8x7b");
const anyModel = anyScenario.map((scenario) => scenario.model);

describe("parameters of a model", () => {
  test("are those of its layers, its embeddings and its last norm", () => {
    fc.assert(
      fc.property(anyModel, (model) => {
        const counts = parameterCounts(model);
        const [layer] = counts.kinds;
        expect(counts.kinds).toEqual([{ ...layer, name: "layer", layers: model.layers }]);
        expect(counts.total).toBe(
          counts.embedding + counts.outputHead + counts.finalNorm + model.layers * layer!.total,
        );
      }),
    );
  });

  test("grow by one layer's with every layer", () => {
    fc.assert(
      fc.property(anyModel, (model) => {
        const more = { ...model, layers: model.layers + 1 };
        expect(total(more) - total(model)).toBe(parameterCounts(model).kinds[0]!.total);
      }),
    );
  });

  test("all serve every token where there are no experts, but for the embedding rows", () => {
    fc.assert(
      fc.property(anyModel, (model) => {
        const { active, embedding, ...counts } = parameterCounts({ ...model, tiedEmbeddings: false });
        expect(active).toBe(counts.total - embedding);
      }),
    );
  });

  test("are fewer by one table where the output head is the embedding, and serve a token all the same", () => {
    const tied = parameterCounts({ ...LLAMA, tiedEmbeddings: true });
    const apart = parameterCounts(LLAMA);
    expect(tied.outputHead).toBe(0);
    expect(apart.total - tied.total).toBe(LLAMA.vocabulary * LLAMA.hidden);
    expect(tied.active).toBe(apart.active);
  });

  test("of a model without an output head do not count one", () => {
    const { outputHead, active } = parameterCounts({ ...LLAMA, outputHead: false });
    expect(outputHead).toBe(0);
    expect(parameterCounts(LLAMA).active - active).toBe(LLAMA.vocabulary * LLAMA.hidden);
    expect(parameterCounts({ ...LLAMA, causal: false }).outputHead).toBe(0);
  });

  test("of latent attention's own norms take the place of those of queries and keys", () => {
    const deepseek = model("deepseek-v3");
    expect(total({ ...deepseek, qkNorm: true })).toBe(total({ ...deepseek, qkNorm: false }));
  });

  test("of idle experts are all that a token of Mixtral leaves out", () => {
    const expert = 3 * MIXTRAL.hidden * MIXTRAL.experts!.ffn;
    const { total, active, embedding } = parameterCounts(MIXTRAL);
    expect(total - embedding - active).toBe(MIXTRAL.layers * 6 * expert);
  });

  test("of a kind of layers are counted as often as there are such layers", () => {
    const { kinds } = parameterCounts(model("deepseek-v3"));
    const [sparse, dense] = kinds;
    expect(kinds.map(({ name, layers }) => [name, layers])).toEqual([
      ["experts", 58],
      ["dense", 3],
    ]);
    expect(dense!.total).toBe(dense!.active);
    expect(sparse!.total).toBeGreaterThan(10 * sparse!.active);
  });

  test.each([
    ["a bias of queries, keys and values", { bias: "qkv" }, 4096 + 2 * 1024],
    ["a bias of attention", { bias: "attention" }, 4096 + 2 * 1024 + 4096],
    ["biases everywhere", { bias: "all" }, 4096 + 2 * 1024 + 4096 + 2 * 14336 + 4096],
    ["a norm of each head", { qkNorm: true }, 2 * 128],
    ["a norm of all heads", { qkNorm: true, qkNormSpan: "projection" }, 4096 + 1024],
    ["norms before and after", { normPlacement: "sandwich" }, 2 * 4096],
    ["one norm for both branches", { normPlacement: "parallel-shared" }, -4096],
    ["norms behind the branches", { normPlacement: "branch" }, 0],
    ["norms that shift", { norm: "layernorm" }, 2 * 4096],
  ] as const)("of one layer differ with %s by that", (_, change, difference) => {
    const layer = (model: Model): number => parameterCounts(model).kinds[0]!.total;
    expect(layer({ ...LLAMA, ...change } as Model) - layer(LLAMA)).toBe(difference);
  });

  test.each([
    ["positions", { positionRows: 1024 }, 1024 * 4096],
    ["a norm behind the embedding", { embeddingNorm: true }, 4096],
    ["no norm behind the last layer", { normPlacement: "post" }, -4096],
  ] as const)("outside the layers differ with %s by that", (_, change, difference) => {
    expect(total({ ...LLAMA, ...change } as Model) - total(LLAMA)).toBe(difference);
  });

  test("of latent attention are two ways down, two norms, two ways up and the way out", () => {
    const given = model("deepseek-v3");
    const { kinds } = parameterCounts(given);
    const dense = kinds[1]!.total - 3 * 7168 * 18432 - 2 * 7168;
    const down = 7168 * 1536 + 7168 * (512 + 64);
    const up = 1536 * 128 * 192 + 512 * 128 * 256;
    expect(dense).toBe(down + 1536 + 512 + up + 128 * 128 * 7168);
    // the ways down and out add a bias where there is one
    const biased = parameterCounts({ ...given, bias: "attention" }).kinds[1]!.total;
    expect(biased - kinds[1]!.total).toBe(1536 + 512 + 64 + 7168);
  });
});
