import fc from "fast-check";
import type { Model } from "../../src/schema/model.ts";
import type { Scenario } from "../../src/schema/scenario.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS, WIDE_TYPES } from "../../src/schema/vocabulary.ts";
import { datasheet, decode, prefill, train } from "./scenarios.ts";

/** Layers so small that every element can be walked, yet with everything a layer may have. */

const DEVICE = datasheet("mi300x");
const small = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });

type Workload = Scenario["workload"];

const WORKLOADS: Record<Workload["phase"], fc.Arbitrary<Workload>> = {
  decode: fc.tuple(small(1, 4), small(0, 5)).map(([batch, context]) => decode(batch, context)),
  prefill: fc
    .tuple(small(1, 3), small(1, 4), fc.oneof(fc.constant(0), small(1, 4)))
    .map(([batch, sequence, context]) => prefill(batch, sequence, context)),
  train: fc.tuple(small(1, 3), small(1, 4)).map(([batch, sequence]) => train(batch, sequence)),
};

interface Sizes {
  readonly ranks: number;
  readonly kvHeads: number;
  readonly group: number;
  readonly headHalf: number;
  readonly turnedHalf: number | undefined;
  readonly hidden: number;
  readonly ffn: number;
}

const sizes: fc.Arbitrary<Sizes> = fc.record({
  ranks: fc.constantFrom(1, 1, 1, 2, 4),
  kvHeads: fc.constantFrom(1, 2, 4),
  group: small(1, 3),
  headHalf: small(1, 3),
  turnedHalf: fc.option(small(1, 3), { nil: undefined }),
  hidden: small(1, 9),
  ffn: small(1, 7),
});

export const PLACEMENTS = ["pre", "post", "branch", "sandwich", "parallel", "parallel-shared"] as const;

const shape = fc.record({
  gated: fc.boolean(),
  activation: fc.constantFrom("silu", "gelu", "relu"),
  bias: fc.constantFrom("none", "qkv", "attention", "all"),
  positions: fc.constantFrom("rope", "rope", "learned", "alibi", "none"),
  norm: fc.constantFrom(...NORM_KINDS),
  normPlacement: fc.constantFrom(...PLACEMENTS),
  qkNorm: fc.boolean(),
  qkNormSpan: fc.constantFrom("head", "projection"),
  causal: fc.boolean(),
  slidingWindow: fc.option(small(1, 6), { nil: undefined }),
});

const latent = fc.record({
  queryRank: fc.option(small(1, 4), { nil: undefined }),
  keyValueRank: small(1, 5),
  nopeDim: small(1, 4),
  ropeDim: fc.constantFrom(2, 4),
});

const experts = fc
  .record({
    count: fc.constantFrom(2, 4, 6),
    perToken: small(1, 2),
    ffn: small(1, 5),
    sharedFfn: fc.option(small(1, 4), { nil: undefined }),
    sharedGate: fc.boolean(),
  })
  .map(({ sharedGate, ...rest }) => ({ ...rest, sharedGate: sharedGate && rest.sharedFfn !== undefined }));

function modelOf(given: Sizes, words: object): Model {
  const { ranks, kvHeads, group, headHalf, turnedHalf, hidden, ffn } = given;
  // each rank holds whole heads, and as many key heads or one copy
  const heads = (kvHeads * group) % ranks === 0 ? kvHeads * group : kvHeads * group * ranks;
  const headDim = 2 * headHalf;
  const { slidingWindow, ...others } = words as { slidingWindow?: number; causal: boolean };
  return {
    name: "tiny",
    source: "test",
    layers: 2,
    hidden,
    heads,
    kvHeads,
    headDim,
    ...(turnedHalf === undefined ? {} : { rotaryDim: Math.min(headDim, 2 * turnedHalf) }),
    ffn: ffn * ranks,
    vocabulary: 10,
    ...others,
    // a window looks back: nothing else has one
    ...(slidingWindow === undefined || !others.causal ? {} : { slidingWindow }),
  } as Model;
}

const layerIn = (workload: fc.Arbitrary<Workload>): fc.Arbitrary<Scenario> =>
  fc
    .record({
      sizes,
      shape,
      workload,
      precision: fc.record({
        weights: fc.constantFrom(...WIDE_TYPES),
        activations: fc.constantFrom(...WIDE_TYPES),
        kvCache: fc.constantFrom(...WIDE_TYPES),
      }),
      normalization: fc.record({
        kind: fc.constantFrom(...NORM_KINDS),
        implementation: fc.constantFrom(...NORM_IMPLEMENTATIONS),
      }),
      pointwise: fc.constantFrom<Scenario["kernels"]["pointwise"]>("eager", "fused"),
      attention: fc.constantFrom<Scenario["kernels"]["attention"]>("flash", "materialized"),
      sequenceParallel: fc.boolean(),
    })
    .map(({ sizes: given, shape: words, pointwise, attention, sequenceParallel, ...rest }) => {
      const divides = (rest.workload.batch * rest.workload.sequence) % given.ranks === 0;
      return {
        ...rest,
        model: modelOf(given, words),
        hardware: DEVICE,
        kernels: { pointwise, attention },
        runtime: "graph",
        parallelism: { tensor: given.ranks, sequenceParallel: sequenceParallel && divides },
      };
    });

/** Any layer of a few elements that the simulator accepts, with one of the named norms. */
export const tinyScenario: fc.Arbitrary<Scenario> = layerIn(fc.oneof(...Object.values(WORKLOADS)));

export const tinyScenarioIn = (phase: Workload["phase"]): fc.Arbitrary<Scenario> => layerIn(WORKLOADS[phase]);

/** The same in forward passes, with projections in types that are quantized, or weights in types that are unpacked. */
export const narrowScenario: fc.Arbitrary<Scenario> = fc
  .tuple(
    layerIn(fc.oneof(WORKLOADS.decode, WORKLOADS.prefill)),
    fc.constantFrom(
      { activations: "fp8", weights: "fp8" },
      { activations: "int8", weights: "int4" },
      { activations: "bf16", weights: "fp8" },
      { activations: "fp16", weights: "int8" },
    ),
    fc.constantFrom("bf16", "fp8", "int8"),
    fc.constantFrom("separate", "fused", undefined),
  )
  .map(([given, types, kvCache, quantization]) => ({
    ...given,
    precision: { ...types, kvCache } as Scenario["precision"],
    kernels: { ...given.kernels, quantization } as Scenario["kernels"],
  }));

/** Layers with experts in place of the feed-forward block, shared out over GPUs or not. */
export const expertScenario: fc.Arbitrary<Scenario> = fc
  .tuple(fc.oneof(tinyScenario, narrowScenario), experts, fc.constantFrom(1, 2))
  .map(([given, mixture, expert]) => {
    const { tensor } = given.parallelism;
    const scaled = {
      ...mixture,
      ffn: mixture.ffn * tensor,
      ...(mixture.sharedFfn === undefined ? {} : { sharedFfn: mixture.sharedFfn * tensor }),
    };
    return {
      ...given,
      model: { ...given.model, experts: scaled },
      parallelism: { ...given.parallelism, expert },
    };
  });

/** Layers with latent attention, with experts or without. */
export const latentScenario: fc.Arbitrary<Scenario> = fc
  .tuple(fc.oneof(tinyScenario, narrowScenario, expertScenario), latent)
  .map(([given, latentAttention]) => {
    const { rotaryDim: _, ...model } = given.model;
    return {
      ...given,
      model: { ...model, kvHeads: model.heads, qkNorm: false, latentAttention },
    };
  });
