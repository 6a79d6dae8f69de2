import { describe, expect, test } from "vitest";
import { sumOf } from "../../../src/engine/layer/kernel.ts";
import { layerOperators } from "../../../src/engine/layer/layer.ts";
import type { Scenario } from "../../../src/schema/scenario.ts";
import { decode, model, prefill, scenario, train } from "../../support/scenarios.ts";

const names = (given: Scenario): string[] => layerOperators(given).map((operator) => operator.name);
const kernelsOf = (given: Scenario, name: string): number =>
  layerOperators(given).find((operator) => operator.name === name)?.kernels.length ?? 0;
const normsOf = (given: Scenario): string[] =>
  layerOperators(given)
    .filter((operator) => operator.class === "normalization")
    .map((operator) => operator.name);
const with70b = (changes: Partial<Scenario["model"]>): Scenario =>
  scenario({ model: { ...model("llama-3-70b"), ...changes } });

describe("order of operators", () => {
  test("a pre-norm layer reads as in its paper", () => {
    expect(names(scenario())).toEqual([
      "attention-norm",
      "qkv-projection",
      "rope",
      "attention",
      "output-projection",
      "attention-residual",
      "ffn-norm",
      "gate-up-projection",
      "activation",
      "down-projection",
      "ffn-residual",
    ]);
  });

  test("a post-norm layer normalizes behind each residual add", () => {
    expect(names(scenario({ model: model("bert-large") }))).toEqual([
      "qkv-projection",
      "attention",
      "output-projection",
      "attention-residual",
      "attention-norm",
      "up-projection",
      "activation",
      "down-projection",
      "ffn-residual",
      "ffn-norm",
    ]);
  });

  test("a sandwich layer has four norms", () => {
    expect(normsOf(scenario({ model: model("gemma-2-9b") }))).toEqual([
      "attention-norm",
      "post-attention-norm",
      "ffn-norm",
      "post-ffn-norm",
    ]);
  });

  test("a parallel layer adds both branches at its end", () => {
    const order = names(scenario({ model: model("pythia-12b") }));
    expect(order.indexOf("ffn-norm")).toBeLessThan(order.indexOf("attention-residual"));
    expect(order.slice(-2)).toEqual(["attention-residual", "ffn-residual"]);
  });

  test("query and key norms work on heads", () => {
    const given = scenario({ model: model("qwen3-8b") });
    expect(normsOf(given)).toEqual(["attention-norm", "query-norm", "key-norm", "ffn-norm"]);
    const queryNorm = layerOperators(given).find((operator) => operator.name === "query-norm");
    expect(sumOf(queryNorm?.kernels ?? [], (kernel) => kernel.flops)).toBe(7 * 4096 * 32 * 128);
  });

  test("training runs forward, then backward in reverse", () => {
    const order = names(scenario({ workload: train(1, 4096) }));
    const backward = order.filter((name) => name.endsWith("-backward"));
    expect(order.slice(-backward.length)).toEqual(backward);
    expect(backward[0]).toBe("down-projection-backward");
    expect(backward.indexOf("ffn-norm-backward")).toBeLessThan(backward.indexOf("attention-norm-backward"));
  });

  test("only RoPE costs anything for positions", () => {
    expect(names(with70b({ positions: "learned" }))).not.toContain("rope");
    expect(names(with70b({ positions: "none" }))).not.toContain("rope");
  });

  test("new keys are copied only where there are cached ones before them", () => {
    expect(names(scenario())).not.toContain("kv-cache-write");
    expect(names(scenario({ workload: prefill(1, 128, 1024) }))).toContain("kv-cache-write");
    expect(names(scenario({ workload: decode(1, 1024) }))).toContain("kv-cache-write");
  });
});

describe("kernels as counted on H200 (measurements/h200-sxm, layer counters)", () => {
  test.each([
    ["Llama-3-70B prefill, native norms", scenario(), 21],
    [
      "Llama-3-70B prefill, eager RMSNorm",
      scenario({ normalization: { kind: "rmsnorm", implementation: "eager" } }),
      35,
    ],
    ["Llama-3-70B training", scenario({ workload: train(1, 4096) }), 55],
    ["BERT-large prefill", scenario({ model: model("bert-large") }), 10],
    ["BERT-large training", scenario({ model: model("bert-large"), workload: train(1, 4096) }), 33],
  ])("%s launches the kernels that were counted", (_, given, kernels) => {
    expect(sumOf(layerOperators(given), (operator) => operator.kernels.length)).toBe(kernels);
  });

  test("eager RoPE is five kernels for queries and five for keys; fused it is one", () => {
    expect(kernelsOf(scenario(), "rope")).toBe(10);
    expect(kernelsOf(scenario({ kernels: { pointwise: "fused", attention: "flash" } }), "rope")).toBe(1);
  });

  test("a partial rotary embedding joins what it did not turn", () => {
    expect(kernelsOf(scenario({ model: model("pythia-12b") }), "rope")).toBe(12);
  });

  test("a gated activation is two eager kernels or one fused", () => {
    expect(kernelsOf(scenario(), "activation")).toBe(2);
    expect(kernelsOf(scenario({ kernels: { pointwise: "fused", attention: "flash" } }), "activation")).toBe(
      1,
    );
  });
});

describe("residual-fused norms", () => {
  const fused = (name: string): Scenario =>
    scenario({ model: model(name), normalization: { kind: "rmsnorm", implementation: "residual-fused" } });

  test.each(["llama-3-70b", "bert-large", "gemma-2-9b"])("take both residual adds of %s along", (name) => {
    expect(names(fused(name)).filter((operator) => operator.endsWith("residual"))).toEqual([]);
  });

  test("leave the add of the two branches of a parallel layer", () => {
    expect(names(fused("pythia-12b")).filter((operator) => operator.endsWith("residual"))).toEqual([
      "attention-residual",
    ]);
  });

  test("norms without an add before them are fused ones", () => {
    const norms = layerOperators(fused("gemma-2-9b")).filter(
      (operator) => operator.name === "post-attention-norm",
    );
    expect(norms[0]?.kernels.map((kernel) => kernel.name)).toEqual(["normalize"]);
  });
});

describe("tensor parallelism", () => {
  const parallel = (sequenceParallel: boolean): Scenario =>
    scenario({ parallelism: { tensor: 8, sequenceParallel } });

  test("divides matmuls and attention by the degree", () => {
    const flops = (given: Scenario, name: string): number =>
      sumOf(
        layerOperators(given).find((operator) => operator.name === name)?.kernels ?? [],
        (kernel) => kernel.flops,
      );
    for (const name of ["qkv-projection", "attention", "output-projection", "down-projection"])
      expect(flops(parallel(false), name)).toBe(flops(scenario(), name) / 8);
  });

  test("replicates norms, unless sequence parallelism divides them too", () => {
    const rows = (given: Scenario): number | undefined => {
      const work = layerOperators(given)[0]?.kernels[0]?.work;
      return work?.kind === "row-per-block" ? work.rows : undefined;
    };
    expect(rows(parallel(false))).toBe(4096);
    expect(rows(parallel(true))).toBe(512);
  });

  test("sums each block's output over the group", () => {
    expect(names(parallel(false)).filter((name) => name.includes("all-"))).toEqual([
      "attention-all-reduce",
      "ffn-all-reduce",
    ]);
    expect(
      layerOperators(parallel(true))
        .filter((operator) => operator.class === "collective")
        .map((operator) => operator.name),
    ).toEqual(["attention-all-gather", "attention-reduce-scatter", "ffn-all-gather", "ffn-reduce-scatter"]);
  });

  const elementsOf = (given: Scenario, name: string): number | undefined => {
    const work = layerOperators(given).find((operator) => operator.name === name)?.kernels[0]?.work;
    return work?.kind === "pointwise" ? work.elements : undefined;
  };
  const split = (name: string) =>
    scenario({
      model: model(name),
      workload: train(1, 512),
      parallelism: { tensor: 8, sequenceParallel: true },
    });

  test("adds the branches of a parallel layer for every token, since their sum is exchanged after", () => {
    const { hidden } = model("pythia-12b");
    expect(elementsOf(split("pythia-12b"), "attention-residual")).toBe(512 * hidden);
    expect(elementsOf(split("pythia-12b"), "ffn-residual")).toBe((512 / 8) * hidden);
  });

  test("adds gradients of gathered tokens for every token, those of the stream for its own", () => {
    const { hidden } = model("falcon-7b");
    const single = { ...model("falcon-7b"), heads: 72, kvHeads: 8 };
    const given = { ...split("falcon-7b"), model: single };
    expect(single.normPlacement).toBe("parallel-shared");
    expect(elementsOf(given, "ffn-residual-backward")).toBe(512 * hidden);
    expect(elementsOf(given, "attention-residual-backward")).toBe((512 / 8) * hidden);
    const routed = { ...split("mixtral-8x7b") };
    expect(elementsOf(routed, "router-input-backward")).toBe(512 * routed.model.hidden);
    expect(elementsOf(split("deepseek-v3"), "latent-input-backward")).toBe(512 * 7168);
  });

  test("keeps one copy of a key head where there are more ranks than key heads", () => {
    const given = scenario({ parallelism: { tensor: 16, sequenceParallel: false } });
    const qkv = layerOperators(given).find((operator) => operator.name === "qkv-projection");
    const work = qkv?.kernels[0]?.work;
    expect(work?.kind === "matmul" && work.n).toBe((4 + 2) * 128);
  });
});

describe("passes that a user gives", () => {
  test("are run as given", () => {
    const given = scenario({
      normalization: {
        kind: "rmsnorm",
        implementation: [
          {
            name: "my statistic",
            kernel: "row-sum",
            reads: ["activation"],
            writes: ["row:scale"],
            fixedReadBytes: 0,
            flopsPerElement: 2,
          },
          {
            name: "my scale",
            kernel: "vectorized",
            reads: ["activation", "row:scale", "weight"],
            writes: ["activation"],
            fixedReadBytes: 0,
            flopsPerElement: 2,
          },
        ],
      },
    });
    expect(layerOperators(given)[0]?.kernels.map((kernel) => kernel.name)).toEqual([
      "my statistic",
      "my scale",
    ]);
  });
});
