import { describe, expect, test } from "vitest";
import {
  IMPLEMENTATION_HELP,
  kernelsText,
  precisionText,
  runtimeText,
  shortName,
  title,
  workloadText,
} from "../../../src/report/text/scenario-text.ts";
import { NORM_IMPLEMENTATIONS } from "../../../src/schema/vocabulary.ts";
import { datasheet, decode, model, prefill, scenario, train } from "../../support/scenarios.ts";

describe("a workload in words", () => {
  test.each([
    [prefill(1, 4096), "prefill 1 × 4096"],
    [prefill(8, 128, 1024), "prefill 8 × 128 after 1024"],
    [decode(16, 2048), "decode batch 16, context 2048"],
    [decode(1, 0), "decode batch 1, context 0"],
    [train(8, 512), "train 8 × 512"],
  ])("%j is %s", (workload, text) => {
    expect(workloadText(scenario({ workload }))).toBe(text);
  });
});

describe("types in words", () => {
  test.each([
    [{ weights: "bf16", activations: "bf16", kvCache: "bf16" }, "bf16"],
    [{ weights: "fp16", activations: "fp16", kvCache: "fp32" }, "fp16"],
    [{ weights: "fp32", activations: "bf16", kvCache: "bf16" }, "bf16, weights fp32"],
  ] as const)("%j are %s", (precision, text) => {
    expect(precisionText(scenario({ precision }))).toBe(text);
  });
});

describe("a device's short name", () => {
  test.each([
    ["NVIDIA H100 SXM5 80 GB", "H100 SXM5 80 GB"],
    ["AMD Instinct MI300X 192 GB", "Instinct MI300X 192 GB"],
    ["Intel Gaudi 3", "Gaudi 3"],
    ["Google TPU v5e", "TPU v5e"],
    ["Our H100", "Our H100"],
    ["NVIDIA", "NVIDIA"],
    ["My NVIDIA H100", "My NVIDIA H100"],
    ["NVIDIA \u001b[31mH100", "?[31mH100"],
  ])("of %j is %j", (name, short) => {
    expect(shortName(name)).toBe(short);
  });
});

describe("the title of a report", () => {
  test.each([
    [
      scenario(),
      "Llama 3 70B layer with LayerNorm, as the article has it · prefill 1 × 4096 · bf16 · H100 SXM5 80 GB · CUDA graph",
    ],
    [
      scenario({ runtime: "eager", workload: decode(1, 9), hardware: datasheet("mi300x") }),
      "Llama 3 70B layer with LayerNorm, as the article has it · decode batch 1, context 9 · bf16 · Instinct MI300X 192 GB · ideal times",
    ],
    [
      scenario({ parallelism: { tensor: 8, sequenceParallel: false } }),
      "Llama 3 70B layer with LayerNorm, as the article has it · prefill 1 × 4096 · bf16 · H100 SXM5 80 GB · tensor-parallel 8 · CUDA graph",
    ],
    [
      scenario({ parallelism: { tensor: 8, sequenceParallel: true } }),
      "Llama 3 70B layer with LayerNorm, as the article has it · prefill 1 × 4096 · bf16 · H100 SXM5 80 GB · tensor-parallel 8 with sequence parallelism · CUDA graph",
    ],
    [
      scenario({ model: { ...model("gpt2-xl"), name: "\u001b]0;x\u0007evil" } }),
      "?]0;x?evil layer · prefill 1 × 4096 · bf16 · H100 SXM5 80 GB · CUDA graph",
    ],
  ])("%#", (given, text) => {
    expect(title(given)).toBe(text);
  });

  const many = scenario({ parallelism: { tensor: 8, sequenceParallel: false } });
  test.each([
    [
      ["model"],
      "Layers of several models · prefill 1 × 4096 · bf16 · H100 SXM5 80 GB · tensor-parallel 8 · CUDA graph",
    ],
    [
      ["model.hidden"],
      "Llama 3 70B layer with LayerNorm, as the article has it · prefill 1 × 4096 · bf16 · H100 SXM5 80 GB · tensor-parallel 8 · CUDA graph",
    ],
    [
      ["hardware"],
      "Llama 3 70B layer with LayerNorm, as the article has it · prefill 1 × 4096 · bf16 · tensor-parallel 8 · CUDA graph",
    ],
    [
      ["workload.batch"],
      "Llama 3 70B layer with LayerNorm, as the article has it · prefill, sequence 4096 · bf16 · H100 SXM5 80 GB · tensor-parallel 8 · CUDA graph",
    ],
    [
      ["workload.sequence"],
      "Llama 3 70B layer with LayerNorm, as the article has it · prefill, batch 1 · bf16 · H100 SXM5 80 GB · tensor-parallel 8 · CUDA graph",
    ],
    [
      ["workload.context"],
      "Llama 3 70B layer with LayerNorm, as the article has it · prefill, batch 1, sequence 4096 · bf16 · H100 SXM5 80 GB · tensor-parallel 8 · CUDA graph",
    ],
    [
      ["workload.phase"],
      "Llama 3 70B layer with LayerNorm, as the article has it · batch 1 · bf16 · H100 SXM5 80 GB · tensor-parallel 8 · CUDA graph",
    ],
    [
      ["workload.phase", "workload.batch"],
      "Llama 3 70B layer with LayerNorm, as the article has it · bf16 · H100 SXM5 80 GB · tensor-parallel 8 · CUDA graph",
    ],
    [
      ["parallelism.tensor"],
      "Llama 3 70B layer with LayerNorm, as the article has it · prefill 1 × 4096 · bf16 · H100 SXM5 80 GB · CUDA graph",
    ],
    [
      ["precision", "runtime"],
      "Llama 3 70B layer with LayerNorm, as the article has it · prefill 1 × 4096 · H100 SXM5 80 GB · tensor-parallel 8",
    ],
    [
      ["precision.weights"],
      "Llama 3 70B layer with LayerNorm, as the article has it · prefill 1 × 4096 · H100 SXM5 80 GB · tensor-parallel 8 · CUDA graph",
    ],
  ])("of scenarios that differ in %j does not name one of them", (moving, text) => {
    expect(title(many, moving)).toBe(text);
  });

  test("of decoding over the batch or the context keeps the other", () => {
    const given = scenario({ workload: decode(4, 2048) });
    expect(title(given, ["workload.batch"])).toMatch(/ · decode, context 2048 · /);
    expect(title(given, ["workload.context"])).toMatch(/ · decode, batch 4 · /);
  });

  test.each(["graph", "eager"] as const)("names the runtime: %s", (runtime) => {
    expect(runtimeText(scenario({ runtime }))).toBe(runtime === "graph" ? "CUDA graph" : "eager runtime");
  });
});

describe("the kernels given", () => {
  const pass = {
    name: "x",
    kernel: "vectorized",
    reads: [],
    writes: [],
    fixedReadBytes: 0,
    flopsPerElement: 0,
  } as const;
  const passes = (count: number) => Array.from({ length: count }, () => ({ ...pass, reads: [], writes: [] }));

  test.each([
    [{}, "native LayerNorm, op-by-op RoPE and activation, flash attention"],
    [
      {
        normalization: { kind: "rmsnorm", implementation: "residual-fused" },
        kernels: { pointwise: "fused", attention: "materialized" },
      },
      "residual-fused RMSNorm, fused RoPE and activation, materialized attention",
    ],
    [{ model: model("gpt2-xl") }, "native LayerNorm, op-by-op activation, flash attention"],
    [
      { normalization: { kind: "rmsnorm", implementation: passes(1) } },
      "RMSNorm by 1 kernel of your own, op-by-op RoPE and activation, flash attention",
    ],
    [
      { normalization: { kind: "layernorm", implementation: passes(3) } },
      "LayerNorm by 3 kernels of your own, op-by-op RoPE and activation, flash attention",
    ],
  ] as [object, string][])("%#: %s", (changes, text) => {
    expect(kernelsText(scenario(changes))).toBe(text);
  });

  test("have a line of help for every implementation", () => {
    expect(Object.keys(IMPLEMENTATION_HELP)).toEqual([...NORM_IMPLEMENTATIONS]);
  });
});
