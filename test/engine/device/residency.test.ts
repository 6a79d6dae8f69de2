import { describe, expect, test } from "vitest";
import { chainTraffic, layerTraffic } from "../../../src/engine/device/residency.ts";
import type { Kernel } from "../../../src/engine/layer/kernel.ts";

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
    expect([...dirtyBytes]).toEqual([]);
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

  test("and outlives the layer leaves in a later one where nothing empties the L2: as much in each", () => {
    const traffic = layerTraffic([writer, kernel([["a", 40]], [["b", 10]])], cache);
    expect(traffic.map(({ hbmBytes }) => hbmBytes)).toEqual([10 * (40 / 90), 10 * (50 / 90)]);
  });

  test("and outlives the layer is pushed out by the kernels of the next as they move bytes", () => {
    // 30 bytes: a tenth is gone when 110 more were moved, four tenths after 140; the rest leaves in later layers
    const layer = [kernel([], [], 60), kernel([], [], 50), kernel([], [["kept", 30]])];
    const later = (bytes: number) => 18 * (bytes / 140);
    layerTraffic(layer, cache).forEach(({ hbmBytes }, index) => {
      expect(hbmBytes).toBeCloseTo([60 + later(60), 50 + 3 + later(50), 9 + later(30)][index]!, 9);
    });
  });

  test("is written back also where another tensor is handed over", () => {
    const layer = [kernel([["stream", 20]], [["kept", 20]]), kernel([], [["stream", 20]])];
    const hbmBytes = layerTraffic(layer, cache).map((one) => one.hbmBytes);
    expect(hbmBytes[0]! + hbmBytes[1]!).toBeCloseTo(20, 9);
  });

  test("and is read for the last time by the next layer is not written back at all", () => {
    const layer = [kernel([["stream", 40]], []), kernel([], [["stream", 40]])];
    expect(layerTraffic(layer, cache).map(({ hbmBytes }) => hbmBytes)).toEqual([0, 0]);
  });
});
