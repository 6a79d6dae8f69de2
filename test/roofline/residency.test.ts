import { describe, expect, test } from "vitest";
import type { Kernel } from "../../src/layer/kernel.ts";
import { layerTraffic } from "../../src/roofline/residency.ts";

const cache = { residentBytes: 100, transitionBytes: 100, bytesPerSecond: 1 };
const kernel = (reads: [string, number][], writes: [string, number][], streamedBytes = 0): Kernel => ({
  name: "test",
  flops: 0,
  reads: reads.map(([tensor, bytes]) => ({ tensor, bytes })),
  writes: writes.map(([tensor, bytes]) => ({ tensor, bytes })),
  streamedBytes,
  work: { kind: "pointwise", access: "vectorized", elements: 1 },
});

describe("what the L2 serves", () => {
  test("is what the kernel before it has just written", () => {
    const [first, second] = layerTraffic(
      [kernel([], [["a", 40]]), kernel([["a", 40]], [["b", 10]])],
      cache,
      [],
    );
    expect(first).toEqual({ hbmBytes: 0, l2Bytes: 40 });
    expect(second).toEqual({ hbmBytes: 0, l2Bytes: 50 });
  });

  test("is not what nothing in this layer has touched", () => {
    const [only] = layerTraffic([kernel([["a", 40]], [])], cache, []);
    expect(only).toEqual({ hbmBytes: 40, l2Bytes: 0 });
  });

  test("is never weights, and weights push everything else out", () => {
    const [, weights, after] = layerTraffic(
      [kernel([], [["a", 40]]), kernel([], [], 1000), kernel([["a", 40]], [])],
      cache,
      [],
    );
    expect(weights).toEqual({ hbmBytes: 1000, l2Bytes: 0 });
    expect(after).toEqual({ hbmBytes: 40, l2Bytes: 0 });
  });

  test("shrinks in a straight line while the reuse distance grows past the resident size", () => {
    const [, half] = layerTraffic([kernel([], [["a", 50]]), kernel([["a", 50]], [], 100)], cache, []);
    expect(half?.l2Bytes).toBe(25);
  });

  test("and HBM together are all bytes of a kernel", () => {
    const kernels = [kernel([["a", 30]], [["b", 77]]), kernel([["b", 77]], [["c", 5]], 12)];
    const traffic = layerTraffic(kernels, cache);
    expect(traffic.map(({ hbmBytes, l2Bytes }) => hbmBytes + l2Bytes)).toEqual([107, 94]);
  });
});
