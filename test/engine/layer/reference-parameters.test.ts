import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { heldParameters } from "../../../src/engine/model/memory.ts";
import { parameterCounts } from "../../../src/engine/model/parameters.ts";
import type { LayerKind, Model } from "../../../src/schema/model.ts";
import type { Scenario } from "../../../src/schema/scenario.ts";
import { scenarioProblems } from "../../../src/schema/scenario-rules.ts";
import { expertScenario, latentScenario, tinyScenario } from "../../support/layers.ts";
import { countedHeld, countedParameters } from "../../support/reference-parameters.ts";
import { kindsOf, SHIPPED, shrunken } from "../../support/shipped.ts";

const alike = (model: Model): [LayerKind, Model][] => [[{ name: "layer", layers: model.layers }, model]];

/** What a model may have around its layers, and GPUs to share it out over. */
const around = fc.record({
  layers: fc.integer({ min: 1, max: 7 }),
  vocabulary: fc.integer({ min: 1, max: 9 }),
  positionRows: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  embeddingNorm: fc.boolean(),
  tiedEmbeddings: fc.boolean(),
  outputHead: fc.option(fc.boolean(), { nil: undefined }),
});

const given = fc
  .tuple(fc.oneof(tinyScenario, expertScenario, latentScenario), around, fc.constantFrom(1, 1, 2, 3))
  .map(([any, { positionRows, outputHead, ...rest }, pipeline]): Scenario => {
    const model = {
      ...any.model,
      ...rest,
      ...(positionRows === undefined ? {} : { positionRows }),
      ...(outputHead === undefined ? {} : { outputHead }),
    };
    return { ...any, model, parallelism: { ...any.parallelism, pipeline } };
  })
  .filter((any) => scenarioProblems(any).length === 0);

describe("parameters of any small model", () => {
  test("are those of its matrices, element by element", () => {
    fc.assert(
      fc.property(given, ({ model }) => {
        const { total, active } = parameterCounts(model);
        expect({ total, active }).toEqual(countedParameters(model, alike(model)));
      }),
      { numRuns: 400, seed: 21 },
    );
  });

  test("on the GPU that holds most of them are those that were dealt out to it", () => {
    fc.assert(
      fc.property(given, ({ model, parallelism }) => {
        const { projections, others } = heldParameters(model, parallelism);
        const counted = countedHeld(model, parallelism);
        expect(projections).toBeCloseTo(counted.projections, 6);
        expect(others).toBeCloseTo(counted.others, 6);
      }),
      { numRuns: 400, seed: 22 },
    );
  });
});

describe.each(SHIPPED)("%s, shrunken", (name) => {
  test("has the parameters of its matrices, element by element", () => {
    const model = shrunken(name);
    const kinds = kindsOf(model).map(
      ([kind, alone]) =>
        [model.layerKinds?.find((one) => one.name === kind) ?? alike(model)[0]![0], alone] as const,
    );
    const { total, active } = parameterCounts(model);
    expect({ total, active }).toEqual(countedParameters(model, kinds));
  });
});
