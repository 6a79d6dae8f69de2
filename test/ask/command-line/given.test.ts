import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Reading, readGiven, type WhatIfOptions } from "../../../src/ask/command-line/given.ts";
import { parseWords } from "../../../src/ask/command-line/lists.ts";
import { TABLE } from "../../../src/ask/command-line/load-spaces.ts";
import { sizeOf, valuesAt } from "../../../src/ask/space.ts";
import type { UserError } from "../../../src/errors.ts";

const read = (options: WhatIfOptions, reading: Partial<Reading> = {}) =>
  readGiven(options, { ...TABLE, ...reading });

/** The values of all axes at each point, as texts. */
const points = (options: WhatIfOptions): string[] => {
  const { axes } = read(options);
  return Array.from({ length: sizeOf({ axes }) }, (_, index) => valuesAt(axes, index).join(" "));
};

const problems = (options: WhatIfOptions): readonly string[] => {
  try {
    read(options);
    return [];
  } catch (error) {
    return (error as UserError).problems;
  }
};

describe("words", () => {
  test.each([
    ["a", ["a"]],
    ["a,b", ["a", "b"]],
    [" a , b ", ["a", "b"]],
    ["a,a,b", ["a", "b"]],
    ["../study/path/to.json,h100-sxm", ["../study/path/to.json", "h100-sxm"]],
    [":fused,rmsnorm:eager", [":fused", "rmsnorm:eager"]],
  ])("%j are %j", (text, values) => {
    expect(parseWords(text)).toEqual({ values });
  });

  test.each(["", " ", ",", "a,", ",a", "a,,b"])("%j are none", (text) => {
    expect(parseWords(text).problem).toBe(`expected a name or a list of names, got ${JSON.stringify(text)}`);
  });
});

describe("a grid", () => {
  test("of nothing is one point", () => {
    expect(read({})).toEqual({ fixed: {}, axes: [], settings: [] });
    expect(points({})).toEqual([""]);
  });

  test("of single values is one point, and its values are fixed", () => {
    expect(read({ batch: "8", norm: "rmsnorm:fused", sequenceParallel: true })).toEqual({
      fixed: { batch: 8, norm: "rmsnorm:fused", "sequence-parallel": true },
      axes: [],
      settings: [],
    });
  });

  test("varies what has more than one value, in the order of the flags, the last one fastest", () => {
    const options = { norm: "layernorm,rmsnorm", hidden: "4096", batch: "1-4*2", phase: "decode" };
    const { axes, fixed } = read(options);
    expect(axes.map(({ name }) => name)).toEqual(["batch", "norm"]);
    expect(fixed).toEqual({ phase: "decode", hidden: 4096 });
    expect(points(options)).toEqual([
      "1 layernorm",
      "1 rmsnorm",
      "2 layernorm",
      "2 rmsnorm",
      "4 layernorm",
      "4 rmsnorm",
    ]);
  });

  test("has its axes in the order of a command line that is given", () => {
    const argv = ["sweep", "--norm", "a,b", "--axis", "model.heads=8,16", "--batch=1,2"];
    const { axes } = read({ batch: "1,2", norm: "a,b", axis: ["model.heads=8,16"] }, { argv });
    expect(axes.map(({ name }) => name)).toEqual(["norm", "model.heads", "batch"]);
  });

  test("does not repeat a value that is given twice", () => {
    expect(points({ batch: "8,8,4-8*2" })).toEqual(["8", "4"]);
    expect(read({ norm: "rmsnorm,rmsnorm" }).axes).toEqual([]);
  });

  test("holds every combination once", () => {
    const axis = fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(axis, axis, axis, (batches, contexts, layers) => {
        const found = new Set(
          points({ batch: batches.join(","), context: contexts.join(","), layers: layers.join(",") }),
        );
        const all = batches.flatMap((batch) =>
          contexts.flatMap((context) => layers.map((layer) => `${batch} ${context} ${layer}`)),
        );
        expect([...found].sort()).toEqual(all.sort());
      }),
      { numRuns: 60 },
    );
  });

  test("of up to as many points as the command can show is one", () => {
    expect(points({ batch: "1-10", hidden: "64-6400+64" })).toHaveLength(1000);
    expect(problems({ batch: "1-11", hidden: "64-6400+64" })).toEqual([
      "1100 combinations: expected at most 1000",
    ]);
    expect(problems({ batch: "1-1001" })).toEqual([expect.stringMatching(/^--batch: .*more than 1000/)]);
  });

  test("names every flag that cannot be read", () => {
    expect(problems({ batch: "x", hidden: "1-", norm: "", runtime: "eager", axis: ["workload"] })).toEqual([
      expect.stringMatching(/^--batch: expected a number/),
      expect.stringMatching(/^--hidden: expected a number/),
      expect.stringMatching(/^--norm: expected a name/),
      expect.stringMatching(/^--axis: expected path=values/),
    ]);
  });
});

describe("settings", () => {
  test("are JSON where they can be read as JSON, else texts", () => {
    expect(read({ set: ["model.gated=true", "workload.batch=8", "runtime=eager"] }).settings).toEqual([
      { path: ["model", "gated"], value: true },
      { path: ["workload", "batch"], value: 8 },
      { path: ["runtime"], value: "eager" },
    ]);
  });

  test("that name a model or a device are what the flags say", () => {
    expect(read({ set: ["model=llama-3-8b", "hardware=b200", "model.heads=16"] })).toEqual(
      read({ model: "llama-3-8b", hardware: "b200", set: ["model.heads=16"] }),
    );
  });
});
