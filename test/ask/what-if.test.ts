import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MOST_POINTS, parseNumbers } from "../../src/ask/numbers.ts";
import { scaleHidden } from "../../src/ask/scale-hidden.ts";
import { getPath, parseSetting, setPath } from "../../src/ask/set-path.ts";
import type { Result } from "../../src/schema/result.ts";
import { parseCondition } from "../../src/study/condition.ts";
import { json } from "../support/command.ts";
import { model } from "../support/scenarios.ts";

describe("numbers on the command line", () => {
  test.each([
    ["8", [8]],
    ["1,2,8", [1, 2, 8]],
    ["512-2048+512", [512, 1024, 1536, 2048]],
    ["1-64*2", [1, 2, 4, 8, 16, 32, 64]],
    ["1-3", [1, 2, 3]],
    ["1-10*4,100", [1, 4, 100]],
    ["4, 4 ,5", [4, 5]],
  ])("%s is %j", (text, values) => {
    expect(parseNumbers(text).values).toEqual(values);
  });

  test.each(["", "x", "1,", "1-8+0", "8-1", "1-8*1", "1-8*-2", "0-8*2", "1--8", "1e999", "1-1e9"])(
    "%s is refused",
    (text) => {
      expect(parseNumbers(text).problem).toBeTypeOf("string");
    },
  );

  test("in a range start at its first, end by its last, and step evenly", () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), fc.integer({ min: 1, max: 100 }), (first, span, step) => {
        const { values } = parseNumbers(`${first}-${first + span}+${step}`);
        if (values === undefined) {
          expect(span / step).toBeGreaterThan(MOST_POINTS - 1);
          return;
        }
        expect(values[0]).toBe(first);
        expect(values.at(-1)).toBeLessThanOrEqual(first + span);
        for (let i = 1; i < values.length; i++) expect(values[i]! - values[i - 1]!).toBe(step);
      }),
    );
  });
});

describe("--hidden alone", () => {
  const llama = model("llama-3-70b");

  test("keeps head dimension and group size and rounds the FFN to 128", () => {
    const { model: scaled } = scaleHidden(llama, 4096, {});
    expect(scaled).toMatchObject({ hidden: 4096, heads: 32, kvHeads: 4, headDim: 128, ffn: 14_336 });
  });

  test("at the model's own size changes nothing", () => {
    expect(scaleHidden(llama, llama.hidden, {}).model).toEqual(llama);
  });

  test("keeps what a flag names", () => {
    expect(scaleHidden(llama, 4096, { heads: 64, ffn: 1000 }).model).toMatchObject({
      heads: 64,
      ffn: 1000,
      kvHeads: 8,
    });
  });

  test("always gives heads that the key heads divide, and an FFN of whole tiles", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), (hidden) => {
        const { model: scaled, note } = scaleHidden(llama, hidden, {});
        expect(scaled.heads % scaled.kvHeads).toBe(0);
        expect(scaled.ffn % 128).toBe(0);
        expect(scaled.heads).toBeGreaterThanOrEqual(1);
        expect(note).toContain(`hidden ${hidden}`);
      }),
    );
  });
});

describe("--set", () => {
  const key = fc
    .string({ minLength: 1, maxLength: 12 })
    .filter((text) => !/[.=]/.test(text) && text.trim() === text);

  test("puts a value where it is read again, and leaves the rest alone", () => {
    fc.assert(
      fc.property(
        fc.array(key, { minLength: 1, maxLength: 4 }),
        fc.jsonValue(),
        fc.object(),
        (path, value, tree) => {
          const before = JSON.stringify(tree);
          expect(getPath(setPath(tree, path, value), path)).toEqual(value);
          expect(JSON.stringify(tree)).toBe(before);
        },
      ),
    );
  });

  test("never reaches a prototype", () => {
    fc.assert(
      fc.property(fc.constantFrom("__proto__", "constructor", "prototype"), key, (bad, good) => {
        for (const path of [`${bad}.${good}`, `${good}.${bad}`])
          expect(parseSetting(`${path}=1`, JSON.parse).problem).toBeDefined();
      }),
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

describe("--fail-if", () => {
  test.each([
    ["normalization.shareOfTime>0.5", 0.6, true],
    ["normalization.shareOfTime>0.5", 0.5, false],
    ["alternatives.rmsnorm:fused.savedShareOfTime>=50%", 0.5, true],
    ["layer.seconds < 1e-3", 0.0001, true],
    ["layer.kernels!=3", 3, false],
    ["operators.3.kernels == 3", 3, true],
  ])("%s of %d is %s", (text, value, expected) => {
    expect(parseCondition(text).condition?.holds(value)).toBe(expected);
  });

  test.each([
    "",
    "a",
    "a>1",
    "layer.seconds>",
    ">1",
    "layer.seconds=1",
    "layer.seconds>b",
    "a>1>2",
    "layer.x>1",
  ])("%s is no condition", (text) => {
    expect(parseCondition(text).problem).toBeDefined();
  });
});

describe("flags", () => {
  test("win over the file, the file over defaults", async () => {
    const stdin =
      '{"model":"llama-3-8b","hardware":"h100-sxm","workload":{"phase":"decode","batch":4,"context":99},"runtime":"eager"}';
    const { scenario } = await json<Result>("run - --batch 7 --json", { stdin });
    expect(scenario.workload).toMatchObject({ batch: 7, context: 99 });
    expect(scenario.runtime).toBe("eager");
    expect(scenario.kernels.pointwise).toBe("eager");
    expect(scenario.normalization).toEqual({ kind: "rmsnorm", implementation: "native" });
  });

  test("and the --set that says the same give the same result", async () => {
    const flag = await json<Result>("run --batch 8 --runtime eager --norm rmsnorm:fused --json");
    const set = await json<Result>(
      "run --set workload.batch=8 --set runtime=eager --set normalization.kind=rmsnorm --set normalization.implementation=fused --json",
    );
    expect(set).toEqual(flag);
  });

  test("that change nothing leave the result as it is, but for what the file says of itself", async () => {
    const given = await json<Result>("run --json");
    const { description, ...scenario } = given.scenario;
    expect(description).toContain("4096-token prompt");
    expect(await json<Result>("run --batch 1 --hidden 8192 --json")).toEqual({ ...given, scenario });
  });
});
