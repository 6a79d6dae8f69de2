import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { scaleHidden } from "../../../src/ask/scale-hidden.ts";
import { attendedTokens, attentionPairs, dimensions } from "../../../src/engine/layer/dimensions.ts";
import { modelOfKind } from "../../../src/engine/layer/layer-kinds.ts";
import { parameterCounts } from "../../../src/engine/model/parameters.ts";
import { type Model, ModelSchema } from "../../../src/schema/model.ts";
import { model } from "../../support/scenarios.ts";

const BASE = model("llama-3-8b");
const PRECISION = { weights: "bf16", activations: "bf16", kvCache: "bf16" } as const;
const ONE_GPU = { tensor: 1, sequenceParallel: false } as const;

describe("attention inside chunks", () => {
  const sizes = fc.record({
    chunk: fc.integer({ min: 1, max: 12 }),
    context: fc.integer({ min: 0, max: 40 }),
    tokens: fc.integer({ min: 1, max: 40 }),
  });
  const inChunk = (chunk: number, query: number, key: number): boolean =>
    key <= query && Math.floor(key / chunk) === Math.floor(query / chunk);
  const counted = (chunk: number, from: number, to: number): { pairs: number; keys: number } => {
    const seen = new Set<number>();
    let pairs = 0;
    for (let query = from; query < to; query++)
      for (let key = 0; key <= query; key++)
        if (inChunk(chunk, query, key)) {
          pairs += 1;
          seen.add(key);
        }
    return { pairs, keys: seen.size };
  };

  test("of new tokens has as many pairs and keys as counting them one by one", () => {
    fc.assert(
      fc.property(sizes, ({ chunk, context, tokens }) => {
        const d = dimensions(BASE, 1, tokens, PRECISION, ONE_GPU);
        const reach = { phase: "prefill", causal: true, context, window: chunk, chunked: true } as const;
        const { pairs, keys } = counted(chunk, context, context + tokens);
        expect(attentionPairs(reach, d)).toBe(pairs);
        expect(attendedTokens(reach, d)).toBe(keys);
      }),
    );
  });

  test("of a decoded token reaches back to where its chunk begins", () => {
    fc.assert(
      fc.property(sizes, ({ chunk, context }) => {
        const d = dimensions(BASE, 1, 1, PRECISION, ONE_GPU);
        const reach = { phase: "decode", causal: true, context, window: chunk, chunked: true } as const;
        const own = Math.max(1, context);
        const { pairs, keys } = counted(chunk, own - 1, own);
        expect(attentionPairs(reach, d)).toBe(pairs);
        expect(attendedTokens(reach, d)).toBe(keys);
      }),
    );
  });
});

describe("layers with sizes of their own", () => {
  const whole: Model = {
    ...BASE,
    layers: 5,
    slidingWindow: 1024,
    layerKinds: [
      { name: "window", layers: 3 },
      { name: "full", layers: 2, attention: "full", positions: "none", kvHeads: 2, headDim: 256, ffn: 4096 },
    ],
  };
  const alone = (changes: Partial<Model>): number => {
    const { layerKinds: _, ...rest } = whole;
    return parameterCounts({ ...rest, layers: 1, ...changes }).kinds[0]!.total;
  };

  test("are valid, and are what a model of them alone would be", () => {
    expect(ModelSchema.safeParse(whole).success).toBe(true);
    const full = modelOfKind(whole, "full");
    expect(full).toMatchObject({ positions: "none", kvHeads: 2, headDim: 256, ffn: 4096, heads: BASE.heads });
    expect(full.slidingWindow).toBeUndefined();
  });

  test("have as many parameters as a model of them alone", () => {
    const [window, full] = parameterCounts(whole).kinds;
    expect(window!.total).toBe(alone({}));
    expect(full!.total).toBe(alone({ kvHeads: 2, headDim: 256, ffn: 4096 }));
  });

  test("are scaled with the model", () => {
    const { model: half } = scaleHidden(whole, whole.hidden / 2, {});
    expect(half.layerKinds![1]).toMatchObject({ kvHeads: 1, headDim: 256, ffn: 2048 });
  });

  test("have heads that key heads share out evenly", () => {
    const kinds = [whole.layerKinds![0], { ...whole.layerKinds![1], kvHeads: 3 }];
    const { error } = ModelSchema.safeParse({ ...whole, layerKinds: kinds });
    expect(error!.issues.map(({ message }) => message)).toEqual(["expected a divisor of heads (32), got 3"]);
  });
});
