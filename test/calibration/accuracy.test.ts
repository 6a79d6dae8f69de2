import { describe, expect, test } from "vitest";
import { accuracy } from "../../src/calibration/accuracy.ts";
import { layerPredictions, measuredShare } from "../../src/calibration/measured-layers.ts";
import { device } from "../../src/engine/device/device.ts";
import type { MeasuredLayer, Measurement } from "../../src/schema/measurement.ts";
import { predictedSeconds } from "../support/measurements.ts";
import { layerRow } from "../support/rows.ts";
import { hardware } from "../support/scenarios.ts";

const h100 = hardware("h100-sxm");
const target = device(h100);

const layer = (changes: Partial<MeasuredLayer> = {}): MeasuredLayer =>
  layerRow({ seconds: { "layernorm.native": 1, "rmsnorm.native": 1, none: 1 }, ...changes });

/** The row as a device would measure it that is exactly as fast as the model says, or slower by a factor. */
function asPredicted(row: MeasuredLayer, factor = 1): MeasuredLayer {
  const seconds = Object.fromEntries(
    layerPredictions(row).map(({ name, predict }) => [name, factor * predict(target)]),
  );
  return { ...row, seconds };
}

describe("accuracy", () => {
  test("of measurements that equal the predictions is perfect", () => {
    const { layers, differences } = accuracy([asPredicted(layer())], h100);
    expect(layers).toHaveLength(1);
    expect(layers[0]).toMatchObject({ name: "decode, graph", fitted: false, rows: 2 });
    expect(layers[0]?.worstError).toBeCloseTo(0, 12);
    const saving = differences.find(({ name }) => name === "layernorm.native to rmsnorm.native");
    expect(saving?.medianErrorPoints).toBeCloseTo(0, 9);
    expect(saving?.rightSign).toBe(1);
  });

  test("says by how much and in which direction predictions miss", () => {
    const { layers } = accuracy([asPredicted(layer(), 2)], h100);
    expect(layers[0]?.medianError).toBeCloseTo(0.5, 12);
    expect(layers[0]?.bias).toBeCloseTo(-0.5, 12);
  });

  test("keeps layers that were fitted apart from those that were not", () => {
    const rows = [asPredicted(layer()), asPredicted(layer({ model: "bert-large" }), 2)];
    const { layers } = accuracy(rows, h100);
    expect(layers.map(({ fitted, medianError }) => [fitted, Math.round(10 * medianError)])).toEqual([
      [false, 0],
      [true, 5],
    ]);
  });

  test("compares kernels by class", () => {
    const row: Measurement = {
      kind: "norm",
      implementation: "rmsnorm.native",
      dtype: "bf16",
      rows: 64,
      hidden: 4096,
      layerSeconds: 1,
    };
    const measured = { ...row, layerSeconds: predictedSeconds(row, target) / 1.1 };
    const { kernels } = accuracy([measured], h100);
    expect(kernels.map(({ name }) => name)).toEqual(["norm native"]);
    expect(kernels[0]?.bias).toBeCloseTo(0.1, 9);
    expect(kernels[0]?.datasheetMedianError).toBeGreaterThan(0.5);
  });

  test("leaves out differences that the measurement itself cannot resolve", () => {
    const noisy = layer({
      seconds: { "layernorm.native": 1.01, "rmsnorm.native": 1, none: 0.98 },
      spread: { "layernorm.native": [0.9, 1.1], "rmsnorm.native": [0.9, 1.1], none: [0.9, 1.1] },
    });
    const saving = accuracy([noisy], h100).differences.find(({ name }) => name.includes(" to "));
    expect(saving).toMatchObject({ rows: 1, resolved: 0 });
  });
});

describe("a measured saving", () => {
  test("says nothing of layers in a type that no law multiplies", () => {
    const other = { ...asPredicted(layer()), dtype: "fp6" };
    expect(accuracy([other], h100)).toEqual({ kernels: [], layers: [], differences: [] });
  });

  test("is of layers in fp8 apart", () => {
    const { layers } = accuracy([{ ...asPredicted(layer()), dtype: "fp8" }], h100);
    expect(layers.map(({ name }) => name)).toEqual([expect.stringContaining("in fp8")]);
  });

  test("comes from paired differences where there are some", () => {
    const row = layer({
      seconds: { "layernorm.native": 100, "rmsnorm.native": 99, none: 90 },
      added: { "layernorm.native": 10, "rmsnorm.native": 5 },
      addedSpread: { "layernorm.native": [9, 11], "rmsnorm.native": [4, 6] },
    });
    const saved = measuredShare(row, "layernorm.native", "rmsnorm.native");
    expect(saved?.measured).toBeCloseTo(0.05, 12);
    expect(saved?.spread).toBeCloseTo(Math.SQRT2 / 100, 12);
  });

  test("comes from medians and quartiles otherwise", () => {
    const row = layer({
      seconds: { "layernorm.native": 100, "rmsnorm.native": 98, none: 90 },
      spread: { "layernorm.native": [99, 101], "rmsnorm.native": [98, 98] },
    });
    expect(measuredShare(row, "layernorm.native", "rmsnorm.native")).toEqual({
      measured: 0.02,
      spread: 0.01,
    });
  });

  test("is unknown without both measurements, and where Python's launches of Triton decide", () => {
    expect(measuredShare(layer(), "layernorm.eager", "rmsnorm.native")).toBeUndefined();
    const eager = layer({ runtime: "eager", seconds: { "rmsnorm.fused": 1, none: 1 } });
    expect(measuredShare(eager, "rmsnorm.fused", "none")).toBeUndefined();
  });
});
