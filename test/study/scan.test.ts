import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Range, scan } from "../../src/study/scan.ts";

const whole = (from: number, to: number, step = 1): Range => ({ from, to, step });
const real = (from: number, to: number): Range => ({ from, to, step: undefined });

describe("a scan over whole numbers", () => {
  test("finds a rise between neighbours", () => {
    const { crossings } = scan((x) => x * x, 50, whole(1, 100));
    expect(crossings).toEqual([
      { before: { x: 7, y: 49 }, after: { x: 8, y: 64 }, direction: "rising", kind: "smooth" },
    ]);
  });

  test("finds every passage, rising and falling, in order", () => {
    const { crossings } = scan((x) => Math.sin(x / 10), 0.5, whole(0, 190));
    expect(crossings.map(({ direction }) => direction)).toEqual([
      "rising",
      "falling",
      "rising",
      "falling",
      "rising",
      "falling",
    ]);
  });

  test("tells a jump from a slope", () => {
    const step = scan((x) => (x < 40 ? 1 : 2) + x * 1e-6, 1.5, whole(1, 100));
    expect(step.crossings[0]).toMatchObject({ kind: "jump", after: { x: 40 } });
    expect(scan((x) => x, 50.5, whole(1, 100)).crossings[0]?.kind).toBe("smooth");
  });

  test("narrows down to neighbours where the range is too long to look at every point", () => {
    const { crossings, evaluations } = scan((x) => x, 123_456.5, whole(1, 1_000_000));
    expect(crossings).toHaveLength(1);
    expect(crossings[0]).toMatchObject({ before: { x: 123_456 }, after: { x: 123_457 } });
    expect(evaluations).toBeLessThan(2200);
  });

  test("stays on its steps", () => {
    const seen: number[] = [];
    scan(
      (x) => {
        seen.push(x);
        return x;
      },
      7777,
      whole(64, 1_000_000, 64),
    );
    expect(seen.slice(0, -1).every((x) => x % 64 === 0)).toBe(true);
  });

  test("leaves out points without a value", () => {
    const { crossings } = scan((x) => (x % 3 === 0 ? x : undefined), 50, whole(1, 100));
    expect(crossings).toMatchObject([{ before: { x: 48 }, after: { x: 51 } }]);
  });
});

describe("where the target is never reached", () => {
  test("the nearest point is named", () => {
    const { crossings, nearest } = scan((x) => -((x - 30) ** 2), 5, whole(1, 100));
    expect(crossings).toEqual([]);
    expect(nearest).toEqual({ x: 30, y: -0 });
  });

  test("and there is none where nothing has a value", () => {
    expect(scan(() => undefined, 1, whole(1, 10))).toMatchObject({ crossings: [], nearest: undefined });
    expect(scan(() => Number.NaN, 1, whole(1, 10)).nearest).toBeUndefined();
  });

  test("a constant at the target is no passage", () => {
    expect(scan(() => 5, 5, whole(1, 10))).toMatchObject({ crossings: [], nearest: { y: 5 } });
  });
});

describe("a scan over real numbers", () => {
  test("finds roots to nine digits", () => {
    const { crossings } = scan((x) => Math.log(x), 1, real(0.1, 100));
    expect(crossings[0]?.after.x).toBeCloseTo(Math.E, 7);
    expect(crossings[0]?.kind).toBe("smooth");
  });

  test("a step stays a jump however narrow the bracket", () => {
    expect(scan((x) => (x < 7.25 ? 0 : 1), 0.5, real(1, 100)).crossings[0]).toMatchObject({ kind: "jump" });
  });
});

describe("laws of a scan", () => {
  const steps = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 2, maxLength: 300 });

  test("every passage brackets the target between neighbouring points", () => {
    fc.assert(
      fc.property(steps, fc.double({ min: -5, max: 5, noNaN: true }), (values, target) => {
        const f = (x: number): number => values[x]!;
        for (const { before, after, direction } of scan(f, target, whole(0, values.length - 1)).crossings) {
          expect(after.x - before.x).toBe(1);
          expect(before.y).toBe(f(before.x));
          const [low, high] = direction === "rising" ? [before.y, after.y] : [after.y, before.y];
          expect(low).toBeLessThan(target);
          expect(high).toBeGreaterThanOrEqual(target);
        }
      }),
    );
  });

  test("none is missed where every point is looked at", () => {
    fc.assert(
      fc.property(steps, fc.double({ min: -5, max: 5, noNaN: true }), (values, target) => {
        const passages = values.slice(1).filter((y, i) => y >= target !== values[i]! >= target).length;
        const { crossings } = scan((x) => values[x]!, target, whole(0, values.length - 1));
        expect(crossings).toHaveLength(passages);
      }),
    );
  });
});
