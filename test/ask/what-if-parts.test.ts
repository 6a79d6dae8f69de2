import { describe, expect, test } from "vitest";
import type { Point } from "../../src/ask/flags.ts";
import {
  applyWhatIf,
  changeHardware,
  changeModel,
  changeNorm,
  changePrecision,
  changeWorkload,
} from "../../src/ask/what-if.ts";
import type { LoadedFile, ScenarioFile } from "../../src/schema/scenario.ts";
import { decode, hardware, model, prefill, scenario, train } from "../support/scenarios.ts";

type Workload = ScenarioFile["workload"];

describe("a workload under flags", () => {
  /** [in the file, flags, what comes out, what is said about it] */
  test.each<[Workload, Point, object, RegExp?]>([
    [prefill(2, 128, 64), {}, prefill(2, 128, 64)],
    [prefill(2, 128, 64), { batch: 5 }, prefill(5, 128, 64)],
    [prefill(2, 128, 64), { sequence: 9, context: 0 }, prefill(2, 9)],
    // to decode: the prompt becomes the context
    [prefill(2, 128), { phase: "decode" }, decode(2, 128), /decode: context 128, as --context was not given/],
    [prefill(2, 128, 64), { phase: "decode" }, decode(2, 64), /context 64/],
    [prefill(2, 128), { phase: "decode", context: 7 }, decode(2, 7)],
    [prefill(2, 128), { phase: "decode", sequence: 3 }, { ...decode(2, 128), sequence: 3 }, /context 128/],
    [train(2, 128), { phase: "decode" }, decode(2, 128), /context 128/],
    // from decode: the context becomes the prompt
    [
      decode(2, 99),
      { phase: "prefill" },
      prefill(2, 99),
      /prefill: sequence 99, as --sequence was not given/,
    ],
    [decode(2, 99), { phase: "prefill", sequence: 5 }, prefill(2, 5)],
    [decode(2, 99), { phase: "prefill", context: 5 }, prefill(2, 99, 5), /sequence 99/],
    [decode(2, 0), { phase: "prefill" }, prefill(2, 4096), /sequence 4096/],
    [decode(2, 99), { phase: "train" }, train(2, 99), /train: sequence 99/],
    [decode(2, 99), { batch: 3, context: 5 }, decode(3, 5)],
    [decode(2, 99), { phase: "decode" }, decode(2, 99)],
    // training has no context
    [prefill(2, 128, 64), { phase: "train" }, train(2, 128), /train: the context of 64 tokens is dropped/],
    [prefill(2, 128), { phase: "train" }, train(2, 128)],
    [prefill(2, 128, 64), { phase: "train", context: 0 }, train(2, 128)],
    [train(2, 128), { phase: "prefill" }, prefill(2, 128)],
    [train(2, 128), { context: 3 }, { ...train(2, 128), context: 3 }],
  ])("%j with %j is %j", (given, point, expected, note) => {
    const { value, notes } = changeWorkload(given, point);
    expect(value).toEqual(expected);
    expect(notes).toHaveLength(note === undefined ? 0 : 1);
    if (note) expect(notes[0]).toMatch(note);
  });
});

describe("a model under flags", () => {
  const llama = model("llama-3-70b");

  test.each<[Point, object, boolean]>([
    [{}, {}, false],
    [{ layers: 3 }, { layers: 3 }, false],
    [{ ffn: 100 }, { ffn: 100 }, false],
    [{ heads: 32 }, { heads: 32 }, false],
    [{ "kv-heads": 4 }, { kvHeads: 4 }, false],
    [{ hidden: 8192 }, {}, false],
    [{ hidden: 8192, ffn: 5 }, { ffn: 5 }, false],
    [{ hidden: 4096 }, { hidden: 4096, heads: 32, kvHeads: 4, ffn: 14_336 }, true],
    [{ hidden: 4096, layers: 7 }, { hidden: 4096, heads: 32, kvHeads: 4, ffn: 14_336, layers: 7 }, true],
    [{ hidden: 4096, heads: 8, "kv-heads": 2, ffn: 9 }, { hidden: 4096, heads: 8, kvHeads: 2, ffn: 9 }, true],
  ])("%j changes %j", (point, changes, isNoted) => {
    const { value, notes } = changeModel(llama, point);
    expect(value).toEqual({ ...llama, ...changes });
    expect(notes).toHaveLength(isNoted ? 1 : 0);
  });
});

describe("a norm under flags", () => {
  const given = { kind: "layernorm", implementation: "native" } as const;

  test.each([
    [undefined, given],
    ["rmsnorm", { kind: "rmsnorm", implementation: "native" }],
    ["rmsnorm:fused", { kind: "rmsnorm", implementation: "fused" }],
    [":fused", { kind: "layernorm", implementation: "fused" }],
    [":residual-fused", { kind: "layernorm", implementation: "residual-fused" }],
    // whatever is wrong is left for the schema to refuse
    ["batchnorm", { kind: "batchnorm", implementation: "native" }],
    ["rmsnorm:", { kind: "rmsnorm", implementation: "" }],
    ["rmsnorm:a:b", { kind: "rmsnorm", implementation: "a:b" }],
    [":", { kind: "layernorm", implementation: "" }],
  ])("%s", (text, expected) => {
    expect(changeNorm(given, text)).toEqual(expected);
  });

  test("of the model's own stays that where only the implementation is named", () => {
    expect(changeNorm({ implementation: "native" }, ":eager")).toEqual({ implementation: "eager" });
  });
});

describe("flags and settings together", () => {
  const file = scenario() as unknown as LoadedFile;

  test("change nothing when there are none", () => {
    expect(applyWhatIf(file, {}, [])).toEqual({ input: file, notes: [] });
  });

  test.each<[Point, object]>([
    [{ precision: "fp16" }, { precision: { weights: "fp16", activations: "fp16", kvCache: "fp16" } }],
    [{ pointwise: "fused" }, { kernels: { pointwise: "fused", attention: "flash" } }],
    [{ attention: "materialized" }, { kernels: { pointwise: "eager", attention: "materialized" } }],
    [{ runtime: "eager" }, { runtime: "eager" }],
    [{ "tensor-parallel": 4 }, { parallelism: { tensor: 4, sequenceParallel: false } }],
    [{ norm: ":folded" }, { normalization: { kind: "layernorm", implementation: "folded" } }],
  ])("%j change %j", (point, changes) => {
    expect(applyWhatIf(file, point, []).input).toEqual({ ...file, ...changes });
  });

  test("split norms where the flag or the file says so", () => {
    const split = { ...file, parallelism: { tensor: 2, sequenceParallel: true } };
    const of = (given: LoadedFile, flag: boolean) =>
      (applyWhatIf(given, flag ? { "sequence-parallel": true } : {}, []).input as LoadedFile).parallelism
        .sequenceParallel;
    expect([of(file, false), of(file, true), of(split, false), of(split, true)]).toEqual([
      false,
      true,
      true,
      true,
    ]);
  });

  test("settings come last", () => {
    const settings = [
      { path: ["workload", "batch"], value: 9 },
      { path: ["model", "heads"], value: 16 },
    ];
    const { input } = applyWhatIf(file, { batch: 5, hidden: 4096 }, settings);
    expect(input).toMatchObject({
      workload: { batch: 9 },
      model: { hidden: 4096, heads: 16, kvHeads: 2 },
    });
  });

  test("say all that they did beside what was asked", () => {
    const { notes } = applyWhatIf(file, { phase: "decode", hidden: 4096 }, []);
    expect(notes).toEqual([
      expect.stringMatching(/^decode: context 4096/),
      expect.stringMatching(/^hidden 4096/),
    ]);
  });

  test("leave the file alone", () => {
    const before = JSON.stringify(file);
    applyWhatIf(file, { phase: "decode", hidden: 4096, precision: "fp16", norm: ":eager" }, [
      { path: ["model", "name"], value: "x" },
    ]);
    expect(JSON.stringify(file)).toBe(before);
  });
});

describe("one type for everything", () => {
  const given = { weights: "bf16", activations: "bf16", kvCache: "fp16" } as const;

  test.each([
    ["tf32", { weights: "tf32", activations: "tf32", kvCache: "tf32" }],
    ["fp8", { weights: "fp8", activations: "fp8", kvCache: "fp8" }],
    ["int8", { weights: "int8", activations: "int8", kvCache: "int8" }],
    // no attention reads a cache of it
    ["fp4", { weights: "fp4", activations: "fp4", kvCache: "fp16" }],
    // nothing is multiplied in it
    ["int4", { weights: "int4", activations: "bf16", kvCache: "fp16" }],
    [undefined, given],
  ])("%s is that of what can be kept or multiplied in it", (type, expected) => {
    expect(changePrecision(given, type)).toEqual(expected);
  });
});

describe("layers of several kinds", () => {
  test.each([
    [61, [58, 3]],
    [122, [116, 6]],
    [30, [29, 1]],
    [2, [1, 1]],
  ])("of %d layers keep their proportions", (layers, expected) => {
    const { value } = changeModel(model("deepseek-v3"), { layers });
    expect(value.layers).toBe(layers);
    expect(value.layerKinds?.map((kind) => kind.layers)).toEqual(expected);
  });

  test("are fewer than the layers, or the schema says so", () => {
    const { value } = changeModel(model("deepseek-v3"), { layers: 1 });
    expect(value.layerKinds?.map((kind) => kind.layers)).toEqual([58, 3]);
  });
});

describe("a price of a GPU-hour", () => {
  test("takes the place of the profile's", () => {
    const given = hardware("h100-sxm");
    expect(changeHardware(given, { "gpu-hour-usd": 1.5 }).gpuHourUsd).toEqual({
      value: 1.5,
      source: "as given",
    });
    expect(changeHardware(given, {})).toBe(given);
  });
});
