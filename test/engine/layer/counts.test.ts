import { describe, expect, test } from "vitest";
import { readBytes, sumOf, writeBytes } from "../../../src/engine/layer/kernel.ts";
import { layerOperators } from "../../../src/engine/layer/layer.ts";
import type { Scenario } from "../../../src/schema/scenario.ts";
import type { NormImplementation } from "../../../src/schema/vocabulary.ts";
import { decode, model, prefill, scenario, train } from "../../support/scenarios.ts";

const TOKENS = 4096;
const HIDDEN = 8192;
const ELEMENTS = 33_554_432;

const operator = (given: Scenario, name: string) => {
  const found = layerOperators(given).find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no operator ${name}`);
  return found;
};
const flopsOf = (given: Scenario, name: string): number =>
  sumOf(operator(given, name).kernels, (kernel) => kernel.flops);
const readsOf = (given: Scenario, name: string): number => sumOf(operator(given, name).kernels, readBytes);
const writesOf = (given: Scenario, name: string): number => sumOf(operator(given, name).kernels, writeBytes);

describe("one Llama-3-70B layer (config.json of meta-llama/Meta-Llama-3-70B)", () => {
  const MATMULS = ["qkv-projection", "output-projection", "gate-up-projection", "down-projection"];

  test("its matmuls do 1,711,276,032 FLOPs per token: twice its 855,638,016 weights", () => {
    const total = sumOf(MATMULS, (name) => flopsOf(scenario(), name));
    expect(total).toBe(1_711_276_032 * TOKENS);
  });

  test("its matmuls and norms read 855,654,400 weights", () => {
    const weights = sumOf([...MATMULS, "attention-norm", "ffn-norm"], (name) =>
      sumOf(operator(rmsnorm("native"), name).kernels, (kernel) => kernel.streamedBytes / 2),
    );
    expect(weights).toBe(855_654_400);
  });

  test.each([
    ["qkv-projection", 2 * TOKENS * (67_108_864 + 2 * 8_388_608)],
    ["output-projection", 2 * TOKENS * 67_108_864],
    ["gate-up-projection", 2 * TOKENS * 2 * 234_881_024],
    ["down-projection", 2 * TOKENS * 234_881_024],
    ["attention-norm", 7 * ELEMENTS],
    ["attention-residual", ELEMENTS],
  ])("%s does %d FLOPs over 4096 tokens", (name, flops) => {
    expect(flopsOf(scenario(), name)).toBe(flops);
  });

  test("causal attention counts exactly S(S+1)/2 pairs, four FLOPs each per element", () => {
    expect(flopsOf(scenario(), "attention")).toBe(4 * ((TOKENS * (TOKENS + 1)) / 2) * HIDDEN);
  });

  test("bidirectional attention counts all pairs", () => {
    const bidirectional = scenario({ model: { ...model("llama-3-70b"), causal: false } });
    expect(flopsOf(bidirectional, "attention")).toBe(4 * TOKENS * TOKENS * HIDDEN);
  });

  test("new tokens attend to every token of the context before them", () => {
    const after = scenario({ workload: prefill(2, 100, 1000) });
    expect(flopsOf(after, "attention")).toBe(2 * 4 * (100 * 1000 + (100 * 101) / 2) * HIDDEN);
  });

  test("a decode step attends to its context once per sequence", () => {
    const step = scenario({ workload: decode(16, 2048) });
    expect(flopsOf(step, "attention")).toBe(16 * 4 * 2048 * HIDDEN);
  });

  test("grouped queries read 8 of 64 heads' keys and values from the cache", () => {
    const step = scenario({ workload: decode(16, 2048) });
    const queries = 16 * HIDDEN * 2;
    expect(readsOf(step, "attention")).toBe(16 * 2048 * 2 * 8 * 128 * 2 + queries);
    expect(writesOf(step, "attention")).toBe(queries);
  });

  test("a decode step writes one token's keys and values per sequence", () => {
    const step = scenario({ workload: decode(16, 2048) });
    expect(writesOf(step, "kv-cache-write")).toBe(16 * 2 * 8 * 128 * 2);
    expect(operator(step, "kv-cache-write").kernels).toHaveLength(2);
  });

  test("a fused norm reads and writes its tensor once: 134,217,728 bytes and its weights", () => {
    const fused = rmsnorm("fused");
    expect(readsOf(fused, "attention-norm") + writesOf(fused, "attention-norm")).toBe(
      134_217_728 + 2 * HIDDEN,
    );
  });

  test("flash attention never writes a score", () => {
    expect(writesOf(scenario(), "attention")).toBe(TOKENS * HIDDEN * 2);
  });

  test("the activation works on the FFN's width, not the hidden one", () => {
    expect(writesOf(scenario({ kernels: { pointwise: "fused", attention: "flash" } }), "activation")).toBe(
      TOKENS * 28_672 * 2,
    );
  });

  test("a residual add reads two tensors and writes one", () => {
    expect(readsOf(scenario(), "attention-residual")).toBe(2 * ELEMENTS * 2);
    expect(writesOf(scenario(), "attention-residual")).toBe(ELEMENTS * 2);
  });
});

function rmsnorm(implementation: NormImplementation): Scenario {
  return scenario({ normalization: { kind: "rmsnorm", implementation } });
}

describe("bytes per element of each norm implementation, bf16, forward", () => {
  // facts: hardware counters and definitions; row statistics and weights come on top
  test.each<["layernorm" | "rmsnorm", NormImplementation, number, number, number]>([
    ["layernorm", "textbook", 3, 6, 2],
    ["rmsnorm", "textbook", 2, 4, 2],
    ["layernorm", "eager", 12, 34, 26],
    ["rmsnorm", "eager", 8, 20, 16],
    ["layernorm", "native", 1, 2, 2],
    ["rmsnorm", "native", 1, 2, 2],
    ["layernorm", "fused", 1, 2, 2],
    ["rmsnorm", "fused", 1, 2, 2],
    ["layernorm", "residual-fused", 1, 4, 4],
    ["rmsnorm", "residual-fused", 1, 4, 4],
    ["layernorm", "folded", 1, 2, 0],
    ["rmsnorm", "folded", 1, 2, 0],
  ])("%s %s: %d kernels, reads %d, writes %d", (kind, implementation, kernels, read, written) => {
    const given = scenario({ normalization: { kind, implementation } });
    const norm = operator(given, "ffn-norm");
    expect(norm.kernels).toHaveLength(kernels);
    expect(readsOf(given, "ffn-norm") / ELEMENTS).toBeCloseTo(read, 1);
    expect(writesOf(given, "ffn-norm") / ELEMENTS).toBeCloseTo(written, 1);
  });

  test("textbook RMSNorm moves a quarter fewer bytes than textbook LayerNorm", () => {
    const bytes = (kind: "layernorm" | "rmsnorm"): number => {
      const given = scenario({ normalization: { kind, implementation: "textbook" } });
      return readsOf(given, "ffn-norm") + writesOf(given, "ffn-norm");
    };
    expect(1 - bytes("rmsnorm") / bytes("layernorm")).toBeCloseTo(0.25, 3);
  });

  test.each<["layernorm" | "rmsnorm", number]>([
    ["layernorm", 7],
    ["rmsnorm", 4],
  ])("%s does %d FLOPs per element whatever its kernels", (kind, flops) => {
    for (const implementation of ["textbook", "eager", "native", "fused"] as const) {
      const given = scenario({ normalization: { kind, implementation } });
      expect(flopsOf(given, "ffn-norm")).toBe(flops * ELEMENTS);
    }
  });
});

describe("norm backward, bf16", () => {
  test.each<["layernorm" | "rmsnorm", NormImplementation, number, number]>([
    ["layernorm", "native", 8, 2],
    ["rmsnorm", "native", 8, 2],
    ["layernorm", "fused", 4, 2],
    ["rmsnorm", "fused", 4, 2],
  ])("%s %s reads %d and writes %d bytes per element", (kind, implementation, read, written) => {
    const given = scenario({ workload: train(1, TOKENS), normalization: { kind, implementation } });
    expect(readsOf(given, "ffn-norm-backward") / ELEMENTS).toBeCloseTo(read, 0);
    expect(writesOf(given, "ffn-norm-backward") / ELEMENTS).toBeCloseTo(written, 0);
  });

  test("eager RMSNorm's backward moves two to three times its forward's bytes", () => {
    const given = scenario({
      workload: train(1, TOKENS),
      normalization: { kind: "rmsnorm", implementation: "eager" },
    });
    const bytes = (name: string): number => readsOf(given, name) + writesOf(given, name);
    const ratio = bytes("ffn-norm-backward") / bytes("ffn-norm");
    expect(ratio).toBeGreaterThan(2);
    expect(ratio).toBeLessThan(3);
  });
});

describe("training", () => {
  const given = scenario({ workload: train(1, TOKENS) });

  test.each(["qkv", "output", "gate-up", "down"])(
    "the %s projection's two gradients cost twice its forward FLOPs",
    (name) => {
      expect(flopsOf(given, `${name}-projection-backward`)).toBe(2 * flopsOf(given, `${name}-projection`));
    },
  );

  test("flash attention computes its scores again: two and a half times the forward FLOPs", () => {
    const operatorFlops = operator(given, "attention-backward").kernels.find((kernel) =>
      kernel.name.startsWith("flash"),
    )?.flops;
    expect(operatorFlops).toBe(2.5 * flopsOf(given, "attention"));
  });

  test("materialized attention's four backward products cost twice its forward ones", () => {
    const bert = scenario({
      model: model("bert-large"),
      workload: train(8, 512),
      kernels: { pointwise: "eager", attention: "materialized" },
    });
    for (const name of ["attention-scores", "attention-context"])
      expect(flopsOf(bert, `${name}-backward`)).toBe(2 * flopsOf(bert, name));
  });

  test("BERT-large's contractions are three times 104 x 2^30 FLOPs (Ivanov et al. 2021, table 1)", () => {
    const bert = scenario({
      model: model("bert-large"),
      workload: train(8, 512),
      kernels: { pointwise: "eager", attention: "materialized" },
    });
    const products = layerOperators(bert)
      .filter((candidate) => candidate.class === "matmul")
      .flatMap((candidate) => candidate.kernels)
      .filter((kernel) => kernel.work.kind === "matmul");
    const biases = 8 * 512 * (3 * 1024 + 1024 + 4096 + 1024);
    expect(sumOf(products, (kernel) => kernel.flops) - biases).toBe(3 * 104 * 2 ** 30);
  });
});
