import { readdirSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Kept, scaleHidden } from "../../src/ask/scale-hidden.ts";
import { ModelSchema } from "../../src/schema/model.ts";
import { model } from "../support/scenarios.ts";

const MODELS = readdirSync("models").map((file) => file.replace(/\.json$/, ""));

describe("another hidden size", () => {
  /** [model, hidden, heads, KV heads, FFN] */
  test.each([
    ["llama-3-70b", 4096, 32, 4, 14_336],
    ["llama-3-70b", 16_384, 128, 16, 57_344],
    ["llama-3-70b", 1024, 8, 1, 3584],
    ["llama-3-70b", 128, 1, 1, 512], // 448 is three and a half tiles of 128
    ["llama-3-70b", 1, 1, 1, 128],
    ["llama-3-70b", 8320, 65, 5, 29_184], // 65 heads: 5 and 13 divide them, 8.1 was wanted
    ["llama-3-8b", 8192, 64, 16, 28_672],
    ["gpt2-xl", 800, 13, 13, 3200], // 12.5 heads of 64
    ["bert-large", 2048, 32, 32, 8192],
    ["gemma-2-9b", 1792, 8, 4, 7168],
    ["qwen2.5-7b", 1792, 14, 2, 9472],
  ] as const)(
    "of %s: %d gives %d heads, %d KV heads and an FFN of %d",
    (name, hidden, heads, kvHeads, ffn) => {
      expect(scaleHidden(model(name), hidden, {}).model).toEqual({
        ...model(name),
        hidden,
        heads,
        kvHeads,
        ffn,
      });
    },
  );

  test.each(MODELS)(
    "that %s has already changes nothing but an FFN that is no whole number of tiles",
    (name) => {
      const given = model(name);
      const { model: same } = scaleHidden(given, given.hidden, {});
      // experts' widths are rounded as the FFN's is
      expect({ ...same, ffn: 0, experts: 0 }).toEqual({ ...given, ffn: 0, experts: 0 });
      expect(same.experts?.count).toBe(given.experts?.count);
      expect(Math.abs((same.experts?.ffn ?? 0) - (given.experts?.ffn ?? 0))).toBeLessThanOrEqual(64);
      expect(Math.abs(same.ffn - given.ffn)).toBeLessThanOrEqual(64);
    },
  );

  test.each(MODELS)("of twice %s's doubles its heads and its FFN and keeps its groups", (name) => {
    const given = model(name);
    const { model: twice } = scaleHidden(given, 2 * given.hidden, {});
    expect(twice.heads).toBe(2 * given.heads);
    expect(twice.heads / twice.kvHeads).toBe(given.heads / given.kvHeads);
    expect(Math.abs(twice.ffn - 2 * given.ffn)).toBeLessThanOrEqual(64);
  });

  test("keeps the group as nearly as any divisor of the heads does, the smaller of two as near", () => {
    const given = model("llama-3-70b");
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), (heads) => {
        const wanted = heads / 8;
        const divisors = Array.from({ length: heads }, (_, index) => index + 1).filter(
          (divisor) => heads % divisor === 0,
        );
        const nearest = Math.min(...divisors.map((divisor) => Math.abs(divisor - wanted)));
        expect(scaleHidden(given, given.hidden, { heads }).model.kvHeads).toBe(
          divisors.find((divisor) => Math.abs(divisor - wanted) === nearest),
        );
      }),
    );
  });

  test("divides a billion heads too", () => {
    const { model: scaled } = scaleHidden(model("llama-3-70b"), 8192, { heads: 1e9 });
    expect(scaled.kvHeads).toBe(125_000_000);
  });

  test("is always a valid model of that size, whatever is kept", () => {
    const kept: fc.Arbitrary<Kept> = fc.record(
      { heads: fc.integer({ min: 1, max: 256 }), ffn: fc.integer({ min: 1, max: 1e5 }) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...MODELS),
        fc.integer({ min: 1, max: 50_000 }),
        kept,
        (name, hidden, own) => {
          const { model: scaled } = scaleHidden(model(name), hidden, own);
          expect(ModelSchema.safeParse(scaled).error).toBeUndefined();
          expect(scaled.hidden).toBe(hidden);
          if (own.heads !== undefined) expect(scaled.heads).toBe(own.heads);
          if (own.ffn !== undefined) expect(scaled.ffn).toBe(own.ffn);
          else expect(scaled.ffn % 128).toBe(0);
        },
      ),
      { numRuns: 300, seed: 1 },
    );
  });

  test("never gives fewer heads or a smaller FFN to a larger model", () => {
    const size = fc.integer({ min: 1, max: 40_000 });
    fc.assert(
      fc.property(fc.constantFrom(...MODELS), size, size, (name, a, b) => {
        const [small, large] = [Math.min(a, b), Math.max(a, b)].map(
          (hidden) => scaleHidden(model(name), hidden, {}).model,
        );
        expect(small!.heads).toBeLessThanOrEqual(large!.heads);
        expect(small!.ffn).toBeLessThanOrEqual(large!.ffn);
      }),
    );
  });
});

describe("sizes that are named", () => {
  const llama = model("llama-3-70b");

  test.each<[Kept, object]>([
    [{ heads: 16 }, { heads: 16, kvHeads: 2, ffn: 14_336 }],
    [{ kvHeads: 2 }, { heads: 32, kvHeads: 2, ffn: 14_336 }],
    [{ ffn: 1000 }, { heads: 32, kvHeads: 4, ffn: 1000 }],
    [{ heads: 30 }, { heads: 30, kvHeads: 3 }], // 3.75 wanted: of 1, 2, 3, 5 the nearest
    [{ heads: 7 }, { heads: 7, kvHeads: 1 }],
    [{ heads: 12 }, { heads: 12, kvHeads: 1 }], // 1.5 wanted: of two as near the smaller
    [
      { heads: 16, kvHeads: 16, ffn: 7 },
      { heads: 16, kvHeads: 16, ffn: 7 },
    ],
  ])("%j stay, and the others follow", (kept, expected) => {
    expect(scaleHidden(llama, 4096, kept).model).toMatchObject(expected);
  });

  test("that are no sizes are passed on for the schema to refuse", () => {
    for (const heads of [0, 1.5, 1e7, -3])
      expect(scaleHidden(llama, 4096, { heads }).model.heads).toBe(heads);
  });
});

describe("the note", () => {
  const llama = model("llama-3-70b");

  test.each<[number, Kept, string]>([
    [
      4096,
      {},
      "hidden 4096: heads 32, KV heads 4, FFN 14336 (scaled with it; --heads, --kv-heads, --ffn set your own)",
    ],
    [
      4096,
      { heads: 32 },
      "hidden 4096: KV heads 4, FFN 14336 (scaled with it; --kv-heads, --ffn set your own)",
    ],
    [4096, { heads: 32, kvHeads: 8 }, "hidden 4096: FFN 14336 (scaled with it; --ffn set your own)"],
    [4096, { heads: 32, kvHeads: 8, ffn: 9 }, "hidden 4096: nothing else scaled"],
    [
      4000,
      {},
      "hidden 4000: heads 31, KV heads 1, FFN 13952 (scaled with it; --heads, --kv-heads, --ffn set your own); heads of 128 do not fill it, rounded to whole ones",
    ],
    [
      4000,
      { heads: 20 },
      "hidden 4000: KV heads 2, FFN 13952 (scaled with it; --kv-heads, --ffn set your own)",
    ],
  ])("of %d with %j named", (hidden, kept, note) => {
    expect(scaleHidden(llama, hidden, kept).note).toBe(note);
  });
});
