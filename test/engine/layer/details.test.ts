import { describe, expect, test } from "vitest";
import { type Kernel, readBytes, sumOf, writeBytes } from "../../../src/engine/layer/kernel.ts";
import { layerOperators } from "../../../src/engine/layer/layer.ts";
import { simulate } from "../../../src/engine/simulate.ts";
import type { Scenario } from "../../../src/schema/scenario.ts";
import { decode, model, prefill, scenario, train } from "../../support/scenarios.ts";

const TOKENS = 4096;

function kernelsOf(given: Scenario, name: string): readonly Kernel[] {
  const found = layerOperators(given).find((operator) => operator.name === name);
  if (found === undefined) throw new Error(`no operator ${name}`);
  return found.kernels;
}
const reads = (given: Scenario, name: string): number => sumOf(kernelsOf(given, name), readBytes);
const writes = (given: Scenario, name: string): number => sumOf(kernelsOf(given, name), writeBytes);
const flops = (given: Scenario, name: string): number =>
  sumOf(kernelsOf(given, name), (kernel) => kernel.flops);

const fused = scenario({ kernels: { pointwise: "fused", attention: "flash" } });

describe("bytes and FLOPs of single operators, Llama-3-70B, 4096 tokens", () => {
  const rotated = TOKENS * (64 + 8) * 128;
  const table = TOKENS * 128 * 2;

  test("fused RoPE reads and writes queries and keys once, and a cosine and a sine table", () => {
    expect(reads(fused, "rope")).toBe(2 * rotated + 2 * table);
    expect(writes(fused, "rope")).toBe(2 * rotated);
    expect(flops(fused, "rope")).toBe(3 * rotated);
  });

  test("eager RoPE moves its tensors between five kernels, for queries and for keys", () => {
    // per element: times cos 1+1, half negated .5+.5, concatenated 1+1, times sin 1+1, added 2+1
    expect(reads(scenario(), "rope")).toBe(2 * rotated * 5.5 + 4 * table);
    expect(writes(scenario(), "rope")).toBe(2 * rotated * 4.5);
  });

  test("a fused SwiGLU reads gate and up and does one multiplication more than its SiLU", () => {
    const elements = TOKENS * 28_672;
    expect(reads(fused, "activation")).toBe(4 * elements);
    expect(flops(fused, "activation")).toBe(5 * elements);
    expect(flops(scenario(), "activation")).toBe(5 * elements);
    expect(reads(scenario(), "activation")).toBe(2 * elements + 4 * elements);
  });

  test("every projection reads its input and weight and writes its output, once", () => {
    expect(reads(scenario(), "down-projection")).toBe(2 * (TOKENS * 28_672 + 8192 * 28_672));
    expect(writes(scenario(), "down-projection")).toBe(2 * TOKENS * 8192);
  });

  test("flash attention reads queries, keys and values and writes its output, once", () => {
    expect(reads(scenario(), "attention")).toBe(2 * TOKENS * 128 * (64 + 8 + 8));
  });

  test("a prefill behind a context reads that context's keys and values from the cache", () => {
    const behind = scenario({ workload: prefill(1, TOKENS, 1000) });
    expect(reads(behind, "attention") - reads(scenario(), "attention")).toBe(2 * 2 * 1000 * 8 * 128);
  });
});

describe("biases", () => {
  const bert = scenario({ model: model("bert-large") });
  const bare = scenario({ model: { ...model("bert-large"), bias: "none" } });
  const qkv = scenario({ model: { ...model("bert-large"), bias: "qkv" } });

  test("cost one weight a column and one add an output element", () => {
    for (const [name, columns] of [
      ["qkv-projection", 3072],
      ["output-projection", 1024],
      ["up-projection", 4096],
      ["down-projection", 1024],
    ] as const) {
      expect(reads(bert, name) - reads(bare, name)).toBe(2 * columns);
      expect(flops(bert, name) - flops(bare, name)).toBe(TOKENS * columns);
    }
  });

  test("of qkv alone leave the other projections bare", () => {
    expect(reads(qkv, "qkv-projection")).toBe(reads(bert, "qkv-projection"));
    expect(reads(qkv, "down-projection")).toBe(reads(bare, "down-projection"));
  });

  test("of gpt-oss include its router's", () => {
    const routed = scenario({ model: model("gpt-oss-20b") });
    const plain = scenario({ model: { ...model("gpt-oss-20b"), bias: "attention" } });
    expect(reads(routed, "router") - reads(plain, "router")).toBe(2 * 32);
    expect(flops(routed, "router") - flops(plain, "router")).toBe(TOKENS * 32);
  });

  test("have a gradient kernel each that reads the output's gradient", () => {
    const training = scenario({ model: model("bert-large"), workload: train(8, 512) });
    const kernels = kernelsOf(training, "up-projection-backward");
    expect(kernels).toHaveLength(3);
    expect(readBytes(kernels[2]!)).toBe(2 * TOKENS * 4096);
    expect(writeBytes(kernels[2]!)).toBe(2 * 4096);
  });
});

describe("materialized attention, BERT-large, 8 x 512", () => {
  const bert = scenario({
    model: model("bert-large"),
    workload: prefill(8, 512),
    kernels: { pointwise: "eager", attention: "materialized" },
  });
  const scores = 8 * 16 * 512 * 512;

  test("writes its scores, reads and writes them in the softmax, and reads them again", () => {
    expect(writes(bert, "attention-scores")).toBe(2 * scores);
    expect(reads(bert, "softmax")).toBe(2 * scores);
    expect(writes(bert, "softmax")).toBe(2 * scores);
    expect(reads(bert, "attention-context")).toBe(2 * scores + 2 * TOKENS * 1024);
    expect(flops(bert, "softmax")).toBe(6 * scores);
  });

  test("in decode reads the cached keys for the scores and the values for the context", () => {
    const step = scenario({
      workload: decode(4, 1000),
      kernels: { pointwise: "eager", attention: "materialized" },
    });
    const half = 4 * 1000 * 8 * 128 * 2;
    expect(reads(step, "attention-scores")).toBe(half + 4 * 64 * 128 * 2);
    expect(reads(step, "attention-context")).toBe(half + 4 * 64 * 1000 * 2);
  });
});

describe("a folded norm", () => {
  const folded = scenario({ normalization: { kind: "rmsnorm", implementation: "folded" } });

  test("reads its input and writes one number a row", () => {
    expect(reads(folded, "ffn-norm")).toBe(2 * TOKENS * 8192);
    expect(writes(folded, "ffn-norm")).toBe(4 * TOKENS);
  });

  test("is an ordinary fused one where no matmul follows", () => {
    const sandwich = scenario({
      model: model("gemma-2-9b"),
      normalization: { kind: "rmsnorm", implementation: "folded" },
    });
    expect(writes(sandwich, "post-ffn-norm")).toBe(2 * TOKENS * 3584);
    expect(writes(sandwich, "ffn-norm")).toBe(4 * TOKENS);
  });
});

describe("a single token", () => {
  const accessOf = (given: Scenario, name: string) =>
    kernelsOf(given, name).map(({ work }) => (work.kind === "pointwise" ? work.access : work.kind));

  test("has contiguous halves, so that its activation is vectorized", () => {
    expect(accessOf(scenario({ workload: decode(1, 8) }), "activation")).toEqual(["silu", "vectorized"]);
    expect(accessOf(scenario({ workload: decode(2, 8) }), "activation")).toEqual(["strided", "strided"]);
  });
});

describe("a norm over all heads", () => {
  const norms = (tensor: number, changes: Partial<Scenario> = {}) =>
    layerOperators(
      scenario({ model: model("olmo-2-7b"), parallelism: { tensor, sequenceParallel: false }, ...changes }),
    ).filter(({ name }) => /^(query|key)-norm/.test(name));

  test("exchanges its statistic where the heads lie on several GPUs, at the norm's own expense", () => {
    for (const operator of norms(4)) {
      expect(operator.class).toBe("normalization");
      const [exchange, ...rest] = operator.kernels;
      // one fp32 sum of squares and, in LayerNorm, one of the values, for each of 4096 tokens
      expect(exchange!.work).toEqual({
        kind: "collective",
        operation: "all-reduce",
        ranks: 4,
        messageBytes: 4096 * 2 * 4,
        algorithm: "nccl",
      });
      expect(rest).toHaveLength(1);
    }
  });

  test("exchanges half as much as RMSNorm, nothing on one GPU, and once in each direction", () => {
    const rms = norms(2, { normalization: { kind: "rmsnorm", implementation: "native" } });
    expect(rms.map(({ kernels }) => kernels[0]!.writes[0]!.bytes)).toEqual([4096 * 4, 4096 * 4]);
    const exchanges = (tensor: number): number =>
      norms(tensor, { workload: train(1, 4096) })
        .flatMap(({ kernels }) => kernels)
        .filter(({ work }) => work.kind === "collective").length;
    expect([exchanges(1), exchanges(2)]).toEqual([0, 4]);
  });

  test("of each head alone needs no exchange", () => {
    const operators = layerOperators(
      scenario({ model: model("qwen3-8b"), parallelism: { tensor: 4, sequenceParallel: false } }),
    ).filter(({ class: kind }) => kind === "normalization");
    expect(operators.flatMap(({ kernels }) => kernels).some(({ work }) => work.kind === "collective")).toBe(
      false,
    );
  });
});

describe("dynamic tanh", () => {
  const kernels = (implementation: "eager" | "native" | "fused" | "folded") =>
    kernelsOf(scenario({ normalization: { kind: "dyt", implementation } }), "attention-norm");

  test("sums nothing along a row: its kernels are element-wise", () => {
    for (const implementation of ["eager", "native", "fused"] as const)
      expect(new Set(kernels(implementation).map(({ work }) => work.kind))).toEqual(new Set(["pointwise"]));
  });

  test("runs op by op where torch has no kernel of its own, and is not folded into a matmul", () => {
    expect(kernels("native")).toEqual(kernels("eager"));
    expect(kernels("folded")).toEqual(kernels("fused"));
    expect(kernels("eager")).toHaveLength(4);
  });

  test("in one kernel moves what a fused norm moves: the row in, the row out, weight and bias", () => {
    const [only] = kernels("fused");
    const row = TOKENS * 8192 * 2;
    expect(readBytes(only!)).toBe(row + 2 * 8192 * 2);
    expect(writeBytes(only!)).toBe(row);
    expect(only!.flops).toBe(4 * TOKENS * 8192);
  });

  test("needs no exchange under tensor parallelism, and says what it has no kernel for", () => {
    const given = scenario({
      model: model("olmo-2-7b"),
      normalization: { kind: "dyt", implementation: "native" },
      parallelism: { tensor: 4, sequenceParallel: false },
    });
    expect(kernelsOf(given, "query-norm").map(({ work }) => work.kind)).not.toContain("collective");
    expect(simulate(given).warnings.join("\n")).toContain("torch has no kernel of its own for DyT");
  });
});
