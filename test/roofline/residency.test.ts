import { describe, expect, test } from "vitest";
import type { Kernel } from "../../src/layer/kernel.ts";
import { chainTraffic, layerTraffic } from "../../src/roofline/residency.ts";

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
    const [first, second] = chainTraffic(
      [kernel([], [["a", 40]]), kernel([["a", 40]], [["b", 10]])],
      cache,
      [],
    ).traffic;
    expect(first).toEqual({ hbmBytes: 0, l2Bytes: 40 });
    expect(second).toEqual({ hbmBytes: 0, l2Bytes: 50 });
  });

  test("is not what nothing in this layer has touched", () => {
    const [only] = chainTraffic([kernel([["a", 40]], [])], cache, []).traffic;
    expect(only).toEqual({ hbmBytes: 40, l2Bytes: 0 });
  });

  test("is never weights, and weights push everything else out", () => {
    const [, weights, after] = chainTraffic(
      [kernel([["a", 40]], []), kernel([], [], 1000), kernel([["a", 40]], [])],
      cache,
      ["a"],
    ).traffic;
    expect(weights).toEqual({ hbmBytes: 1000, l2Bytes: 0 });
    expect(after).toEqual({ hbmBytes: 40, l2Bytes: 0 });
  });

  test("shrinks in a straight line while the reuse distance grows past the resident size", () => {
    const kernels = [kernel([], [["a", 50]]), kernel([["a", 50]], [], 100)];
    const [, half] = chainTraffic(kernels, cache, []).traffic;
    expect(half?.l2Bytes).toBe(25);
  });

  test("and HBM together are all bytes of a kernel", () => {
    const kernels = [kernel([["a", 30]], [["b", 77]]), kernel([["b", 77]], [["c", 5]], 12)];
    const { traffic } = chainTraffic(kernels, cache, []);
    const sums = traffic.map(({ hbmBytes, l2Bytes }) => hbmBytes + l2Bytes);
    expect(sums[0]).toBeCloseTo(107, 9);
    expect(sums[1]).toBeCloseTo(94, 9);
  });
});

describe("what is written and stays in the L2", () => {
  const writer = kernel([], [["a", 40]]);

  test("is written back by the kernel that pushes it out", () => {
    const { traffic, dirtyBytes } = chainTraffic([writer, kernel([], [], 1000)], cache, []);
    expect(traffic).toEqual([
      { hbmBytes: 0, l2Bytes: 40 },
      { hbmBytes: 1040, l2Bytes: 0 },
    ]);
    expect([...dirtyBytes]).toEqual([["a", 0]]);
  });

  test("is not written back once its last reader is done: its memory is used again first", () => {
    const reader = kernel([["a", 40]], []);
    const { traffic } = chainTraffic([writer, reader, kernel([], [], 1000)], cache, []);
    expect(traffic[2]).toEqual({ hbmBytes: 1000, l2Bytes: 0 });
  });

  test("is written back by its last reader where that one streams it out", () => {
    const { traffic } = chainTraffic([writer, kernel([["a", 40]], [], 1000)], cache, []);
    expect(traffic[1]).toEqual({ hbmBytes: 1080, l2Bytes: 0 });
  });

  test("is counted at the end where nothing pushed it out", () => {
    expect([...chainTraffic([writer], cache, []).dirtyBytes]).toEqual([["a", 40]]);
  });

  test("by the layer before is written back by the first kernel that empties the L2", () => {
    const layer = [
      kernel([], [["x", 10]]),
      kernel([], [], 1000),
      kernel([], [["y", 20]]),
      kernel([], [], 500),
    ];
    const last = [...layer, kernel([], [["z", 30]])];
    expect(layerTraffic(layer, cache)[1]?.hbmBytes).toBe(1010);
    expect(layerTraffic(last, cache)[1]?.hbmBytes).toBe(1040);
  });

  test("never costs a layer that fits in the L2 anything", () => {
    const traffic = layerTraffic([writer, kernel([["a", 40]], [["b", 10]])], cache);
    expect(traffic.every(({ hbmBytes }) => hbmBytes === 0)).toBe(true);
  });
});
