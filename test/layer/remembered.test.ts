import { describe, expect, test } from "vitest";
import { remembered, rememberedAll } from "../../src/layer/remembered.ts";

/** A function of any number of arguments that counts its calls: each call's result is another object. */
function counting() {
  const calls: unknown[][] = [];
  const given = (args: unknown[]): unknown[] => args.filter((argument) => argument !== undefined);
  return { calls, of: (...args: unknown[]) => ({ call: calls.push(given(args)) }) };
}

const SEVEN = ["a", "b", "c", "d", "e", "f", "g"] as const;

describe.each([
  ["remembered", remembered],
  ["rememberedAll", rememberedAll],
] as const)("a function that is %s", (_, keep) => {
  test("computes again only when an argument is another one", () => {
    const { calls, of } = counting();
    const kept = keep(of as (a: number, b: number) => object);
    const first = kept(1, 2);
    expect(kept(1, 2)).toBe(first);
    expect(kept(2, 2)).not.toBe(first);
    expect(calls).toEqual([
      [1, 2],
      [2, 2],
    ]);
  });

  test.each(SEVEN.map((name, place) => [name, place] as const))(
    "looks at argument %s of seven",
    (_, place) => {
      const { calls, of } = counting();
      const kept = keep(of as unknown as (...args: typeof SEVEN) => object);
      const other = SEVEN.map((name, index) => (index === place ? "other" : name)) as unknown as typeof SEVEN;
      kept(...SEVEN);
      kept(...SEVEN);
      expect(calls).toHaveLength(1);
      kept(...other);
      expect(calls).toEqual([[...SEVEN], other]);
    },
  );

  test("remembers undefined, also as an argument, and tells apart objects that look alike", () => {
    let calls = 0;
    const kept = keep((_: object | undefined) => {
      calls++;
      return undefined;
    });
    kept(undefined);
    kept(undefined);
    expect(calls).toBe(1);
    const one = {};
    kept(one);
    kept(one);
    kept({});
    expect(calls).toBe(3);
  });
});

describe("a function all of whose last results are remembered", () => {
  test("keeps sixteen, and gives up the oldest", () => {
    const { calls, of } = counting();
    const kept = rememberedAll(of as (a: number) => object);
    const all = Array.from({ length: 16 }, (_, index) => kept(index));
    all.forEach((result, index) => {
      expect(kept(index)).toBe(result);
    });
    expect(calls).toHaveLength(16);
    // two more take the places of the first two, and of no other
    kept(16);
    kept(17);
    all.slice(2).forEach((result, index) => {
      expect(kept(index + 2)).toBe(result);
    });
    expect(calls).toHaveLength(18);
    kept(0);
    kept(1);
    expect(calls).toHaveLength(20);
  });

  test("one that remembers only the last computes what comes round again", () => {
    const { calls, of } = counting();
    const kept = remembered(of as (a: number) => object);
    kept(1);
    kept(2);
    kept(1);
    expect(calls).toEqual([[1], [2], [1]]);
  });
});
