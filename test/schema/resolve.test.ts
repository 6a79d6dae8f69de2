import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { layerOperators } from "../../src/engine/layer/layer.ts";
import { resolveScenario } from "../../src/schema/resolve.ts";
import { type ScenarioFile, ScenarioFileSchema } from "../../src/schema/scenario.ts";
import { scenarioProblems } from "../../src/schema/scenario-rules.ts";
import { MATMUL_TYPES } from "../../src/schema/vocabulary.ts";
import { hardware, model, scenario } from "../support/scenarios.ts";

const LLAMA = model("llama-3-70b");
const H100 = hardware("h100-sxm");
const V100 = hardware("v100-sxm2-32gb");

const file = (changes: object = {}): ScenarioFile =>
  ScenarioFileSchema.parse({
    model: "m",
    hardware: "h",
    workload: { phase: "prefill", batch: 3, sequence: 8 },
    ...changes,
  });

const resolve = (changes: object = {}, given = LLAMA, device = H100) =>
  resolveScenario(file(changes), given, device);

describe("a resolved scenario", () => {
  test("holds model and hardware in full, without the schema that editors want", () => {
    const found = resolve({}, { ...LLAMA, $schema: "x" }, { ...H100, $schema: "y" }).scenario;
    const { $schema: _, ...bareModel } = LLAMA;
    const { $schema: __, ...bareHardware } = H100;
    expect(found?.model).toEqual(bareModel);
    expect(found?.hardware).toEqual(bareHardware);
  });

  test("normalizes as its model does unless it says otherwise", () => {
    expect(resolve().scenario?.normalization).toEqual({ kind: "rmsnorm", implementation: "native" });
    expect(resolve({}, { ...LLAMA, norm: "layernorm" }).scenario?.normalization.kind).toBe("layernorm");
    const asked = resolve({ normalization: { kind: "layernorm", implementation: "fused" } }).scenario;
    expect(asked?.normalization).toEqual({ kind: "layernorm", implementation: "fused" });
  });

  test("has one new token a sequence in decode", () => {
    const workload = { phase: "decode", batch: 4, context: 9 };
    expect(resolve({ workload }).scenario?.workload).toEqual({ ...workload, sequence: 1 });
  });

  test("keeps its description, and has none where there is none", () => {
    expect(resolve({ description: "mine" }).scenario?.description).toBe("mine");
    expect(Object.keys(resolve().scenario!)).not.toContain("description");
  });

  test("leaves the parts it is made of alone", () => {
    const parts = [file(), structuredClone(LLAMA), structuredClone(H100)] as const;
    const before = JSON.stringify(parts);
    resolveScenario(...parts);
    expect(JSON.stringify(parts)).toBe(before);
  });
});

describe("a type that the hardware has no rate for", () => {
  test.each([
    ["bf16", H100, undefined],
    ["fp32", H100, undefined],
    ["fp32", V100, undefined],
    ["fp16", V100, undefined],
    ["bf16", V100, /no bf16 rate; it has fp32, fp16 \(try --precision fp16\)$/],
    ["tf32", V100, /no tf32 rate; it has fp32, fp16 \(try --precision fp16\)$/],
  ] as const)("%s activations", (activations, device, expected) => {
    const { problems = [] } = resolve({ precision: { activations } }, LLAMA, device);
    expect(problems).toHaveLength(expected === undefined ? 0 : 1);
    if (expected) expect(problems[0]).toMatch(expected);
  });

  test("may still hold weights and cached keys", () => {
    const precision = { activations: "fp16", weights: "bf16", kvCache: "tf32" };
    expect(resolve({ precision }, LLAMA, V100).problems).toBeUndefined();
  });

  test("is fp32 alone where the device has vector units only", () => {
    const bare = { ...V100, peakFlopsPerSecond: { fp32Vector: 1e12 } };
    for (const activations of MATMUL_TYPES) {
      const { problems } = resolve({ precision: { activations, weights: activations } }, LLAMA, bare);
      if (activations === "fp32") expect(problems).toBeUndefined();
      else expect(problems?.[0]).toMatch(/it has fp32 \(try --precision fp32[,)]/);
    }
  });
});

describe("a tensor-parallel degree", () => {
  const of = (tensor: number, changes: Partial<typeof LLAMA> = {}, sequenceParallel = false) =>
    resolve({ parallelism: { tensor, sequenceParallel } }, { ...LLAMA, ...changes }).problems ?? [];

  // 64 heads, 8 KV heads, FFN 28672
  test.each([1, 2, 4, 8, 16, 32, 64])("%d divides Llama 3 70B", (tensor) => {
    expect(of(tensor)).toEqual([]);
  });

  test.each([
    [3, {}, [/divisor of the model's heads \(64\), got 3/, /ffn \(28672\), got 3/, /kvHeads \(8\), got 3/]],
    [7, {}, [/heads \(64\)/, /multiple of the model's kvHeads \(8\), got 7/]],
    [128, {}, [/heads \(64\)/]],
    [8, { ffn: 1001 }, [/divisor of the model's ffn \(1001\), got 8/]],
    [4, { heads: 12, kvHeads: 6 }, [/divisor or a multiple of the model's kvHeads \(6\), got 4/]],
    [12, { heads: 12, kvHeads: 6, ffn: 1200 }, []],
  ] as const)("%d of %j has %j against it", (tensor, changes, expected) => {
    const found = of(tensor, changes);
    expect(found).toHaveLength(expected.length);
    expected.forEach((pattern, index) => {
      expect(found[index]).toMatch(pattern);
      expect(found[index]).toMatch(/^parallelism\.tensor: expected/);
    });
  });

  test("divides the tokens too where norms are split", () => {
    // 3 sequences of 8 tokens
    for (const tensor of [1, 2, 4, 8]) expect(of(tensor, {}, true)).toEqual([]);
    expect(of(16, {}, false)).toEqual([]);
    expect(of(16, {}, true)).toEqual([
      "parallelism.tensor: sequenceParallel expects a divisor of the tokens (batch x sequence = 24), got 16",
    ]);
  });

  test("that nothing speaks against gives whole sizes on every GPU", () => {
    const sizes = fc.record({
      kvHeads: fc.integer({ min: 1, max: 12 }),
      group: fc.integer({ min: 1, max: 6 }),
      ffn: fc.integer({ min: 1, max: 300 }),
      tensor: fc.integer({ min: 1, max: 16 }),
      sequenceParallel: fc.boolean(),
    });
    fc.assert(
      fc.property(sizes, ({ kvHeads, group, ffn, tensor, sequenceParallel }) => {
        const given = scenario({
          model: { ...LLAMA, kvHeads, heads: kvHeads * group, ffn, hidden: 64, headDim: 8 },
          workload: { phase: "prefill", batch: 3, sequence: 8, context: 0 },
          parallelism: { tensor, sequenceParallel },
        });
        if (scenarioProblems(given).length > 0) return;
        for (const { kernels } of layerOperators(given))
          for (const { work } of kernels) {
            const counts = Object.values(work).filter((size) => Number.isFinite(size));
            if (work.kind === "row-per-block") continue;
            for (const size of counts) expect((size as number) % 1).toBe(0);
          }
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});

describe("what does not go together", () => {
  const problem = (file: object, given = LLAMA, device = H100) => resolve(file, given, device).problems ?? [];
  const moe = model("mixtral-8x7b");

  test.each<[string, object, typeof LLAMA, RegExp | undefined]>([
    [
      "weights wider than fp8 inputs",
      { precision: { activations: "fp8" } },
      LLAMA,
      /^precision\.weights: expected fp8 or narrower beside activations of fp8, got bf16/,
    ],
    ["weights as wide", { precision: { activations: "fp8", weights: "int8" } }, LLAMA, undefined],
    ["narrower weights", { precision: { activations: "fp8", weights: "int4" } }, LLAMA, undefined],
    [
      "quantized training",
      { workload: { phase: "train", sequence: 8 }, precision: { weights: "int8" } },
      LLAMA,
      /^precision\.weights: expected fp32, tf32, fp16, bf16 in train, got int8/,
    ],
    [
      "a kind of layer that a model lacks",
      { layerKind: "dense" },
      LLAMA,
      /^layerKind: .* has layers of one kind only/,
    ],
    ["another kind", { layerKind: "moe" }, model("deepseek-v3"), /no kind "moe"; it has experts, dense/],
    ["a kind that it has", { layerKind: "dense" }, model("deepseek-v3"), undefined],
    [
      "experts shared out that are not there",
      { parallelism: { expert: 2 } },
      LLAMA,
      /^parallelism\.expert: expected 1, as the model has no experts/,
    ],
    [
      "experts shared out unevenly",
      { parallelism: { expert: 3 } },
      moe,
      /expected a divisor of the model's experts \(8\), got 3/,
    ],
    ["experts shared out", { parallelism: { expert: 4 } }, moe, undefined],
    [
      "more stages than layers",
      { parallelism: { pipeline: 81 } },
      LLAMA,
      /^parallelism\.pipeline: expected at most the model's layers \(80\), got 81/,
    ],
    ["as many stages", { parallelism: { pipeline: 80 } }, LLAMA, undefined],
    [
      "experts' width",
      { parallelism: { tensor: 8 } },
      { ...moe, experts: { ...moe.experts!, ffn: 100 } },
      /expected a divisor of the experts' width \(100\), got 8/,
    ],
  ])("%s", (_, file, given, expected) => {
    const found = problem(file, given);
    expect(found).toHaveLength(expected === undefined ? 0 : 1);
    if (expected) expect(found[0]).toMatch(expected);
  });
});

describe("several problems", () => {
  test("are named together", () => {
    const { problems, scenario: none } = resolve(
      { precision: { activations: "bf16" }, parallelism: { tensor: 3 } },
      LLAMA,
      V100,
    );
    expect(none).toBeUndefined();
    expect(problems?.map((line) => line.split(":")[0])).toEqual([
      "precision.activations",
      ...Array(3).fill("parallelism.tensor"),
    ]);
  });
});
