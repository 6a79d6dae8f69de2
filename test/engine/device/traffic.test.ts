import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fallingRamp, softMaximum, softMaximum4 } from "../../../src/engine/device/math.ts";
import { chainTraffic, hitFraction, layerTraffic } from "../../../src/engine/device/residency.ts";
import { firstBackwardKernel } from "../../../src/engine/layer/backward.ts";
import { type Kernel, readBytes, writeBytes } from "../../../src/engine/layer/kernel.ts";
import { layerOperators } from "../../../src/engine/layer/layer.ts";
import type { Scenario } from "../../../src/schema/scenario.ts";
import { kernelOf } from "../../support/devices.ts";
import { anyScenario, model, scenario, train } from "../../support/scenarios.ts";

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

type Cache = Parameters<typeof hitFraction>[1];

const bytesOf = (kernel: Kernel): number => readBytes(kernel) + writeBytes(kernel);
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const reads = (kernel: Kernel, tensor: string): boolean =>
  kernel.reads.some((read) => read.tensor === tensor);
const writes = (kernel: Kernel, tensor: string): boolean =>
  kernel.writes.some((write) => write.tensor === tensor);

/** Every question about the L2 answered by walking back and forth over the chain, nothing remembered. */
function countedTraffic(list: readonly Kernel[], cache: Cache, before: readonly string[]) {
  const movedBefore = (index: number): number => sum(list.slice(0, index).map(bytesOf));
  /** bytes moved up to the end of the last kernel before this one that touched the tensor */
  const lastTouch = (tensor: string, index: number): number | undefined => {
    for (let earlier = index - 1; earlier >= 0; earlier--)
      if (reads(list[earlier]!, tensor) || writes(list[earlier]!, tensor)) return movedBefore(earlier + 1);
    return before.includes(tensor) ? 0 : undefined;
  };
  const kept = (tensor: string, index: number): number => {
    const touch = reads(list[index]!, tensor) ? movedBefore(index) : lastTouch(tensor, index)!;
    return hitFraction(movedBefore(index + 1) - touch, cache);
  };
  /** share of a write that is dirty in the L2 after a later kernel */
  const dirty = (tensor: string, writer: number, after: number): number => {
    const stayed = hitFraction(bytesOf(list[writer]!), cache);
    let share = stayed;
    for (let index = writer + 1; index <= after; index++)
      share = Math.min(share, stayed * kept(tensor, index));
    return share;
  };
  const lastRead = (tensor: string): number => list.findLastIndex((kernel) => reads(kernel, tensor));
  /** not written again, nor read for the last time, before the kernel starts */
  const isAlive = (tensor: string, writer: number, index: number): boolean => {
    const between = list.slice(writer + 1, index);
    const last = lastRead(tensor);
    return !between.some((kernel) => writes(kernel, tensor)) && !(last > writer && last < index);
  };
  return list.map((kernel, index) => {
    const own = bytesOf(kernel);
    const hits = [
      ...kernel.reads.map(({ tensor, bytes }) => {
        const touch = lastTouch(tensor, index);
        return touch === undefined ? 0 : bytes * hitFraction(movedBefore(index + 1) - touch, cache);
      }),
      ...kernel.writes.map(({ bytes }) => bytes * hitFraction(own, cache)),
    ];
    const writtenBack = list.slice(0, index).flatMap((writer, at) =>
      writer.writes
        // a tensor named twice in one kernel is what it was named last
        .filter(({ tensor }, place) => writer.writes.findLastIndex((one) => one.tensor === tensor) === place)
        .filter(({ tensor }) => isAlive(tensor, at, index))
        .map(({ tensor, bytes }) => bytes * (dirty(tensor, at, index - 1) - dirty(tensor, at, index))),
    );
    return {
      hbmBytes: own - sum(hits) + sum(writtenBack),
      l2Bytes: sum(hits),
      writtenBack: sum(writtenBack),
    };
  });
}

describe("traffic through the L2", () => {
  test("is what walking back to each tensor's last use, and forth to its next, finds", () => {
    fc.assert(
      fc.property(kernels, caches, fc.subarray(["a", "b", "c"]), (list, cache, before) => {
        const counted = countedTraffic(list, cache, before);
        chainTraffic(list, cache, before).traffic.forEach(({ hbmBytes, l2Bytes }, index) => {
          expect(l2Bytes).toBeCloseTo(counted[index]!.l2Bytes, 6);
          expect(hbmBytes).toBeCloseTo(counted[index]!.hbmBytes, 6);
        });
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  test("is all bytes of every kernel, and what earlier ones wrote at most once more", () => {
    fc.assert(
      fc.property(kernels, caches, (list, cache) => {
        let written = 0;
        let extra = 0;
        chainTraffic(list, cache, []).traffic.forEach(({ hbmBytes, l2Bytes }, index) => {
          const more = hbmBytes + l2Bytes - bytesOf(list[index]!);
          expect(more).toBeGreaterThan(-1e-6);
          extra += more;
          expect(extra).toBeLessThan(written + 1e-6);
          written += writeBytes(list[index]!);
          expect(l2Bytes).toBeGreaterThanOrEqual(0);
          expect(hbmBytes).toBeGreaterThanOrEqual(list[index]!.streamedBytes - 1e-9);
        });
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  test("asks HBM for no more in all when the L2 is larger", () => {
    fc.assert(
      fc.property(kernels, caches, fc.nat(200), (list, cache, more) => {
        const larger = { ...cache, residentBytes: cache.residentBytes + more };
        const [small, large] = [cache, larger].map((one) =>
          sum(chainTraffic(list, one, ["a"]).traffic.map(({ hbmBytes }) => hbmBytes)),
        );
        expect(large!).toBeLessThanOrEqual(small! + 1e-6);
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  test("of an L2 that keeps nothing is all HBM, of one that keeps everything only what is new", () => {
    fc.assert(
      fc.property(kernels, (list) => {
        const none = { residentBytes: -1, transitionBytes: 0, bytesPerSecond: 1 };
        const all = { residentBytes: 1e9, transitionBytes: 0, bytesPerSecond: 1 };
        for (const { l2Bytes } of chainTraffic(list, none, ["a", "b"]).traffic) expect(l2Bytes).toBe(0);
        const touched = new Set<string>();
        chainTraffic(list, all, []).traffic.forEach(({ hbmBytes }, index) => {
          const kernel = list[index]!;
          const cold = kernel.reads.filter(({ tensor }) => !touched.has(tensor));
          expect(hbmBytes).toBeCloseTo(kernel.streamedBytes + sum(cold.map(({ bytes }) => bytes)), 6);
          for (const { tensor } of [...kernel.reads, ...kernel.writes]) touched.add(tensor);
        });
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  test("of real layers never serves a weight from the L2", () => {
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

  describe("of a training step, whose other layers run between a layer's two passes,", () => {
    const cache = { residentBytes: 1000, transitionBytes: 0, bytesPerSecond: 1 };
    const moving = (reads: string[], writes: string[], streamedBytes = 0): Kernel =>
      kernelOf(
        { kind: "pointwise", access: "vectorized", elements: 1 },
        {
          reads: reads.map((tensor) => ({ tensor, bytes: 10 })),
          writes: writes.map((tensor) => ({ tensor, bytes: 10 })),
          streamedBytes,
        },
      );

    test("finds nothing in the L2 that the forward pass has left there", () => {
      const list = [moving([], ["kept"]), moving(["kept"], [])];
      expect(layerTraffic(list, cache, 1)[1]).toEqual({ hbmBytes: 10, l2Bytes: 0 });
      expect(layerTraffic(list, cache)[1]).toEqual({ hbmBytes: 0, l2Bytes: 10 });
    });

    test("begins its backward pass with the gradient that the layer behind has just written", () => {
      const list = [moving([], ["other"]), moving(["gradient"], []), moving([], ["gradient"])];
      expect(layerTraffic(list, cache, 1)[1]).toEqual({ hbmBytes: 0, l2Bytes: 10 });
      const pushing = [moving([], ["gradient"]), moving([], [], 5000)];
      expect(layerTraffic([...list, ...pushing], cache, 1)[1]?.l2Bytes).toBe(0);
    });

    test("writes back what only the backward pass reads again, and not what nobody does", () => {
      const pushing = moving([], [], 5000);
      const forward = [moving([], ["kept"]), moving(["kept"], []), pushing];
      const written = (list: readonly Kernel[]) => layerTraffic(list, cache, 3)[2]!.hbmBytes;
      expect(written([...forward, moving(["kept"], [])])).toBe(5010);
      expect(written([...forward, moving(["other"], [])])).toBe(5000);
    });
  });

  /** The same layer again and again, on tensors of its own but for those that one hands over to the next. */
  const turns = (list: readonly Kernel[], count: number): Kernel[] =>
    Array.from({ length: count }, (_, turn) => {
      const written = new Set<string>();
      return list.map((kernel) => {
        const reads = kernel.reads.map(({ tensor, bytes }) => ({
          tensor: `${tensor} of ${written.has(tensor) ? turn : turn - 1}`,
          bytes,
        }));
        for (const { tensor } of kernel.writes) written.add(tensor);
        return {
          ...kernel,
          reads,
          writes: kernel.writes.map(({ tensor, bytes }) => ({ tensor: `${tensor} of ${turn}`, bytes })),
        };
      });
    }).flat();

  test("of a layer among layers like it finds what the last of several in a row finds", () => {
    fc.assert(
      fc.property(kernels, fc.integer({ min: 20, max: 300 }), (list, residentBytes) => {
        const cache = { residentBytes, transitionBytes: 50, bytesPerSecond: 1 };
        // what is read and never written is no layer's own: the same for all, which no layer of ours has
        const isWritten = new Set(list.flatMap(({ writes }) => writes.map(({ tensor }) => tensor)));
        const own = list.map((kernel) => ({
          ...kernel,
          reads: kernel.reads.filter(({ tensor }) => isWritten.has(tensor)),
        }));
        const inARow = chainTraffic(turns(own, 3), cache, []).traffic.slice(2 * own.length);
        layerTraffic(own, cache).forEach(({ l2Bytes }, index) => {
          expect(l2Bytes).toBeCloseTo(inARow[index]!.l2Bytes, 6);
        });
      }),
      { numRuns: 1000, seed: 3 },
    );
  });

  test("of kernels that move nothing is nothing", () => {
    const cache = { residentBytes: 100, transitionBytes: 50, bytesPerSecond: 1 };
    const still = kernelOf(
      { kind: "pointwise", access: "vectorized", elements: 1 },
      { writes: [{ tensor: "a", bytes: 0 }], streamedBytes: 0 },
    );
    expect(layerTraffic([still, still], cache)).toEqual([
      { hbmBytes: 0, l2Bytes: 0 },
      { hbmBytes: 0, l2Bytes: 0 },
    ]);
  });

  test("serves what was handed over unless kernels behind it push it out", () => {
    const cache = { residentBytes: 100, transitionBytes: 0, bytesPerSecond: 1 };
    const moving = (streamedBytes: number, changes: Partial<Kernel>): Kernel =>
      kernelOf({ kind: "pointwise", access: "vectorized", elements: 1 }, { streamedBytes, ...changes });
    const stream = [{ tensor: "stream", bytes: 10 }];
    const hits = (bytes: number) =>
      layerTraffic(
        [moving(0, { reads: stream }), moving(0, { writes: stream }), moving(bytes, {})],
        cache,
      )[0]!.l2Bytes;
    expect([50, 95, 20].map(hits)).toEqual([10, 0, 10]);
  });

  test("writes to HBM all that outlives a training layer's forward pass", () => {
    const cache = { residentBytes: 30e6, transitionBytes: 20e6, bytesPerSecond: 1 };
    fc.assert(
      fc.property(anyScenario, (scenario) => {
        const operators = layerOperators(scenario);
        const list = operators.flatMap((operator) => operator.kernels);
        const first = firstBackwardKernel(operators);
        const forward = list.slice(0, first);
        const isRead = new Set(list.slice(first).flatMap(({ reads }) => reads.map(({ tensor }) => tensor)));
        const kept = new Map(
          forward.flatMap(({ writes }) =>
            writes.map(({ tensor, bytes }): [string, number] => [tensor, bytes]),
          ),
        );
        const moved = sum(
          layerTraffic(list, cache, first)
            .slice(0, first)
            .map(({ hbmBytes }) => hbmBytes),
        );
        const least =
          sum(forward.map(({ streamedBytes }) => streamedBytes)) +
          sum([...kept].filter(([tensor]) => isRead.has(tensor)).map(([, bytes]) => bytes));
        expect(moved).toBeGreaterThanOrEqual(least * (1 - 1e-9));
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  test("is no more in a forward pass that keeps less", () => {
    const cache = { residentBytes: 30e6, transitionBytes: 20e6, bytesPerSecond: 1 };
    const forwardBytes = (scenario: Scenario): number => {
      const operators = layerOperators(scenario);
      const first = firstBackwardKernel(operators);
      const list = operators.flatMap((operator) => operator.kernels);
      return sum(
        layerTraffic(list, cache, first)
          .slice(0, first)
          .map(({ hbmBytes }) => hbmBytes),
      );
    };
    for (const name of ["bert-large", "llama-3-8b"])
      for (const attention of ["flash", "materialized"] as const)
        for (const sequence of [64, 512, 2048]) {
          const base = scenario({
            model: model(name),
            workload: train(2, sequence),
            kernels: { pointwise: "eager", attention },
          });
          const [none, selective, full] = (["none", "selective", "full"] as const).map((recomputation) =>
            forwardBytes({ ...base, training: { recomputation } }),
          );
          expect(selective).toBeLessThanOrEqual(none!);
          expect(full).toBeLessThanOrEqual(selective!);
        }
  });

  test("of what is no layer begins with what it is told", () => {
    const cache = { residentBytes: 1000, transitionBytes: 0, bytesPerSecond: 1 };
    const reading = (tensor: string): Kernel =>
      kernelOf({ kind: "softmax", elements: 1, columns: 1 }, { reads: [{ tensor, bytes: 10 }] });
    const list = [reading("a"), reading("b"), reading("a"), reading("b")];
    const found = (forward: string[], backward: string[]) =>
      layerTraffic(list, cache, 2, { forward, backward }).map(({ l2Bytes }) => l2Bytes);
    expect(found(["a"], ["b"])).toEqual([10, 0, 0, 10]);
    expect(found(["b"], [])).toEqual([0, 10, 0, 0]);
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

  test("of exponent 4 is the same by square roots", () => {
    const any = fc.double({ min: 1e-12, max: 1e12, noNaN: true });
    fc.assert(
      fc.property(any, any, (a, b) => {
        expect(softMaximum4(a, b) / softMaximum(4, a, b)).toBeCloseTo(1, 12);
      }),
    );
    expect(softMaximum4(0, 0)).toBe(0);
    expect(softMaximum4(0, 3)).toBe(3);
    expect(softMaximum4(3, 0)).toBe(3);
    expect(softMaximum4(1e200, 1e-200)).toBe(1e200);
  });

  test("neither overflows nor vanishes for very large and very small terms", () => {
    expect(softMaximum(12, 1e200, 1e200)).toBeCloseTo(1e200 * 2 ** (1 / 12), -190);
    expect(softMaximum(12, 1e-200, 1e-200)).toBeGreaterThan(1e-200);
    expect(softMaximum(12, 1e-200, 1)).toBe(1);
  });
});
