import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  formatByteRate,
  formatBytes,
  formatCount,
  formatFlopRate,
  formatIntensity,
  formatPercent,
  formatSeconds,
  plural,
  significant,
} from "../src/units.ts";

describe("seconds", () => {
  test.each([
    [0, "0 s"],
    [-0, "0 s"],
    [1e-9, "1.00 ns"],
    [1.234e-9, "1.23 ns"],
    [9.994e-9, "9.99 ns"],
    [9.996e-9, "10.0 ns"],
    [9.994e-8, "99.9 ns"],
    [9.996e-8, "100 ns"],
    [9.994e-7, "999 ns"],
    [9.996e-7, "1.00 µs"],
    [1e-6, "1.00 µs"],
    [1.5e-5, "15.0 µs"],
    [9.996e-4, "1.00 ms"],
    [0.011_74, "11.7 ms"],
    [0.9994, "999 ms"],
    [0.9996, "1.00 s"],
    [1, "1.00 s"],
    [59.96, "60.0 s"],
    [938.4, "938 s"],
    [12_345.6, "12346 s"],
    [1e9, "1000000000 s"],
    [-4.2e-5, "-42.0 µs"],
    [-9.996e-7, "-1.00 µs"],
    [1e-12, "0.001 ns"],
    [4.4e-13, "0.0004 ns"],
    [Number.NaN, "-"],
    [Number.POSITIVE_INFINITY, "-"],
  ])("%d are %s", (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });

  test.each([
    [0.011_744_9, "11.74 ms"],
    [9.9964e-3, "9.996 ms"],
    [9.9996e-3, "10.00 ms"],
    [99.964e-3, "99.96 ms"],
    [99.996e-3, "100.0 ms"],
    [999.64e-6, "999.6 µs"],
    [999.96e-6, "1.000 ms"],
    [0.999_64, "999.6 ms"],
    [1.0004, "1.000 s"],
    [0, "0 s"],
  ])("%d with four digits are %s", (seconds, text) => {
    expect(formatSeconds(seconds, 4)).toBe(text);
  });
});

describe("bytes", () => {
  test.each([
    [0, "0 B"],
    [1, "1.00 B"],
    [999, "999 B"],
    [999.6, "1.00 kB"],
    [1000, "1.00 kB"],
    [1024, "1.02 kB"],
    [999_499, "999 kB"],
    [999_600, "1.00 MB"],
    [134_217_728, "134 MB"],
    [1.48e9, "1.48 GB"],
    [80e9, "80.0 GB"],
    [137e9, "137 GB"],
    [999.6e9, "1.00 TB"],
    [1.5e15, "1.50 PB"],
    [1.5e18, "1.50 EB"],
    [1.5e21, "1500 EB"],
    [-2048, "-2.05 kB"],
    [0.5, "0.50 B"],
    [Number.NEGATIVE_INFINITY, "-"],
  ])("%d are %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  test.each([
    [3.35e12, "3.35 TB/s"],
    [864e9, "864 GB/s"],
    [0, "0 B/s"],
  ])("%d a second are %s", (bytes, text) => {
    expect(formatByteRate(bytes)).toBe(text);
  });
});

describe("counts", () => {
  test.each([
    [0, "0"],
    [1, "1.00"],
    [999, "999"],
    [999.6, "1.00 K"],
    [1000, "1.00 K"],
    [33_554_432, "33.6 M"],
    [999_600_000, "1.00 G"],
    [7.29e12, "7.29 T"],
    [1.5e15, "1.50 P"],
    [1.5e18, "1.50 E"],
    [-5e6, "-5.00 M"],
    [Number.NaN, "-"],
  ])("%d are %s", (count, text) => {
    expect(formatCount(count)).toBe(text);
  });

  test.each([
    [989.4e12, "989 TFLOP/s"],
    [1.307e15, "1.31 PFLOP/s"],
    [999.6e12, "1.00 PFLOP/s"],
    [500, "500 FLOP/s"],
    [0, "0 FLOP/s"],
  ])("%d FLOP a second are %s", (flops, text) => {
    expect(formatFlopRate(flops)).toBe(text);
  });

  test.each([
    [0, "0 layers"],
    [1, "1 layer"],
    [2, "2 layers"],
    [80, "80 layers"],
  ])("%d of a noun are %s", (count, text) => {
    expect(plural(count, "layer")).toBe(text);
  });
});

describe("percent", () => {
  test.each([
    [0, "0%"],
    [-0, "0%"],
    [1e-9, "<0.01%"],
    [4.9e-5, "<0.01%"],
    [5e-5, "0.01%"],
    [6.4e-5, "0.01%"],
    [0.001, "0.10%"],
    [0.004_94, "0.49%"],
    [0.009_94, "0.99%"],
    [0.009_96, "1.0%"],
    [0.0128, "1.3%"],
    [0.099_94, "10.0%"],
    [0.455, "45.5%"],
    [0.999_44, "99.9%"],
    [0.999_6, "100%"],
    [1, "100%"],
    [2.5, "250%"],
    [-0.133, "-13.3%"],
    [-0.0029, "-0.29%"],
    [-4e-5, ">-0.01%"],
    [-1e-12, ">-0.01%"],
    [-1, "-100%"],
    [Number.NaN, "-"],
    [Number.NEGATIVE_INFINITY, "-"],
  ])("%d is %s", (share, text) => {
    expect(formatPercent(share)).toBe(text);
  });
});

describe("other numbers", () => {
  test.each([
    [0, "0"],
    [0.17, "0.17"],
    [1.75, "1.75"],
    [9.996, "10.0"],
    [12.34, "12.3"],
    [99.96, "100"],
    [2156.3, "2156"],
    [4365.4, "4365"],
    [1_234_567.8, "1234568"],
    [0.0123, "0.01"],
    [0.0049, "0.005"],
    [0.000_43, "0.0004"],
    [1e-9, "1e-9"],
    [-0.000_43, "-0.0004"],
    [-12.34, "-12.3"],
    [Number.NaN, "-"],
  ])("%d is %s", (value, text) => {
    expect(significant(value)).toBe(text);
    expect(formatIntensity(value)).toBe(text);
  });

  test.each([
    [1.234_56, 4, "1.235"],
    [9.9964, 4, "9.996"],
    [99.964, 4, "99.96"],
    [99.996, 4, "100.0"],
    [1234.56, 4, "1235"],
    [1.26, 2, "1.3"],
    [9.96, 2, "10"],
    [126, 2, "126"],
    [1.26, 1, "1"],
  ])("%d with %d digits is %s", (value, digits, text) => {
    expect(significant(value, digits)).toBe(text);
  });
});

type Range = readonly [format: (value: number) => string, least: number, most: number];

/** What a report may show by each format, as powers of ten. */
const FORMATS: Readonly<Record<string, Range>> = {
  formatSeconds: [formatSeconds, -9, 4],
  formatBytes: [formatBytes, 0, 20],
  formatCount: [formatCount, 0, 20],
  formatIntensity: [formatIntensity, -2, 6],
  formatPercent: [formatPercent, -4, 1],
};
const UNITS: Readonly<Record<string, number>> = {
  ...{ ns: 1e-9, µs: 1e-6, ms: 1e-3, s: 1 },
  ...{ B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, PB: 1e15, EB: 1e18 },
  ...{ K: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 },
};

/** The number that a reader would take from a text. */
function readBack(text: string): number {
  const [, digits, percent, unit] = /^(-?[\d.]+)(%?) ?(\S*)$/.exec(text)!;
  return Number(digits) * (percent === "%" ? 0.01 : (UNITS[unit!] ?? 1));
}

const numbers = (least: number, most: number): fc.Arbitrary<number> =>
  fc
    .tuple(fc.double({ min: 1, max: 10, noNaN: true }), fc.integer({ min: least, max: most - 1 }))
    .map(([digits, power]) => digits * 10 ** power);

describe("any number", () => {
  test.each([3, 4, 5])("of seconds reads back to within half of its last of %d digits", (digits) => {
    fc.assert(
      fc.property(numbers(-9, 8), (seconds) => {
        const read = readBack(formatSeconds(seconds, digits));
        expect(Math.abs(read / seconds - 1)).toBeLessThanOrEqual(0.5 * 10 ** (1 - digits) * (1 + 1e-9));
      }),
      { numRuns: 500 },
    );
  });

  test("of bytes and counts reads back to within half a percent", () => {
    fc.assert(
      fc.property(numbers(0, 20), (value) => {
        for (const format of [formatBytes, formatCount])
          expect(Math.abs(readBack(format(value)) / value - 1)).toBeLessThanOrEqual(0.005 * (1 + 1e-9));
      }),
    );
  });

  test.each(Object.entries(FORMATS))(
    "by %s never shrinks as the number grows",
    (_, [format, least, most]) => {
      fc.assert(
        fc.property(numbers(least, most), fc.double({ min: 1, max: 1.01, noNaN: true }), (value, factor) => {
          const [small, large] = [format(value), format(value * factor)];
          expect(readBack(large)).toBeGreaterThanOrEqual(readBack(small) * (1 - 1e-9));
        }),
        { numRuns: 500 },
      );
    },
  );

  test.each(Object.entries(FORMATS))(
    "by %s takes at most eight characters, and one more for its sign",
    (_, [format, least, most]) => {
      fc.assert(
        fc.property(numbers(least, most), (value) => {
          const text = format(value);
          expect(text.length).toBeLessThanOrEqual(8);
          expect(text).toMatch(/^[\d.]+%?( ?[µa-zA-Z]+)?$/);
          expect(format(-value)).toBe(`-${text}`);
        }),
        { numRuns: 300 },
      );
    },
  );

  test("that is no finite one is a dash", () => {
    for (const [format] of Object.values(FORMATS))
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
        expect(format(value)).toBe("-");
  });
});
