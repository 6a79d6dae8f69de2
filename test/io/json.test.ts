import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseJson } from "../../src/io/json.ts";

/** Without `__proto__`, which is refused as a key. */
const honestJson = fc
  .jsonValue({ maxDepth: 5 })
  .filter((value) => !JSON.stringify(value).includes("__proto__"));

describe("reading JSON", () => {
  test("gives back any value that was written", () => {
    fc.assert(
      fc.property(honestJson, fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parseJson(text)).toEqual({ values: [JSON.parse(text)] });
      }),
    );
  });

  test("accepts nothing that JSON.parse refuses, and reads it the same", () => {
    const pieces = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"a"',
      '"b"',
      "1",
      "-0.5e3",
      "true",
      "null",
      " ",
      "\n",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        const { values } = parseJson(text);
        if (values?.length === 1) expect(values[0]).toEqual(JSON.parse(text));
      }),
      { numRuns: 2000 },
    );
  });

  test("reads one value a line", () => {
    expect(parseJson('{"a":1}\n[2]\n"three"\n').values).toEqual([{ a: 1 }, [2], "three"]);
  });

  test.each([
    ["{", /line 1, column 2/],
    ['{\n  "a": 1,\n}', /line 3, column 1/],
    ['{"a":1,"a":2}', /"a"/],
    ['{"a":1e400}', /too large/],
    ['{"a":nan}', /line 1, column 6/],
    ['{"a":+Infinity}', /line 1, column 6/],
    ['{"__proto__":1}', /__proto__/],
    ["[1 2]", /line 1, column 4/],
    ['"open', /never ends/],
    ['"\\x"', /line 1/],
    ["'single'", /line 1, column 1/],
    ["[".repeat(100), /deep|nest/],
  ])("says of %s where it is wrong", (text, pattern) => {
    const { values, problem } = parseJson(text);
    expect(values).toBeUndefined();
    expect(problem).toMatch(pattern);
  });

  test("never overflows the stack or throws, whatever the text", () => {
    expect(parseJson("[".repeat(1e5)).problem).toBeDefined();
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const { values, problem } = parseJson(text);
        expect((values === undefined) !== (problem === undefined)).toBe(true);
      }),
    );
  });

  test.each([
    [
      "keys",
      (count: number) => `{${Array.from({ length: count }, (_, index) => `"${index}": 0`).join(", ")}}`,
    ],
    ["items", (count: number) => `[${Array.from({ length: count }, () => "0").join(", ")}]`],
  ])("takes a hundred thousand %s and says where there are more", (what, text) => {
    expect(parseJson(text(100_000)).problem).toBeUndefined();
    expect(parseJson(`\n${text(100_001)}`).problem).toMatch(
      new RegExp(`^cannot be read: line 2, column \\d+: more than 100000 ${what}$`),
    );
  });

  test("takes the numbers that Python writes and JSON has not", () => {
    const python = '{"time_step_limit": [0.0, Infinity], "low": -Infinity, "none": NaN, "text": "NaN"}';
    expect(parseJson(python).values).toEqual([
      {
        time_step_limit: [0, Number.POSITIVE_INFINITY],
        low: Number.NEGATIVE_INFINITY,
        none: Number.NaN,
        text: "NaN",
      },
    ]);
  });

  test.each(["[".repeat(100), '{"a":1e400}', '{"a":1,"a":2}', '{"__proto__":1}'])(
    "calls %s something that cannot be read, not something that is no JSON",
    (text) => {
      expect(parseJson(text).problem).toMatch(/^cannot be read: line 1, column \d+: /);
    },
  );
});
