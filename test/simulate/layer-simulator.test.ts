import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { layerBuilder, layerOperators } from "../../src/layer/layer.ts";
import type { Scenario } from "../../src/schema/scenario.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS } from "../../src/schema/vocabulary.ts";
import { allFigures, layerResult, layerSimulator } from "../../src/simulate/layer-result.ts";
import { hardware, model, scenario } from "../support/scenarios.ts";

const MODELS = ["llama-3-70b", "bert-large", "gemma-2-9b", "qwen3-8b"].map(model);
const DEVICES = ["h100-sxm", "h200-sxm", "b200"].map(hardware);
const PRECISIONS = (["bf16", "fp16"] as const).map((type) => ({
  weights: type,
  activations: type,
  kvCache: type,
}));

/** Sweeps move one axis at a time and share the rest by identity; these walks do the same, in any order. */
const step = fc.oneof(
  fc.record({ model: fc.constantFrom(...MODELS) }),
  fc.record({ hardware: fc.constantFrom(...DEVICES) }),
  fc.record({ precision: fc.constantFrom(...PRECISIONS) }),
  fc.record({
    workload: fc
      .record({
        phase: fc.constantFrom("prefill", "decode", "train"),
        batch: fc.integer({ min: 1, max: 64 }),
        sequence: fc.integer({ min: 1, max: 5000 }),
        context: fc.integer({ min: 0, max: 5000 }),
      })
      .map((w) =>
        w.phase === "decode" ? { ...w, sequence: 1 } : w.phase === "train" ? { ...w, context: 0 } : w,
      ),
  }),
  fc.record({
    normalization: fc.record({
      kind: fc.constantFrom(...NORM_KINDS),
      implementation: fc.constantFrom(...NORM_IMPLEMENTATIONS),
    }),
  }),
  fc.record({
    kernels: fc.record({
      pointwise: fc.constantFrom("eager", "fused"),
      attention: fc.constantFrom("flash", "materialized"),
    }),
  }),
  fc.record({ runtime: fc.constantFrom("graph", "eager") }),
  fc.record({
    parallelism: fc.constantFrom(
      { tensor: 1, sequenceParallel: false },
      { tensor: 2, sequenceParallel: false },
      { tensor: 2, sequenceParallel: true, pipeline: 4 },
    ),
  }),
  fc.record({
    model: fc.constantFrom(...["mixtral-8x7b", "deepseek-v2-lite", "gemma-2-9b", "olmo-2-7b"].map(model)),
  }),
  fc.record({ layerKind: fc.constantFrom("window", "full", "dense", undefined) }),
  fc.record({
    precision: fc.constantFrom(
      { weights: "bf16", activations: "bf16", kvCache: "bf16" },
      { weights: "int4", activations: "bf16", kvCache: "fp8" },
      { weights: "fp8", activations: "fp8", kvCache: "bf16" },
    ),
  }),
  fc.record({ training: fc.constantFrom(undefined, { recomputation: "full" }, { gradientAccumulation: 4 }) }),
) as fc.Arbitrary<Partial<Scenario>>;

const along = (steps: readonly Partial<Scenario>[]): Scenario[] => {
  let now = scenario();
  return steps.map((change) => {
    now = { ...now, ...change };
    return now;
  });
};

/** Somewhere else each time. */
const wide = fc.array(step, { minLength: 1, maxLength: 12 }).map(along);

/** Steps of one axis alone: a batch or a context more, another device and back. */
const small = fc.oneof(
  fc.record({ hardware: fc.constantFrom(...DEVICES) }),
  fc
    .record({ batch: fc.constantFrom(1, 2, 64), context: fc.constantFrom(1, 300, 4096) })
    .map(({ batch, context }) => ({ workload: { phase: "decode" as const, batch, sequence: 1, context } })),
  fc.record({
    normalization: fc.record({
      kind: fc.constantFrom(...NORM_KINDS),
      implementation: fc.constantFrom("native", "eager", "residual-fused"),
    }),
  }),
) as fc.Arbitrary<Partial<Scenario>>;

/** Back and forth between a few places, as the axes of a grid come round. */
const narrow = fc
  .tuple(
    step,
    fc.array(small, { minLength: 2, maxLength: 5 }),
    fc.array(fc.nat({ max: 4 }), { minLength: 6, maxLength: 16 }),
  )
  .map(([first, places, order]) => along([first, ...order.map((at) => places[at % places.length]!)]));

const walk = fc.oneof(wide, narrow);

describe("a simulator that remembers the last layer", () => {
  test("finds bit for bit what one without memory finds, wherever a sweep goes", () => {
    fc.assert(
      fc.property(walk, (scenarios) => {
        const simulate = layerSimulator();
        for (const one of scenarios) expect(allFigures(simulate(one))).toStrictEqual(layerResult(one));
      }),
      { numRuns: 300 },
    );
  });

  test("finds the same whichever figures of the layers before were read", () => {
    fc.assert(
      fc.property(walk, fc.array(fc.boolean(), { minLength: 17, maxLength: 17 }), (scenarios, read) => {
        const simulate = layerSimulator();
        const last = scenarios.map((one, index) => {
          const figures = simulate(one);
          if (read[index]) figures.operators();
          return figures;
        })[scenarios.length - 1]!;
        expect(allFigures(last)).toStrictEqual(layerResult(scenarios[scenarios.length - 1]!));
      }),
      { numRuns: 50 },
    );
  });
});

describe("a layer builder", () => {
  test("builds only attention again when only the context moves", () => {
    const build = layerBuilder();
    const base = scenario({ workload: { phase: "decode", batch: 4, sequence: 1, context: 100 } });
    const before = build(base);
    const after = build({ ...base, workload: { ...base.workload, context: 101 } });
    const changed = after.filter((operator, index) => operator !== before[index]).map(({ name }) => name);
    expect(changed).toEqual(["attention"]);
  });

  test("builds nothing again when only the hardware or the runtime moves", () => {
    const build = layerBuilder();
    const base = scenario();
    expect(build({ ...base, hardware: hardware("h200-sxm"), runtime: "eager" })).toBe(build(base));
  });

  test("hands out the operators of the scenario it was asked for last", () => {
    const build = layerBuilder();
    const one = scenario();
    const other = { ...one, model: model("bert-large") };
    build(one);
    expect(build(other)).toStrictEqual(layerOperators(other));
    expect(build(one)).toStrictEqual(layerOperators(one));
  });
});
