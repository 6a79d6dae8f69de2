import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kernelTiming } from "../../../src/engine/device/kernel-time.ts";
import { sustainedClock } from "../../../src/engine/device/matmul.ts";
import { groupedPadding, tilePadding } from "../../../src/engine/device/matmul-tiles.ts";
import type { Work } from "../../../src/engine/layer/kernel.ts";
import { kernelOf, NO_TRAFFIC, roundDatasheet, roundDevice, traffic } from "../../support/devices.ts";

type Matmul = Extract<Work, { kind: "matmul" }>;

const matmul = (m: number, n: number, k = 1, changes: Partial<Matmul> = {}): Matmul => ({
  kind: "matmul",
  m,
  n,
  k,
  products: 1,
  grouped: false,
  gradient: false,
  dataType: "bf16",
  ...changes,
});

const padded = ({ m, n, k, products }: Matmul, units: number): number =>
  tilePadding(m, n, k, products, units);
const groupPadded = ({ m, n, products }: Matmul, units: number): number =>
  groupedPadding(m, n, products, units);

/** Two tiles of 256 x 128 on each of the round device's four processors: nothing is padded. */
const FULL = matmul(256 * 4, 128 * 2);

const seconds = (
  parameters: Record<string, number>,
  work: Matmul = FULL,
  flops = 2000,
  from = NO_TRAFFIC,
  changes: object = {},
): number => kernelTiming(kernelOf(work, { flops, ...changes }), from, roundDevice(parameters)).seconds;

describe("the round device", () => {
  test("is filled exactly by the matmul of these tests", () => {
    expect(padded(FULL, 4)).toBeCloseTo(1, 12);
  });
});

describe("a matmul's arithmetic", () => {
  test("runs at the peak of its type where nothing is lost", () => {
    expect(seconds({})).toBeCloseTo(2000 / 2000, 12);
    expect(seconds({}, { ...FULL, dataType: "fp16" })).toBeCloseTo(2000 / 1000, 12);
    expect(seconds({}, { ...FULL, dataType: "fp32" })).toBeCloseTo(2000 / 100, 12);
  });

  test("of a type that the device has no rate for runs on the vector units", () => {
    expect(seconds({}, { ...FULL, dataType: "tf32" })).toBeCloseTo(2000 / 100, 12);
  });

  test("takes longer by the achieved share of the peak", () => {
    expect(seconds({ "matmul.peakFraction": 0.8 })).toBeCloseTo(1 / 0.8, 12);
  });

  test("takes longer by the clock that is left under the power limit", () => {
    const loss = { "matmul.sustainedLoss": 0.2, "matmul.sustainedFlops": 2000 };
    expect(seconds(loss)).toBeCloseTo(1 / (1 - 0.1), 12);
  });

  test("of a gradient takes longer by the gradient's own share", () => {
    const slower = { "matmul.backwardFraction": 0.5 };
    expect(seconds(slower, { ...FULL, gradient: true })).toBeCloseTo(2, 12);
    expect(seconds(slower)).toBeCloseTo(1, 12);
  });

  test("is that of the tiles as launched", () => {
    const ragged = matmul(257, 129);
    expect(seconds({}, ragged)).toBeCloseTo(padded(ragged, 4), 12);
    expect(padded(ragged, 4)).toBeGreaterThan(1);
  });
});

describe("a matmul's memory time", () => {
  test("is its bytes at the share of the bandwidth that weights reach, and at the L2's rate", () => {
    const parameters = { "memory.weightFraction": 0.5, "cache.bytesPerSecond": 20 };
    expect(seconds(parameters, FULL, 0, traffic(30))).toBeCloseTo(30 / (10 * 0.5), 12);
    expect(seconds(parameters, FULL, 0, traffic(30, 40))).toBeCloseTo(6 + 2, 12);
  });

  test("and its arithmetic overlap as softly as calibrated", () => {
    const three = traffic(30);
    const four = 8000;
    expect(seconds({ "matmul.softness": 1 }, FULL, four, three)).toBeCloseTo(7, 12);
    expect(seconds({ "matmul.softness": 2 }, FULL, four, three)).toBeCloseTo(5, 12);
    expect(seconds({ "matmul.softness": 100 }, FULL, four, three)).toBeCloseTo(4, 9);
  });

  test("is hidden by products, but for a share of writing the output", () => {
    const output = { reads: [{ tensor: "x", bytes: 30 }], writes: [{ tensor: "y", bytes: 10 }] };
    const parameters = { "matmul.epilogueShare": 0.5, "matmul.softness": 100 };
    // a quarter of the four seconds' traffic is output, half of that is not hidden
    const memory = 4;
    const compute = 10;
    expect(seconds(parameters, FULL, 20_000, traffic(40), output)).toBeCloseTo(
      compute + 0.5 * memory * 0.25,
      9,
    );
    // what the L2 serves of it counts too: 40 bytes at 20 a second
    const served = { ...parameters, "cache.bytesPerSecond": 20 };
    const both = seconds(served, FULL, 20_000, traffic(40, 40), output);
    expect(both).toBeCloseTo(compute + 0.5 * (memory + 2) * 0.25, 9);
  });
});

describe("a matmul's latency", () => {
  test("is a floor and the pipeline that its inner dimension fills, no deeper than 4096", () => {
    const parameters = { "matmul.floorSeconds": 3, "matmul.secondsPerInner": 0.01 };
    for (const [k, expected] of [
      [1, 3.01],
      [100, 4],
      [4096, 43.96],
      [8192, 43.96],
    ] as const)
      expect(seconds(parameters, matmul(256, 128, k), 0)).toBeCloseTo(expected, 9);
  });

  test("comes before everything else, hidden by nothing", () => {
    const given = { "matmul.floorSeconds": 3, "matmul.softness": 100 };
    expect(seconds(given, FULL, 8000, traffic(30))).toBeCloseTo(3 + 4, 9);
  });
});

describe("the terms of a matmul", () => {
  test("are what it would take if there were nothing else", () => {
    const parameters = { "matmul.floorSeconds": 3, "cache.bytesPerSecond": 20 };
    const target = roundDevice(parameters);
    const { terms } = kernelTiming(kernelOf(FULL, { flops: 8000 }), traffic(50, 60), target);
    expect(terms).toEqual({ compute: expect.closeTo(4, 9), memory: 5, cache: 3, latency: 3, network: 0 });
  });

  test("without a calibration are those of the roofline", () => {
    const kernel = kernelOf(FULL, { flops: 8000, streamedBytes: 50 });
    const { seconds: ideal, terms } = kernelTiming(kernel, traffic(1e9), roundDatasheet());
    expect(terms).toEqual({ compute: 4, memory: 5, cache: 0, latency: 0, network: 0 });
    expect(ideal).toBe(5);
  });
});

describe("the sustained clock", () => {
  const p = { sustainedLoss: 0.4, sustainedFlops: 1000, sustainedExponent: 2 };

  test.each([
    [0, 1],
    [1000, 0.8],
    [500, 1 - 0.4 / 5],
    [2000, 1 - 0.4 / 1.25],
    [1e30, 0.6],
  ])("after %d FLOPs of 1000 at which half is lost is %d", (flops, clock) => {
    expect(sustainedClock(flops, p)).toBeCloseTo(clock, 12);
  });

  test("falls faster around the calibrated size with a larger exponent", () => {
    const sharper = { ...p, sustainedExponent: 6 };
    expect(sustainedClock(500, sharper)).toBeGreaterThan(sustainedClock(500, p));
    expect(sustainedClock(2000, sharper)).toBeLessThan(sustainedClock(2000, p));
  });

  test("is full where nothing is lost", () => {
    expect(sustainedClock(1e18, { ...p, sustainedLoss: 0 })).toBe(1);
  });
});

describe("a matmul of a narrow type", () => {
  const narrow = (dataType: Matmul["dataType"], parameters: Record<string, number> = {}): number => {
    const target = roundDevice(parameters);
    const peaks = { ...target.hardware.peakFlopsPerSecond, fp4: 8000, fp8: 4000, int8: 8000 };
    const wide = { ...target, hardware: { ...target.hardware, peakFlopsPerSecond: peaks } };
    return kernelTiming(kernelOf({ ...FULL, dataType }, { flops: 8000 }), NO_TRAFFIC, wide).seconds;
  };

  test("runs at its own peak, and at the speed that libraries reach of it", () => {
    expect(narrow("bf16")).toBeCloseTo(4, 12);
    expect(narrow("fp8")).toBeCloseTo(2, 12);
    expect(narrow("fp8", { "matmul.fp8Speed": 0.8 })).toBeCloseTo(2.5, 12);
    expect(narrow("fp4", { "matmul.fp8Speed": 0.8 })).toBeCloseTo(1.25, 12);
    expect(narrow("int8", { "matmul.int8Speed": 0.5 })).toBeCloseTo(2, 12);
    expect(narrow("bf16", { "matmul.fp8Speed": 0.1, "matmul.int8Speed": 0.1 })).toBeCloseTo(4, 12);
  });
});

describe("a grouped matmul", () => {
  const experts = (m: number, products: number, n = 128): Matmul =>
    matmul(m, n, 1, { products, grouped: true });

  test("pads every product to tiles of 128 x 128, half a tile of rows on average beyond its own", () => {
    // 4 products of 256 rows: 2.5 tiles each, 10 in 3 waves of 4
    expect(groupPadded(experts(256, 4), 4)).toBe((12 * 128 * 128) / (4 * 256 * 128));
    // products of a few rows take one tile each
    expect(groupPadded(experts(2, 4), 4)).toBe((4 * 128 * 128) / (4 * 2 * 128));
    expect(groupPadded(experts(2, 4, 200), 4)).toBe((8 * 128 * 128) / (4 * 2 * 200));
  });

  test("never does less for more rows, and tends to what is asked for", () => {
    for (const m of [1, 10, 60, 64, 65, 200, 1000])
      expect(groupPadded(experts(m + 1, 8), 132) * (m + 1)).toBeGreaterThanOrEqual(
        groupPadded(experts(m, 8), 132) * m * (1 - 1e-12),
      );
    expect(groupPadded(experts(100_000, 132, 1280), 132)).toBeCloseTo(1, 2);
  });

  test("has a floor, a speed and a softness of its own", () => {
    const work = experts(128 * 9.5, 4);
    // 10 tiles each for 9.5 asked for
    const compute = 10 / 9.5;
    expect(seconds({ "matmul.floorSeconds": 9, "experts.floorSeconds": 3 }, work)).toBeCloseTo(
      3 + compute,
      12,
    );
    expect(seconds({ "experts.speed": 0.5 }, work)).toBeCloseTo(2 * compute, 12);
    const both = seconds({ "experts.softness": 2, "matmul.softness": 7 }, work, 2000, traffic(10));
    expect(both).toBeCloseTo(Math.hypot(compute, 1), 12);
  });
});

describe("tile padding", () => {
  const size = fc.integer({ min: 1, max: 6000 });
  const units = fc.integer({ min: 1, max: 200 });
  const inner = fc.constantFrom(64, 512, 4096, 65_536);
  const launched = (work: Matmul, count: number): number =>
    padded(work, count) * work.products * work.m * work.n;

  test.each([
    ["one tile on one processor", matmul(256, 128), 1, 1],
    ["a full wave", matmul(256 * 4, 128), 4, 1],
    ["a tile more than a wave of them", matmul(256 * 5, 128, 1), 4, 8 / 5],
    ["four products that fill a wave together", matmul(256, 128, 1, { products: 4 }), 4, 1],
  ])("of %s", (_, work, count, expected) => {
    expect(padded(work, count)).toBeLessThanOrEqual(expected + 1e-12);
    expect(padded(work, count)).toBeGreaterThan(0.95 * Math.min(1, expected));
  });

  test("of a short inner dimension gives the smallest tiles to as many processors as there are tiles", () => {
    // 16 tiles of 128 x 16 on 132 processors; they read their operands more often than 256 x 128 does
    const cost = (1 + 42 * (1 / 128 + 1 / 16)) / (1 + 42 * (1 / 256 + 1 / 128));
    expect(padded(matmul(256, 128, 64), 132)).toBeCloseTo((cost * 132) / 16, 9);
  });

  test("splits the inner dimension into pieces of at least 512 elements", () => {
    const padding = (k: number): number => padded(matmul(256, 128, k), 132);
    expect(padding(1023)).toBe(padding(1));
    expect(padding(1024)).toBeCloseTo(padding(1) / 2, 9);
    expect(padding(1535)).toBe(padding(1024));
    expect(padding(1536)).toBeCloseTo(padding(1) / 3, 9);
  });

  test("splits into what processors are idle, and not at all when they all have a tile", () => {
    // one 256 x 128 tile is a third of the work of 3 processors, one 7th of 7: as deep as the inner dimension allows
    const padding = (units: number): number => padded(matmul(256, 128, 65_536), units);
    expect(padding(1)).toBe(1);
    expect(padding(3)).toBeCloseTo(1, 12);
    expect(padding(7)).toBeCloseTo(1, 12);
    // three tiles on two processors: two waves, the second half idle, and no splitting of what is already split
    expect(padded(matmul(3 * 256, 128, 65_536), 2)).toBeLessThanOrEqual(4 / 3);
    expect(padded(matmul(2 * 256, 128, 65_536), 2)).toBe(1);
    // two tiles on five processors: each in two pieces, four of five busy
    expect(padded(matmul(2 * 256, 128, 1024), 5)).toBeCloseTo(5 / 4, 12);
  });

  /** Every tile either way round, nothing left out early: rows, columns. */
  const EVERY_TILE = [
    ...[16, 32, 64, 96, 128, 256].map((columns) => [128, columns] as const),
    ...[64, 80, 96, 128].map((columns) => [256, columns] as const),
    ...[64, 128, 256].map((columns) => [64, columns] as const),
    ...[128, 192].map((columns) => [192, columns] as const),
    ...([
      [128, 192],
      [320, 128],
    ] as const),
  ];
  const costOf = (rows: number, columns: number): number => 1 + 42 * (1 / rows + 1 / columns);

  function paddingOf(rows: number, columns: number, { m, n, k, products }: Matmul, count: number): number {
    const tiles = products * Math.ceil(m / rows) * Math.ceil(n / columns);
    const idle = Math.floor(count / tiles);
    const pieces = Math.max(1, Math.min(idle, Math.floor(k / 512)));
    const waves = Math.ceil((tiles * pieces) / count);
    const launchedElements = (waves * count * rows * columns) / pieces;
    return (launchedElements * costOf(rows, columns)) / costOf(256, 128) / (products * m * n);
  }

  test("is that of the best of all tiles, however soon the others are given up", () => {
    const products = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(size, size, inner, units, products, (m, n, k, count, many) => {
        const work = matmul(m, n, k, { products: many });
        const each = EVERY_TILE.flatMap(([rows, columns]) => [
          paddingOf(rows, columns, work, count),
          // turned: as many rows of tiles as there are columns of the output
          paddingOf(rows, columns, { ...work, m: n, n: m }, count),
        ]);
        expect(padded(work, count)).toBeCloseTo(Math.min(...each), 9);
      }),
      { numRuns: 1000, seed: 1 },
    );
  });

  test("of a single output element is nearly all of the smallest tile", () => {
    const cost = (1 + 42 * (1 / 128 + 1 / 16)) / (1 + 42 * (1 / 256 + 1 / 128));
    expect(padded(matmul(1, 1), 1)).toBeCloseTo(128 * 16 * cost, 6);
  });

  test("never launches less work for more rows, more columns or more products", () => {
    fc.assert(
      fc.property(size, size, inner, units, fc.integer({ min: 1, max: 8 }), (m, n, k, count, products) => {
        const one = launched(matmul(m, n, k, { products }), count) * (1 + 1e-12);
        const more = (work: Matmul): void => {
          expect(launched(work, count) * (1 + 1e-9)).toBeGreaterThanOrEqual(one);
        };
        more(matmul(m + 1, n, k, { products }));
        more(matmul(m, n + 1, k, { products }));
        more(matmul(m, n, k, { products: products + 1 }));
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  test("never grows with the inner dimension, which only lets more processors help", () => {
    fc.assert(
      fc.property(size, size, units, (m, n, count) => {
        const paddings = [64, 1024, 4096, 65_536].map((k) => padded(matmul(m, n, k), count));
        paddings.slice(1).forEach((padding, index) => {
          expect(padding).toBeLessThanOrEqual(paddings[index]! * (1 + 1e-12));
        });
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  test("is what one product has when all processors come several times over", () => {
    fc.assert(
      fc.property(size, size, units, (m, n, count) => {
        // as many products as processors: each product is one processor's own
        const alone = padded(matmul(m, n, 1), 1);
        const many = padded(matmul(m, n, 1, { products: count }), count);
        expect(many).toBeLessThanOrEqual(alone * (1 + 1e-12));
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  test("stays within a few percent of 1 for a matmul of many waves", () => {
    for (const m of [8192, 10_000, 16_384, 20_000])
      for (const n of [8192, 10_240, 28_672]) {
        expect(padded(matmul(m, n), 132)).toBeGreaterThan(0.9);
        expect(padded(matmul(m, n), 132)).toBeLessThan(1.06);
      }
  });
});
