import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type FitProblem, fitParameters } from "../../src/calibration/fit.ts";
import { softMaximum } from "../../src/engine/device/math.ts";

type Law = (parameters: readonly number[], x: number) => number;

const FREE: readonly [number, number] = [1e-12, 1e12];
const XS = Array.from({ length: 24 }, (_, index) => 1.6 ** index);

/** Observations that a law makes of true parameters, perhaps disturbed. */
function problem(
  law: Law,
  truth: readonly number[],
  start: readonly number[],
  disturb: (value: number, index: number) => number = (value) => value,
): FitProblem {
  return {
    start,
    bounds: start.map(() => FREE),
    observed: XS.map((x, index) => disturb(law(truth, x), index)),
    uncertainty: XS.map(() => 0.02),
    predict: (parameters) => XS.map((x) => law(parameters, x)),
  };
}

/** Laws of the shapes that kernels' times have. */
const LAWS: readonly [string, Law, readonly number[]][] = [
  ["a floor and a slope", ([a, b], x) => a! + b! * x, [5, 0.02]],
  ["a power", ([a, p], x) => a! * x ** p!, [3, 0.7]],
  ["a floor, a slope and a power", ([a, b, p], x) => a! + b! * x ** p!, [5, 0.02, 1.1]],
  ["a soft maximum", ([a, b], x) => softMaximum(3, a!, b! * x), [40, 0.5]],
  ["a rate that falls", ([a, loss, half], x) => (a! * x) / (1 - loss! / (1 + half! / x)), [2, 0.3, 500]],
  ["a sum of two floors' ramp", ([a, b], x) => a! + x / (b! + x), [0.3, 50]],
];

const close = (found: readonly number[], truth: readonly number[], tolerance: number): void => {
  found.forEach((value, index) => {
    expect(Math.abs(value / truth[index]! - 1)).toBeLessThan(tolerance);
  });
};

describe.each(LAWS)("%s", (_, law, truth) => {
  test.each([1, 0.5, 3, 0.2])("is found from a start %d times the truth", (factor) => {
    const start = truth.map((value, index) => value * (index % 2 === 0 ? factor : 1 / factor));
    close(fitParameters(problem(law, truth, start)), truth, 0.05);
  });

  test("is found through noise of two percent to within a tenth", () => {
    const noisy = problem(law, truth, truth, (value, index) => value * (1 + 0.02 * Math.sin(17 * index)));
    close(fitParameters(noisy), truth, 0.1);
  });

  test("is found though every eighth row is three times off", () => {
    const wild = problem(law, truth, truth, (value, index) => (index % 8 === 5 ? 3 * value : value));
    close(fitParameters(wild), truth, 0.15);
  });

  test("does not depend on the unit of what is observed", () => {
    const own = problem(law, truth, truth);
    const found = fitParameters(own);
    const scaled = fitParameters({
      ...own,
      observed: own.observed.map((value) => 1000 * value),
      predict: (parameters) => own.predict(parameters).map((value) => 1000 * value),
    });
    close(scaled, found, 1e-6);
  });

  test("gives the same numbers every time, and leaves its problem alone", () => {
    const own = problem(
      law,
      truth,
      truth.map((value) => 1.3 * value),
    );
    const before = JSON.stringify(own);
    expect(fitParameters(own)).toEqual(fitParameters(own));
    expect(JSON.stringify(own)).toBe(before);
  });
});

describe("what the rows say nothing about", () => {
  test("stays where it was, however many parameters there are", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 5 }),
        (free) => {
          const own = problem(([a, b], x) => a! + b! * x, [5, 0.02], [4, 0.03]);
          const start = [...own.start, ...free];
          const found = fitParameters({ ...own, start, bounds: start.map(() => FREE) });
          close(found.slice(2), free, 1e-6);
          close(found.slice(0, 2), [5, 0.02], 0.05);
        },
      ),
      { numRuns: 15 },
    );
  });

  test("of one row alone is shared between parameters that it cannot tell apart", () => {
    const own: FitProblem = {
      start: [1, 1],
      bounds: [FREE, FREE],
      observed: [4],
      uncertainty: [0.001],
      predict: ([a, b]) => [a! * b!],
    };
    const [a, b] = fitParameters(own);
    expect(a! * b!).toBeCloseTo(4, 1);
    expect(a).toBeCloseTo(b!, 3);
  });
});

describe("uncertain rows", () => {
  const flat = (observed: number[], uncertainty: number[]): number =>
    fitParameters({
      start: [2],
      bounds: [FREE],
      observed,
      uncertainty,
      predict: ([a]) => observed.map(() => a!),
    })[0]!;

  test("count less than certain ones", () => {
    expect(flat([1, 3], [0.01, 1])).toBeCloseTo(1, 1);
    expect(flat([1, 3], [1, 0.01])).toBeCloseTo(3, 1);
  });

  test("of equal weight meet at their geometric mean", () => {
    expect(flat([1, 1.1], [0.05, 0.05])).toBeCloseTo(Math.sqrt(1.1), 2);
  });
});

describe("bounds", () => {
  test.each([
    [[6, 100], 6],
    [[0.1, 4], 4],
    [[0.1, 100], 5],
  ] as const)("%j hold", (bounds, expected) => {
    const own = problem(([a, b], x) => a! + b! * x, [5, 0.02], [4.5, 0.02]);
    const start = [Math.min(bounds[1], Math.max(bounds[0], 4.5)), 0.02];
    const [found] = fitParameters({ ...own, start, bounds: [bounds, FREE] });
    expect(found).toBeGreaterThanOrEqual(bounds[0] * (1 - 1e-9));
    expect(found).toBeLessThanOrEqual(bounds[1] * (1 + 1e-9));
    expect(found! / expected).toBeCloseTo(1, 1);
  });
});
