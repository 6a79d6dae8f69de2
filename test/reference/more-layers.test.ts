import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { simulate } from "../../src/simulate.ts";
import { hardware, model, scenario } from "../support/scenarios.ts";

/** Layers with experts and layers shared by two GPUs, measured on H100; no parameter has been fitted to them. */
interface Row {
  readonly model: string;
  readonly phase: "prefill" | "decode";
  readonly batch: number;
  readonly sequence: number;
  readonly context: number;
  readonly tensor: number;
  readonly layers: number;
  readonly seconds: Readonly<Record<string, number>>;
}

const rows = readFileSync("measurements/h100-sxm/more-layers.jsonl", "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Row);

const h100 = hardware("h100-sxm");

function predicted(
  { phase, batch, sequence, context, tensor, layers, ...row }: Row,
  kind: "rmsnorm" | "layernorm",
) {
  const { layer } = simulate(
    scenario({
      model: model(row.model),
      hardware: h100,
      workload: { phase, batch, sequence, context },
      normalization: { kind, implementation: "native" },
      parallelism: { tensor, sequenceParallel: false },
    }),
  );
  // a graph of several layers starts once
  return layer.seconds - h100.calibration!.launch.graphStartSeconds.value * (1 - 1 / layers);
}

const errors = (chosen: readonly Row[]): number[] =>
  chosen
    .flatMap((row) =>
      (["rmsnorm", "layernorm"] as const).map((kind) =>
        Math.abs(predicted(row, kind) / row.seconds[`${kind}.native`]! - 1),
      ),
    )
    .sort((a, b) => a - b);

const at = (sorted: readonly number[], share: number): number => sorted[Math.floor(share * sorted.length)]!;

describe("layers that no fit has seen", () => {
  it("with experts are predicted within 5% in the median, 13% in nine of ten", () => {
    const found = errors(rows.filter((row) => row.tensor === 1));
    expect(found).toHaveLength(20);
    expect(at(found, 0.5)).toBeLessThan(0.05);
    expect(at(found, 0.9)).toBeLessThan(0.13);
  });

  it("shared by two GPUs are predicted within 4% in the median, 10% in nine of ten", () => {
    const found = errors(rows.filter((row) => row.tensor === 2));
    expect(found).toHaveLength(20);
    expect(at(found, 0.5)).toBeLessThan(0.04);
    expect(at(found, 0.9)).toBeLessThan(0.1);
  });
});
