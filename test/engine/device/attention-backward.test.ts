import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  blockFlops,
  shortSequenceFactor,
  unevenShare,
} from "../../../src/engine/device/attention-backward.ts";
import { kernelTiming } from "../../../src/engine/device/kernel-time.ts";
import type { Work } from "../../../src/engine/layer/kernel.ts";
import { kernelOf, NO_TRAFFIC, roundDevice, traffic } from "../../support/devices.ts";

type Attention = Extract<Work, { kind: "attention" }>;

const heads = (width: number) => ({ keyDim: width, valueDim: width });

const backward = (changes: Partial<Attention> = {}): Attention => ({
  kind: "attention",
  ...heads(128),
  queries: 100,
  keys: changes.queries ?? 100,
  window: Number.POSITIVE_INFINITY,
  causal: false,
  direction: "backward",
  dataType: "bf16",
  sequences: 1,
  heads: 1,
  library: "cudnn",
  ...changes,
});

/** Without processors no block of keys is the longest: that has tests of its own. */
const seconds = (
  parameters: Record<string, number>,
  work: Work = backward(),
  flops = 4000,
  from = NO_TRAFFIC,
): number => {
  const target = roundDevice(parameters);
  const device = { ...target, hardware: { ...target.hardware, computeUnits: 0 } };
  return kernelTiming(kernelOf(work, { flops }), from, device).seconds;
};

describe("attention, backward", () => {
  test("has shares of the peak of its own", () => {
    expect(seconds({})).toBe(2);
    expect(seconds({ "attention.backward.fractionHeadDim128": 0.5 })).toBe(4);
    expect(seconds({ "attention.fractionHeadDim128": 0.5 })).toBe(2);
    expect(seconds({ "attention.backward.fractionHeadDim64": 0.25 }, backward(heads(64)))).toBe(8);
  });

  test("computes at the peak of its type, the vector units where there is none", () => {
    expect(seconds({}, backward({ dataType: "fp16" }))).toBe(4);
    expect(seconds({}, backward({ dataType: "tf32" }))).toBe(40);
  });

  test("takes longer by the shortness of its sequence, narrow heads more than wide ones", () => {
    const halved = { "attention.backward.shortSequenceTokens": 100 };
    const long = backward({ queries: 400 });
    expect(seconds(halved, { ...long, causal: true })).toBe(2 * (1 + 1 / 4));
    expect(seconds(halved, long)).toBe(2 * (1 + 1 / 16));
    expect(seconds(halved, { ...long, ...heads(64), causal: true })).toBe(2 * (1 + 1 / 2));
    expect(seconds(halved, { ...long, ...heads(256), causal: true })).toBe(2 * (1 + 1 / 8));
  });

  test("waits for arithmetic or for memory, whichever is longer, behind a floor", () => {
    const parameters = {
      "attention.floorSeconds": 1,
      "memory.streamingFraction": 0.5,
      "cache.bytesPerSecond": 20,
    };
    expect(seconds(parameters)).toBe(1 + 2);
    expect(seconds(parameters, backward(), 4000, traffic(5))).toBe(1 + 2);
    expect(seconds(parameters, backward(), 4000, traffic(50, 40))).toBe(1 + 10 + 2);
  });

  test("takes as long for heads that do not fill their tiles as for those that do", () => {
    const of = (width: number): number => seconds({}, backward(heads(width)), 100 * width);
    for (const width of [65, 80, 96, 112]) expect(of(width)).toBe(of(128));
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

  test("is felt less without a mask, whatever the keys", () => {
    expect(unevenShare(backward({ causal: true }))).toBe(1);
    expect(unevenShare(backward({ causal: true, keys: 1000 }))).toBe(1);
    expect(unevenShare(backward())).toBe(1 / 4);
  });
});

describe("a sliding window, backward", () => {
  const halved = { "attention.backward.shortSequenceTokens": 100 };

  test("makes long sequences as uneven as ones of twice its length", () => {
    const long = backward({ causal: true, queries: 4000 });
    // 1 + 100/4000 without it; 1 + 100/400 behind a window of 200
    expect(seconds(halved, long)).toBeCloseTo(2 * 1.025, 12);
    expect(seconds(halved, { ...long, window: 200 })).toBeCloseTo(2 * 1.25, 12);
    expect(seconds(halved, { ...long, window: 4000 })).toBeCloseTo(2 * 1.025, 12);
  });

  test("lets a block of keys see no more queries than the window and the block", () => {
    const work = backward({ queries: 1000, keys: 1000, ...heads(64), window: 300 });
    expect(blockFlops(work)).toBe(10 * 128 * (300 + 128) * 64);
    expect(blockFlops({ ...work, window: 5000 })).toBe(10 * 128 * 1000 * 64);
  });
});

describe("the longest block of keys", () => {
  test("is 128 keys at most, by five products as wide as its tiles", () => {
    expect(blockFlops(backward({ queries: 100, keys: 300, ...heads(64) }))).toBe(10 * 100 * 300 * 64);
    expect(blockFlops(backward({ queries: 1000, keys: 1000, ...heads(64) }))).toBe(10 * 128 * 1000 * 64);
    expect(blockFlops(backward({ queries: 10, keys: 20, ...heads(80) }))).toBe(10 * 10 * 20 * 128);
  });

  test("takes one processor's share of the rate, however little the others have to do", () => {
    const target = roundDevice({});
    const work = backward({ queries: 2, keys: 5 });
    const alone = (10 * 2 * 5 * 128 * target.hardware.computeUnits) / 2000;
    expect(kernelTiming(kernelOf(work, { flops: 1 }), NO_TRAFFIC, target).seconds).toBe(alone);
    expect(kernelTiming(kernelOf(work, { flops: 1e9 }), NO_TRAFFIC, target).seconds).toBe(1e9 / 2000);
  });
});
