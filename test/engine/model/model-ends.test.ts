import { describe, expect, test } from "vitest";
import { dimensions } from "../../../src/engine/layer/dimensions.ts";
import { type Operator, readBytes, sumOf, writeBytes } from "../../../src/engine/layer/kernel.ts";
import { matmulTypes, normStyle, wideMatmulTypes } from "../../../src/engine/layer/layout.ts";
import { type ModelEnds, modelEnds } from "../../../src/engine/model/model-ends.ts";
import type { Scenario } from "../../../src/schema/scenario.ts";
import { model, prefill, scenario, train } from "../../support/scenarios.ts";

const endsOf = (changes: Partial<Scenario>): ModelEnds => {
  const { model, workload, precision, parallelism, normalization } = scenario(changes);
  const d = dimensions(model, workload.batch, workload.sequence, precision, parallelism);
  const types = wideMatmulTypes(precision);
  return modelEnds(model, workload.phase, d, normStyle(normalization, matmulTypes(precision), types), types);
};
const names = (operators: readonly Operator[]): string[] => operators.map(({ name }) => name);
const bytes = (operators: readonly Operator[], name: string): [read: number, written: number] => {
  const kernels = operators.find((operator) => operator.name === name)?.kernels ?? [];
  return [sumOf(kernels, readBytes), sumOf(kernels, writeBytes)];
};

describe("learned positions", () => {
  const { embedding } = endsOf({ model: model("bert-large"), workload: train(8, 512) });
  const tokens = 8 * 512 * 1024;

  test("are added to every token, and their gradients summed over the sequences", () => {
    expect(bytes(embedding, "position-embedding")).toEqual([2 * tokens + 2 * 512 * 1024, 2 * tokens]);
    expect(bytes(embedding, "position-embedding-backward")).toEqual([2 * tokens, 2 * 512 * 1024]);
  });
});

describe("rows of the embedding", () => {
  test("are read in the type that they are stored in", () => {
    const precision = { weights: "fp32", activations: "bf16", kvCache: "bf16" } as const;
    const { embedding } = endsOf({ workload: prefill(1, 100), precision });
    expect(bytes(embedding, "embedding")).toEqual([100 * 8192 * 4 + 100 * 4, 100 * 8192 * 2]);
  });
});

describe("a tensor-parallel group, which shares out the vocabulary", () => {
  const of = (sequenceParallel: boolean, workload: Scenario["workload"]) =>
    endsOf({ workload, parallelism: { tensor: 8, sequenceParallel } });

  test("sums what it has looked up, exchanges the loss's statistics and sums what flows back", () => {
    const { embedding, head } = of(false, train(1, 512));
    expect(names(embedding)).toEqual(["embedding", "embedding-all-reduce", "embedding-backward"]);
    expect(names(head)).toEqual([
      "output-head",
      "cross-entropy",
      "cross-entropy-all-reduce",
      "output-head-backward",
      "output-head-all-reduce-backward",
    ]);
  });

  test("under sequence parallelism scatters and gathers tokens instead", () => {
    const { embedding, head } = of(true, train(1, 512));
    expect(names(embedding)).toEqual([
      "embedding",
      "embedding-reduce-scatter",
      "embedding-all-gather-backward",
      "embedding-backward",
    ]);
    expect(names(head)[0]).toBe("output-head-all-gather");
    expect(names(head).at(-1)).toBe("output-head-reduce-scatter-backward");
  });

  test("gathers logits in inference", () => {
    expect(names(of(false, prefill(1, 512)).head)).toEqual(["output-head", "logits-all-gather"]);
    expect(bytes(of(false, prefill(2, 512)).embedding, "embedding")[0]).toBe(
      (2 * 1024 * 8192) / 8 + 4 * 1024,
    );
  });
});
