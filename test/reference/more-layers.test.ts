import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Hardware } from "../../src/schema/hardware.ts";
import { simulate } from "../../src/simulate.ts";
import { hardware, model, scenario } from "../support/scenarios.ts";

/** Layers with experts and layers shared by two GPUs; no parameter has been fitted to them. */
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

const rowsOf = (name: string): Row[] =>
  readFileSync(`measurements/${name}/more-layers.jsonl`, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Row);

type Kind = "rmsnorm" | "layernorm";

function predicted(device: Hardware, row: Row, kind: Kind): number {
  const { phase, batch, sequence, context, tensor, layers } = row;
  const { layer } = simulate(
    scenario({
      model: model(row.model),
      hardware: device,
      workload: { phase, batch, sequence, context },
      normalization: { kind, implementation: "native" },
      parallelism: { tensor, sequenceParallel: false },
    }),
  );
  // a graph of several layers starts once
  return layer.seconds - device.calibration!.launch.graphStartSeconds.value * (1 - 1 / layers);
}

function errors(name: string, tensor: number): number[] {
  const device = hardware(name);
  const error = (row: Row, kind: Kind): number =>
    Math.abs(predicted(device, row, kind) / row.seconds[`${kind}.native`]! - 1);
  return rowsOf(name)
    .filter((row) => row.tensor === tensor)
    .flatMap((row) => [error(row, "rmsnorm"), error(row, "layernorm")])
    .sort((a, b) => a - b);
}

const at = (sorted: readonly number[], share: number): number => sorted[Math.floor(share * sorted.length)]!;

describe.each(["h100-sxm", "h200-sxm"])("layers on %s that no fit has seen", (name) => {
  it("with experts are predicted within 5% in the median, 13% in nine of ten", () => {
    const found = errors(name, 1);
    expect(found).toHaveLength(20);
    expect(at(found, 0.5)).toBeLessThan(0.05);
    expect(at(found, 0.9)).toBeLessThan(0.13);
  });

  it("shared by two GPUs are predicted within 5% in the median, 10% in nine of ten", () => {
    const found = errors(name, 2);
    expect(found).toHaveLength(20);
    expect(at(found, 0.5)).toBeLessThan(0.05);
    expect(at(found, 0.9)).toBeLessThan(0.1);
  });
});
