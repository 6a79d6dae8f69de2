import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Kernel, readBytes, writeBytes } from "../../src/layer/kernel.ts";
import { layerOperators } from "../../src/layer/layer.ts";
import { hitFraction, layerTraffic } from "../../src/roofline/residency.ts";
import { fallingRamp, softMaximum } from "../../src/roofline/soft-maximum.ts";
import { kernelOf } from "../support/devices.ts";
import { anyScenario } from "../support/scenarios.ts";

const access = fc.record({ tensor: fc.constantFrom("a", "b", "c", "d"), bytes: fc.nat(100) });
const chain = fc.array(
  fc.record({
    reads: fc.array(access, { maxLength: 3 }),
    writes: fc.array(access, { maxLength: 2 }),
    streamedBytes: fc.nat(150),
  }),
  { minLength: 1, maxLength: 8 },
);
const kernels = chain.map((list) =>
  list.map((changes) => kernelOf({ kind: "pointwise", access: "vectorized", elements: 1 }, changes)),
);
const caches = fc.record({
  residentBytes: fc.nat(300),
  transitionBytes: fc.nat(300),
  bytesPerSecond: fc.constant(1),
});

const bytesOf = (kernel: Kernel): number => readBytes(kernel) + writeBytes(kernel);

/** The same question asked again for every access: walk back to the last kernel that touched the tensor. */
function countedL2Bytes(
  list: readonly Kernel[],
  index: number,
  cache: { residentBytes: number; transitionBytes: number; bytesPerSecond: number },
  before: readonly string[],
): number {
  const kernel = list[index]!;
  let served = 0;
  for (const { tensor, bytes } of kernel.reads) {
    let distance = bytesOf(kernel);
    let found = false;
    for (let earlier = index - 1; earlier >= 0 && !found; earlier--) {
      const { reads, writes } = list[earlier]!;
      found = [...reads, ...writes].some((other) => other.tensor === tensor);
      if (!found) distance += bytesOf(list[earlier]!);
    }
    if (found || before.includes(tensor)) served += bytes * hitFraction(distance, cache);
  }
  for (const { bytes } of kernel.writes) served += bytes * hitFraction(bytesOf(kernel), cache);
  return served;
}

describe("traffic through the L2", () => {
  test("is what walking back to each tensor's last use finds", () => {
    fc.assert(
      fc.property(kernels, caches, fc.subarray(["a", "b", "c"]), (list, cache, before) => {
        layerTraffic(list, cache, before).forEach(({ l2Bytes }, index) => {
          expect(l2Bytes).toBeCloseTo(countedL2Bytes(list, index, cache, before), 6);
        });
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  test("adds up to all bytes of every kernel, none of it negative", () => {
    fc.assert(
      fc.property(kernels, caches, (list, cache) => {
        layerTraffic(list, cache, []).forEach(({ hbmBytes, l2Bytes }, index) => {
          expect(hbmBytes + l2Bytes).toBeCloseTo(bytesOf(list[index]!), 6);
          expect(l2Bytes).toBeGreaterThanOrEqual(0);
          expect(hbmBytes).toBeGreaterThanOrEqual(list[index]!.streamedBytes - 1e-9);
        });
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  test("asks HBM for no more when the L2 is larger", () => {
    fc.assert(
      fc.property(kernels, caches, fc.nat(200), (list, cache, more) => {
        const larger = { ...cache, residentBytes: cache.residentBytes + more };
        const [small, large] = [cache, larger].map((one) => layerTraffic(list, one, ["a"]));
        large!.forEach(({ hbmBytes }, index) => {
          expect(hbmBytes).toBeLessThanOrEqual(small![index]!.hbmBytes + 1e-9);
        });
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  test("of an L2 that keeps nothing is all HBM, of one that keeps everything only what is new", () => {
    fc.assert(
      fc.property(kernels, (list) => {
        const none = { residentBytes: -1, transitionBytes: 0, bytesPerSecond: 1 };
        const all = { residentBytes: 1e9, transitionBytes: 0, bytesPerSecond: 1 };
        for (const { l2Bytes } of layerTraffic(list, none, ["a", "b"])) expect(l2Bytes).toBe(0);
        const touched = new Set<string>();
        layerTraffic(list, all, []).forEach(({ hbmBytes }, index) => {
          const { reads, writes, streamedBytes } = list[index]!;
          const cold = reads.filter(({ tensor }) => !touched.has(tensor));
          expect(hbmBytes).toBeCloseTo(streamedBytes + cold.reduce((sum, { bytes }) => sum + bytes, 0), 6);
          for (const { tensor } of [...reads, ...writes]) touched.add(tensor);
        });
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  test("of real layers never serves a weight", () => {
    const cache = { residentBytes: 30e6, transitionBytes: 20e6, bytesPerSecond: 1 };
    fc.assert(
      fc.property(anyScenario, (scenario) => {
        const list = layerOperators(scenario).flatMap((operator) => operator.kernels);
        layerTraffic(list, cache).forEach(({ hbmBytes }, index) => {
          const { streamedBytes } = list[index]!;
          expect(hbmBytes).toBeGreaterThanOrEqual(streamedBytes * (1 - 1e-12));
        });
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  test("starts a layer with what the layer before it wrote", () => {
    const cache = { residentBytes: 1000, transitionBytes: 0, bytesPerSecond: 1 };
    const reading = (tensor: string) =>
      layerTraffic(
        [kernelOf({ kind: "softmax", elements: 1, columns: 1 }, { reads: [{ tensor, bytes: 10 }] })],
        cache,
      )[0]?.l2Bytes;
    expect(reading("residual stream")).toBe(10);
    expect(reading("ffn output")).toBe(10);
    expect(reading("residual stream after attention")).toBe(10);
    expect(reading("qkv")).toBe(0);
  });
});

describe("the share of hits", () => {
  const cache = { residentBytes: 100, transitionBytes: 50, bytesPerSecond: 1 };

  test.each([
    [0, 1],
    [100, 1],
    [110, 0.8],
    [125, 0.5],
    [149, 0.02],
    [150, 0],
    [1e12, 0],
  ])("at a distance of %d bytes is %d", (distance, share) => {
    expect(hitFraction(distance, cache)).toBeCloseTo(share, 12);
  });
});

describe("a falling ramp", () => {
  const any = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  const width = fc.double({ min: 0, max: 1e6, noNaN: true });

  test("stays between 0 and 1 and never rises", () => {
    fc.assert(
      fc.property(any, any, any, width, (a, b, start, wide) => {
        const [near, far] = [Math.min(a, b), Math.max(a, b)].map((x) => fallingRamp(x, start, wide));
        expect(near!).toBeGreaterThanOrEqual(far!);
        expect(near!).toBeLessThanOrEqual(1);
        expect(far!).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test("is a half in the middle", () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.integer({ min: 1, max: 1000 }), (start, wide) => {
        expect(fallingRamp(start + wide / 2, start, wide)).toBeCloseTo(0.5, 12);
      }),
    );
  });
});

describe("the soft maximum", () => {
  test.each([
    [1, 3, 4, 0, 7],
    [1, 3, 4, 5, 12],
    [2, 3, 4, 0, 5],
    [2, 2, 3, 6, 7],
    [2, 1, 4, 8, 9],
    [3, 3, 4, 5, 6],
    [5, 7, 0, 0, 7],
  ])("with exponent %d of %d, %d and %d is %d", (p, a, b, c, expected) => {
    expect(softMaximum(p, a, b, c)).toBeCloseTo(expected, 12);
  });

  test("of equal terms is that term times a root of their number", () => {
    for (const p of [1, 1.5, 3, 8]) {
      expect(softMaximum(p, 10, 10)).toBeCloseTo(10 * 2 ** (1 / p), 12);
      expect(softMaximum(p, 10, 10, 10)).toBeCloseTo(10 * 3 ** (1 / p), 12);
    }
  });

  test("falls with its exponent and rises with every term", () => {
    const term = fc.double({ min: 0, max: 1e6, noNaN: true });
    const exponent = fc.double({ min: 1, max: 20, noNaN: true });
    fc.assert(
      fc.property(exponent, exponent, term, term, term, (p, q, a, b, c) => {
        const [soft, hard] = [Math.min(p, q), Math.max(p, q)];
        expect(softMaximum(hard, a, b, c)).toBeLessThanOrEqual(softMaximum(soft, a, b, c) * (1 + 1e-9));
        expect(softMaximum(p, a + 1, b, c)).toBeGreaterThanOrEqual(softMaximum(p, a, b, c));
        expect(softMaximum(p, a, b, c + 1)).toBeGreaterThanOrEqual(softMaximum(p, a, b, c));
      }),
    );
  });

  test("neither overflows nor vanishes for very large and very small terms", () => {
    expect(softMaximum(12, 1e200, 1e200)).toBeCloseTo(1e200 * 2 ** (1 / 12), -190);
    expect(softMaximum(12, 1e-200, 1e-200)).toBeGreaterThan(1e-200);
    expect(softMaximum(12, 1e-200, 1)).toBe(1);
  });
});
