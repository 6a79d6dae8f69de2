import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { layerOperators } from "../../../src/engine/layer/layer.ts";
import { savedBytes } from "../../../src/engine/model/memory.ts";
import { memory } from "../../../src/engine/model/whole-model.ts";
import type { Scenario } from "../../../src/schema/scenario.ts";
import type { NormImplementation } from "../../../src/schema/vocabulary.ts";
import { expertScenario, latentScenario, tinyScenario, tinyScenarioIn } from "../../support/layers.ts";
import { shapeOf } from "../../support/reference-layer.ts";
import { countedSaved } from "../../support/reference-saved.ts";
import { model, scenario, train } from "../../support/scenarios.ts";

const trained = (any: fc.Arbitrary<Scenario>): fc.Arbitrary<Scenario> =>
  any.filter(({ workload }) => workload.phase === "train");

describe("what a layer keeps for its backward pass", () => {
  test.each([
    ["dense layers", tinyScenarioIn("train"), 600],
    ["experts", trained(expertScenario), 400],
    ["latent attention", trained(latentScenario), 400],
  ] as const)("of %s is what autograd would keep", (_, layers, runs) => {
    const given = fc
      .tuple(layers, fc.constantFrom("none" as const, "none" as const, "selective" as const, "full" as const))
      .map(([any, recomputation]): Scenario => ({ ...any, training: { recomputation } }));
    fc.assert(
      fc.property(given, (any) => {
        expect(savedBytes(layerOperators(any))).toBeCloseTo(countedSaved(any), 6);
      }),
      { numRuns: runs, seed: 7 },
    );
  });
});

describe("memory of a stage", () => {
  const pipelined = fc
    .tuple(
      fc.oneof(tinyScenario, expertScenario, latentScenario),
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 5 }),
    )
    .map(
      ([any, layers, stages, gradientAccumulation]): Scenario => ({
        ...any,
        model: { ...any.model, layers },
        parallelism: { ...any.parallelism, pipeline: Math.min(layers, stages) },
        training: { gradientAccumulation },
      }),
    );

  /** Layers of the first stage when they are dealt out one after the other. */
  const ofFirstStage = ({ model: { layers }, parallelism: { pipeline = 1 } }: Scenario): number =>
    Array.from({ length: layers }, (_, index) => index % pipeline).filter((stage) => stage === 0).length;

  test("holds what its layers keep for every batch that is under way", () => {
    const training = pipelined.filter(({ workload }) => workload.phase === "train");
    fc.assert(
      fc.property(training, (given) => {
        const { pipeline = 1 } = given.parallelism;
        const again: Scenario = { ...given, training: { ...given.training, recomputation: "full" } };
        // a batch's forward pass goes through the first stage before the batches of the later stages return
        let underWay = 0;
        for (let batch = 0; batch < (given.training?.gradientAccumulation ?? 1); batch++)
          if (batch < pipeline) underWay += 1;
        const kept = (one: Scenario): number => {
          let bytes = 0;
          for (let layer = 0; layer < ofFirstStage(one); layer++)
            for (let batch = 0; batch < underWay; batch++) bytes += countedSaved(one);
          return bytes;
        };
        // the largest kernel's room is the same with and without recomputation
        expect(
          memory(given, layerOperators).activationBytes - memory(again, layerOperators).activationBytes,
        ).toBeCloseTo(kept(given) - kept(again), 6);
      }),
      { numRuns: 150, seed: 8 },
    );
  });

  test("caches the tokens that the next step may look back to", () => {
    const serving = pipelined.filter(({ workload }) => workload.phase !== "train");
    fc.assert(
      fc.property(serving, (given) => {
        const { model: any, workload } = given;
        const s = shapeOf(given);
        const latent = any.latentAttention;
        let elements = 0;
        const last =
          workload.phase === "decode" ? Math.max(1, workload.context) : workload.context + workload.sequence;
        for (let layer = 0; layer < ofFirstStage(given); layer++)
          for (let sequence = 0; sequence < workload.batch; sequence++)
            for (let token = 0; token < last; token++) {
              if (last - token > s.window) continue;
              if (latent !== undefined) elements += latent.keyValueRank + latent.ropeDim;
              else for (let head = 0; head < s.kvHeads; head++) elements += s.headDim + s.headDim;
            }
        expect(memory(given, layerOperators).kvCacheBytes).toBeCloseTo(elements * s.cache, 6);
      }),
      { numRuns: 300, seed: 9 },
    );
  });
});

describe("what one Llama-3-8B layer keeps of 512 tokens", () => {
  const stream = 2 * 512 * 4096;
  const saved = (
    implementation: NormImplementation,
    kind: "layernorm" | "rmsnorm",
    { training, parallelism }: Partial<Scenario> = {},
  ): number => {
    const given = scenario({ model: model("llama-3-8b"), workload: train(1, 512) });
    return savedBytes(
      layerOperators({
        ...given,
        normalization: { kind, implementation },
        ...(training === undefined ? {} : { training }),
        ...(parallelism === undefined ? {} : { parallelism }),
      }),
    );
  };
  const full = { recomputation: "full" } as const;

  test("is its input alone where all is computed again, on every rank or its share", () => {
    expect(saved("native", "layernorm", { training: full })).toBe(stream);
    const split = (sequenceParallel: boolean) => ({
      training: full,
      parallelism: { tensor: 8, sequenceParallel },
    });
    expect(saved("native", "rmsnorm", split(false))).toBe(stream);
    expect(saved("native", "rmsnorm", split(true))).toBe(stream / 8);
  });

  test("is one fp32 tensor a norm more for LayerNorm op by op, whose difference from the mean is taken twice", () => {
    expect(saved("eager", "layernorm") - saved("eager", "rmsnorm")).toBe(2 * 2 * stream);
    // in one kernel the mean of each row
    expect(saved("native", "layernorm") - saved("native", "rmsnorm")).toBe(2 * 4 * 512);
  });

  test("is one tensor a norm less where the weight is folded into the matmul behind it", () => {
    expect(saved("fused", "rmsnorm") - saved("folded", "rmsnorm")).toBe(2 * stream);
  });

  test("of what no rank shares falls by the size of the group, and exchanges keep nothing", () => {
    const group = (tensor: number) =>
      saved("fused", "rmsnorm", { parallelism: { tensor, sequenceParallel: false } });
    const parted = group(1) - group(2);
    // both norms' inputs and outputs, and a number a row each, stay whole
    expect(group(1) - 2 * parted).toBe(4 * stream + 2 * 4 * 512);
    expect(group(8)).toBe(group(1) - (7 / 4) * parted);
  });
});
