import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blockFlops, shortSequenceFactor, unevenShare } from "../../../src/engine/device/attention.ts";
import { decodeFraction, decodePadding } from "../../../src/engine/device/decode-attention.ts";
import { device } from "../../../src/engine/device/device.ts";
import { headDimFraction, launchedWidth } from "../../../src/engine/device/head-width.ts";
import { kernelTiming } from "../../../src/engine/device/kernel-time.ts";
import type { Work } from "../../../src/engine/layer/kernel.ts";
import { kernelOf, NO_TRAFFIC, roundDatasheet, roundDevice, traffic } from "../../support/devices.ts";
import { hardware } from "../../support/scenarios.ts";

type Attention = Extract<Work, { kind: "attention" }>;

const heads = (width: number) => ({ keyDim: width, valueDim: width });

const attention = (changes: Partial<Attention> = {}): Attention => ({
  kind: "attention",
  ...heads(128),
  queries: 100,
  keys: changes.queries ?? 100,
  window: Number.POSITIVE_INFINITY,
  causal: false,
  direction: "forward",
  dataType: "bf16",
  ...changes,
});
/** Without processors no block of queries is the longest: that has tests of its own. */
const withoutBlocks = (parameters: Record<string, number>) => {
  const target = roundDevice(parameters);
  return { ...target, hardware: { ...target.hardware, computeUnits: 0 } };
};
const decode = (width: number, groupSize = 16): Extract<Work, { kind: "decode-attention" }> => ({
  kind: "decode-attention",
  ...heads(width),
  groupSize,
  dataType: "bf16",
});
const DECODE = decode(128);

const seconds = (
  parameters: Record<string, number>,
  work: Work = attention(),
  flops = 4000,
  from = NO_TRAFFIC,
): number => kernelTiming(kernelOf(work, { flops }), from, withoutBlocks(parameters)).seconds;

describe("attention over many queries", () => {
  test("computes at the tensor peak times the share of its head dimension", () => {
    expect(seconds({})).toBe(2);
    expect(seconds({ "attention.fractionHeadDim128": 0.5 })).toBe(4);
    expect(seconds({ "attention.fractionHeadDim64": 0.25 }, attention(heads(64)))).toBe(8);
    expect(seconds({ "attention.fractionHeadDim256": 0.1 }, attention(heads(256)))).toBeCloseTo(20, 12);
  });

  test("computes at the peak of its type, the vector units where there is none", () => {
    expect(seconds({}, attention({ dataType: "fp16" }))).toBe(4);
    expect(seconds({}, attention({ dataType: "tf32" }))).toBe(40);
  });

  test("under a causal mask takes longer by the shortness of its sequence", () => {
    const halved = { "attention.shortSequenceTokens": 100, "attention.shortSequenceExponent": 1 };
    expect(seconds(halved, attention({ causal: true }))).toBe(4);
    expect(seconds(halved, attention({ causal: true, queries: 400 }))).toBe(2.5);
    expect(seconds(halved, attention({ causal: false }))).toBe(2);
  });

  test("backward has shares of the peak and a shortness of its own", () => {
    const backward = attention({ direction: "backward" });
    expect(seconds({}, backward)).toBe(2);
    expect(seconds({ "attention.backward.fractionHeadDim128": 0.5 }, backward)).toBe(4);
    expect(seconds({ "attention.fractionHeadDim128": 0.5 }, backward)).toBe(2);
    expect(seconds({ "attention.backward.fractionHeadDim128": 0.5 })).toBe(2);
    const halved = { "attention.backward.shortSequenceTokens": 100 };
    const long = { ...backward, queries: 400, keys: 400 };
    expect(seconds(halved, { ...long, causal: true })).toBe(2 * (1 + 1 / 4));
    expect(seconds(halved, long)).toBe(2 * (1 + 1 / 16));
    expect(seconds(halved, { ...long, ...heads(64), causal: true })).toBe(2 * (1 + 1 / 2));
    expect(seconds(halved, { ...long, ...heads(256), causal: true })).toBe(2 * (1 + 1 / 8));
    expect(seconds(halved, attention({ queries: 400, causal: true }))).toBe(2);
  });

  test("waits for arithmetic or for memory, whichever is longer, behind a floor", () => {
    const parameters = {
      "attention.floorSeconds": 1,
      "memory.streamingFraction": 0.5,
      "cache.bytesPerSecond": 20,
    };
    expect(seconds(parameters)).toBe(1 + 2);
    expect(seconds(parameters, attention(), 4000, traffic(5))).toBe(1 + 2);
    expect(seconds(parameters, attention(), 4000, traffic(50, 40))).toBe(1 + 10 + 2);
  });

  test("names its terms", () => {
    const target = withoutBlocks({ "attention.floorSeconds": 1, "cache.bytesPerSecond": 20 });
    const { terms } = kernelTiming(kernelOf(attention(), { flops: 4000 }), traffic(50, 60), target);
    expect(terms).toEqual({ compute: 2, memory: 5, cache: 3, latency: 1, network: 0 });
  });
});

describe("attention of one query a sequence", () => {
  const parameters = {
    "attention.decodeFloorSeconds": 3,
    "memory.kvCacheFraction": 0.5,
    "cache.bytesPerSecond": 20,
  };

  test("waits for the cached keys and values at the share of the bandwidth that they reach", () => {
    expect(seconds(parameters, DECODE, 1, traffic(50))).toBeCloseTo(3 + 10, 12);
    expect(seconds(parameters, DECODE, 1, traffic(50, 40))).toBeCloseTo(3 + 10 + 2, 12);
  });

  test("has a floor of its own, not that of prefill", () => {
    expect(seconds({ ...parameters, "attention.floorSeconds": 100 }, DECODE, 0)).toBe(3);
  });

  test("waits for arithmetic where many heads share keys and values", () => {
    const { terms, seconds: all } = kernelTiming(
      kernelOf(DECODE, { flops: 1e9 }),
      traffic(50),
      roundDevice(parameters),
    );
    expect(terms.compute).toBeCloseTo(1e9 / 2000 / 0.16, 3);
    expect(all).toBeCloseTo(3 + 1e9 / 2000 / 0.16, 3);
  });

  test("hides arithmetic behind reading the better the shorter it is", () => {
    const memory = 10;
    const at = (share: number): number =>
      seconds(parameters, DECODE, share * memory * 2000 * 0.16, traffic(50)) - 3;
    expect(at(1)).toBeCloseTo(memory * 2 ** (1 / 4), 12);
    expect(at(0.5)).toBeCloseTo(memory * (1 + 1 / 16) ** (1 / 4), 12);
    expect(at(0.1)).toBeLessThan(memory * 1.001);
  });

  test.each([
    ["fills 16 rows", decode(128, 16), 1, 0.16],
    ["of one head takes as long as of 16", decode(128, 1), 16, 0.16],
    ["of 17 heads takes two tiles", decode(128, 17), 32 / 17, 0.16],
    ["narrow", decode(32), 2, 0.16],
    ["as wide as a tile", decode(64), 1, 0.16],
    ["a little wider", decode(80), 128 / 80, 0.16],
    ["of 160 takes the tile of 256", decode(160), 256 / 160, 0.064],
    ["of 256", decode(256), 1, 0.064],
    ["beyond has kernels like those of prefill", decode(320), 1, 1],
    ["beyond, padded", decode(300), 320 / 300, 1],
  ])("a group %s", (_, work, padding, fraction) => {
    expect(decodePadding(work)).toBeCloseTo(padding, 12);
    expect(decodeFraction(work, roundDevice({}).calibration!.attention)).toBe(fraction);
    expect(seconds(parameters, work, 1e6)).toBeCloseTo(3 + (1e6 * padding) / (2000 * fraction), 6);
  });

  test("in fp32 multiplies its rows as they are, on the vector units", () => {
    const work = { ...decode(128, 2), dataType: "fp32" } as const;
    expect(decodePadding(work)).toBe(1);
    expect(decodePadding({ ...work, ...heads(80) })).toBe(128 / 80);
    const p = { ...roundDevice({}).calibration!.attention, fractionHeadDim128: 0.5 };
    expect(decodeFraction(work, p)).toBe(0.5);
  });

  test("of latent attention computes at the share of the peak of the widest heads", () => {
    const wide = { ...parameters, "attention.fractionHeadDim256": 0.25 };
    const latent = { ...DECODE, keyDim: 576, valueDim: 512, groupSize: 128 };
    expect(seconds(wide, latent, 1e6)).toBe(3 + 1e6 / 500);
    expect(seconds(wide, decode(256), 1e6)).toBeCloseTo(3 + 1e6 / (2000 * 0.064), 6);
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

  test("take as long as those that do, forward and backward", () => {
    const of = (width: number, direction: "forward" | "backward"): number =>
      seconds({ "attention.fractionHeadDim64": 0.5 }, attention({ ...heads(width), direction }), 100 * width);
    for (const direction of ["forward", "backward"] as const) {
      for (const width of [65, 80, 96, 112]) expect(of(width, direction)).toBe(of(128, direction));
      expect(of(32, direction)).toBe(of(64, direction));
    }
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
  ])("%d: measured %d us, within 5%%", (width, microseconds) => {
    const h200 = device(hardware("h200-sxm"));
    const work = attention({ ...heads(width), queries: 4096, causal: true });
    const pairs = (4096 * 4097) / 2;
    const kernel = kernelOf(work, { flops: 4 * 32 * pairs * width });
    expect(kernelTiming(kernel, NO_TRAFFIC, h200).seconds * 1e6).toBeGreaterThan(microseconds * 0.95);
    expect(kernelTiming(kernel, NO_TRAFFIC, h200).seconds * 1e6).toBeLessThan(microseconds * 1.05);
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

describe("the shortness of a sequence", () => {
  test.each([
    [100, 100, 1, 2],
    [100, 400, 1, 1.25],
    [100, 400, 0.5, 1.5],
    [100, 10_000, 0.5, 1.1],
    [100, 25, 1, 5],
    [0, 25, 1, 1],
  ])(
    "of %d tokens at which it halves, %d queries and exponent %d is %d",
    (tokens, queries, exponent, expected) => {
      const p = { shortSequenceTokens: tokens, shortSequenceExponent: exponent };
      expect(shortSequenceFactor(queries, p)).toBeCloseTo(expected, 12);
    },
  );

  test("falls toward 1 as the sequence grows", () => {
    const any = fc.integer({ min: 1, max: 1e6 });
    const p = { shortSequenceTokens: 700, shortSequenceExponent: 0.7 };
    fc.assert(
      fc.property(any, any, (a, b) => {
        const [short, long] = a < b ? [a, b] : [b, a];
        const [less, more] = [short, long].map((queries) => shortSequenceFactor(queries, p));
        expect(less!).toBeGreaterThanOrEqual(more!);
        expect(more!).toBeGreaterThan(1);
      }),
    );
  });

  test("is felt by the causal diagonal's share of the pairs, backward by all, less without a mask", () => {
    expect(unevenShare(attention())).toBe(0);
    expect(unevenShare(attention({ causal: true }))).toBe(1);
    expect(unevenShare(attention({ causal: true, queries: 1, keys: 4 }))).toBe(1 / 4);
    expect(unevenShare(attention({ causal: true, queries: 3, keys: 5 }))).toBe(6 / 12);
    const backward = attention({ direction: "backward" });
    expect(unevenShare({ ...backward, causal: true })).toBe(1);
    expect(unevenShare({ ...backward, causal: true, keys: 1000 })).toBe(1);
    expect(unevenShare(backward)).toBe(1 / 4);
  });
});

describe("a sliding window", () => {
  const halved = { "attention.shortSequenceTokens": 100, "attention.shortSequenceExponent": 1 };

  test("makes long sequences as uneven as ones of twice its length", () => {
    const long = attention({ causal: true, queries: 4000 });
    // 1 + 100/4000 without it; 1 + 100/400 behind a window of 200
    expect(seconds(halved, long)).toBeCloseTo(2 * 1.025, 12);
    expect(seconds(halved, { ...long, window: 200 })).toBeCloseTo(2 * 1.25, 12);
    expect(seconds(halved, { ...long, window: 4000 })).toBeCloseTo(2 * 1.025, 12);
  });

  test("lets a block of queries see no more keys than the window and the block", () => {
    const work = attention({ queries: 1000, keys: 1000, ...heads(64), window: 300 });
    expect(blockFlops(work)).toBe(4 * 128 * (300 + 128) * 64);
    expect(blockFlops({ ...work, window: 5000 })).toBe(4 * 128 * 1000 * 64);
  });

  test("leaves of the context before the new tokens no more than itself", () => {
    const after = attention({ causal: true, queries: 3, keys: 103 });
    expect(unevenShare(after)).toBe(6 / (6 + 3 * 100));
    expect(unevenShare({ ...after, window: 10 })).toBe(6 / (6 + 3 * 10));
  });
});

describe("the longest block of queries", () => {
  test("is 128 queries at most, against all keys", () => {
    expect(blockFlops(attention({ queries: 100, keys: 300, ...heads(64) }))).toBe(4 * 100 * 300 * 64);
    expect(blockFlops(attention({ queries: 1000, keys: 1000, ...heads(64) }))).toBe(4 * 128 * 1000 * 64);
  });

  test("backward is five products instead of two", () => {
    const backward = attention({ queries: 100, keys: 300, ...heads(64), direction: "backward" });
    expect(blockFlops(backward)).toBe(10 * 100 * 300 * 64);
  });

  test("is as wide as its tiles", () => {
    expect(blockFlops(attention({ queries: 10, keys: 20, ...heads(80) }))).toBe(4 * 10 * 20 * 128);
  });

  test("takes one processor's share of the rate, however little the others have to do", () => {
    const target = roundDevice({});
    const work = attention({ queries: 2, keys: 5 });
    const alone = (4 * 2 * 5 * 128 * target.hardware.computeUnits) / 2000;
    expect(kernelTiming(kernelOf(work, { flops: 1 }), NO_TRAFFIC, target).seconds).toBe(alone);
    expect(kernelTiming(kernelOf(work, { flops: 1e9 }), NO_TRAFFIC, target).seconds).toBe(1e9 / 2000);
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
