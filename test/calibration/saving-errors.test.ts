import { describe, expect, test } from "vitest";
import { layerPredictions } from "../../src/calibration/measured-layers.ts";
import { savingErrors } from "../../src/calibration/saving-errors.ts";
import { device } from "../../src/engine/device/device.ts";
import type { MeasuredLayer } from "../../src/schema/measurement.ts";
import { calibrated, layerRow } from "../support/rows.ts";

const target = device(calibrated("h100-sxm"));

/** A layer whose norms are measured as predicted, but for those that take `later` of the layer's time more. */
function measured(later: Readonly<Record<string, number>>, spread = 0): MeasuredLayer {
  const given = layerRow({ seconds: Object.fromEntries(Object.keys(later).map((name) => [name, 1])) });
  const seconds = Object.fromEntries(
    layerPredictions(given).map(({ name, predict }) => [name, predict(target) * (1 + later[name]!)]),
  );
  const around = (value: number): [number, number] => [value - spread * value, value + spread * value];
  return {
    ...given,
    seconds,
    spread: Object.fromEntries(Object.entries(seconds).map(([name, value]) => [name, around(value)])),
  };
}

const four = (later: readonly number[], spread?: number): MeasuredLayer[] =>
  later.map((one) => measured({ "layernorm.native": 0, "rmsnorm.native": one }, spread));

describe("the error of savings", () => {
  test("is the median over pairs of layers that differ in the norm alone", () => {
    expect(savingErrors(four([0.1, -0.1, 0.2, 0.3, 0.4]), target)).toEqual([
      { between: ["native", "native"], pairs: 5, errorShareOfTime: expect.closeTo(0.2, 2) as number },
    ]);
  });

  test("is apart by the kernels on either side, of either kind of norm", () => {
    const rows = Array.from({ length: 4 }, () =>
      measured({
        "layernorm.native": 0,
        "rmsnorm.native": 0.1,
        "rmsnorm.fused": 0.3,
        "layernorm.fused": 0.3,
      }),
    );
    expect(savingErrors(rows, target).map(({ between, pairs }) => [between.join(), pairs])).toEqual([
      ["fused,fused", 4],
      ["fused,native", 16],
      ["native,native", 4],
    ]);
  });

  test("counts no pair that the measurement itself cannot tell apart", () => {
    expect(
      savingErrors([...four([0.1, 0.1, 0.1, 0.1]), ...four([0.2, 0.2, 0.2], 0.9)], target),
    ).toMatchObject([{ pairs: 4, errorShareOfTime: expect.closeTo(0.1, 2) as number }]);
  });

  test("is none of fewer than four pairs, and of no layers", () => {
    expect(savingErrors(four([0.1, 0.1, 0.1]), target)).toEqual([]);
    expect(savingErrors([], target)).toEqual([]);
  });
});
