import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatBytes, formatCount, formatPercent, formatSeconds, significant } from "../src/units.ts";

describe("numbers for people", () => {
  test.each([
    [formatSeconds(0.0118), "11.8 ms"],
    [formatSeconds(4.0e-5), "40.0 µs"],
    [formatSeconds(9.996e-4), "1.00 ms"],
    [formatSeconds(0), "0 s"],
    [formatBytes(134_217_728), "134 MB"],
    [formatBytes(1.48e9), "1.48 GB"],
    [formatCount(7.29e12), "7.29 T"],
    [formatPercent(0.0128), "1.3%"],
    [formatPercent(0.000064), "0.01%"],
    [formatPercent(0.00001), "<0.01%"],
    [formatPercent(-0.133), "-13.3%"],
    [formatPercent(1), "100%"],
    [significant(2156.3), "2156"],
  ])("%s is %s", (text, expected) => {
    expect(text).toBe(expected);
  });

  const UNITS: Record<string, number> = { ns: 1e-9, µs: 1e-6, ms: 1e-3, s: 1 };

  test("read back to within their three digits", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-8, max: 99, noNaN: true }), (seconds) => {
        const [digits, unit] = formatSeconds(seconds).split(" ") as [string, string];
        expect(Math.abs((Number(digits) * UNITS[unit]!) / seconds - 1)).toBeLessThan(0.0051);
      }),
    );
  });

  test("are never NaN or Infinity", () => {
    fc.assert(
      fc.property(fc.double({ min: -1e300, max: 1e300 }), (value) => {
        for (const format of [formatSeconds, formatBytes, formatCount, formatPercent, significant])
          expect(format(value)).not.toMatch(/NaN|Infinity/);
      }),
    );
  });
});
