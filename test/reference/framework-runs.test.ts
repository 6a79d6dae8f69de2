import { describe, expect, test } from "vitest";
import { layerResult } from "../../src/engine/layer-result.ts";
import type { MeasuredKind } from "../../src/schema/measurement.ts";
import type { Model } from "../../src/schema/model.ts";
import { resolveScenario } from "../../src/schema/resolve.ts";
import { ScenarioFileSchema } from "../../src/schema/scenario.ts";
import { StackSchema } from "../../src/schema/stack.ts";
import { underFile } from "../../src/schema/stack-choices.ts";
import { measurements } from "../support/measurements.ts";
import { hardware, model } from "../support/scenarios.ts";
import { readJson } from "../support/stacks.ts";

type Run = MeasuredKind<"framework-run">;

const RUNS = measurements("h200-sxm/framework-runs.jsonl").filter(
  (row): row is Run => row.kind === "framework-run",
);

/** What of a run its model and stack do not tell: GPT-2 has one projection for three, and gave logits of all tokens. */
const OF_MODEL: Readonly<Record<string, object>> = {
  "gpt2-xl": { logits: "all", projections: "merged" },
};

/** The first layers of a model; of several kinds in turn as many of each. */
function firstLayers(name: string, layers: number): Model {
  const whole = model(name);
  const { layerKinds: kinds } = whole;
  if (kinds === undefined) return { ...whole, layers };
  return { ...whole, layers, layerKinds: kinds.map((kind) => ({ ...kind, layers: layers / kinds.length })) };
}

function predicted(run: Run) {
  const stack = StackSchema.parse(
    readJson(`stacks/${run.mode === "eager" ? "transformers" : "transformers-compiled"}.json`),
  );
  // torch multiplies fp32 matrices in tf32 where it is told to: these runs did not
  // the fp32 run multiplied its matrices in tf32
  const type = run.dtype === "fp32" ? "tf32" : run.dtype;
  const file = ScenarioFileSchema.parse(
    underFile(
      {
        model: "named below",
        hardware: "named below",
        workload: { phase: run.phase, batch: run.batch, sequence: run.sequence, context: run.context },
        precision: { weights: type, activations: type, kvCache: type },
        kernels: OF_MODEL[run.model] ?? {},
        runtime: "graph",
      } as object,
      stack,
    ),
  );
  const { scenario } = resolveScenario(file, firstLayers(run.model, run.layers), hardware("h200-sxm"));
  return layerResult(scenario!).wholeModel;
}

const COMPARED = RUNS.map((run) => {
  const { kernelSeconds, normalization } = predicted(run);
  const measuredShare =
    run.normForwardSeconds === undefined
      ? undefined
      : (run.normForwardSeconds + (run.normBackwardSeconds ?? 0)) / run.kernelSeconds;
  const shape =
    run.phase === "decode" ? `${run.batch}, context ${run.context}` : `${run.batch} x ${run.sequence}`;
  return {
    name: `${run.model} ${run.phase} ${shape} ${run.mode} ${run.dtype}`,
    ratio: kernelSeconds / run.kernelSeconds,
    share: normalization.shareOfTime!,
    measuredShare,
  };
});

const quantile = (values: readonly number[], at: number): number =>
  [...values].sort((a, b) => a - b)[Math.ceil(at * values.length) - 1]!;

/** Steps of transformers on one H200, as a profiler and hooks around every norm have them. */
describe("a step of a framework", () => {
  test.each(COMPARED)("$name takes $ratio of the measured kernel time", ({ name, ratio }) => {
    expect(Math.abs(ratio - 1), name).toBeLessThan(0.15);
  });

  test("is predicted to 6% in the median and 15% at the 90th percentile", () => {
    const errors = COMPARED.map(({ ratio }) => Math.abs(ratio - 1));
    expect(quantile(errors, 0.5)).toBeLessThan(0.06);
    expect(quantile(errors, 0.9)).toBeLessThan(0.15);
  });

  test("has its share of normalization within 1.0 points in the median and 2.5 at the 90th percentile", () => {
    const points = COMPARED.flatMap(({ share, measuredShare }) =>
      measuredShare === undefined ? [] : [100 * Math.abs(share - measuredShare)],
    );
    expect(points.length).toBe(13);
    expect(quantile(points, 0.5)).toBeLessThan(1.0);
    expect(quantile(points, 0.9)).toBeLessThan(2.5);
  });
});
