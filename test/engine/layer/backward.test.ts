import { describe, expect, test } from "vitest";
import { isBackward } from "../../../src/engine/layer/backward.ts";
import { type Kernel, readBytes, sumOf, writeBytes } from "../../../src/engine/layer/kernel.ts";
import { layerOperators } from "../../../src/engine/layer/layer.ts";
import type { Scenario } from "../../../src/schema/scenario.ts";
import { model, prefill, scenario, train } from "../../support/scenarios.ts";

/** Gradients that are easily left out: of attention with wide keys, of what was split or joined, of the choice of experts. */

const TOKENS = 512;
const PAIRS = (TOKENS * (TOKENS + 1)) / 2;

const training = (name: string, changes: Partial<Scenario> = {}): Scenario =>
  scenario({ model: model(name), workload: train(1, TOKENS), ...changes });
const kernelsOf = (given: Scenario, name: string): readonly Kernel[] =>
  layerOperators(given).find((operator) => operator.name === name)?.kernels ?? [];
const reads = (kernels: readonly Kernel[]): number => sumOf(kernels, readBytes);
const writes = (kernels: readonly Kernel[]): number => sumOf(kernels, writeBytes);
const FUSED = { pointwise: "fused", attention: "flash" } as const;

describe("a layer that is computed again", () => {
  test("does not write over its input, which its norm's backward still reads", () => {
    for (const name of ["llama-3-8b", "bert-large", "falcon-7b", "gemma-2-9b"])
      for (const recomputation of ["selective", "full"] as const) {
        const operators = layerOperators({ ...training(name), training: { recomputation } });
        const again = operators.filter(isBackward).flatMap(({ kernels }) => kernels);
        const written = again.flatMap(({ writes }) => writes.map(({ tensor }) => tensor));
        expect(written).not.toContain("residual stream");
        // all else has the names that it had the first time
        expect(written.filter((tensor) => tensor.endsWith("-recomputed"))).toEqual(
          recomputation === "full" ? ["residual stream-recomputed"] : [],
        );
      }
  });
});

describe("flash attention backward", () => {
  test("is five products, three as wide as a key and two as wide as a value", () => {
    const of = (name: string): number => kernelsOf(training(name), "attention-backward")[1]!.flops;
    expect(of("llama-3-8b")).toBe(32 * PAIRS * 2 * 5 * 128);
    // a key of DeepSeek-V3 has 128 + 64 elements, a value 128
    expect(of("deepseek-v3")).toBe(128 * PAIRS * 2 * (3 * 192 + 2 * 128));
  });
});

describe("latent attention backward, DeepSeek-V3", () => {
  const [queries, keysAndValues, turnedKey] = kernelsOf(training("deepseek-v3"), "rope-join-backward");
  const rows = TOKENS * 128;

  test("moves each query's gradient once", () => {
    expect([reads([queries!]), writes([queries!])]).toEqual([2 * rows * 192, 2 * rows * 192]);
  });

  test("sums the one turned key's gradient over the heads", () => {
    expect([turnedKey!.flops, reads([turnedKey!])]).toEqual([rows * 64, 2 * rows * 64]);
    expect(writes([turnedKey!])).toBe(2 * TOKENS * 64);
  });

  test("puts gradients of keys and values side by side for the matmuls that decompressed them", () => {
    const bytes = 2 * rows * (128 + 128);
    expect([reads([keysAndValues!]), writes([keysAndValues!])]).toEqual([bytes, bytes]);
  });

  test("puts gradients of the latent and the turned key side by side for those that compressed them", () => {
    const [join] = kernelsOf(training("deepseek-v3"), "kv-latent-join-backward");
    expect([reads([join!]), writes([join!])]).toEqual([2 * TOKENS * 576, 2 * TOKENS * 576]);
  });
});

describe("experts backward", () => {
  const mixtral = training("mixtral-8x7b");

  test("takes the gates' gradients through the softmax to the router's logits", () => {
    const [spread, softmax] = kernelsOf(mixtral, "expert-selection-backward");
    // a gradient and an index of each of two choices
    expect([reads([spread!]), writes([spread!])]).toEqual([TOKENS * 2 * 8, TOKENS * 8 * 4]);
    expect([reads([softmax!]), writes([softmax!])]).toEqual([TOKENS * 8 * 8, TOKENS * 8 * 2]);
    expect(softmax!.flops).toBe(5 * TOKENS * 8);
  });

  test("computes the chances again where one kernel chose, which wrote none", () => {
    const [kernel] = kernelsOf({ ...mixtral, kernels: FUSED }, "expert-selection-backward");
    expect(kernel!.flops).toBe(11 * TOKENS * 8);
    expect(reads([kernel!])).toBe(TOKENS * 8 * 2 + TOKENS * 2 * 8);
  });

  test("reads where the copies lie, and op by op copies them back to their experts", () => {
    const copied = 2 * TOKENS * 2 * 4096;
    const [weighted, gates, back] = kernelsOf(mixtral, "expert-combine-backward");
    expect([writes([weighted!]), writes([gates!])]).toEqual([copied, TOKENS * 2 * 4]);
    expect([reads([back!]), writes([back!])]).toEqual([copied + TOKENS * 2 * 4, copied]);
    const fused = kernelsOf({ ...mixtral, kernels: FUSED }, "expert-combine-backward");
    expect(fused).toHaveLength(2);
    // the token's gradient, a gate and a place
    expect(reads([fused[0]!])).toBe(2 * TOKENS * 4096 + TOKENS * 2 * 8);
  });

  test("goes through the gate of shared experts, and adds its input's gradient too", () => {
    const qwen = training("qwen1.5-moe-a2.7b");
    const [scaled, gate] = kernelsOf(qwen, "shared-expert-scale-backward");
    const elements = TOKENS * 2048;
    expect([reads([scaled!]), writes([scaled!])]).toEqual([2 * (elements + TOKENS), 2 * elements]);
    expect([reads([gate!]), writes([gate!])]).toEqual([4 * elements, 2 * TOKENS]);
    expect(kernelsOf(qwen, "shared-gate-input-backward")).toHaveLength(1);
    expect(kernelsOf(training("deepseek-v3"), "shared-expert-scale-backward")).toEqual([]);
  });
});

describe("latent attention with a window", () => {
  test("decompresses every token of the context where every product is computed", () => {
    const of = (attention: "flash" | "materialized"): number => {
      const given = scenario({
        model: { ...model("deepseek-v2-lite"), slidingWindow: 100 },
        workload: prefill(1, 10, 1000),
        kernels: { pointwise: "eager", attention },
      });
      const { work } = kernelsOf(given, "kv-up-projection")[0]!;
      return work.kind === "matmul" ? work.m : 0;
    };
    expect(of("flash")).toBe(99 + 10);
    expect(of("materialized")).toBe(1000 + 10);
  });
});
