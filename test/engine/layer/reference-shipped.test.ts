import { describe, expect, test } from "vitest";
import type { Scenario } from "../../../src/schema/scenario.ts";
import { scenarioProblems } from "../../../src/schema/scenario-rules.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS, PHASES } from "../../../src/schema/vocabulary.ts";
import { compareKind } from "../../support/compare-layer.ts";
import { decode, prefill, scenario, train } from "../../support/scenarios.ts";
import { kindsOf, SHIPPED, shrunken } from "../../support/shipped.ts";

/** Every shipped architecture against the walking counter: all phases, norms and implementations of each. */

const WORKLOADS: Record<(typeof PHASES)[number], readonly Scenario["workload"][]> = {
  prefill: [prefill(1, 4), prefill(2, 2, 5)],
  decode: [decode(2, 5)],
  train: [train(2, 4)],
};

/** Read once: what is not of the layer itself. */
const BASE = scenario();

const KERNELS = (["eager", "fused"] as const).flatMap((pointwise) =>
  (["flash", "materialized"] as const).map((attention) => ({ pointwise, attention })),
);

const PARALLEL = [
  { tensor: 1, sequenceParallel: false },
  { tensor: 2, sequenceParallel: false },
  { tensor: 2, sequenceParallel: true },
];

describe.each(SHIPPED)("%s, shrunken", (name) => {
  const small = shrunken(name);

  test.each(PHASES)("in %s is counted alike with every norm", (phase) => {
    let index = 0;
    for (const [layerKind, ofKind] of kindsOf(small))
      for (const kind of NORM_KINDS)
        for (const implementation of NORM_IMPLEMENTATIONS)
          for (const workload of WORKLOADS[phase]) {
            // one after the other, so that every norm meets several of them
            const kernels = KERNELS[index % KERNELS.length]!;
            const parallelism = PARALLEL[index % PARALLEL.length]!;
            const given: Scenario = {
              ...BASE,
              model: small,
              workload,
              kernels,
              parallelism,
              normalization: { kind, implementation },
              ...(layerKind === undefined ? {} : { layerKind }),
            };
            expect(scenarioProblems(given)).toEqual([]);
            compareKind(given, { ...given, model: ofKind });
            index += 1;
          }
  });
});
