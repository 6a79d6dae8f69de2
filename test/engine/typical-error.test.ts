import { describe, expect, test } from "vitest";
import { simulate } from "../../src/engine/simulate.ts";
import type { Hardware, Measured, Validation } from "../../src/schema/hardware.ts";
import type { Scenario } from "../../src/schema/scenario.ts";
import { datasheet, decode, hardware, model, prefill, scenario, train } from "../support/scenarios.ts";

const H100 = hardware("h100-sxm");
const MEASURED: Measured = {
  batch: [1, 8],
  tokens: [1, 8192],
  context: [0, 4096],
  hidden: [1024, 8192],
  headDims: [64, 128],
  norms: ["layernorm.native", "rmsnorm.native"],
  pointwise: ["eager"],
};
const row = (changes: Partial<Validation>): Validation => ({
  phase: "prefill",
  runtime: "graph",
  layers: 7,
  medianError: 0.02,
  percentile90Error: 0.04,
  shareErrorPoints: 0.5,
  measured: MEASURED,
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

const typicalError = (given: Scenario) => simulate(given).typicalError;
/** What reports say of an error that is not known. */
const whyUnknown = (given: Scenario): string[] =>
  simulate(given).warnings.filter((text) => /extrapolated\.$|not known\.$|again\.$/.test(text));

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
    for (const one of [of({}), experts]) expect(whyUnknown(one)).toEqual([]);
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
    [
      of({ model: { ...model("llama-3-8b"), hidden: 256 } }),
      "prefill in a CUDA graph with a hidden size of 256 (measured: 1024 to 8192)",
    ],
    [
      of({ model: { ...model("llama-3-8b"), hidden: 8193 } }),
      "prefill in a CUDA graph with a hidden size of 8193 (measured: 1024 to 8192)",
    ],
    [
      of({ workload: prefill(1, 8193) }),
      "prefill in a CUDA graph with 8193 new tokens (measured: 1 to 8192)",
    ],
    [
      of({ workload: decode(100_000, 100_000) }),
      "decode in a CUDA graph with a batch of 100000 (measured: 1 to 8), 100000 new tokens (measured: 1 to 8192) or a context of 100000 tokens (measured: 0 to 4096)",
    ],
    [
      of({ model: model("mixtral-8x7b"), workload: decode(1, 5000) }),
      "decode in a CUDA graph of layers with experts with a context of 5000 tokens (measured: 0 to 4096)",
    ],
    [
      of({ model: { ...model("llama-3-8b"), headDim: 80 } }),
      "prefill in a CUDA graph with heads of 80 (measured: 64, 128)",
    ],
    [
      of({ normalization: { kind: "rmsnorm", implementation: "textbook" } }),
      "prefill in a CUDA graph with rmsnorm.textbook norms",
    ],
    [
      of({ kernels: { pointwise: "fused", attention: "flash" } }),
      "prefill in a CUDA graph with fused RoPE and activation",
    ],
    [of({ model: { ...model("llama-3-8b"), slidingWindow: 500 } }), "layers with a sliding window"],
    [of({ workload: train(1, 512), training: { recomputation: "full" } }), "layers with full recomputation"],
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
    expect(whyUnknown(given)).toEqual([`Nobody has measured ${what}: the profile's laws are extrapolated.`]);
  });

  test("is not there without a calibration, which another warning says", () => {
    const ideal = of({ hardware: datasheet("b200") });
    expect(typicalError(ideal)).toBeNull();
    expect(whyUnknown(ideal)).toEqual([]);
  });

  test("is not there where the profile does not say what was measured", () => {
    const { measured: _, ...old } = row({});
    const given = of({ hardware: { ...H100, validation: [old] } });
    expect(typicalError(given)).toBeNull();
    expect(whyUnknown(given)).toEqual([
      "The profile does not say which layers its error was measured on: calibrate it again.",
    ]);
  });

  test("is that of the layer's own kind, and of a window only where it hides a token", () => {
    const mixed = model("gemma-3-27b");
    const near = { ...mixed, headDim: 128, slidingWindow: 1024 };
    const at = (sequence: number, layerKind: string): Scenario =>
      of({ model: near, layerKind, workload: prefill(1, sequence) });
    expect(typicalError(at(1024, "window"))?.layer).toBe(0.02);
    expect(typicalError(at(1025, "window"))).toBeNull();
    expect(typicalError(at(1025, "full"))?.layer).toBe(0.02);
  });

  test("is not there where the layer waits for a host, which is not the one that was measured", () => {
    const eager = { ...H100, validation: [row({ runtime: "eager" })] };
    const waiting = of({
      model: model("llama-3-8b"),
      hardware: eager,
      runtime: "eager",
      workload: prefill(1, 1),
    });
    expect(typicalError(waiting)).toBeNull();
    expect(whyUnknown(waiting)).toEqual([
      "The layer waits for the host, and the profile has that of another machine: its error is not known.",
    ]);
    expect(typicalError({ ...waiting, workload: prefill(1, 8192) })?.layer).toBe(0.02);
  });
});

describe("new tokens behind a context", () => {
  const chunk = scenario({ workload: prefill(1, 64, 32_704) });

  test("have no error of layers: none was measured", () => {
    expect(typicalError(chunk)).toBeNull();
  });

  test("take cuDNN as long as 128 of them, and FlashAttention less, which shares out the keys", () => {
    const attentionOf = (changes: Partial<Scenario>): number =>
      simulate({ ...chunk, ...changes }).operators.find(({ name }) => name === "attention")!.seconds;
    const cudnn = attentionOf({});
    expect(cudnn).toBeGreaterThan(400e-6);
    expect(attentionOf({ workload: prefill(1, 128, 32_640) }) / cudnn).toBeCloseTo(1, 1);
    const flash = attentionOf({ kernels: { ...chunk.kernels, attentionLibrary: "flash" } });
    expect(flash).toBeLessThan(0.6 * cudnn);
  });
});
