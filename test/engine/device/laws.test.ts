import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { shortSequenceFactor } from "../../../src/engine/device/attention-backward.ts";
import { calibrationValues, device } from "../../../src/engine/device/device.ts";
import { headDimFraction } from "../../../src/engine/device/head-width.ts";
import { fallingRamp, ratio, softMaximum } from "../../../src/engine/device/math.ts";
import { sustainedClock } from "../../../src/engine/device/matmul.ts";
import { tilePadding } from "../../../src/engine/device/matmul-tiles.ts";
import { rereadBytes } from "../../../src/engine/device/norm-row-per-block.ts";
import { hitFraction } from "../../../src/engine/device/residency.ts";
import { threadsPerRow } from "../../../src/engine/device/row-sum.ts";
import { matmulPeak } from "../../../src/schema/peaks.ts";
import { hardware } from "../../support/scenarios.ts";

const positive = fc.double({ min: 1e-9, max: 1e9, noNaN: true });
const h100 = device(hardware("h100-sxm"));
const values = calibrationValues(hardware("h100-sxm").calibration!);

describe("soft maximum", () => {
  test("lies between the largest term and the sum of all", () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 50, noNaN: true }), positive, positive, positive, (p, a, b, c) => {
        const soft = softMaximum(p, a, b, c);
        expect(soft).toBeGreaterThanOrEqual(Math.max(a, b, c) * (1 - 1e-12));
        expect(soft).toBeLessThanOrEqual((a + b + c) * (1 + 1e-12));
      }),
    );
  });

  test("is the sum at exponent 1 and nearly the maximum at a large one", () => {
    expect(softMaximum(1, 3, 4)).toBeCloseTo(7, 12);
    expect(softMaximum(200, 3, 4)).toBeCloseTo(4, 6);
  });

  test("scales with its terms and keeps their order out", () => {
    fc.assert(
      fc.property(positive, positive, (a, b) => {
        expect(softMaximum(3, 2 * a, 2 * b)).toBeCloseTo(2 * softMaximum(3, b, a), 3);
      }),
    );
  });

  test("of nothing is nothing", () => {
    expect(softMaximum(3, 0, 0, 0)).toBe(0);
  });
});

describe("falling ramp", () => {
  test.each([
    [0, 1],
    [10, 1],
    [15, 0.5],
    [20, 0],
    [1e9, 0],
  ])("from 10 over 10 is at %d: %d", (x, expected) => {
    expect(fallingRamp(x, 10, 10)).toBe(expected);
  });

  test("without width is a step", () => {
    expect(fallingRamp(10, 10, 0)).toBe(1);
    expect(fallingRamp(10.001, 10, 0)).toBe(0);
  });
});

test("a share of nothing is 0, of anything else its part", () => {
  expect([ratio(3, 4), ratio(0, 4), ratio(0, 0), ratio(3, 0)]).toEqual([0.75, 0, 0, 0]);
});

describe("L2 hits", () => {
  test("never grow with the reuse distance", () => {
    fc.assert(
      fc.property(fc.nat(1e9), fc.nat(1e9), (a, b) => {
        const [near, far] = a < b ? [a, b] : [b, a];
        expect(hitFraction(near, values.cache)).toBeGreaterThanOrEqual(hitFraction(far, values.cache));
      }),
    );
  });
});

describe("sustained clock", () => {
  test("falls with the matmul's FLOPs and stays above the full loss", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e18, noNaN: true }), (flops) => {
        const clock = sustainedClock(flops, values.matmul);
        expect(clock).toBeLessThanOrEqual(1);
        expect(clock).toBeGreaterThanOrEqual(1 - values.matmul.sustainedLoss);
        expect(sustainedClock(flops * 2, values.matmul)).toBeLessThanOrEqual(clock);
      }),
    );
  });

  test("has lost half of it at the calibrated FLOPs", () => {
    const { sustainedFlops, sustainedLoss } = values.matmul;
    expect(sustainedClock(sustainedFlops, values.matmul)).toBeCloseTo(1 - sustainedLoss / 2, 12);
  });
});

describe("tile padding", () => {
  const padding = (m: number, n: number, k = 4096): number => tilePadding(m, n, k, 1, 132);

  test("is 1 where the best tile fills every processor in every wave", () => {
    expect(padding(256 * 12, 128 * 11)).toBeCloseTo(1, 12);
  });

  test("charges a lone tile's processor for the ones that idle", () => {
    expect(padding(256, 128, 64)).toBeGreaterThan(20);
  });

  test("splitting the inner dimension lets a skinny matmul use more processors", () => {
    expect(padding(256, 128, 65_536)).toBeLessThan(padding(256, 128, 64) / 10);
  });

  test("does not care which side is long", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9000 }), fc.integer({ min: 1, max: 9000 }), (m, n) => {
        expect(padding(m, n)).toBeCloseTo(padding(n, m), 9);
      }),
    );
  });

  test("tends to the cheapest tile's own cost as the matmul grows", () => {
    const large = padding(65_536, 65_536);
    expect(large).toBeGreaterThan(0.85);
    expect(large).toBeLessThan(1.05);
  });
});

describe("attention", () => {
  test("efficiency is the calibrated one at 64, 128 and 256, and between them in between", () => {
    const { attention } = values;
    expect(headDimFraction(64, attention)).toBe(attention.fractionHeadDim64);
    expect(headDimFraction(128, attention)).toBe(attention.fractionHeadDim128);
    expect(headDimFraction(256, attention)).toBe(attention.fractionHeadDim256);
    expect(headDimFraction(512, attention)).toBe(attention.fractionHeadDim256);
    expect(headDimFraction(16, attention)).toBe(attention.fractionHeadDim64);
    const between = headDimFraction(96, attention);
    expect(between).toBeGreaterThan(Math.min(attention.fractionHeadDim64, attention.fractionHeadDim128));
    expect(between).toBeLessThan(Math.max(attention.fractionHeadDim64, attention.fractionHeadDim128));
  });

  test("short sequences cost more per pair backward, twice as much at the calibrated length", () => {
    const p = values.attention.backward;
    expect(shortSequenceFactor(16, p)).toBeGreaterThan(shortSequenceFactor(4096, p));
    expect(shortSequenceFactor(p.shortSequenceTokens, p)).toBe(2);
    expect(shortSequenceFactor(1e12, p)).toBeCloseTo(1, 3);
  });
});

describe("second reads of native norms", () => {
  const norm = (rows: number, columns: number) =>
    ({
      kind: "row-per-block",
      norm: "layernorm",
      direction: "forward",
      rows,
      columns,
      inputs: 1,
      rowBytes: 2 * columns,
    }) as const;

  test("hit the L2 while a tensor is small", () => {
    expect(rereadBytes(norm(512, 8192), h100) / (512 * 8192 * 2)).toBeLessThan(0.01);
    expect(rereadBytes(norm(16_384, 1024), h100) / (16_384 * 1024 * 2)).toBeLessThan(0.01);
  });

  test("miss it when the rows in flight fill it", () => {
    expect(rereadBytes(norm(16_384, 16_384), h100) / (16_384 * 16_384 * 2)).toBeGreaterThan(0.98);
  });

  test("never exceed the tensor itself", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e5 }), fc.integer({ min: 1, max: 1e5 }), (rows, columns) => {
        const again = rereadBytes(norm(rows, columns), h100);
        expect(again).toBeGreaterThanOrEqual(0);
        expect(again).toBeLessThanOrEqual(rows * columns * 2);
      }),
    );
  });

  test("are not known for a device without calibration", () => {
    const { calibration: _, ...datasheet } = hardware("h100-sxm");
    expect(rereadBytes(norm(16_384, 16_384), device(datasheet))).toBe(0);
  });
});

describe("torch's row reduction", () => {
  test.each([
    [4096, 1024, 32],
    [4096, 8192, 512],
    [16_384, 4096, 32],
    [8, 1024, 64],
    [8, 8192, 512],
    [4, 4096, 128],
    [1, 8192, 512],
    [1, 100, 64],
  ])("%d rows of %d columns get %d threads each", (rows, columns, threads) => {
    expect(threadsPerRow(rows, columns)).toBe(threads);
  });
});

describe("peaks", () => {
  test("fp32 runs on the vector units, half precision on the tensor cores", () => {
    expect(matmulPeak(hardware("h100-sxm"), "fp32")).toBe(66.9e12);
    expect(matmulPeak(hardware("h100-sxm"), "bf16")).toBe(989.4e12);
    expect(matmulPeak(hardware("v100-sxm2-32gb"), "bf16")).toBeUndefined();
  });
});
