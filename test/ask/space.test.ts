import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Point } from "../../src/ask/flags.ts";
import { spaceProblems } from "../../src/ask/problems.ts";
import { scenarioAt } from "../../src/ask/scenario-at.ts";
import { type Axis, partOf, type Space, sizeOf, valuesAt } from "../../src/ask/space.ts";
import { applyWhatIf } from "../../src/ask/what-if.ts";
import { resolveScenario, withoutSchema } from "../../src/schema/resolve.ts";
import type { LoadedFile } from "../../src/schema/scenario.ts";
import { ScenarioFileSchema } from "../../src/schema/scenario.ts";
import { scenarioProblems } from "../../src/schema/scenario-rules.ts";
import { hardware, model } from "../support/scenarios.ts";

const file = (changes: object = {}): LoadedFile =>
  ScenarioFileSchema.parse({
    model: model("llama-3-8b"),
    hardware: withoutSchema(hardware("h100-sxm")),
    workload: { phase: "prefill", batch: 2, sequence: 512 },
    ...changes,
  }) as LoadedFile;

const space = (axes: readonly Axis[], changes: Partial<Space> = {}): Space => ({
  file: file(),
  own: withoutSchema(model("llama-3-8b")),
  fixed: {},
  settings: [],
  axes,
  models: {
    "llama-3-8b": withoutSchema(model("llama-3-8b")),
    "bert-large": withoutSchema(model("bert-large")),
  },
  devices: { "h100-sxm": withoutSchema(hardware("h100-sxm")), b200: withoutSchema(hardware("b200")) },
  ...changes,
});

describe("points of a grid", () => {
  const axes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }).map((lengths) =>
    lengths.map((length, index) => ({
      name: `axis${index}`,
      values: Array.from({ length }, (_, value) => value),
    })),
  );

  test("and their indexes are one to one, the last axis fastest", () => {
    fc.assert(
      fc.property(axes, (all) => {
        const size = sizeOf(space(all));
        const seen = Array.from({ length: size }, (_, index) => valuesAt(all, index).join(" "));
        expect(new Set(seen).size).toBe(size);
        const last = all[all.length - 1]!.values.length;
        if (last > 1) expect(seen[1]!.endsWith(" 1") || seen[1] === "1").toBe(true);
        expect(seen).toEqual([...seen].sort((a, b) => a.localeCompare(b)));
      }),
    );
  });
});

const AXES: readonly Axis[] = [
  { name: "model", values: ["llama-3-8b", "bert-large"] },
  { name: "hardware", values: ["h100-sxm", "b200"] },
  { name: "norm", values: ["layernorm:eager", "rmsnorm", ":fused"] },
  { name: "phase", values: ["prefill", "decode", "train"] },
  { name: "batch", values: [1, 8] },
  { name: "hidden", values: [1024, 4096] },
  { name: "precision", values: ["bf16", "fp16"] },
  { name: "runtime", values: ["graph", "eager"] },
  { name: "pointwise", values: ["eager", "fused"] },
  { name: "layers", values: [2, 3] },
];

describe("the scenario at a point", () => {
  test("is the one that the same flags give", () => {
    const all = space(AXES);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: sizeOf(all) - 1 }), (index) => {
        const values = valuesAt(AXES, index);
        const point = Object.fromEntries(AXES.map(({ name }, axis) => [name, values[axis]]));
        const { model: modelName, hardware: device, ...rest } = point as Point;
        const named = { ...file(), model: all.models[modelName!]!, hardware: all.devices[device!]! };
        const input = ScenarioFileSchema.parse(
          applyWhatIf(named, rest, [], file().model).input,
        ) as LoadedFile;
        expect(scenarioAt(all, values)).toEqual(resolveScenario(input, input.model, input.hardware).scenario);
      }),
      { numRuns: 300 },
    );
  });

  test("has the profile itself where nothing in it moves, which the engine reads once", () => {
    const all = space([{ name: "batch", values: [1, 2] }]);
    expect(scenarioAt(all, [2]).hardware).toBe(scenarioAt(all, [1]).hardware);
  });

  test("moves any field by its path", () => {
    const axes = [
      { name: "hardware.hbmBytesPerSecond", values: [1e12, 2e12] },
      { name: "precision.kvCache", values: ["bf16", "fp16"] },
      { name: "runtime", values: ["graph", "eager"] },
    ];
    const one = scenarioAt(space(axes), [2e12, "fp16", "eager"]);
    expect(one.hardware.hbmBytesPerSecond).toBe(2e12);
    expect(one.precision).toEqual({ weights: "bf16", activations: "bf16", kvCache: "fp16" });
    expect(one.runtime).toBe("eager");
  });

  test("has the model's own norm where nobody names one", () => {
    const values = ["llama-3-8b", "bert-large"];
    const all = space([{ name: "model", values }]);
    expect(values.map((name) => scenarioAt(all, [name]).normalization.kind)).toEqual([
      "rmsnorm",
      "layernorm",
    ]);
  });
});

describe("what is wrong with a space", () => {
  test("is said with the place, before anything is simulated", () => {
    const axes = [
      { name: "tensor-parallel", values: [1, 3] },
      { name: "batch", values: [1, 2] },
    ];
    expect(spaceProblems(space(axes))).toEqual([
      expect.stringMatching(/^at tensor-parallel 3: parallelism\.tensor: expected a divisor/),
      expect.any(String),
      expect.any(String),
    ]);
  });

  test("is a type that a device has not", () => {
    const v100 = hardware("v100-sxm2-32gb");
    const axes = [{ name: "precision", values: ["fp16", "bf16"] }];
    expect(spaceProblems(space(axes, { file: { ...file(), hardware: v100 } }))[0]).toMatch(
      /^at precision bf16:/,
    );
  });

  test("is looked for in every combination that a rule can tell apart, and in no others", () => {
    const many = Array.from({ length: 100_000 }, (_, index) => index + 1);
    const axes = [
      { name: "context", values: many },
      { name: "layers", values: many },
      { name: "heads", values: [32, 64, 72] },
      { name: "hidden", values: [4096, 8192] },
      { name: "tensor-parallel", values: [1, 16] },
    ];
    expect(spaceProblems(space(axes, { fixed: { "kv-heads": 8 } }))).toEqual([
      "at heads 72, tensor-parallel 16: parallelism.tensor: expected a divisor of the model's heads (72), got 16",
    ]);
  });

  test("is found where a flag moves more than its own field", () => {
    // 640 / 128 = 5 heads, which 2 ranks do not divide
    const axes = [
      { name: "hidden", values: [4096, 640] },
      { name: "tensor-parallel", values: [1, 2] },
    ];
    expect(spaceProblems(space(axes))[0]).toMatch(/^at hidden 640, tensor-parallel 2: .*heads \(5\)/);
    const phases = [
      { name: "phase", values: ["prefill", "decode"] },
      { name: "sequence", values: [1, 2] },
    ];
    expect(spaceProblems(space(phases))).toEqual([
      expect.stringMatching(/^at phase decode, sequence 2: workload\.sequence: expected 1 in decode/),
    ]);
  });

  test("is each point that scenarioProblems refuses, and no other", () => {
    const numbers = (...values: number[]) => fc.subarray(values, { minLength: 1 });
    const anyAxes = fc.record({
      heads: numbers(8, 12, 32),
      hidden: numbers(1024, 1152, 4096),
      "kv-heads": numbers(2, 4, 5),
      "tensor-parallel": numbers(1, 2, 3, 8),
      sequence: numbers(1, 7, 512),
      context: numbers(0, 5),
      phase: fc.subarray(["prefill", "decode", "train"], { minLength: 1 }),
      precision: fc.subarray(["bf16", "fp16"], { minLength: 1 }),
    });
    fc.assert(
      fc.property(anyAxes, fc.boolean(), (values, sequenceParallel) => {
        const axes = Object.entries(values).map(([name, own]): Axis => ({ name, values: own }));
        const all = space(axes, {
          fixed: sequenceParallel ? { "sequence-parallel": true } : {},
          file: file({ hardware: hardware("v100-sxm2-32gb"), precision: { activations: "fp16" } }),
        });
        let refused = 0;
        for (let index = 0; index < sizeOf(all); index++)
          refused += scenarioProblems(scenarioAt(all, valuesAt(axes, index))).length;
        expect(spaceProblems(all).length > 0).toBe(refused > 0);
      }),
      { numRuns: 60 },
    );
  });

  test("is nothing for a good one", () => {
    expect(spaceProblems(space(AXES))).toEqual([]);
  });

  test("includes sizes that do not fit each other", () => {
    const base = scenarioAt(space([]));
    expect(scenarioProblems({ ...base, model: { ...base.model, heads: 5, kvHeads: 2 } })).toHaveLength(1);
    expect(scenarioProblems({ ...base, workload: { ...base.workload, phase: "decode" } })).toHaveLength(1);
    expect(
      scenarioProblems({ ...base, workload: { ...base.workload, phase: "train", context: 4 } }),
    ).toHaveLength(1);
    expect(scenarioProblems({ ...base, model: { ...base.model, rotaryDim: 1000 } })).toHaveLength(1);
  });
});

test("every flag and every path moves one part of the scenario", () => {
  expect(["batch", "hidden", "norm", "hardware.l2Bytes", "kernels.attention", "runtime"].map(partOf)).toEqual(
    ["workload", "model", "normalization", "hardware", "kernels", "runtime"],
  );
  expect(partOf("nothing.here")).toBeUndefined();
});
