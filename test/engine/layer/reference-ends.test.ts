import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dimensions } from "../../../src/engine/layer/dimensions.ts";
import { readBytes, writeBytes } from "../../../src/engine/layer/kernel.ts";
import { matmulTypes, normStyle, wideMatmulTypes } from "../../../src/engine/layer/layout.ts";
import { modelEnds, optimizerStep } from "../../../src/engine/model/model-ends.ts";
import type { Scenario } from "../../../src/schema/scenario.ts";
import { counted, roundedOperators } from "../../support/compare-layer.ts";
import { narrowScenario, tinyScenario } from "../../support/layers.ts";
import { countedEnds, countedOptimizer } from "../../support/reference-ends.ts";

const around = fc.record({
  vocabulary: fc.integer({ min: 1, max: 12 }),
  embeddingNorm: fc.boolean(),
  outputHead: fc.boolean(),
});

const any = fc
  .tuple(fc.oneof(tinyScenario, tinyScenario, narrowScenario), around)
  .map(([given, ends]): Scenario => ({ ...given, model: { ...given.model, ...ends } }));

const endsOf = ({ model, workload, precision, parallelism, normalization }: Scenario) => {
  const d = dimensions(model, workload.batch, workload.sequence, precision, parallelism);
  const wide = wideMatmulTypes(precision);
  return modelEnds(model, workload.phase, d, normStyle(normalization, matmulTypes(precision), wide), wide);
};

describe("embedding, final norm, output head and loss", () => {
  test("have the operators, FLOPs and bytes that walking every element counts", () => {
    fc.assert(
      fc.property(any, (given) => {
        const [found, walked] = [endsOf(given), countedEnds(given)];
        for (const part of ["embedding", "finalNorm", "head"] as const)
          expect(counted(found[part])).toEqual(roundedOperators(walked[part]));
      }),
      { numRuns: 600, seed: 31 },
    );
  });
});

describe("an optimizer step", () => {
  test("reads and writes what walking every parameter counts", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.constantFrom(2, 4), (parameters, bytes) => {
        const [kernel] = optimizerStep(parameters, bytes, "adamw")[0]!.kernels;
        const { flops } = kernel!;
        expect({ flops, readBytes: readBytes(kernel!), writeBytes: writeBytes(kernel!) }).toEqual(
          countedOptimizer(parameters, bytes),
        );
      }),
    );
  });
});
