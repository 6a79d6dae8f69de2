import { describe, expect, test } from "vitest";
import { attention as law, meanKeys, mostKeys, queryTiles } from "../../../src/engine/device/attention.ts";
import { decodeFraction, decodeRows } from "../../../src/engine/device/decode-attention.ts";
import { device } from "../../../src/engine/device/device.ts";
import { headDimFraction, launchedWidth } from "../../../src/engine/device/head-width.ts";
import { kernelTiming } from "../../../src/engine/device/kernel-time.ts";
import type { Work } from "../../../src/engine/layer/kernel.ts";
import { kernelOf, NO_TRAFFIC, roundDatasheet, roundDevice, traffic } from "../../support/devices.ts";
import { hardware } from "../../support/scenarios.ts";

type Attention = Extract<Work, { kind: "attention" }>;
type Decode = Extract<Work, { kind: "decode-attention" }>;

const heads = (width: number) => ({ keyDim: width, valueDim: width });

const attention = (changes: Partial<Attention> = {}): Attention => ({
  kind: "attention",
  ...heads(128),
  queries: 128,
  keys: changes.queries ?? 128,
  window: Number.POSITIVE_INFINITY,
  causal: false,
  direction: "forward",
  dataType: "bf16",
  sequences: 1,
  heads: 4,
  library: "cudnn",
  ...changes,
});
const decode = (width: number, groupSize = 16, changes: Partial<Decode> = {}): Decode => ({
  kind: "decode-attention",
  ...heads(width),
  groupSize,
  dataType: "bf16",
  sequences: 1,
  kvHeads: 4,
  keys: 128,
  library: "cudnn",
  ...changes,
});
const DECODE = decode(128);

/** Two products with every key that each query of each head attends to. */
const flopsOf = ({ queries, keys, causal, sequences, heads: all, keyDim, valueDim }: Attention): number => {
  const pairs = causal ? queries * (keys - queries) + (queries * (queries + 1)) / 2 : queries * keys;
  return 2 * (keyDim + valueDim) * sequences * all * pairs;
};

const seconds = (
  parameters: Record<string, number>,
  work: Attention | Decode = attention(),
  from = NO_TRAFFIC,
): number => {
  const flops = work.kind === "attention" ? flopsOf(work) : 0;
  return kernelTiming(kernelOf(work, { flops }), from, roundDevice(parameters)).seconds;
};

/** Two products of 128 queries with 128 keys of 128 elements, on one of the round device's four processors. */
const TILE = (4 * 128 * 128 * 128) / (2000 / 4);

describe("attention over many queries", () => {
  test("computes its tiles at the tensor peak times the share of its head dimension", () => {
    expect(seconds({})).toBe(TILE);
    expect(seconds({ "attention.fractionHeadDim128": 0.5 })).toBe(2 * TILE);
    expect(seconds({ "attention.fractionHeadDim64": 0.25 }, attention(heads(64)))).toBe(2 * TILE);
    expect(seconds({ "attention.fractionHeadDim256": 0.1 }, attention(heads(256)))).toBeCloseTo(20 * TILE, 6);
  });

  test("computes at the peak of its type, the vector units where there is none", () => {
    expect(seconds({}, attention({ dataType: "fp16" }))).toBe(2 * TILE);
    expect(seconds({}, attention({ dataType: "tf32" }))).toBe(20 * TILE);
  });

  test("fills a tile whatever the queries: cuDNN takes as long for 8 as for 128", () => {
    for (const queries of [8, 64, 128])
      expect(seconds({}, attention({ queries, keys: 4096 }))).toBe(32 * TILE);
    expect(seconds({}, attention({ queries: 129, keys: 4096 }))).toBe(64 * TILE);
  });

  test("of few tiles shares out the keys where the library does, in parts of 256 keys at least", () => {
    const few = attention({ heads: 1, queries: 8, keys: 1024 });
    expect(seconds({}, few)).toBe(8 * TILE);
    // half a tile's rows, four parts
    expect(seconds({}, { ...few, library: "flash" })).toBe((8 * TILE) / 2 / 4);
    expect(seconds({}, { ...few, library: "flashinfer" })).toBe((8 * TILE) / 8 / 4);
    expect(seconds({}, { ...few, keys: 512, library: "flash" })).toBe((4 * TILE) / 2 / 2);
    // all processors have a tile
    expect(seconds({}, { ...few, heads: 4, library: "flash" })).toBe((8 * TILE) / 2);
  });

  test("takes the smallest tile of its library that holds the queries", () => {
    const rowsOf = (queries: number, library: Attention["library"]): number =>
      queryTiles(attention({ queries, library, heads: 100 }), 4).rows;
    expect([1, 64, 65, 128, 500].map((queries) => rowsOf(queries, "cudnn"))).toEqual([
      128, 128, 128, 128, 128,
    ]);
    expect([1, 64, 65, 128, 500].map((queries) => rowsOf(queries, "flash"))).toEqual([64, 64, 128, 128, 128]);
    expect([1, 16, 17, 64, 65, 500].map((queries) => rowsOf(queries, "flashinfer"))).toEqual([
      16, 16, 64, 64, 128, 128,
    ]);
    expect(queryTiles(attention({ queries: 300, sequences: 2, heads: 7 }), 4)).toEqual({
      rows: 128,
      tiles: 42,
      parts: 1,
    });
  });

  test("pays for each block's start, and for processors that the last blocks leave idle", () => {
    expect(seconds({ "attention.blockSeconds": 10 })).toBe(TILE + 10);
    const three = attention({ heads: 12 });
    expect(seconds({}, three)).toBe(3 * TILE);
    expect(seconds({ "attention.tailShare": 0.5 }, three)).toBeCloseTo((3 + 0.5 * (1 - 1 / 3)) * TILE, 6);
    expect(seconds({ "attention.tailShare": 0.5 })).toBe(TILE);
  });

  test("FlashAttention 2 and Triton have speeds of their own", () => {
    const parameters = { "attention.flashSpeed": 0.5, "attention.tritonSpeed": 0.25 };
    const at = (library: Attention["library"]): number => seconds(parameters, attention({ library }));
    expect([at("cudnn"), at("flashinfer"), at("flash"), at("triton")]).toEqual([
      TILE,
      TILE,
      2 * TILE,
      4 * TILE,
    ]);
  });

  test("waits for arithmetic or for memory, whichever is longer, behind a floor", () => {
    const parameters = {
      "attention.floorSeconds": 1,
      "memory.streamingFraction": 0.5,
      "cache.bytesPerSecond": 20,
    };
    expect(seconds(parameters)).toBe(1 + TILE);
    expect(seconds(parameters, attention(), traffic(5 * TILE))).toBe(1 + TILE);
    expect(seconds(parameters, attention(), traffic(50 * TILE, 40))).toBe(1 + 10 * TILE + 2);
  });

  test("names its terms", () => {
    const target = roundDevice({ "attention.floorSeconds": 1, "cache.bytesPerSecond": 20 });
    const { terms } = kernelTiming(
      kernelOf(attention(), { flops: flopsOf(attention()) }),
      traffic(50, 60),
      target,
    );
    expect(terms).toEqual({ compute: TILE, memory: 5, cache: 3, latency: 1, network: 0 });
    expect(law.constants).toMatchObject({ TILE_KEYS: 64 });
  });
});

describe("the keys of a tile", () => {
  const meanOf = (work: Attention, rows: number): number =>
    meanKeys(flopsOf(work) / (4 * 128 * work.heads * work.queries), work, rows);

  test("are all of them without a mask, and under one the context and half of the new ones", () => {
    expect(meanOf(attention({ queries: 1024 }), 128)).toBe(1024);
    // tiles see 128, 256, ... 1024 keys
    expect(meanOf(attention({ queries: 1024, causal: true }), 128)).toBe((128 + 1024) / 2);
    expect(meanOf(attention({ queries: 256, keys: 1256, causal: true }), 128)).toBe(1000 + (128 + 256) / 2);
    expect(mostKeys(attention({ queries: 256, keys: 1256, causal: true }), 128)).toBe(1256);
  });

  test("are no more than the window and the tile, and a whole tile of keys at least", () => {
    const windowed = attention({ queries: 4096, causal: true, window: 300 });
    expect(meanKeys(300, windowed, 128)).toBe(300 + 127 / 2);
    expect(mostKeys(windowed, 128)).toBe(428);
    expect(meanOf(attention({ queries: 3, causal: true }), 128)).toBe(64);
    expect(mostKeys(attention({ queries: 3, causal: true }), 128)).toBe(64);
  });
});

describe("attention of one query a sequence", () => {
  const parameters = {
    "attention.decodeFloorSeconds": 3,
    "memory.kvCacheFraction": 0.5,
    "cache.bytesPerSecond": 20,
  };
  const block = (width: number, rows: number, keys: number, fraction: number): number =>
    (4 * width * rows * keys) / (500 * fraction);

  test("waits for the cached keys and values at the share of the bandwidth that they reach", () => {
    const fast = { ...parameters, "attention.decodeFraction": 1e6 };
    expect(seconds(fast, DECODE, traffic(50))).toBeCloseTo(3 + 10, 6);
    expect(seconds(fast, DECODE, traffic(50, 40))).toBeCloseTo(3 + 10 + 2, 6);
  });

  test("has a floor of its own, not that of prefill; FlashAttention 2 adds to it", () => {
    const floor = seconds(parameters) - seconds({ ...parameters, "attention.floorSeconds": 100 });
    expect(floor).toBe(-100);
    const own = { ...parameters, "attention.floorSeconds": 100, "attention.flashDecodeSeconds": 7 };
    expect(seconds(own, DECODE)).toBe(3 + block(128, 16, 128, 1));
    expect(seconds(own, { ...DECODE, library: "flash" })).toBe(3 + 7 + block(128, 64, 128, 1));
  });

  test("waits until the memory's stream is under way, the more of it there is the more", () => {
    const ramp = { ...parameters, "attention.decodeRampSeconds": 8 };
    const added = (bytes: number): number =>
      seconds(ramp, DECODE, traffic(bytes)) - seconds(parameters, DECODE, traffic(bytes));
    expect(added(0)).toBe(0);
    expect(added(60_000 * 4)).toBeCloseTo(4, 6);
    expect(added(60_000 * 4 * 99)).toBeCloseTo(8 * 0.99, 6);
  });

  test("pays for every block: many short sequences are not one long one", () => {
    const at = (changes: Partial<Decode>): number =>
      seconds({ ...parameters, "attention.decodeBlockSeconds": 10 }, { ...DECODE, ...changes }) -
      seconds(parameters, { ...DECODE, ...changes });
    expect(at({})).toBeCloseTo(10, 6);
    expect(at({ sequences: 8 })).toBeCloseTo(80, 6);
  });

  test("shares out the keys of few tiles, in parts of 256 at least", () => {
    const at = (kvHeads: number, keys: number): number =>
      (seconds(parameters, { ...DECODE, kvHeads, keys }) - 3) / block(128, 16, keys, 1);
    expect(at(4, 8192)).toBeCloseTo(1, 9);
    expect(at(1, 8192)).toBeCloseTo(1 / 4, 9);
    expect(at(2, 8192)).toBeCloseTo(1 / 2, 9);
    expect(at(1, 512)).toBeCloseTo(1 / 2, 9);
    expect(at(1, 100)).toBeCloseTo(1, 9);
  });

  test("hides arithmetic behind reading the better the shorter it is", () => {
    const memory = 10 * block(128, 16, 128, 1);
    const at = (share: number): number =>
      seconds({ ...parameters, "attention.decodeFraction": 0.1 / share }, DECODE, traffic(5 * memory)) - 3;
    expect(at(1)).toBeCloseTo(memory * 2 ** (1 / 4), 6);
    expect(at(0.5)).toBeCloseTo(memory * (1 + 1 / 16) ** (1 / 4), 6);
    expect(at(0.1)).toBeLessThan(memory * 1.001);
  });

  test.each([
    ["fills 16 rows", decode(128, 16), 128, 16, 0.16],
    ["of one head takes as long as of 16", decode(128, 1), 128, 16, 0.16],
    ["of 17 heads takes two tiles", decode(128, 17), 128, 32, 0.16],
    ["of FlashAttention 2 fills 64, by prefill's kernel", decode(128, 17, { library: "flash" }), 128, 64, 1],
    ["narrow", decode(32), 64, 16, 0.16],
    ["a little wider", decode(80), 128, 16, 0.16],
    ["of 160 takes the tile of 256", decode(160), 256, 16, 0.064],
    ["of 256", decode(256), 256, 16, 0.064],
    ["beyond has kernels like those of prefill", decode(320), 320, 16, 1],
    ["beyond, padded", decode(300), 320, 16, 1],
  ])("a group %s", (_, work, width, rows, fraction) => {
    const p = { ...parameters, "attention.decodeFraction": 0.16, "attention.decodeWideFraction": 0.064 };
    expect(decodeRows(work)).toBe(rows);
    expect(decodeFraction(work, roundDevice(p).calibration!.attention)).toBe(fraction);
    expect(seconds(p, work)).toBeCloseTo(3 + block(width, rows, 128, fraction), 4);
  });

  test("of fewer keys than a tile multiplies the tile", () => {
    expect(seconds(parameters, { ...DECODE, keys: 1 })).toBe(3 + block(128, 16, 64, 1));
  });

  test("in fp32 multiplies its rows as they are, on the vector units", () => {
    const work = { ...decode(128, 2), dataType: "fp32" } as const;
    expect(decodeRows(work)).toBe(2);
    const p = { ...roundDevice({}).calibration!.attention, fractionHeadDim128: 0.5 };
    expect(decodeFraction(work, p)).toBe(0.5);
  });

  test("of latent attention computes at the share of the peak of the widest heads", () => {
    const wide = { ...parameters, "attention.fractionHeadDim256": 0.25 };
    const latent = { ...DECODE, keyDim: 576, valueDim: 512, groupSize: 128, kvHeads: 1, sequences: 4 };
    expect(seconds(wide, latent)).toBe(3 + block(544, 128, 128, 0.25));
  });
});

describe("heads that do not fill their tiles", () => {
  test.each([
    [32, 64],
    [64, 64],
    [65, 128],
    [80, 128],
    [96, 128],
    [128, 128],
    [160, 192],
    [192, 192],
    [256, 256],
  ])("of %d are multiplied as if they were of %d", (width, launched) => {
    expect(launchedWidth(heads(width))).toBe(launched);
  });

  test("are padded on their own: keys and values of latent attention both fill theirs", () => {
    expect(launchedWidth({ keyDim: 192, valueDim: 128 })).toBe(160);
    expect(launchedWidth({ keyDim: 96, valueDim: 64 })).toBe(96);
  });

  test("take as long as those that do", () => {
    const of = (width: number): number =>
      seconds({ "attention.fractionHeadDim64": 0.5 }, attention(heads(width)));
    for (const width of [65, 80, 96, 112]) expect(of(width)).toBe(of(128));
    expect(of(32)).toBe(of(64));
  });

  // cuDNN on H200, causal, 32 heads, 4096 tokens (measurements/h200-sxm/head-widths.jsonl)
  test.each([
    [32, 178.1],
    [48, 178.8],
    [80, 259.6],
    [96, 266.1],
    [112, 270.5],
    [160, 372.9],
    [192, 381.3],
    [224, 484.7],
  ])("%d: measured %d us, within 20%%", (width, microseconds) => {
    const h200 = device(hardware("h200-sxm"));
    const work = attention({ ...heads(width), queries: 4096, causal: true, heads: 32 });
    const kernel = kernelOf(work, { flops: flopsOf(work) });
    expect(kernelTiming(kernel, NO_TRAFFIC, h200).seconds * 1e6).toBeGreaterThan(microseconds * 0.8);
    expect(kernelTiming(kernel, NO_TRAFFIC, h200).seconds * 1e6).toBeLessThan(microseconds * 1.2);
  });
});

describe("without a calibration", () => {
  test.each([
    ["prefill", attention(), 6000, 50, 5],
    ["prefill", attention(), 60_000, 50, 30],
    ["decode", DECODE, 6000, 50, 5],
    ["decode", DECODE, 60_000, 50, 30],
  ] as const)("%s attention is its roofline", (_, work, flops, streamedBytes, expected) => {
    const kernel = kernelOf(work, { flops, streamedBytes });
    expect(kernelTiming(kernel, NO_TRAFFIC, roundDatasheet()).seconds).toBe(expected);
  });
});

describe("the share of the peak by head dimension", () => {
  const p = {
    fractionHeadDim64: 0.4,
    fractionHeadDim128: 0.6,
    fractionHeadDim256: 0.9,
  };

  test.each([
    [1, 0.4],
    [32, 0.4],
    [64, 0.4],
    [64 * 2 ** 0.25, 0.45],
    [64 * 2 ** 0.5, 0.5],
    [128, 0.6],
    [128 * 2 ** 0.5, 0.75],
    [256, 0.9],
    [1024, 0.9],
  ])("at %d is %d", (headDim, share) => {
    expect(headDimFraction(headDim, p)).toBeCloseTo(share, 12);
  });

  test("has no jumps", () => {
    for (let headDim = 2; headDim < 600; headDim++) {
      const step = headDimFraction(headDim, p) - headDimFraction(headDim - 1, p);
      expect(step).toBeGreaterThanOrEqual(0);
      expect(step).toBeLessThan(0.006);
    }
  });

  test("may fall with the head dimension where that was measured", () => {
    const falling = { ...p, fractionHeadDim256: 0.5 };
    expect(headDimFraction(128 * 2 ** 0.5, falling)).toBeCloseTo(0.55, 12);
  });
});
