import fc from "fast-check";
import type { Model } from "../../src/schema/model.ts";
import type { Scenario } from "../../src/schema/scenario.ts";
import { DATA_TYPES, NORM_IMPLEMENTATIONS, NORM_KINDS } from "../../src/schema/vocabulary.ts";
import { decode, hardware, prefill, train } from "./scenarios.ts";

/** Layers so small that every element can be walked, yet with everything a layer may have. */

const DEVICE = hardware("mi300x");
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

const shape = fc.record({
  gated: fc.boolean(),
  activation: fc.constantFrom("silu", "gelu", "relu"),
  bias: fc.constantFrom("none", "qkv", "all"),
  positions: fc.constantFrom("rope", "rope", "learned", "none"),
  norm: fc.constantFrom(...NORM_KINDS),
  normPlacement: fc.constantFrom("pre", "post", "sandwich", "parallel"),
  qkNorm: fc.boolean(),
  causal: fc.boolean(),
});

function modelOf(given: Sizes, words: object): Model {
  const { ranks, kvHeads, group, headHalf, turnedHalf, hidden, ffn } = given;
  // each rank holds whole heads, and as many key heads or one copy
  const heads = (kvHeads * group) % ranks === 0 ? kvHeads * group : kvHeads * group * ranks;
  const headDim = 2 * headHalf;
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
    ...words,
  } as Model;
}

const layerIn = (workload: fc.Arbitrary<Workload>): fc.Arbitrary<Scenario> =>
  fc
    .record({
      sizes,
      shape,
      workload,
      precision: fc.record({
        weights: fc.constantFrom(...DATA_TYPES),
        activations: fc.constantFrom(...DATA_TYPES),
        kvCache: fc.constantFrom(...DATA_TYPES),
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
