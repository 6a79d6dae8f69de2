import { describe, expect, test } from "vitest";
import { device } from "../../../src/engine/device/device.ts";
import { kernelTiming } from "../../../src/engine/device/kernel-time.ts";
import { streamingSeconds } from "../../../src/engine/device/streaming.ts";
import type { PointwiseAccess, Work } from "../../../src/engine/layer/kernel.ts";
import { kernelOf, NO_TRAFFIC, roundDatasheet, roundDevice, traffic } from "../../support/devices.ts";

const pointwise = (access: PointwiseAccess, elements = 100): Work => ({
  kind: "pointwise",
  access,
  elements,
});

const seconds = (parameters: Record<string, number>, work: Work, from = NO_TRAFFIC): number =>
  kernelTiming(kernelOf(work), from, roundDevice(parameters)).seconds;

/** [how operands are read, its floor, the parameter of its issue time] */
const ACCESSES: readonly [PointwiseAccess, "vectorized" | "strided", string | undefined][] = [
  ["vectorized", "vectorized", undefined],
  ["silu", "vectorized", "siluSecondsPerElement"],
  ["gelu", "vectorized", "geluSecondsPerElement"],
  ["unrolled", "strided", "unrolledSecondsPerElement"],
  ["strided", "strided", "stridedSecondsPerElement"],
  ["transposed", "strided", "transposedSecondsPerElement"],
  ["concatenate", "strided", "concatenateSecondsPerElement"],
];

const FLOORS = { "pointwise.vectorizedFloorSeconds": 3, "pointwise.stridedFloorSeconds": 5 };

describe.each(ACCESSES)("a %s kernel", (access, floor, issue) => {
  const floorSeconds = FLOORS[`pointwise.${floor}FloorSeconds`];

  test(`has the floor of ${floor} ones`, () => {
    expect(seconds(FLOORS, pointwise(access))).toBe(floorSeconds);
  });

  test("streams at the share of the bandwidth that streaming kernels reach, and at the L2's rate", () => {
    const parameters = { ...FLOORS, "memory.streamingFraction": 0.5, "cache.bytesPerSecond": 20 };
    expect(seconds(parameters, pointwise(access), traffic(50, 40))).toBe(floorSeconds + 10 + 2);
  });

  test(issue === undefined ? "issues for nothing" : `issues by ${issue}, and by nothing else`, () => {
    for (const [, , other] of ACCESSES) {
      if (other === undefined) continue;
      const expected = other === issue ? 100 * 0.25 : 0;
      expect(seconds({ [`pointwise.${other}`]: 0.25 }, pointwise(access))).toBe(expected);
    }
  });

  test.runIf(issue)("overlaps issue and memory as softly as calibrated", () => {
    const parameters = { [`pointwise.${issue}`]: 0.04, "pointwise.softness": 2 };
    expect(seconds(parameters, pointwise(access), traffic(30))).toBeCloseTo(5, 12);
  });

  test("counts issue and floor as latency", () => {
    const target = roundDevice({
      ...FLOORS,
      ...(issue === undefined ? {} : { [`pointwise.${issue}`]: 0.25 }),
      "cache.bytesPerSecond": 20,
    });
    const { terms } = kernelTiming(kernelOf(pointwise(access)), traffic(50, 60), target);
    const latency = floorSeconds + (issue === undefined ? 0 : 25);
    expect(terms).toEqual({ compute: 0, memory: 5, cache: 3, latency, network: 0 });
  });
});

describe("a softmax kernel", () => {
  const softmax = (columns: number, elements = 4096): Work => ({ kind: "softmax", elements, columns });
  const PARAMETERS = {
    "softmax.persistentSecondsPerElement": 0.5,
    "softmax.secondsPerElement": 2,
    "pointwise.stridedFloorSeconds": 7,
    "pointwise.vectorizedFloorSeconds": 100,
  };

  test.each([
    [1, 0.5],
    [1024, 0.5],
    [2048, 0.5],
    [2049, 2],
    [8192, 2],
  ])("over rows of %d issues %d seconds an element", (columns, each) => {
    expect(seconds(PARAMETERS, softmax(columns))).toBe(7 + 4096 * each);
  });

  test.each([
    [1, 0.5],
    [2048, 0.5],
    [2049, 2],
    [8192, 2],
  ])("walks a row of %d at %d seconds a column, however few rows there are", (columns, each) => {
    const walks = {
      "softmax.persistentRowSecondsPerColumn": 0.5,
      "softmax.rowSecondsPerColumn": 2,
    };
    expect(seconds(walks, softmax(columns, columns))).toBe(columns * each);
    expect(seconds(walks, softmax(columns, 100 * columns))).toBe(columns * each);
  });

  test("overlaps walk, issue and memory as element-wise kernels do", () => {
    const parameters = {
      "softmax.secondsPerElement": 1,
      "softmax.rowSecondsPerColumn": 6 / 3000,
      "pointwise.softness": 2,
    };
    expect(seconds(parameters, softmax(3000, 2), traffic(30))).toBeCloseTo(7, 9);
  });

  test("counts floor and the longer of walk and issue as latency", () => {
    const target = roundDevice({ ...PARAMETERS, "cache.bytesPerSecond": 20 });
    const { terms } = kernelTiming(kernelOf(softmax(10, 20)), traffic(50, 60), target);
    expect(terms).toEqual({ compute: 0, memory: 5, cache: 3, latency: 17, network: 0 });
    const walking = roundDevice({ ...PARAMETERS, "softmax.persistentRowSecondsPerColumn": 3 });
    expect(kernelTiming(kernelOf(softmax(10, 20)), NO_TRAFFIC, walking).terms.latency).toBe(7 + 30);
  });
});

describe("streaming", () => {
  test("takes HBM's bytes at a share of its peak and the L2's at their achieved rate", () => {
    const target = roundDevice({ "cache.bytesPerSecond": 20 });
    expect(streamingSeconds(traffic(50, 40), target, 1)).toEqual({ memory: 5, cache: 2 });
    expect(streamingSeconds(traffic(50, 40), target, 0.25)).toEqual({ memory: 20, cache: 2 });
    expect(streamingSeconds(traffic(0), target, 0.25)).toEqual({ memory: 0, cache: 0 });
  });
});

describe("choosing experts op by op", () => {
  const topK: Work = { kind: "selection", step: "top-k", elements: 50 };
  const parameters = {
    "experts.selectionFloorSeconds": 3,
    "experts.topKSecondsPerElement": 0.1,
    "experts.sortSecondsPerElement": 0.4,
  };

  test("takes a floor and issue time per element, of each step its own", () => {
    expect(seconds(parameters, topK)).toBe(3 + 5);
    expect(seconds(parameters, { ...topK, step: "sort" })).toBe(3 + 20);
    expect(seconds(parameters, { ...topK, elements: 0 }, traffic(50))).toBe(3 + 5);
  });

  test("names its terms", () => {
    const { terms } = kernelTiming(kernelOf(topK), traffic(20), roundDevice(parameters));
    expect(terms).toEqual({ compute: 0, memory: 2, cache: 0, latency: 8, network: 0 });
  });
});

describe("an exchange between GPUs", () => {
  const allReduce = {
    kind: "collective",
    operation: "all-reduce",
    ranks: 4,
    messageBytes: 100,
    algorithm: "nccl",
  } as const satisfies Work;
  // each rank sends three quarters of the tensor twice
  const wire = (2 * 0.75 * 100) / 5;

  test("takes the wire at its achieved share behind a latency, by the faster of two protocols", () => {
    expect(seconds({}, allReduce)).toBe(wire);
    const quick = { "network.latencySeconds": 3, "network.lowLatencyFraction": 0.5 };
    // bulk protocol: no latency and the whole link
    expect(seconds(quick, allReduce)).toBe(wire);
    const slowStart = { ...quick, "network.bulkLatencySeconds": 100 };
    expect(seconds(slowStart, allReduce)).toBe(3 + 2 * wire);
    const large: Work = { ...allReduce, messageBytes: 10_000 };
    expect(seconds({ ...slowStart, "network.linkFraction": 0.8 }, large)).toBe(100 + (100 * wire) / 0.8);
  });

  test("of many ranks takes longer to start, and comes nearer the link's rate", () => {
    const many = { "network.secondsPerRank": 2, "network.lowLatencyFraction": 0.01 };
    const factor = { ...many, "network.linkFraction": 0.5, "network.moreRanksFactor": 1.6 };
    // four ranks: half of the way from once to 1.6 times the rate of two
    expect(seconds(factor, allReduce)).toBeCloseTo(2 * 2 + wire / (0.5 * 1.3), 9);
    expect(seconds(factor, { ...allReduce, ranks: 2 })).toBeCloseTo(20 / 0.5, 9);
    expect(seconds(factor, { ...allReduce, ranks: 8 })).toBeCloseTo(2 * 6 + 35 / (0.5 * 1.45), 9);
  });

  test("starts later among many as an all-reduce most, as an all-to-all least", () => {
    const at = (operation: "all-reduce" | "all-gather" | "reduce-scatter" | "all-to-all"): number => {
      const work = { ...allReduce, operation, ranks: 8 };
      return seconds({ "network.secondsPerRank": 10 }, work) - seconds({}, work);
    };
    expect(at("all-reduce")).toBeCloseTo(60, 9);
    expect(at("all-gather")).toBeCloseTo(42, 9);
    expect(at("reduce-scatter")).toBeCloseTo(42, 9);
    expect(at("all-to-all")).toBeCloseTo(12, 9);
  });

  test("in one shot reads what the others have, or in two what a ring would send", () => {
    const oneShot = { ...allReduce, algorithm: "one-shot" } as const;
    const p = {
      "network.oneShotSeconds": 6,
      "network.oneShotSecondsPerRank": 1,
      "network.oneShotFraction": 0.5,
    };
    // four ranks: start 6 + 2, three tensors of 100 bytes at half of 5 a second, or twice the start and the ring's bytes
    expect(seconds(p, oneShot)).toBeCloseTo(8 + Math.min(300 / 2.5, 8 + (2 * 0.75 * 100) / 2.5), 9);
    expect(seconds(p, { ...oneShot, messageBytes: 10 })).toBeCloseTo(8 + 30 / 2.5, 9);
    expect(seconds(p, { ...oneShot, ranks: 2 })).toBeCloseTo(6 + 100 / 2.5, 9);
    // NCCL's parameters do not matter
    expect(seconds({ ...p, "network.latencySeconds": 1e3, "network.bulkLatencySeconds": 1e3 }, oneShot)).toBe(
      seconds(p, oneShot),
    );
  });

  test("moves its bytes through HBM meanwhile", () => {
    const parameters = { "memory.streamingFraction": 0.5, "cache.bytesPerSecond": 20 };
    expect(seconds(parameters, allReduce, traffic(50, 40))).toBe(wire);
    expect(seconds(parameters, allReduce, traffic(200, 40))).toBe(40 + 2);
  });

  test.each([
    ["all-reduce", 2, 20],
    ["all-reduce", 4, 30],
    ["all-gather", 2, 10],
    ["all-gather", 4, 15],
    ["reduce-scatter", 4, 15],
    ["all-to-all", 4, 15],
  ] as const)("as %s among %d takes %d seconds at the link's peak", (operation, ranks, expected) => {
    expect(seconds({}, { kind: "collective", operation, ranks, messageBytes: 100, algorithm: "nccl" })).toBe(
      expected,
    );
  });

  test("names its terms", () => {
    const target = roundDevice({
      "network.latencySeconds": 3,
      "network.bulkLatencySeconds": 100,
      "cache.bytesPerSecond": 20,
    });
    const { terms } = kernelTiming(kernelOf(allReduce), traffic(50, 60), target);
    expect(terms).toEqual({ compute: 0, memory: 5, cache: 3, latency: 0, network: wire + 3 });
  });
});

describe("the datasheet's roofline", () => {
  const row = { norm: "rmsnorm", direction: "forward", rows: 1, columns: 1, inputs: 1, rowBytes: 1 } as const;
  /** [work, the rate of its arithmetic on the round device] */
  const WORKS: readonly [Work, number][] = [
    [
      { kind: "matmul", m: 1, n: 1, k: 1, products: 1, grouped: false, gradient: false, dataType: "bf16" },
      2000,
    ],
    [
      { kind: "matmul", m: 1, n: 1, k: 1, products: 1, grouped: false, gradient: true, dataType: "fp16" },
      1000,
    ],
    [
      { kind: "matmul", m: 1, n: 1, k: 1, products: 1, grouped: false, gradient: false, dataType: "tf32" },
      100,
    ],
    [
      {
        kind: "decode-attention",
        keyDim: 1,
        valueDim: 1,
        groupSize: 1,
        dataType: "bf16",
        sequences: 1,
        kvHeads: 1,
        keys: 1,
        library: "cudnn",
      },
      2000,
    ],
    [pointwise("vectorized"), 100],
    [pointwise("concatenate"), 100],
    [{ kind: "softmax", elements: 1, columns: 1 }, 100],
    [{ kind: "row-sum", rows: 1, columns: 1 }, 100],
    [{ kind: "column-sum", rows: 1, columns: 1 }, 100],
    [{ kind: "quantize", rows: 1, columns: 1 }, 100],
    [{ kind: "selection", step: "top-k", elements: 1 }, 100],
    [{ kind: "row-per-block", ...row }, 100],
    [{ kind: "row-in-registers", ...row }, 100],
  ];
  const bytes = {
    reads: [
      { tensor: "a", bytes: 10 },
      { tensor: "b", bytes: 20 },
    ],
    writes: [{ tensor: "c", bytes: 30 }],
    streamedBytes: 40,
  };

  test.each(WORKS)("of %j is the longer of arithmetic and all its bytes", (work, rate) => {
    const time = (flops: number) =>
      kernelTiming(kernelOf(work, { ...bytes, flops }), NO_TRAFFIC, roundDatasheet());
    expect(time(0).seconds).toBe(10);
    expect(time(9 * rate).seconds).toBe(10);
    expect(time(11 * rate).seconds).toBeCloseTo(11, 12);
    expect(time(11 * rate).terms).toEqual({
      compute: expect.closeTo(11, 12),
      memory: 10,
      cache: 0,
      latency: 0,
      network: 0,
    });
  });

  test("of an exchange is the longest of wire and bytes, and only bytes without a link", () => {
    const work: Work = {
      kind: "collective",
      operation: "all-gather",
      ranks: 2,
      messageBytes: 200,
      algorithm: "nccl",
    };
    const time = (target = roundDatasheet()) =>
      kernelTiming(kernelOf(work, bytes), NO_TRAFFIC, target).seconds;
    expect(time()).toBe(20);
    const { linkBytesPerSecond: _, ...bare } = roundDatasheet().hardware;
    expect(time(device(bare))).toBe(10);
  });
});
