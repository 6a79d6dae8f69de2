import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { layerOperators } from "../../src/engine/layer/layer.ts";
import { parameterCounts } from "../../src/engine/model/parameters.ts";
import { importModel } from "../../src/hugging-face/import-model.ts";
import type { Model } from "../../src/schema/model.ts";
import { CONFIGS } from "../hugging-face/configs.ts";
import { prefill, scenario } from "../support/scenarios.ts";

/**
 * What PyTorch's FlopCounterMode counted for one layer of each model (tools/count_flops.py, torch 2.11, transformers
 * 5.17): matrix products alone, attention written out. The counter of this version does not see grouped matmuls, so
 * that of models with experts the routed ones are missing.
 */
interface Counted {
  readonly name: string;
  readonly batch: number;
  readonly sequence: number;
  readonly flops: number;
  readonly parameters: number;
}

const counted = readFileSync("test/reference/pytorch-flops.jsonl", "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Counted);

function modelNamed(name: string): Model {
  const { imported, problems } = importModel(CONFIGS[name]!.config, { name, source: "a test" });
  if (problems !== undefined) throw new Error(problems.join("; "));
  return imported!.model;
}

function productFlops(model: Model, batch: number, sequence: number): number {
  const operators = layerOperators(
    scenario({
      model,
      workload: prefill(batch, sequence),
      kernels: { pointwise: "eager", attention: "materialized" },
    }),
  );
  return operators
    .flatMap(({ kernels }) => kernels)
    .reduce((sum, { work }) => {
      if (work.kind !== "matmul" || work.grouped) return sum;
      return sum + 2 * work.m * work.n * work.k * work.products;
    }, 0);
}

describe("PyTorch's own count", () => {
  it("is of configs that are imported, nearly thirty of them", () => {
    expect(Object.keys(CONFIGS)).toEqual(expect.arrayContaining(counted.map(({ name }) => name)));
    expect(counted.length).toBeGreaterThan(25);
  });

  it.each(counted)("of $name's matrix products is ours", ({ name, batch, sequence, flops }) => {
    expect(productFlops(modelNamed(name), batch, sequence)).toBe(flops);
  });

  it.each(counted)("of the parameters in a layer of $name is ours", ({ name, parameters }) => {
    const kinds = parameterCounts(modelNamed(name)).kinds;
    // a layer with experts was counted where a model has both
    const usual = kinds.reduce((most, kind) => (kind.total > most.total ? kind : most));
    const unknown = UNKNOWN_PARAMETERS[name] ?? 0;
    expect(usual.total + unknown).toBe(parameters);
  });
});

/** Of a layer, and not in a model file: attention sinks, one a query head, and the offsets of the router's scores. */
const UNKNOWN_PARAMETERS: Readonly<Record<string, number>> = {
  "gpt-oss-20b": 64,
  "gpt-oss-120b": 64,
};
