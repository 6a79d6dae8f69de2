import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { spread } from "../../../src/report/chart/spread.ts";

const ENDS = [0, 1000] as const;

describe("names at the ends of lines", () => {
  test("stay at their lines where there is room", () => {
    expect(spread([10, 30, 60], 15, ENDS)).toEqual([10, 30, 60]);
  });

  test("move only where they would touch, by as little as can be", () => {
    expect(spread([100, 500, 504], 15, ENDS)).toEqual([100, 494.5, 509.5]);
    expect(spread([500, 500, 500], 15, ENDS)).toEqual([485, 500, 515]);
    // a row that grows until it meets the next name takes that one with it
    expect(spread([100, 100, 120], 15, ENDS)).toEqual([
      91.66666666666667, 106.66666666666667, 121.66666666666667,
    ]);
  });

  test("stay between the ends", () => {
    expect(spread([2, 2, 998], 15, ENDS)).toEqual([0, 15, 998]);
    expect(spread([999, 1000], 15, ENDS)).toEqual([985, 1000]);
    expect(spread([], 15, ENDS)).toEqual([]);
  });

  test("are as near to their lines as any places that do not touch", () => {
    const anyLine = fc.record({
      wanted: fc.integer({ min: 0, max: 1000 }),
      gap: fc.integer({ min: 15, max: 90 }),
    });
    const offset = (wanted: readonly number[], found: readonly number[]): number =>
      found.reduce((sum, at, index) => sum + (at - wanted[index]!) ** 2, 0);
    fc.assert(
      fc.property(fc.array(anyLine, { minLength: 1, maxLength: 8 }), fc.nat(300), (lines, from) => {
        const wanted = lines.map((one) => one.wanted).sort((a, b) => a - b);
        const found = spread(wanted, 15, ENDS);
        found.slice(1).forEach((at, index) => {
          expect(at - found[index]!).toBeGreaterThanOrEqual(15 - 1e-9);
        });
        expect(found[0]).toBeGreaterThanOrEqual(0);
        expect(found.at(-1)).toBeLessThanOrEqual(1000);
        let at = from;
        const other = lines.map(({ gap }) => (at += gap));
        expect(offset(wanted, found)).toBeLessThanOrEqual(offset(wanted, other) + 1e-6);
      }),
    );
  });
});
