import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kernelTiming } from "../../../src/engine/device/kernel-time.ts";
import { rereadBytes } from "../../../src/engine/device/norm-row-per-block.ts";
import { threadsPerRow } from "../../../src/engine/device/row-sum.ts";
import type { Work } from "../../../src/engine/layer/kernel.ts";
import { kernelOf, NO_TRAFFIC, roundDatasheet, roundDevice, traffic } from "../../support/devices.ts";

type Row = Extract<Work, { kind: "row-per-block" | "row-in-registers" }>;

const row = (kind: Row["kind"], changes: Partial<Row> = {}): Row => ({
  kind,
  norm: "layernorm",
  direction: "forward",
  rows: 10,
  columns: 100,
  inputs: 1,
  rowBytes: 1,
  ...changes,
});

const seconds = (parameters: Record<string, number>, work: Work, from = NO_TRAFFIC): number =>
  kernelTiming(kernelOf(work), from, roundDevice(parameters)).seconds;

/** [which parameters, the work that they are for] */
const PER_BLOCK: readonly [string, Partial<Row>][] = [
  ["layernorm", { norm: "layernorm", direction: "forward" }],
  ["rmsnorm", { norm: "rmsnorm", direction: "forward" }],
  ["backward", { norm: "layernorm", direction: "backward" }],
  ["backward", { norm: "rmsnorm", direction: "backward" }],
];

describe.each(PER_BLOCK)("a norm with one block a row, by the parameters of %s, %j", (group, changes) => {
  const work = row("row-per-block", changes);
  const own = (name: string, value: number) => ({ [`rowPerBlock.${group}.${name}`]: value });

  test("has a floor", () => {
    expect(seconds(own("floorSeconds", 3), work)).toBe(3);
  });

  test("walks one row, however few or many there are", () => {
    expect(seconds(own("rowSecondsPerColumn", 0.5), work)).toBe(50);
    expect(seconds(own("rowSecondsPerColumn", 0.5), { ...work, rows: 1 })).toBe(50);
    expect(seconds(own("rowSecondsPerColumn", 0.5), { ...work, columns: 200 })).toBe(100);
  });

  test("issues every row's block and all its columns", () => {
    expect(seconds(own("blockSeconds", 0.5), work)).toBe(5);
    expect(seconds(own("blockSecondsPerColumn", 0.01), work)).toBeCloseTo(10, 12);
    expect(seconds({ ...own("blockSeconds", 0.5), ...own("blockSecondsPerColumn", 0.01) }, work)).toBeCloseTo(
      15,
      12,
    );
  });

  test("streams at the share of the bandwidth that such kernels reach", () => {
    const parameters = { "memory.rowPerBlockFraction": 0.5, "cache.bytesPerSecond": 20 };
    expect(seconds(parameters, work, traffic(50, 40))).toBe(10 + 2);
  });

  test("overlaps walking, issue and memory as softly as calibrated", () => {
    const parameters = {
      ...own("floorSeconds", 1),
      ...own("rowSecondsPerColumn", 0.02),
      ...own("blockSeconds", 0.3),
      "rowPerBlock.softness": 2,
    };
    expect(seconds(parameters, work, traffic(60))).toBeCloseTo(1 + 7, 12);
  });

  test("counts the longer of walking and issue as latency", () => {
    const parameters = {
      ...own("floorSeconds", 1),
      ...own("rowSecondsPerColumn", 0.02),
      ...own("blockSeconds", 0.3),
      "cache.bytesPerSecond": 20,
    };
    const { terms } = kernelTiming(kernelOf(work), traffic(50, 60), roundDevice(parameters));
    expect(terms).toEqual({ compute: 0, memory: 5, cache: 3, latency: 4, network: 0 });
  });

  test("is not moved by the parameters of the others", () => {
    for (const other of ["layernorm", "rmsnorm", "backward"].filter((name) => name !== group))
      expect(seconds({ [`rowPerBlock.${other}.floorSeconds`]: 3 }, work)).toBe(0);
  });
});

describe("second reads", () => {
  // the round device runs two blocks on each of its four processors
  const PARAMETERS = {
    "rowPerBlock.blocksPerUnit": 2,
    "rowPerBlock.rereadFlightBytes": 800,
    "rowPerBlock.rereadResidentBytes": 0,
  };
  const again = (changes: Partial<Row>, parameters = {}): number =>
    rereadBytes(row("row-per-block", changes), roundDevice({ ...PARAMETERS, ...parameters }));

  test("miss by half where the bytes in flight are the calibrated ones", () => {
    expect(again({ rows: 8, rowBytes: 100 })).toBeCloseTo(0.5 * 800, 9);
  });

  test("miss by the eighth power of the bytes in flight", () => {
    expect(again({ rows: 8, rowBytes: 200 })).toBeCloseTo(1600 / (1 + 2 ** -8), 6);
    expect(again({ rows: 8, rowBytes: 50 })).toBeCloseTo(400 / (1 + 2 ** 8), 6);
    expect(again({ rows: 4, rowBytes: 100 })).toBeCloseTo(400 / (1 + 2 ** 8), 6);
  });

  test("of more rows than there are blocks are those of the blocks in flight", () => {
    expect(again({ rows: 80, rowBytes: 100 })).toBeCloseTo(0.5 * 8000, 9);
  });

  test("are spared where the rest of the L2 keeps rows", () => {
    const resident = { "rowPerBlock.rereadResidentBytes": 1000 };
    // one wave: 200 bytes beside the 800 in flight
    expect(again({ rows: 8, rowBytes: 100 }, resident)).toBeCloseTo(0.5 * 600, 9);
    // half a wave more keeps a quarter more, a whole one and all beyond it half more
    expect(again({ rows: 12, rowBytes: 100 }, resident)).toBeCloseTo(0.5 * (1200 - 250), 9);
    expect(again({ rows: 16, rowBytes: 100 }, resident)).toBeCloseTo(0.5 * (1600 - 300), 9);
    expect(again({ rows: 80, rowBytes: 100 }, resident)).toBeCloseTo(0.5 * (8000 - 300), 9);
  });

  test("are none where everything is kept", () => {
    expect(again({ rows: 8, rowBytes: 100 }, { "rowPerBlock.rereadResidentBytes": 1e6 })).toBe(0);
  });

  test("are charged as HBM time", () => {
    const work = row("row-per-block", { rows: 8, rowBytes: 100 });
    expect(seconds(PARAMETERS, work, traffic(50))).toBeCloseTo((50 + 400) / 10, 9);
  });

  test.each<[string, Work]>([
    ["a norm in registers", row("row-in-registers", { rows: 8, rowBytes: 100 })],
    ["a row sum", { kind: "row-sum", rows: 8, columns: 100 }],
    ["an element-wise kernel", { kind: "pointwise", access: "vectorized", elements: 800 }],
  ])("are none of %s", (_, work) => {
    expect(rereadBytes(work, roundDevice(PARAMETERS))).toBe(0);
  });

  test("are none on a device without calibration", () => {
    expect(rereadBytes(row("row-per-block", { rows: 8, rowBytes: 100 }), roundDatasheet())).toBe(0);
  });

  test("grow with rows and with their bytes, and never exceed the tensor", () => {
    const count = fc.integer({ min: 1, max: 3000 });
    fc.assert(
      fc.property(count, count, fc.constantFrom(0, 500, 5000), (rows, rowBytes, resident) => {
        const kept = { "rowPerBlock.rereadResidentBytes": resident };
        const bytes = again({ rows, rowBytes }, kept);
        expect(bytes).toBeGreaterThanOrEqual(0);
        expect(bytes).toBeLessThanOrEqual(rows * rowBytes);
        expect(again({ rows: rows + 8, rowBytes }, kept)).toBeGreaterThanOrEqual(bytes - 1e-6);
      }),
    );
  });
});

describe.each(["layernorm", "rmsnorm"] as const)("a fused %s", (norm) => {
  const work = row("row-in-registers", { norm });
  const own = (name: string, value: number) => ({ [`rowInRegisters.${norm}.${name}`]: value });
  const other = norm === "layernorm" ? "rmsnorm" : "layernorm";

  test.each([
    [1, 1],
    [2, 2],
    [3, 4],
    [4, 4],
    [768, 1024],
    [1024, 1024],
    [1025, 2048],
    [8192, 8192],
    [12_288, 16_384],
  ])("reduces a row of %d columns as one of %d", (columns, padded) => {
    expect(seconds(own("rowSecondsPerColumn", 0.5), { ...work, columns })).toBe(0.5 * padded);
  });

  test("loads each tensor of a row, and waits for each further one once more", () => {
    expect(seconds(own("rowSecondsPerColumn", 0.5), { ...work, columns: 64, inputs: 2 })).toBe(64);
    const input = { "rowInRegisters.inputSeconds": 3 };
    expect([1, 2, 3].map((inputs) => seconds(input, { ...work, inputs }))).toEqual([0, 3, 6]);
  });

  test("issues the lanes of every row that hold nothing too", () => {
    const issue = own("secondsPerElement", 1 / 1024);
    expect(seconds(issue, { ...work, rows: 10, columns: 512 })).toBe(5);
    expect(seconds(issue, { ...work, rows: 10, columns: 513 })).toBe(10);
  });

  test("overlaps issue and memory as softly as calibrated", () => {
    const both = { ...own("secondsPerElement", 3 / 1280), "rowInRegisters.softness": 2 };
    expect(seconds(both, work, traffic(40))).toBeCloseTo(5, 12);
  });

  test("counts the longer of walking and issuing as waiting, with the floor", () => {
    const latency = (walk: number, issue: number): number =>
      kernelTiming(
        kernelOf({ ...work, rows: 1, columns: 128 }),
        NO_TRAFFIC,
        roundDevice({
          ...own("floorSeconds", 3),
          ...own("rowSecondsPerColumn", walk / 128),
          ...own("secondsPerElement", issue / 128),
        }),
      ).terms.latency;
    expect(latency(5, 2)).toBe(3 + 5);
    expect(latency(2, 5)).toBe(3 + 5);
  });

  test("takes floor, row and bytes one after the other", () => {
    const parameters = {
      ...own("floorSeconds", 3),
      ...own("rowSecondsPerColumn", 1 / 128),
      "memory.streamingFraction": 0.5,
      "cache.bytesPerSecond": 20,
      "rowInRegisters.cacheFactor": 1.5,
    };
    expect(seconds(parameters, work, traffic(50, 40))).toBe(3 + 1 + 10 + 1.5 * 2);
  });

  test("backward has a law of its own: each block walks its rows one after the other", () => {
    const backward = { ...work, direction: "backward" } as const;
    expect(seconds({ ...own("floorSeconds", 3), ...own("rowSecondsPerColumn", 1) }, backward)).toBe(0);
    const parameters = { "rowInRegisters.backward.floorSeconds": 3, "rowInRegisters.backward.rowSeconds": 2 };
    const units = roundDevice({}).hardware.computeUnits;
    expect(seconds(parameters, { ...backward, rows: units })).toBe(3 + 2);
    expect(seconds(parameters, { ...backward, rows: 2 * units + 1 })).toBe(3 + 3 * 2);
  });

  test("backward walks a row padded to a power of two, while its bytes come from HBM and L2", () => {
    const backward = { ...work, direction: "backward", rows: 1 } as const;
    const perColumn = { "rowInRegisters.backward.rowSecondsPerColumn": 1 / 128 };
    expect(seconds(perColumn, { ...backward, columns: 129 })).toBe(2);
    expect(seconds({ "cache.bytesPerSecond": 20 }, backward, traffic(50, 40))).toBe(5 + 2);
    const target = roundDevice({
      ...perColumn,
      "rowInRegisters.backward.floorSeconds": 3,
      "cache.bytesPerSecond": 20,
    });
    const { terms } = kernelTiming(kernelOf({ ...backward, columns: 128 }), traffic(50, 40), target);
    expect(terms).toEqual({ compute: 0, memory: 5, cache: 2, latency: 3 + 1, network: 0 });
  });

  test("is not moved by the other norm's parameters", () => {
    expect(seconds({ [`rowInRegisters.${other}.floorSeconds`]: 3 }, work)).toBe(0);
  });

  test("names its terms", () => {
    const target = roundDevice({ ...own("floorSeconds", 3), "cache.bytesPerSecond": 20 });
    const { terms } = kernelTiming(kernelOf(work), traffic(50, 60), target);
    expect(terms).toEqual({ compute: 0, memory: 5, cache: 3, latency: 3, network: 0 });
  });
});

describe("a row sum", () => {
  const work = (rows: number, columns: number): Work => ({ kind: "row-sum", rows, columns });

  test("steps along a row with the threads that it gets", () => {
    for (const [rows, columns] of [
      [1, 512],
      [16, 1024],
      [4096, 8192],
      [3, 100],
    ] as const)
      expect(seconds({ "rowSum.secondsPerStep": 2 }, work(rows, columns))).toBeCloseTo(
        (2 * columns) / threadsPerRow(rows, columns),
        12,
      );
  });

  test("takes its bytes several times as long as a streaming kernel, behind a floor", () => {
    const parameters = {
      "rowSum.floorSeconds": 3,
      "rowSum.memoryFactor": 1.5,
      "memory.streamingFraction": 0.5,
      "cache.bytesPerSecond": 20,
    };
    expect(seconds(parameters, work(1, 1), traffic(50, 40))).toBeCloseTo(3 + 1.5 * 12, 12);
  });

  test("names its terms: floor and walk are latency", () => {
    const target = roundDevice({
      "rowSum.floorSeconds": 3,
      "rowSum.secondsPerStep": 2,
      "cache.bytesPerSecond": 20,
    });
    const { terms } = kernelTiming(kernelOf(work(1, 512)), traffic(50, 40), target);
    expect(terms).toEqual({ compute: 0, memory: 5, cache: 2, latency: 3 + 2, network: 0 });
  });

  test("overlaps steps and bytes as the cube root of their cubes", () => {
    // 512 columns and 512 threads: one step of 3 seconds; 4 seconds of memory, 5 together with 4.0^3 + 3^3 = 91
    expect(seconds({ "rowSum.secondsPerStep": 3 }, work(1, 512), traffic(40))).toBeCloseTo(91 ** (1 / 3), 12);
  });
});

describe("a column sum", () => {
  const work = (rows: number): Work => ({ kind: "column-sum", rows, columns: 64 });

  test("walks all rows one after the other, behind a floor", () => {
    expect(seconds({ "columnSum.secondsPerRow": 0.5, "columnSum.floorSeconds": 3 }, work(10))).toBe(8);
  });

  test("overlaps the walk and its bytes as the cube root of their cubes", () => {
    expect(seconds({ "columnSum.secondsPerRow": 0.3 }, work(10), traffic(40))).toBeCloseTo(91 ** (1 / 3), 12);
  });

  test("counts floor and walk as latency", () => {
    const target = roundDevice({ "columnSum.secondsPerRow": 0.5, "columnSum.floorSeconds": 3 });
    const { terms } = kernelTiming(kernelOf(work(10)), traffic(50), target);
    expect(terms).toEqual({ compute: 0, memory: 5, cache: expect.closeTo(0, 12), latency: 8, network: 0 });
  });
});

describe("threads of a generic reduction", () => {
  const isPowerOfTwo = (value: number): boolean => Number.isInteger(Math.log2(value));
  const size = fc.integer({ min: 1, max: 100_000 });

  test("are a power of two, at least one and at most a block of 512", () => {
    fc.assert(
      fc.property(size, size, (rows, columns) => {
        const threads = threadsPerRow(rows, columns);
        expect(isPowerOfTwo(threads)).toBe(true);
        expect(threads).toBeGreaterThanOrEqual(1);
        expect(threads).toBeLessThanOrEqual(512);
      }),
    );
  });

  test("never grow with the rows that share a block, unless the whole block works on each", () => {
    fc.assert(
      fc.property(size, fc.integer({ min: 1, max: 500 }), (columns, rows) => {
        const [few, many] = [threadsPerRow(rows, columns), threadsPerRow(2 * rows, columns)];
        if (columns < 256) expect(many).toBeLessThanOrEqual(few);
      }),
    );
  });

  /** [rows, columns, threads]: height = rows down to a power of two, at most 16; width = columns, at most 512 / height */
  test.each([
    [1, 1, 1],
    [1, 31, 16],
    [1, 511, 256],
    [1, 512, 512],
    [1, 8191, 512],
    [1, 8192, 512],
    [2, 256, 256],
    [2, 8192, 512],
    [16, 16, 16],
    [16, 32, 32],
    [16, 8191, 32],
    [16, 8192, 512],
    [1000, 64, 32],
    [15, 4096, 64],
    [15, 8192, 512],
    [8, 8191, 64],
  ])("for %d rows of %d columns are %d", (rows, columns, threads) => {
    expect(threadsPerRow(rows, columns)).toBe(threads);
  });
});

describe("quantizing rows", () => {
  const work: Work = { kind: "quantize", rows: 10, columns: 100 };
  const parameters = { "quantization.floorSeconds": 3, "quantization.rowSecondsPerColumn": 0.5 };

  test("takes a floor and the reduction of a row padded to a power of two, then its bytes", () => {
    expect(seconds(parameters, work)).toBe(3 + 64);
    expect(seconds(parameters, { ...work, columns: 64 })).toBe(3 + 32);
    expect(seconds(parameters, { ...work, rows: 1000 })).toBe(3 + 64);
    expect(seconds({ ...parameters, "memory.streamingFraction": 0.5 }, work, traffic(50))).toBe(3 + 64 + 10);
  });

  test("waits for the L2 as long as other rows in registers do", () => {
    const cached = { "cache.bytesPerSecond": 20, "rowInRegisters.cacheFactor": 3 };
    expect(seconds(cached, work, traffic(0, 40))).toBe(6);
    const { terms } = kernelTiming(
      kernelOf(work),
      traffic(50, 40),
      roundDevice({ ...parameters, ...cached }),
    );
    expect(terms).toEqual({ compute: 0, memory: 5, cache: 6, latency: 3 + 64, network: 0 });
  });
});
