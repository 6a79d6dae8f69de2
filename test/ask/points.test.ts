import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type FlagName, WHAT_IF_FLAGS } from "../../src/ask/flags.ts";
import { type FlagTexts, parseGrid, parseWords } from "../../src/ask/points.ts";
import { getPath } from "../../src/ask/set-path.ts";
import type { Result } from "../../src/schema/result.ts";
import { json } from "../support/command.ts";

const points = (texts: FlagTexts) => parseGrid(texts).grid?.points;

describe("words", () => {
  test.each([
    ["a", ["a"]],
    ["a,b", ["a", "b"]],
    [" a , b ", ["a", "b"]],
    ["a,a,b", ["a", "b"]],
    ["../study/path/to.json,h100-sxm", ["../study/path/to.json", "h100-sxm"]],
    [":fused,rmsnorm:eager", [":fused", "rmsnorm:eager"]],
  ])("%j are %j", (text, values) => {
    expect(parseWords(text)).toEqual({ values, problem: undefined });
  });

  test.each(["", " ", ",", "a,", ",a", "a,,b"])("%j are none", (text) => {
    expect(parseWords(text).problem).toBe(`expected a name or a list of names, got ${JSON.stringify(text)}`);
  });
});

describe("a grid", () => {
  test("of nothing is one point", () => {
    expect(parseGrid({})).toEqual({ grid: { varied: [], points: [{}] } });
  });

  test("of single values is one point and varies nothing", () => {
    expect(parseGrid({ batch: "8", norm: "rmsnorm:fused" }).grid).toEqual({
      varied: [],
      points: [{ batch: 8, norm: "rmsnorm:fused" }],
    });
  });

  test("varies what has more than one value, in the order of the flags", () => {
    const { grid } = parseGrid({
      norm: "layernorm,rmsnorm",
      hidden: "4096",
      batch: "1-4*2",
      phase: "decode",
    });
    expect(grid?.varied).toEqual(["batch", "norm"]);
    expect(grid?.points).toHaveLength(6);
    expect(grid?.points[0]).toEqual({ phase: "decode", batch: 1, hidden: 4096, norm: "layernorm" });
    expect(grid?.points.map(({ batch, norm }) => `${batch} ${norm}`)).toEqual([
      "1 layernorm",
      "1 rmsnorm",
      "2 layernorm",
      "2 rmsnorm",
      "4 layernorm",
      "4 rmsnorm",
    ]);
  });

  test("does not repeat a value that is given twice", () => {
    expect(points({ batch: "8,8,4-8*2" })).toEqual([{ batch: 8 }, { batch: 4 }]);
    expect(parseGrid({ norm: "rmsnorm,rmsnorm" }).grid?.varied).toEqual([]);
  });

  test("holds every combination once", () => {
    const axis = fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(axis, axis, axis, (batches, contexts, layers) => {
        const found = points({
          batch: batches.join(","),
          context: contexts.join(","),
          layers: layers.join(","),
        });
        const texts = new Set(found?.map((point) => JSON.stringify(point)));
        expect(texts.size).toBe(batches.length * contexts.length * layers.length);
        for (const batch of batches)
          for (const context of contexts)
            for (const layer of layers)
              expect(texts.has(JSON.stringify({ batch, context, layers: layer }))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test("of up to a thousand points is one", () => {
    expect(points({ batch: "1-10", hidden: "64-6400+64" })).toHaveLength(1000);
    expect(parseGrid({ batch: "1-11", hidden: "64-6400+64" }).problems).toEqual([
      "1100 combinations: expected at most 1000",
    ]);
  });

  test("names every flag that cannot be read", () => {
    expect(parseGrid({ batch: "x", hidden: "1-", norm: "", runtime: "eager" }).problems).toEqual([
      expect.stringMatching(/^--batch: expected a number/),
      expect.stringMatching(/^--hidden: expected a number/),
      expect.stringMatching(/^--norm: expected a name/),
    ]);
  });
});

/** [flag, a value that differs from the default scenario's, where it is in the resolved scenario, what is there] */
const FLAGS: Readonly<Record<FlagName, readonly [string, string, unknown]>> = {
  model: ["llama-3-8b", "model.name", "Llama 3 8B"],
  hardware: ["h200-sxm", "hardware.name", "NVIDIA H200 SXM 141 GB"],
  phase: ["decode", "workload.phase", "decode"],
  batch: ["3", "workload.batch", 3],
  sequence: ["7", "workload.sequence", 7],
  context: ["5", "workload.context", 5],
  hidden: ["4096", "model.hidden", 4096],
  layers: ["5", "model.layers", 5],
  ffn: ["1024", "model.ffn", 1024],
  heads: ["32", "model.heads", 32],
  "kv-heads": ["4", "model.kvHeads", 4],
  norm: ["layernorm:fused", "normalization.implementation", "fused"],
  pointwise: ["fused", "kernels.pointwise", "fused"],
  attention: ["materialized", "kernels.attention", "materialized"],
  runtime: ["eager", "runtime", "eager"],
  precision: ["fp16", "precision.weights", "fp16"],
  "tensor-parallel": ["8", "parallelism.tensor", 8],
  "expert-parallel": ["1", "parallelism.expert", 1],
  pipeline: ["4", "parallelism.pipeline", 4],
  "layer-kind": ["", "layerKind", undefined],
  "gpu-hour-usd": ["2.5", "hardware.gpuHourUsd.value", 2.5],
};

/** A dense model has no kinds of layers: that flag has a test of its own. */
const OF_ANY_MODEL = Object.entries(FLAGS).filter(([name]) => name !== "layer-kind");

describe("--layer-kind", () => {
  test("reports another kind of the model's layers", async () => {
    const of = (kind: string) => json<Result>(`run --model deepseek-v3 --layer-kind ${kind} --json`);
    const [experts, dense] = [await of("experts"), await of("dense")];
    const names = (result: Result) => result.operators.map(({ name }) => name);
    expect(names(experts)).toContain("router");
    expect(names(dense)).not.toContain("router");
    expect(dense.wholeModel).toEqual(experts.wholeModel);
  });
});

describe.each(OF_ANY_MODEL)("--%s", (name, [value, path, expected]) => {
  test("changes its field and what hangs on it, nothing else", async () => {
    const before = await json<Result>("run --json");
    const after = await json<Result>(`run --${name} ${value} --json`);
    const keys = path.split(".");
    expect(getPath(after.scenario, keys)).toEqual(expected);
    expect(getPath(before.scenario, keys)).not.toEqual(expected);
    // another model has its own kind of norm
    const moving = [keys[0], "description", ...(name === "model" ? ["normalization"] : [])];
    for (const part of Object.keys(before.scenario).filter((key) => !moving.includes(key)))
      expect(after.scenario[part as keyof typeof after.scenario]).toEqual(
        before.scenario[part as keyof typeof before.scenario],
      );
  });

  test("wins over the scenario file", async () => {
    const base = await json<Result>("show llama-3-70b-prefill-h100 --resolved");
    const { scenario } = await json<Result>(`run - --${name} ${value} --json`, {
      stdin: JSON.stringify(base),
    });
    expect(getPath(scenario, path.split("."))).toEqual(expected);
  });

  test("is named by its flag where its value cannot be", async () => {
    const flag = WHAT_IF_FLAGS.find((one) => one.name === name)!;
    // a price may have cents, and must not be nothing
    const wrong = flag.kind === "words" ? "nosuchthing" : name === "gpu-hour-usd" ? "0" : "1.5";
    await expect(json(`run --${name} ${wrong} --json`)).rejects.toThrow(
      new RegExp(`--${name}|${flag.field}`),
    );
  });
});

describe("the flags", () => {
  test("each have a name of their own and a field of the scenario", () => {
    expect(Object.keys(FLAGS).sort()).toEqual(WHAT_IF_FLAGS.map(({ name }) => name).sort());
    expect(new Set(WHAT_IF_FLAGS.map(({ field }) => field)).size).toBe(WHAT_IF_FLAGS.length);
    for (const { name, help } of WHAT_IF_FLAGS) {
      expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(help).toMatch(/^[a-zA-Z]/);
    }
  });
});
