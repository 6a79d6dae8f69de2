import { describe, expect, test } from "vitest";
import { sumOf } from "../../src/engine/layer/kernel.ts";
import { layerResult } from "../../src/engine/layer-result.ts";
import type { Scenario } from "../../src/schema/scenario.ts";
import { measurements, median } from "../support/measurements.ts";
import { hardware, model, prefill, scenario } from "../support/scenarios.ts";

interface Counted {
  readonly title: string;
  readonly counted: number;
  readonly given: Scenario;
}

/** Cold-cache DRAM reads of norms, and the layer whose first norm is the one that was counted. */
function counted(file: string, profile: string): Counted[] {
  const llama = model("llama-3-70b");
  return measurements(file).flatMap((row) => {
    if (row.kind !== "norm-counters" || row.cache !== "cold") return [];
    const [kind, implementation] = row.implementation.split(".") as [
      "layernorm" | "rmsnorm",
      "eager" | "native" | "fused" | "residual-fused",
    ];
    return [
      {
        title: `${row.implementation}, ${row.rows} x ${row.hidden}`,
        counted: sumOf(row.kernels, (kernel) => kernel.readBytes),
        given: scenario({
          hardware: hardware(profile),
          model: { ...llama, hidden: row.hidden },
          workload: prefill(1, row.rows),
          normalization: { kind, implementation },
        }),
      },
    ];
  });
}

const predicted = (given: Scenario): number => layerResult(given).operators[0]!.hbmReadBytes;

describe("DRAM reads of a norm, counted on H200 from a cold cache", () => {
  test.each(counted("h200-sxm/counters-normalization.jsonl", "h200-sxm"))(
    "$title: within 5%",
    ({ counted: bytes, given }) => {
      expect(Math.abs(predicted(given) / bytes - 1)).toBeLessThan(0.05);
    },
  );

  test("are there for 8 implementations at 4 sizes", () => {
    expect(counted("h200-sxm/counters-normalization.jsonl", "h200-sxm")).toHaveLength(32);
  });
});

describe.each(["h100-sxm", "h200-sxm"])("DRAM reads over 9 widths and 8 row counts on %s", (profile) => {
  // below 1 MB a kernel's code and constants, fetched cold, weigh as much as its rows
  const rows = counted(`${profile}/counters.jsonl`, profile).filter((row) => row.counted > 1e6);
  const errors = rows.map(({ counted: bytes, given }) => Math.abs(predicted(given) / bytes - 1));

  test("are right within 1% in the median and 25% at worst, where half a wave of rows is in flight", () => {
    expect(rows.length).toBeGreaterThan(120);
    expect(median(errors)).toBeLessThan(0.01);
    expect(Math.max(...errors)).toBeLessThan(0.25);
  });
});
