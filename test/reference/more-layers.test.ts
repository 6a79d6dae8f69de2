import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { accuracy } from "../../src/calibration/accuracy.ts";
import type { Measurement } from "../../src/schema/measurement.ts";
import { MeasurementSchema } from "../../src/schema/measurement.ts";
import { hardware } from "../support/scenarios.ts";

/** Layers with experts and layers shared by two GPUs; no parameter has been fitted to them. */
const rowsOf = (name: string): Measurement[] =>
  readFileSync(`measurements/${name}/more-layers.jsonl`, "utf8")
    .trim()
    .split("\n")
    .map((line) => MeasurementSchema.parse(JSON.parse(line)));

describe.each(["h100-sxm", "h200-sxm"])("layers on %s that no fit has seen", (name) => {
  const { layers, differences } = accuracy(rowsOf(name), hardware(name));
  const found = (group: string) => layers.filter((layer) => layer.name.includes(group));

  it("with experts are predicted within 7% in the median, 14% in nine of ten", () => {
    expect(found("with experts").map(({ rows }) => rows)).toEqual([18, 12]);
    for (const { medianError, percentile90Error } of found("with experts")) {
      expect(medianError).toBeLessThan(0.07);
      expect(percentile90Error).toBeLessThan(0.14);
    }
  });

  it("shared by two GPUs are predicted within 6% in the median, 11% in nine of ten", () => {
    expect(found("on 2 GPUs").map(({ rows }) => rows)).toEqual([18, 12]);
    for (const { medianError, percentile90Error } of found("on 2 GPUs")) {
      expect(medianError).toBeLessThan(0.06);
      expect(percentile90Error).toBeLessThan(0.11);
    }
  });

  it("have the predicted share of native norms within a point in the median", () => {
    const shares = differences.filter(({ name: of }) => /share of \w+norm\.native/.test(of));
    expect(shares.length).toBeGreaterThan(0);
    for (const { medianErrorPoints } of shares) expect(medianErrorPoints).toBeLessThan(1);
  });
});
