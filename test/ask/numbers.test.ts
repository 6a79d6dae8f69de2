import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MOST_POINTS, parseNumbers } from "../../src/ask/numbers.ts";

describe("one number", () => {
  test.each([
    ["0", 0],
    ["8", 8],
    ["-3", -3],
    ["1.5", 1.5],
    ["1e3", 1000],
    ["2E2", 200],
    ["1e-3", 0.001],
    ["2.5e+3", 2500],
    ["-1e-3", -0.001],
    [" 8 ", 8],
    ["007", 7],
  ])("%j is %d", (text, value) => {
    expect(parseNumbers(text).values).toEqual([value]);
  });

  test.each([
    ...["", " ", "x", "8x", "1.", ".5", "1e", "1_000", "1,", ",1", "1 2", "0x10", "NaN", "Infinity", "--3"],
    ...["+3", "1e400", "-1e999", "½", "1;2"],
  ])("%j is none", (text) => {
    expect(parseNumbers(text)).toEqual({ problem: expect.any(String) });
  });
});

describe("a list", () => {
  test.each([
    ["1,2,8", [1, 2, 8]],
    ["8,2,1", [8, 2, 1]],
    ["1, 2 , 8", [1, 2, 8]],
    ["1,1,2,1", [1, 2]],
    ["1,2-4", [1, 2, 3, 4]],
    ["2-4,1-8*2", [2, 3, 4, 1, 8]],
    ["1e3,1000", [1000]],
  ])("%s is %j", (text, values) => {
    expect(parseNumbers(text).values).toEqual(values);
  });

  test.each(["1,,2", "1,x", "x,1", "1,2,", "1-3+0,8"])("%s is none", (text) => {
    expect(parseNumbers(text).problem).toBeDefined();
  });
});

describe("a range", () => {
  test.each([
    ["1-4", [1, 2, 3, 4]],
    ["512-2048+512", [512, 1024, 1536, 2048]],
    ["1-10+4", [1, 5, 9]],
    ["1-64*2", [1, 2, 4, 8, 16, 32, 64]],
    ["3-100*10", [3, 30]],
    ["5-5", [5]],
    ["5-5*2", [5]],
    ["-2-2+2", [-2, 0, 2]],
    ["-4--2", [-4, -3, -2]],
    ["0-1+0.25", [0, 0.25, 0.5, 0.75, 1]],
    ["1e-3-1*10", [0.001, 0.01, 0.1, 1]],
    ["1e-6-3e-6+1e-6", [1e-6, 2e-6, 3e-6]],
    ["1-1e2*1e1", [1, 10, 100]],
  ])("%s is %j", (text, values) => {
    expect(parseNumbers(text).values).toEqual(values);
  });

  test("of decimal steps holds the decimals as one would write them, and its end", () => {
    expect(parseNumbers("0.1-0.3+0.1").values).toEqual([0.1, 0.2, 0.3]);
    expect(parseNumbers("0.1-1+0.1").values).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
    expect(parseNumbers("1-1.331*1.1").values).toEqual([1, 1.1, 1.21, 1.331]);
    expect(parseNumbers("0.7-0.9+0.01").values).toHaveLength(21);
  });

  test.each([
    ["4-1", /never reaches its end/],
    ["1-4+0", /never reaches/],
    ["1-4*1", /never reaches/],
    ["1-4*0.5", /never reaches/],
    ["0-4*2", /never reaches/],
    ["-1-4*2", /never reaches/],
    ["1-4+-1", /never reaches/],
    ["1-4/2", /expected a number, a list .* or a range .*, got "1-4\/2"/],
    ["1-", /got "1-"/],
    ["1-2-3", /got "1-2-3"/],
    ["1-1001", undefined],
    ["1-1e9", /more than 1000 values/],
    ["0-1+1e-9", /more than 1000 values/],
    ["1-1e300*1.0001", /more than 1000 values/],
  ])("%s is refused: %s", (text, problem) => {
    const found = parseNumbers(text).problem;
    if (problem === undefined) expect(found).toMatch(/more than 1000 values/);
    else expect(found).toMatch(problem);
  });

  test("starts at its first value, keeps its step and stops within one of its last", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -500, max: 500 }),
        fc.integer({ min: 0, max: 400 }),
        fc.integer({ min: 1, max: 1000 }),
        fc.constantFrom(1, 10, 1000),
        (first, count, step, divisor) => {
          // decimals of one, two or three places
          const [from, by] = [first / divisor, step / divisor];
          const last = (first + count * step) / divisor;
          const { values = [] } = parseNumbers(`${from}-${last}+${by}`);
          expect(values).toHaveLength(count + 1);
          values.forEach((value, index) => {
            expect(value).toBe((first + index * step) / divisor);
          });
        },
      ),
      { numRuns: 300, seed: 1 },
    );
  });

  test("of factors grows by the factor and ends at or below its last", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 2, max: 9 }),
        fc.nat(12),
        (first, factor, count) => {
          const last = first * factor ** count;
          const { values = [] } = parseNumbers(`${first}-${last}*${factor}`);
          expect(values).toHaveLength(count + 1);
          expect(values.at(-1)).toBe(last);
          expect(parseNumbers(`${first}-${last - 1}*${factor}`).values ?? []).toHaveLength(count);
        },
      ),
      { numRuns: 200, seed: 1 },
    );
  });
});

describe("too many values", () => {
  test("in a list are refused, as many as allowed are not", () => {
    const list = (count: number) => Array.from({ length: count }, (_, index) => index).join(",");
    expect(parseNumbers(list(MOST_POINTS)).values).toHaveLength(MOST_POINTS);
    expect(parseNumbers(list(MOST_POINTS + 1)).problem).toBe("expected at most 1000 values");
  });

  test("in a range are refused, as many as allowed are not", () => {
    expect(parseNumbers("1-1000").values).toHaveLength(1000);
    expect(parseNumbers("1-1001").problem).toBe("the range 1-1001 has more than 1000 values");
  });

  test("depend on who asks", () => {
    expect(parseNumbers("1-20", 20).values).toHaveLength(20);
    expect(parseNumbers("1-20", 19).problem).toBeDefined();
    expect(parseNumbers("1-1e5", 1e5).values).toHaveLength(1e5);
  });
});

describe("whatever is typed", () => {
  const pieces = fc.constantFrom(..."0123456789.,-+*eE x".split(""));

  test("gives finite numbers or a sentence, and never both", () => {
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 10 }), (parts) => {
        const { values, problem } = parseNumbers(parts.join(""), 50);
        if (problem === undefined) {
          expect(values!.length).toBeGreaterThan(0);
          expect(values!.length).toBeLessThanOrEqual(50);
          expect(new Set(values).size).toBe(values!.length);
          for (const value of values!) expect(Number.isFinite(value)).toBe(true);
        } else {
          expect(values).toBeUndefined();
          expect(problem).toMatch(/\w+ \w+/);
        }
      }),
      { numRuns: 3000, seed: 1 },
    );
  });
});
