import { describe, expect, test } from "vitest";
import type { Hardware } from "../../src/schema/hardware.ts";
import type { Scenario } from "../../src/schema/scenario.ts";
import { extrapolation, typicalError } from "../../src/simulate/typical-error.ts";
import { decode, hardware, model, prefill, scenario, train } from "../support/scenarios.ts";

type Validation = NonNullable<Hardware["validation"]>[number];

const H100 = hardware("h100-sxm");
const row = (changes: Partial<Validation>): Validation => ({
  phase: "prefill",
  runtime: "graph",
  layers: 7,
  medianError: 0.02,
  percentile90Error: 0.04,
  shareErrorPoints: 0.5,
  source: "test",
  ...changes,
});
const DEVICE: Hardware = {
  ...H100,
  validation: [
    row({}),
    row({ phase: "decode", medianError: 0.03 }),
    row({ phase: "decode", layersWith: "experts", medianError: 0.05 }),
    row({ layersWith: "two GPUs", medianError: 0.01 }),
    row({ layersWith: "fp8", medianError: 0.025 }),
  ],
};
const of = (changes: Partial<Scenario>): Scenario => scenario({ hardware: DEVICE, ...changes });
const typed = (changes: Partial<Scenario["precision"]>) =>
  of({ precision: { activations: "bf16", weights: "bf16", kvCache: "bf16", ...changes } });
const group = (changes: Partial<Scenario["parallelism"]>) =>
  of({ parallelism: { tensor: 1, sequenceParallel: false, ...changes } });

describe("the typical error", () => {
  test("is that of measured layers of the same phase, runtime and kind", () => {
    expect(typicalError(of({}))).toEqual({ layer: 0.02, shareOfTime: 0.005, layers: 7 });
    expect(typicalError(of({ workload: decode(8, 100) }))?.layer).toBe(0.03);
    const experts = of({ workload: decode(8, 100), model: model("mixtral-8x7b") });
    expect(typicalError(experts)?.layer).toBe(0.05);
    expect(typicalError(group({ tensor: 2 }))?.layer).toBe(0.01);
    expect(typicalError(typed({ activations: "fp8", weights: "fp8" }))?.layer).toBe(0.025);
    // nothing is read from a cache here, whatever its type
    expect(typicalError(typed({ activations: "fp8", weights: "fp8", kvCache: "fp8" }))?.layer).toBe(0.025);
    for (const one of [of({}), experts]) expect(extrapolation(one)).toEqual([]);
  });

  test.each<[Scenario, string]>([
    [typed({ activations: "int8", weights: "int8" }), "layers with int8 arithmetic"],
    [typed({ activations: "fp8", weights: "int4" }), "layers with fp8 arithmetic"],
    [typed({ weights: "int4" }), "layers with int4 weights"],
    [typed({ weights: "fp8" }), "layers with fp8 weights"],
    [
      { ...typed({ weights: "int4", kvCache: "fp8" }), workload: decode(1, 100) },
      "layers with int4 weights or a cache in fp8",
    ],
    [{ ...typed({ kvCache: "int8" }), workload: prefill(1, 10, 10) }, "layers with a cache in int8"],
    [
      {
        ...typed({ activations: "fp8", weights: "fp8" }),
        kernels: { pointwise: "fused", attention: "flash", quantization: "fused" },
      },
      "layers with quantization inside other kernels",
    ],
    [
      { ...typed({ activations: "fp8", weights: "fp8" }), model: model("mixtral-8x7b") },
      "layers with fp8 and experts or two GPUs",
    ],
    [
      { ...typed({ activations: "fp8", weights: "fp8" }), workload: decode(1, 100) },
      "decode in a CUDA graph of layers with fp8",
    ],
    [of({ model: { ...model("llama-3-8b"), hidden: 256 } }), "layers with a hidden size of 256"],
    [of({ model: { ...model("llama-3-8b"), hidden: 32_768 } }), "layers with a hidden size of 32768"],
    [of({ workload: prefill(1, 200_000) }), "layers with sequences of 200000 tokens"],
    [of({ workload: decode(1, 200_000) }), "layers with sequences of 200000 tokens"],
    [of({ model: { ...model("llama-3-8b"), headDim: 80 } }), "layers with heads of 80"],
    [
      of({ kernels: { pointwise: "eager", attention: "materialized" } }),
      "layers with scores that are written to memory",
    ],
    [group({ tensor: 8 }), "layers with 8 GPUs to a layer"],
    [group({ tensor: 2, sequenceParallel: true }), "layers with sequence parallelism"],
    [
      of({ model: model("mixtral-8x7b"), parallelism: { tensor: 2, sequenceParallel: false, expert: 4 } }),
      "layers with experts on several GPUs or experts and two GPUs to a layer",
    ],
    [of({ model: model("deepseek-v2-lite") }), "layers with latent attention"],
    [of({ workload: train(1, 512) }), "training in a CUDA graph"],
    [of({ runtime: "eager" }), "prefill launched kernel by kernel"],
    [of({ model: model("mixtral-8x7b") }), "prefill in a CUDA graph of layers with experts"],
    [of({ hardware: hardware("a100-sxm-80gb") }), "whole layers on this device"],
  ])("is not there for other layers, and why is said: %#", (given, what) => {
    expect(typicalError(given)).toBeNull();
    expect(extrapolation(given)).toEqual([
      `Nobody has measured ${what}: the profile's laws are extrapolated.`,
    ]);
  });

  test("is not there without a calibration, which another warning says", () => {
    const ideal = of({ hardware: hardware("b200") });
    expect(typicalError(ideal)).toBeNull();
    expect(extrapolation(ideal)).toEqual([]);
  });
});
