import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { shardRange } from "../../src/study/sweep.ts";

describe("shards", () => {
  const size = fc.integer({ min: 0, max: 1e9 });
  const shards = fc.integer({ min: 1, max: 999_999_999 });

  test("follow each other without a gap from the first point to the last", () => {
    fc.assert(
      fc.property(size, fc.integer({ min: 1, max: 300 }), (points, n) => {
        let next = 0;
        for (let k = 1; k <= n; k++) {
          const { from, to } = shardRange(points, k, n);
          expect(from).toBe(next);
          next = to;
        }
        expect(next).toBe(points);
      }),
    );
  });

  test("differ by one point at most, however many there are", () => {
    fc.assert(
      fc.property(size, shards, fc.nat(), (points, n, any) => {
        const k = 1 + (any % n);
        const { from, to } = shardRange(points, k, n);
        expect([Math.floor(points / n), Math.ceil(points / n)]).toContain(to - from);
        expect(shardRange(points, n, n).to).toBe(points);
      }),
    );
  });
});
