import { readdirSync } from "node:fs";
import fc from "fast-check";
import type { Scenario } from "../../src/schema/scenario.ts";
import { scenarioProblems } from "../../src/schema/scenario-rules.ts";
import {
  CACHE_TYPES,
  DATA_TYPES,
  MATMUL_TYPES,
  NORM_IMPLEMENTATIONS,
  NORM_KINDS,
} from "../../src/schema/vocabulary.ts";
import { hardware, model } from "./scenarios.ts";

const shippedNames = (folder: string): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.replace(/\.json$/, ""));

/** Shipped models on shipped devices, in all phases, precisions and splits that go together. */
export const shippedScenario: fc.Arbitrary<Scenario> = fc
  .record({
    model: fc.constantFrom(...shippedNames("models").map(model)),
    kind: fc.nat(3),
    hardware: fc.constantFrom(...shippedNames("hardware-profiles").map(hardware)),
    phase: fc.constantFrom("prefill", "decode", "train"),
    batch: fc.constantFrom(1, 2, 8, 32, 64, 256),
    tokens: fc.oneof(fc.constantFrom(128, 512, 2048, 8192), fc.integer({ min: 1, max: 9000 })),
    context: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40_000 })),
    weights: fc.constantFrom(...DATA_TYPES),
    activations: fc.oneof(fc.constant("bf16" as const), fc.constantFrom(...MATMUL_TYPES)),
    kvCache: fc.constantFrom(...CACHE_TYPES),
    norm: fc.constantFrom(...NORM_KINDS),
    implementation: fc.constantFrom(...NORM_IMPLEMENTATIONS),
    pointwise: fc.constantFrom("eager", "fused"),
    attention: fc.constantFrom("flash", "flash", "materialized"),
    quantization: fc.constantFrom("separate", "fused", undefined),
    runtime: fc.constantFrom("graph", "graph", "eager"),
    tensor: fc.constantFrom(1, 1, 2, 4, 8),
    sequenceParallel: fc.boolean(),
    expert: fc.constantFrom(1, 1, 4, 8),
    pipeline: fc.constantFrom(1, 1, 1, 4),
    optimizer: fc.constantFrom("adamw", "none"),
    gradientAccumulation: fc.constantFrom(1, 8),
    recomputation: fc.constantFrom("none", "selective", "full"),
  })
  .map((one) => {
    const { phase, batch, tokens, context, model: given } = one;
    const kinds = given.layerKinds ?? [];
    const precision =
      one.activations === "bf16"
        ? { weights: one.weights, activations: one.activations, kvCache: one.kvCache }
        : { weights: one.activations, activations: one.activations, kvCache: one.kvCache };
    return {
      model: given,
      hardware: one.hardware,
      workload:
        phase === "decode"
          ? { phase, batch, sequence: 1, context }
          : { phase, batch, sequence: tokens, context: phase === "train" ? 0 : context },
      precision,
      normalization: { kind: one.norm, implementation: one.implementation },
      kernels: {
        pointwise: one.pointwise,
        attention: one.attention,
        ...(one.quantization === undefined ? {} : { quantization: one.quantization }),
      },
      runtime: one.runtime,
      parallelism: {
        tensor: one.tensor,
        sequenceParallel: one.sequenceParallel,
        expert: given.experts === undefined ? 1 : one.expert,
        pipeline: one.pipeline,
      },
      training: {
        optimizer: one.optimizer,
        gradientAccumulation: one.gradientAccumulation,
        recomputation: one.recomputation,
      },
      ...(kinds.length === 0 ? {} : { layerKind: kinds[one.kind % kinds.length]!.name }),
    } as Scenario;
  })
  .filter((scenario) => scenarioProblems(scenario).length === 0);
