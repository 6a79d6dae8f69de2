import { describe, expect, test } from "vitest";
import { unitText } from "../../../src/report/text/figure-text.ts";

describe("a number of the result", () => {
  test.each([
    [0.0117, "seconds", "11.7 ms"],
    [0.0128, "share", "1.3%"],
    [134_217_728, "bytes", "134 MB"],
    [7.29e12, "flops", "7.29 T"],
    [21, "count", "21"],
    [1281.4, "intensity", "1281"],
    [4365.4, "rate", "4365"],
  ] as const)("%d %s is %s", (value, unit, text) => {
    expect(unitText(value, unit)).toBe(text);
  });

  test("may have more digits where they matter", () => {
    expect(unitText(0.011_744, "seconds", 4)).toBe("11.74 ms");
    expect(unitText(0.012_812, "share", 5)).toBe("1.2812%");
  });
});
