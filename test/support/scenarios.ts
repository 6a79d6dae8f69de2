import { readFileSync } from "node:fs";
import fc from "fast-check";
import { type Hardware, HardwareSchema } from "../../src/schema/hardware.ts";
import { type Model, ModelSchema } from "../../src/schema/model.ts";
import type { Scenario } from "../../src/schema/scenario.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS } from "../../src/schema/vocabulary.ts";

const read = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8"));

export const model = (name: string): Model => ModelSchema.parse(read(`models/${name}.json`));
export const hardware = (name: string): Hardware =>
  HardwareSchema.parse(read(`hardware-profiles/${name}.json`));

/** The default scenario, prefill of 4096 tokens through one Llama-3-70B layer on H100, with changes. */
export function scenario(changes: Partial<Scenario> = {}): Scenario {
  return {
    model: model("llama-3-70b"),
    hardware: hardware("h100-sxm"),
    workload: { phase: "prefill", batch: 1, sequence: 4096, context: 0 },
    precision: { weights: "bf16", activations: "bf16", kvCache: "bf16" },
    normalization: { kind: "layernorm", implementation: "native" },
    kernels: { pointwise: "eager", attention: "flash" },
    runtime: "graph",
    parallelism: { tensor: 1, sequenceParallel: false },
    ...changes,
  };
}

export const decode = (batch: number, context: number): Scenario["workload"] => ({
  phase: "decode",
  batch,
  sequence: 1,
  context,
});

export const prefill = (batch: number, sequence: number, context = 0): Scenario["workload"] => ({
  phase: "prefill",
  batch,
  sequence,
  context,
});

export const train = (batch: number, sequence: number): Scenario["workload"] => ({
  phase: "train",
  batch,
  sequence,
  context: 0,
});

const anyModel: fc.Arbitrary<Model> = fc
  .record({
    kvHeads: fc.integer({ min: 1, max: 8 }),
    group: fc.integer({ min: 1, max: 8 }),
    headDim: fc.constantFrom(32, 64, 80, 96, 128, 256),
    hidden: fc.integer({ min: 1, max: 128 }),
    ffn: fc.integer({ min: 1, max: 400 }),
    gated: fc.boolean(),
    activation: fc.constantFrom("silu", "gelu", "relu"),
    bias: fc.constantFrom("none", "qkv", "all"),
    positions: fc.constantFrom("rope", "learned", "none"),
    normPlacement: fc.constantFrom("pre", "post", "sandwich", "parallel"),
    qkNorm: fc.boolean(),
    causal: fc.boolean(),
  })
  .map(({ kvHeads, group, hidden, ffn, ...rest }) => ({
    ...rest,
    name: "random",
    source: "test",
    layers: 4,
    hidden: 64 * hidden,
    heads: kvHeads * group,
    kvHeads,
    ffn: 64 * ffn,
    norm: "rmsnorm" as const,
    vocabulary: 1000,
  })) as fc.Arbitrary<Model>;

const anyWorkload: fc.Arbitrary<Scenario["workload"]> = fc.oneof(
  fc
    .record({ batch: fc.integer({ min: 1, max: 300 }), context: fc.integer({ min: 0, max: 20_000 }) })
    .map(({ batch, context }) => decode(batch, context)),
  fc
    .record({
      batch: fc.integer({ min: 1, max: 16 }),
      sequence: fc.integer({ min: 1, max: 4096 }),
      context: fc.integer({ min: 0, max: 4096 }),
    })
    .map(({ batch, sequence, context }) => prefill(batch, sequence, context)),
  fc
    .record({ batch: fc.integer({ min: 1, max: 16 }), sequence: fc.integer({ min: 1, max: 4096 }) })
    .map(({ batch, sequence }) => train(batch, sequence)),
);

/** A profile as a user's own without a calibration is. */
export function datasheet(name: string): Hardware {
  const { calibration: _, crossValidation: __, validation: ___, ...rest } = hardware(name);
  return rest;
}

const DEVICES = ["h100-sxm", "h200-sxm", "a100-sxm-80gb", "mi300x", "l4"].map(hardware);

/** Any layer that the simulator accepts. */
export const anyScenario: fc.Arbitrary<Scenario> = fc.record({
  model: anyModel,
  hardware: fc.constantFrom(...DEVICES),
  workload: anyWorkload,
  precision: fc.constantFrom("bf16", "fp16", "fp32").map((type) => ({
    weights: type,
    activations: type,
    kvCache: type,
  })) as fc.Arbitrary<Scenario["precision"]>,
  normalization: fc.record({
    kind: fc.constantFrom(...NORM_KINDS),
    implementation: fc.constantFrom(...NORM_IMPLEMENTATIONS),
  }),
  kernels: fc.record({
    pointwise: fc.constantFrom("eager", "fused"),
    attention: fc.constantFrom("flash", "materialized"),
  }) as fc.Arbitrary<Scenario["kernels"]>,
  runtime: fc.constantFrom("graph", "eager"),
  parallelism: fc.constant({ tensor: 1, sequenceParallel: false }),
});
