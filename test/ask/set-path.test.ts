import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { getPath, parseSetting, setPath } from "../../src/ask/set-path.ts";
import { command } from "../support/command.ts";

/** As the command reads values: JSON where it is JSON, else a text. */
const asJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

describe("a setting", () => {
  test.each([
    ["a=1", ["a"], 1],
    ["a.b=true", ["a", "b"], true],
    ["a.b.c=null", ["a", "b", "c"], null],
    ["a.b=bf16", ["a", "b"], "bf16"],
    ['a.b="8"', ["a", "b"], "8"],
    ["a.b=[1,2]", ["a", "b"], [1, 2]],
    ['a={"b":1}', ["a"], { b: 1 }],
    ["a=", ["a"], ""],
    ["a==", ["a"], "="],
    ["a=b=c", ["a"], "b=c"],
    [" a.b =1", ["a", "b"], 1],
    ["a.0.b=1", ["a", "0", "b"], 1],
    ["a-b.c_d=x y", ["a-b", "c_d"], "x y"],
    ["$schema=x", ["$schema"], "x"],
  ])("%s is %j to be %j", (text, path, value) => {
    expect(parseSetting(text, asJson).setting).toEqual({ path, value });
  });

  test.each([
    ["", /expected path=value, got ""/],
    ["a", /expected path=value, got "a"/],
    ["a.b", /expected path=value/],
    ["=1", /expected path=value/],
    [".a=1", /".a" is not a path/],
    ["a.=1", /"a\." is not a path/],
    ["a..b=1", /"a\.\.b" is not a path/],
    [" =1", /is not a path/],
    [`${"a.".repeat(64)}a=1`, /at most 64 keys, got 65$/],
    [`${"a.".repeat(100_000)}a=1`, /at most 64 keys, got 100001$/],
    ["__proto__=1", /"__proto__" is not a path/],
    ["a.__proto__.b=1", /is not a path/],
    ["a.constructor=1", /is not a path/],
    ["prototype.a=1", /is not a path/],
  ])("%s is refused", (text, problem) => {
    expect(parseSetting(text, asJson).problem).toMatch(problem);
  });
});

describe("setting a value", () => {
  const tree = { a: { b: 1, c: [10, { d: 2 }] }, e: "text", f: null };

  test.each([
    ["a.b", { ...tree, a: { ...tree.a, b: "new" } }],
    ["a", { ...tree, a: "new" }],
    ["g", { ...tree, g: "new" }],
    ["g.h", { ...tree, g: { h: "new" } }],
    ["a.c.0", { ...tree, a: { ...tree.a, c: ["new", { d: 2 }] } }],
    ["a.c.1.d", { ...tree, a: { ...tree.a, c: [10, { d: "new" }] } }],
    ["a.c.2", { ...tree, a: { ...tree.a, c: [10, { d: 2 }, "new"] } }],
    ["e.x", { ...tree, e: { x: "new" } }],
    ["f.x", { ...tree, f: { x: "new" } }],
  ])("at %s", (path, expected) => {
    const before = JSON.stringify(tree);
    expect(setPath(tree, path.split("."), "new")).toEqual(expected);
    expect(JSON.stringify(tree)).toBe(before);
  });

  test.each(["3", "9", "-1", "1.5", "x", "length", "01x", " 1"])(
    "at %j of a list of two does not leave a list behind that looks untouched",
    (key) => {
      const changed = setPath({ c: [10, 20] }, ["c", key], "new") as { c: unknown };
      expect(Array.isArray(changed.c)).toBe(false);
      expect(getPath(changed, ["c", key])).toBe("new");
    },
  );

  test("shares what it does not change", () => {
    const changed = setPath(tree, ["a", "b"], 2) as typeof tree;
    expect(changed.a.c).toBe(tree.a.c);
  });

  test("at no path at all is the value", () => {
    expect(setPath(tree, [], 7)).toBe(7);
  });

  test("twice at different places does not depend on the order", () => {
    const key = fc.constantFrom("a", "b", "c");
    const path = fc.array(key, { minLength: 2, maxLength: 2 });
    fc.assert(
      fc.property(path, path, fc.object({ maxDepth: 2 }), (one, other, any) => {
        fc.pre(one.join() !== other.join());
        const there = setPath(setPath(any, one, 1), other, 2);
        expect(setPath(setPath(any, other, 2), one, 1)).toEqual(there);
      }),
    );
  });
});

describe("reading a path", () => {
  const tree = { a: { b: 0, c: [1, 2], d: null, e: false } };

  test.each([
    ["a.b", 0],
    ["a.c.1", 2],
    ["a.d", null],
    ["a.e", false],
    ["a.x", undefined],
    ["x.y.z", undefined],
    ["a.b.c", undefined],
    ["a.d.x", undefined],
    ["a.toString", undefined],
    ["constructor", undefined],
    ["a.c.5", undefined],
  ])("%s is %j", (path, value) => {
    expect(getPath(tree, path.split("."))).toBe(value);
  });
});

describe("--set", () => {
  test.each([
    ["normalization.implementation.9.name=x", /normalization\.implementation: expected/],
    ["hardware.sources.99.source=x", /hardware\.sources: expected a list, got \{/],
    ["hardware.sources.first.source=x", /hardware\.sources: expected a list, got \{/],
    ["hardware.sources.0.source=1", /hardware\.sources\[0\]\.source: expected a text, got 1/],
    ["runtime.x=1", /runtime: expected "graph" or "eager", got \{"x":1\}/],
    ["workload.batch.x=1", /workload\.batch: expected a number, got \{"x":1\}/],
    ["model.heads=64.5", /model\.heads: expected a whole number, got 64\.5/],
    ["workload.batch=", /workload\.batch: expected a number, got ""/],
    ["workload.batch=1 2", /workload\.batch: expected a number, got "1 2"/],
    ["precision=bf16", /precision: expected an object, got "bf16"/],
    ["worklod.batch=1", /worklod: unknown key \(did you mean "workload"\?\)/],
  ])("%s says that nothing can be there", async (setting, pattern) => {
    const { code, stdout, stderr } = await command(["run", "--set", setting]);
    expect(stderr).toMatch(pattern);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  test.each([
    ["hardware.sources.0.source=mine", "scenario.hardware.sources.0.source", "mine"],
    ["hardware.hbmBytesPerSecond=5e12", "scenario.hardware.hbmBytesPerSecond", 5e12],
    ['hardware={"x":1}', undefined, undefined],
    ["model.qkNorm=true", "scenario.model.qkNorm", true],
    ["model.name=Mine", "scenario.model.name", "Mine"],
    ["hardware.calibration.memory.streamingFraction.value=0.5", undefined, undefined],
    ["parallelism.tensor=2", "scenario.parallelism.tensor", 2],
    ["description=mine", "scenario.description", "mine"],
  ])("%s is in the result", async (setting, path, value) => {
    const { code, stdout } = await command(["run", "--json", "--set", setting]);
    if (path !== undefined) expect(getPath(JSON.parse(stdout), path.split("."))).toEqual(value);
    expect(code).toBe(setting.startsWith("hardware={") ? 2 : 0);
  });

  test("of a whole part replaces it, one of a field changes it after that", async () => {
    const { stdout } = await command([
      "run",
      "--json",
      ...["--set", 'workload={"phase":"decode","context":5}'],
      ...["--set", "workload.batch=4"],
    ]);
    const { scenario } = JSON.parse(stdout) as { scenario: { workload: object } };
    expect(scenario.workload).toEqual({ phase: "decode", batch: 4, sequence: 1, context: 5 });
  });
});
