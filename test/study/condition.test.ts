import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { simulate } from "../../src/engine/simulate.ts";
import { answersOf } from "../../src/study/answers.ts";
import { parseCondition, parseQuantity } from "../../src/study/condition.ts";
import { scenario } from "../support/scenarios.ts";

describe("a quantity", () => {
  test.each([
    ["0", 0],
    ["0.25", 0.25],
    ["25%", 0.25],
    ["0.5%", 0.005],
    ["-3", -3],
    ["-10%", -0.1],
    ["1e-3", 0.001],
    ["2E+6", 2e6],
    [" 7 ", 7],
    ["1e3%", 10],
  ])("%j is %d", (text, value) => {
    expect(parseQuantity(text)).toBeCloseTo(value, 12);
  });

  test.each(["", " ", "x", ".5", "5.", "1 %", "%", "5%%", "1e400", "-1e999", "+5", "1,5", "0x10", "NaN"])(
    "%j is none",
    (text) => {
      expect(parseQuantity(text)).toBeUndefined();
    },
  );
});

const compare: Record<string, (a: number, b: number) => boolean> = {
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

describe("a condition", () => {
  test.each(Object.keys(compare))("with %s compares as numbers do", (operator) => {
    fc.assert(
      fc.property(fc.integer({ min: -5, max: 5 }), fc.integer({ min: -5, max: 5 }), (value, limit) => {
        const { condition } = parseCondition(`layer.seconds${operator}${limit}`);
        expect(condition?.holds(value)).toBe(compare[operator]!(value, limit));
      }),
    );
  });

  test.each([
    ["layer.seconds>0.02", "layer.seconds"],
    ["  layer.seconds  >=  0.02  ", "layer.seconds"],
    ["normalization.shareOfTime<25%", "normalization.shareOfTime"],
    ["operators.attention-norm.seconds!=0", "operators.attention-norm.seconds"],
    ["alternatives.rmsnorm:fused.savedShareOfTime<=-1e-3", "alternatives.rmsnorm:fused.savedShareOfTime"],
    ["rmsnormSavesShareOfTime==0", "rmsnormSavesShareOfTime"],
  ])("%j is about %s", (text, name) => {
    const { condition } = parseCondition(text);
    expect(condition?.field.name).toBe(name);
    expect(condition?.text).toBe(text);
    expect(condition?.field.read(answersOf(simulate(scenario())))).toEqual(expect.any(Number));
  });

  test.each([
    ["layer.seconds", /expected a field of the result, a comparison and a number/],
    ["layer.seconds>", /expected a field/],
    [">1", /expected a field/],
    ["layer.seconds=1", /expected a field/],
    ["layer.seconds=>1", /expected a field/],
    ["layer.seconds<>1", /expected a field/],
    ["layer.seconds>one", /expected a field/],
    ["layer.seconds>1 s", /expected a field/],
    ["layer.seconds>1>2", /expected a field/],
    ["layer seconds>1", /expected a field/],
    ["layer.second>1", /the result has no number "layer\.second"; did you mean "layer\.seconds"\?/],
    ["warnings>1", /the result has no number "warnings"/],
    ["", /got ""/],
  ])("%j is none: %s", (text, problem) => {
    const { condition, problem: found } = parseCondition(text);
    expect(condition).toBeUndefined();
    expect(found).toMatch(problem);
  });
});
