import { describe, expect, test } from "vitest";
import { dimensions } from "../../../src/engine/layer/dimensions.ts";
import type { Access, Kernel, Operator } from "../../../src/engine/layer/kernel.ts";
import { kvCacheBytes, savedBytes, weightBytes, workingBytes } from "../../../src/engine/model/memory.ts";
import type { Scenario } from "../../../src/schema/scenario.ts";
import { decode, model, scenario, train } from "../../support/scenarios.ts";

type Touched = Readonly<Record<string, number>>;

const accesses = (touched: Touched): Access[] =>
  Object.entries(touched).map(([tensor, bytes]) => ({ tensor, bytes }));
const kernel = (reads: Touched, writes: Touched): Kernel => ({
  name: "kernel",
  flops: 0,
  reads: accesses(reads),
  writes: accesses(writes),
  streamedBytes: 1e9,
  work: { kind: "pointwise", access: "vectorized", elements: 1 },
});
const operator = (
  name: string,
  kernels: readonly Kernel[],
  kind: Operator["class"] = "pointwise",
): Operator => ({
  name,
  class: kind,
  kernels,
});

describe("weights in memory", () => {
  test("are as wide as their type; what is not multiplied stays wide", () => {
    const held = { projections: 1000, others: 30 };
    const bytes = (weights: Scenario["precision"]["weights"]) =>
      weightBytes(held, { weights, activations: "bf16", kvCache: "bf16" });
    expect(bytes("bf16")).toBe(2 * 1030);
    expect(bytes("fp8")).toBe(1000 + 2 * 30);
    // a scale of two bytes for each group of 128
    expect(bytes("int4")).toBe(500 + 2 * (1000 / 128) + 2 * 30);
    expect(bytes("fp32")).toBe(4 * 1030);
  });
});

describe("the cache", () => {
  const cacheOf = (changes: Partial<Scenario>) => {
    const given = scenario(changes);
    const { workload, precision, parallelism } = given;
    return kvCacheBytes(
      given,
      dimensions(given.model, workload.batch, workload.sequence, precision, parallelism),
    );
  };

  test("holds keys and values of every token of every layer", () => {
    expect(cacheOf({ workload: decode(3, 1000) })).toBe(80 * 3 * 1000 * 2 * 8 * 128 * 2);
  });

  test("is not there in training", () => {
    expect(cacheOf({ workload: train(3, 1000) })).toBe(0);
  });

  test("holds no more tokens than a window", () => {
    const windowed = { ...model("llama-3-70b"), slidingWindow: 100 };
    expect(cacheOf({ model: windowed, workload: decode(3, 1000) })).toBe(80 * 3 * 100 * 2 * 8 * 128 * 2);
  });
});

describe("what a step needs beside weights and cache", () => {
  test("is what the largest kernel reads and writes", () => {
    const kernels = [kernel({ a: 10, b: 20 }, { c: 5 }), kernel({ a: 3 }, { c: 31, d: 2 })];
    expect(workingBytes([operator("one", kernels), operator("two", [kernel({ a: 1 }, {})])])).toBe(36);
    expect(workingBytes([])).toBe(0);
  });

  test("is not the gradients of weights, which are counted with those", () => {
    const bytesOf = (written: string) =>
      workingBytes([operator("one", [kernel({ a: 10 }, { [written]: 7 })])]);
    expect(bytesOf("gradient of qkv-projection weight")).toBe(10);
    expect(bytesOf("gradient of qkv-projection bias")).toBe(10);
    for (const other of [
      "gradient of weighted sum",
      "gradient of weight output",
      "sum gradient of qkv-projection weight",
      "gradient of qkv-projection weight copied",
      "qkv-projection weight",
    ])
      expect(bytesOf(other)).toBe(17);
  });
});

describe("what is kept for the backward pass", () => {
  const forward = operator("norm", [kernel({ x: 8 }, { y: 8 })], "normalization");

  test("is read there before it is written there, once, however often", () => {
    const reading = kernel({ x: 8, y: 8, "gradient of y": 8 }, { z: 8 });
    expect(savedBytes([forward, operator("norm-backward", [reading, reading, kernel({ z: 8 }, {})])])).toBe(
      16,
    );
    expect(savedBytes([forward])).toBe(0);
  });

  test("is a whole tensor as the forward pass wrote it, where only a part is read", () => {
    expect(savedBytes([forward, operator("norm-backward", [kernel({ y: 3 }, {})])])).toBe(8);
    expect(savedBytes([forward, operator("norm-backward", [kernel({ y: 3 }, { y: 50 })])])).toBe(8);
  });

  test("is not what an exchange sends", () => {
    const sends = operator("all-gather-backward", [kernel({ x: 8 }, {})], "collective");
    expect(savedBytes([forward, sends])).toBe(0);
  });

  test("is not the statistics of a norm that runs again, but of any other", () => {
    const uses = operator("norm-backward", [kernel({ "norm row:mean": 4, "norm row:scale": 4 }, {})]);
    const again = { ...forward, name: "norm-recomputed" };
    expect(savedBytes([forward, uses])).toBe(8);
    // x is read again instead
    expect(savedBytes([forward, again, uses])).toBe(8);
    expect(savedBytes([forward, { ...again, kernels: [] }, uses])).toBe(0);
    expect(savedBytes([forward, { ...again, kernels: [], class: "pointwise" }, uses])).toBe(8);
    const backward = { ...again, name: "norm-recom-backward", kernels: [] };
    expect(savedBytes([forward, backward, uses])).toBe(8);
  });
});
