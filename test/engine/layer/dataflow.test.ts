import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { firstBackwardKernel } from "../../../src/engine/layer/backward.ts";
import { dimensions } from "../../../src/engine/layer/dimensions.ts";
import type { Access, Kernel, Operator } from "../../../src/engine/layer/kernel.ts";
import { layerOperators } from "../../../src/engine/layer/layer.ts";
import { matmulTypes, normStyle, wideMatmulTypes } from "../../../src/engine/layer/layout.ts";
import { modelEnds } from "../../../src/engine/model/model-ends.ts";
import type { Scenario } from "../../../src/schema/scenario.ts";
import { expertScenario, latentScenario, narrowScenario, tinyScenario } from "../../support/layers.ts";
import { runs } from "../../support/length.ts";

/**
 * A layer's kernels hand tensors on: what one reads, another has written. The L2 is followed by these names, so a name
 * that leads nowhere is a hit that is missed.
 */

const LAYERS = {
  plain: tinyScenario,
  narrow: narrowScenario,
  experts: expertScenario,
  latent: latentScenario,
};
const RUNS = { numRuns: runs(300, 1500), seed: 11 };

/** What the layer before leaves: the stream, or the two halves of an add that this layer's norm takes along. */
const FROM_LAYER_BEFORE =
  /^(residual stream|residual stream after attention|ffn output|post-ffn-norm output|both branches)$/;
const FROM_LAYER_BEHIND = /^gradient of residual stream$/;
/** A number or two a row, which most norms keep without writing them down as a pass. */
const STATISTICS = / row:(mean|scale)$/;

/** Row statistics of a softmax over a vocabulary that is shared out. */
const OF_LOSS = / own (largest|sum|target) logit$/;

/** What else outlives a pass: the cache, the gradient of the stream, and the sum that a fused add leaves. */
const OUTLIVES = /^(gradient of residual stream|cached (keys|values|latent|turned key)|(attention|ffn) sum)$/;
const OF_PARAMETERS = /^(gradient of .* (weight|bias)|[\w-]+ (weight|bias):gradient)$/;

const TWICE = / (attention log-sum-exp|residual stream-recomputed|(attention|ffn) sum)$/;

/** A layer in training also as one that computes again what it has not kept. */
const recomputing = (given: Scenario): fc.Arbitrary<Scenario> =>
  fc
    .constantFrom("none", "selective", "full")
    .map((recomputation) =>
      given.workload.phase === "train" ? { ...given, training: { recomputation } } : given,
    ) as fc.Arbitrary<Scenario>;

const isThere = ({ bytes }: Access): boolean => bytes > 0;
const kernelsOf = (operators: readonly Operator[]): Kernel[] => operators.flatMap(({ kernels }) => kernels);

/** Reads of tensors that no kernel before has written. */
function orphans(kernels: readonly Kernel[], given: RegExp): string[] {
  const written = new Set<string>();
  return kernels.flatMap(({ name, reads, writes }) => {
    const missing = reads.filter(
      (read) =>
        isThere(read) &&
        !written.has(read.tensor) &&
        !given.test(read.tensor) &&
        !STATISTICS.test(read.tensor),
    );
    for (const { tensor } of writes) written.add(tensor);
    return missing.map(({ tensor }) => `${name} reads ${tensor}`);
  });
}

/** Writes of tensors that no kernel behind reads, before they are written over. */
function lost(kernels: readonly Kernel[]): string[] {
  return kernels.flatMap(({ name, writes }, index) =>
    writes
      .filter(({ tensor }) => {
        const behind = kernels.slice(index + 1);
        const read = behind.findIndex(({ reads }) => reads.some((one) => one.tensor === tensor));
        const over = behind.findIndex((kernel) => kernel.writes.some((one) => one.tensor === tensor));
        return (
          (read < 0 || (over >= 0 && over < read)) &&
          !(over < 0 && (OUTLIVES.test(tensor) || FROM_LAYER_BEFORE.test(tensor)))
        );
      })
      .filter(({ tensor }) => !OF_PARAMETERS.test(tensor) && !STATISTICS.test(tensor))
      .map(({ tensor }) => `${name} writes ${tensor}`),
  );
}

const passesOf = (given: Scenario): { forward: Kernel[]; backward: Kernel[] } => {
  const operators = layerOperators(given);
  const kernels = kernelsOf(operators);
  const first = firstBackwardKernel(operators);
  return { forward: kernels.slice(0, first), backward: kernels.slice(first) };
};

describe.each(Object.entries(LAYERS))("tensors of a layer, %s", (_, anyLayer) => {
  const layer = anyLayer.chain(recomputing);

  test("come from the layer before, or from a kernel before", () => {
    fc.assert(
      fc.property(layer, (given) => {
        const { forward, backward } = passesOf(given);
        expect(orphans(forward, FROM_LAYER_BEFORE)).toEqual([]);
        const kept = forward
          .flatMap(({ reads, writes }) => [...reads, ...writes])
          .map(({ tensor }) => tensor);
        const fromForward = orphans(backward, FROM_LAYER_BEHIND).filter(
          (orphan) => !kept.some((tensor) => orphan.endsWith(` reads ${tensor}`)),
        );
        expect(fromForward).toEqual([]);
      }),
      RUNS,
    );
  });

  test("are wanted by a kernel behind, or outlive the layer", () => {
    fc.assert(
      fc.property(layer, (given) => {
        const { forward, backward } = passesOf(given);
        // run again, the statistics of the first time and the output of the second are nobody's
        const twice = given.training?.recomputation === "full" ? TWICE : /^$/;
        expect(lost([...forward, ...backward]).filter((text) => !twice.test(text))).toEqual([]);
      }),
      RUNS,
    );
  });

  test("carry gradients from the layer behind to the layer before", () => {
    fc.assert(
      fc.property(layer, (given) => {
        const { backward } = passesOf(given);
        if (backward.length === 0) return;
        const stream = "gradient of residual stream";
        const touches = (list: "reads" | "writes") =>
          backward.flatMap((kernel, index) =>
            kernel[list].some(({ tensor }) => tensor === stream) ? [index] : [],
          );
        expect(touches("reads").length).toBeGreaterThan(0);
        expect(touches("writes").at(-1)).toBe(backward.length - 1);
      }),
      RUNS,
    );
  });
});

describe("tensors before the first layer and behind the last", () => {
  test("lead from token to loss and back", () => {
    fc.assert(
      fc.property(tinyScenario, fc.boolean(), fc.boolean(), (given, embeddingNorm, outputHead) => {
        const { workload, precision, parallelism, normalization } = given;
        const model = { ...given.model, embeddingNorm, outputHead };
        const d = dimensions(model, workload.batch, workload.sequence, precision, parallelism);
        const wide = wideMatmulTypes(precision);
        const style = normStyle(normalization, matmulTypes(precision), wide);
        const { embedding, finalNorm, head } = modelEnds(model, workload.phase, d, style, wide);
        const firstOf = firstBackwardKernel;
        const passes = (operators: readonly Operator[]) => [
          kernelsOf(operators).slice(0, firstOf(operators)),
          kernelsOf(operators).slice(firstOf(operators)),
        ];
        const [normForward, normBackward] = passes(finalNorm);
        const fromLayers = /^(residual stream|gradient of residual stream|token indices)$/;
        // without a head the loss is somewhere else
        const outside = head.length > 0 ? fromLayers : /residual stream$|^gradient of final-norm output$/;
        const missing = [
          ...orphans(kernelsOf(embedding), fromLayers),
          ...orphans([...normForward!, ...kernelsOf(head), ...normBackward!], outside),
        ];
        expect(missing.filter((orphan) => !OF_LOSS.test(orphan))).toEqual([]);
      }),
      RUNS,
    );
  });
});
