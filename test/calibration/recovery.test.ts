import { describe, expect, test } from "vitest";
import { calibrate, observe } from "../../src/calibration/calibrate.ts";
import { boundsOf, FIT_STAGES, isFitted } from "../../src/calibration/fit-stages.ts";
import { calibrationValues, device } from "../../src/engine/device/device.ts";
import { validate as checkProfile } from "../../src/io/validate.ts";
import type { Measurement } from "../../src/schema/measurement.ts";
import { parametersOf, replaceParameters, valueAt } from "../../src/schema/parameters.ts";
import { formatPercent, plural } from "../../src/units.ts";
import { calibrated, layerRow, row } from "../support/rows.ts";
import { FOUND, measuredOn, STAGES } from "../support/synthetic.ts";

const H100 = calibrated("h100-sxm");
const MEASURED = () => ({ origin: "measured", source: "synthetic" }) as const;
const stageNamed = (name: string) => FIT_STAGES.find((stage) => stage.name === name)!;

/** A device whose parameters of one stage are up to a fifth off, some up, some down, as far as they may be. */
function otherDevice(stage: string) {
  const { parameters } = stageNamed(stage);
  const calibration = replaceParameters(H100.calibration, (path, parameter) => {
    const index = parameters.indexOf(path);
    if (index < 0) return parameter;
    const [least, most] = boundsOf(path);
    const value = parameter.value * (index % 2 === 0 ? 1.2 : 0.85);
    return { ...parameter, value: Math.min(0.99 * most, Math.max(1.01 * least, value)) };
  });
  return { ...H100, calibration };
}

const worstError = (rows: readonly Measurement[], profile: typeof H100): number => {
  const target = device(profile);
  return Math.max(
    ...rows.flatMap(observe).map(({ value, predict }) => Math.abs(predict(target) / value - 1)),
  );
};

describe.each(STAGES)("fitting %s", (name) => {
  const stage = stageNamed(name);
  const truth = otherDevice(name);
  const rows = measuredOn(device(truth), name);
  const fit = calibrate(rows, H100, MEASURED);
  const values = (profile: typeof H100) => calibrationValues(profile.calibration);

  test("uses every row, and that stage alone", () => {
    expect(fit.stages.map((one) => one.name)).toEqual([name]);
    expect(fit.stages[0]?.rows).toBe(rows.flatMap(observe).length);
  });

  test("predicts what the device was made to take, much better than before", () => {
    const before = worstError(rows, H100);
    const after = worstError(rows, fit.profile);
    expect(before).toBeGreaterThan(0.015);
    expect(after).toBeLessThan(0.03);
    expect(after).toBeLessThan(before / 2);
    expect(fit.stages[0]?.medianError).toBeLessThan(0.01);
    expect(fit.stages[0]?.percentile90Error).toBeGreaterThanOrEqual(fit.stages[0]!.medianError);
  });

  test.runIf(FOUND[name])("finds the parameters again that the rows determine", () => {
    for (const path of FOUND[name]!) {
      const [found, true_] = [fit.profile, truth].map((profile) => valueAt(values(profile), path));
      expect(Math.abs(found! / true_! - 1)).toBeLessThan(0.05);
    }
  });

  test("marks what it fitted as measured, with its rows and its error, and leaves all else as it was", () => {
    const before = new Map(parametersOf(H100.calibration));
    const [{ rows: used, medianError }] = fit.stages as [(typeof fit.stages)[number]];
    const source = `synthetic (${name}: ${plural(used, "row")}, median error ${formatPercent(medianError)})`;
    for (const [path, parameter] of parametersOf(fit.profile.calibration)) {
      const isKnown = stage.parameters.includes(path) && !fit.undetermined.includes(path);
      if (isKnown)
        expect(parameter).toEqual({
          value: Number(parameter.value.toPrecision(4)),
          origin: "measured",
          source,
        });
      else expect(parameter).toEqual(before.get(path));
    }
    for (const path of fit.undetermined) expect(stage.parameters).toContain(path);
  });

  test("stays inside what each parameter may be", () => {
    for (const path of stage.parameters) {
      const [least, most] = boundsOf(path);
      const value = valueAt(values(fit.profile), path);
      expect(value).toBeGreaterThanOrEqual(least * (1 - 1e-3));
      expect(value).toBeLessThanOrEqual(most * (1 + 1e-3));
    }
  });
});

describe("a fit of measurements with", () => {
  const truth = otherDevice("matmul forward");
  const clean = measuredOn(device(truth), "matmul forward");

  test("outliers stays near the others", () => {
    const wild = measuredOn(device(truth), "matmul forward", (index) => (index % 8 === 3 ? 3 : 1));
    const fit = calibrate(wild, H100, MEASURED);
    const target = device(fit.profile);
    const errors = clean.flatMap(observe).map(({ value, predict }) => Math.abs(predict(target) / value - 1));
    errors.sort((a, b) => a - b);
    expect(errors[Math.floor(errors.length / 2)]).toBeLessThan(0.03);
    // and says that some rows do not fit
    expect(fit.stages[0]?.percentile90Error).toBeGreaterThan(0.5);
    expect(fit.stages[0]?.medianError).toBeLessThan(0.03);
  });

  test("noise of two percent predicts within it", () => {
    const noisy = measuredOn(device(truth), "matmul forward", (index) => 1 + 0.02 * Math.cos(7 * index));
    const fit = calibrate(noisy, H100, MEASURED);
    expect(worstError(clean, fit.profile)).toBeLessThan(0.04);
  });
});

describe("a fit of", () => {
  const name = "attention decode";
  const rows = measuredOn(device(otherDevice(name)), name);

  test("rows in another order gives the same parameters", () => {
    const forward = calibrate(rows, H100, MEASURED).profile.calibration;
    const backward = calibrate([...rows].reverse(), H100, MEASURED).profile.calibration;
    for (const [path, { value }] of parametersOf(forward))
      expect(valueAt(calibrationValues(backward), path) / value).toBeCloseTo(1, 2);
  });

  test("the same rows gives the same numbers to the last digit", () => {
    expect(calibrate(rows, H100, MEASURED)).toEqual(calibrate(rows, H100, MEASURED));
  });

  test("parameters that start at zero, or outside of what they may be, ends with a valid profile", () => {
    const calibration = replaceParameters(H100.calibration, (path, parameter) =>
      path === "attention.decodeFloorSeconds"
        ? { ...parameter, value: 0 }
        : path === "memory.kvCacheFraction"
          ? { ...parameter, value: 1.5 }
          : parameter,
    );
    const { profile } = calibrate(rows, { ...H100, calibration }, MEASURED);
    expect(checkProfile("hardware", profile).problems).toBeUndefined();
    expect(profile.calibration.memory.kvCacheFraction.value).toBeLessThanOrEqual(0.98);
  });

  test("fewer rows than parameters is none", () => {
    const few = rows.slice(0, stageNamed(name).parameters.length - 1);
    expect(calibrate(few, H100, MEASURED)).toEqual({ profile: H100, stages: [], undetermined: [] });
  });
});

describe("what the rows do not see", () => {
  test("keeps the base's value and is named", () => {
    // attention at one head dimension says nothing about the others
    const truth = otherDevice("attention forward");
    const rows = measuredOn(device(truth), "attention forward").filter(
      (one) => one.kind === "attention" && one.headDim === 128,
    );
    const more = [300, 600, 900, 1300, 2000, 3000, 5000, 7000].map((queries) =>
      row("attention", { queries, keys: queries, heads: 32, kvHeads: 8, headDim: 128 }),
    );
    const all = [
      ...rows,
      ...more.map((one) => ({ ...one, warmSeconds: observeSeconds(one, device(truth)) }) as Measurement),
    ];
    const { undetermined, profile } = calibrate(all, H100, MEASURED);
    expect(undetermined).toEqual(
      expect.arrayContaining(["attention.fractionHeadDim64", "attention.fractionHeadDim256"]),
    );
    expect(profile.calibration.attention.fractionHeadDim64).toEqual(
      H100.calibration.attention.fractionHeadDim64,
    );
    expect(undetermined).not.toContain("attention.fractionHeadDim128");
  });

  test("has the others fitted beside the value that it keeps", () => {
    // almost all floor: rows that take five times shorter to walk are not told from it
    const path = "quantization.rowSecondsPerColumn";
    const calibration = replaceParameters(H100.calibration, (at, parameter) =>
      at === path ? { ...parameter, value: parameter.value / 5 } : parameter,
    );
    const rows = [1, 128].map((columns) => {
      const one = row("quantize", { rows: 1, columns });
      return { ...one, warmSeconds: observeSeconds(one, device({ ...H100, calibration })) } as Measurement;
    });
    const { undetermined, profile } = calibrate(rows, H100, MEASURED);
    expect(undetermined).toEqual([path]);
    // one row is as much too long as the other is too short
    const ratios = rows.flatMap(observe).map(({ value, predict }) => predict(device(profile)) / value);
    expect(Math.abs(ratios[0]! - 1)).toBeGreaterThan(1e-4);
    expect(ratios[0]! * ratios[1]!).toBeCloseTo(1, 2);
  });

  const observeSeconds = (one: Measurement, target: ReturnType<typeof device>): number =>
    observe({ ...one, warmSeconds: 1 } as Measurement)[0]!.predict(target);
});

describe("which rows a stage takes", () => {
  /** [row, the stages that fit it] */
  test.each<[string, Measurement, string[]]>([
    ["an add", row("pointwise", { implementation: "add" }), ["streaming"]],
    ["a copy", row("copy"), ["streaming"]],
    ["a fill", row("fill"), []],
    ["a read", row("read"), []],
    ["a SiLU", row("pointwise", { implementation: "silu" }), ["pointwise"]],
    [
      "a chunked SiLU of many rows",
      row("pointwise", { implementation: "silu-chunk", rows: 9 }),
      ["pointwise"],
    ],
    ["a chunked product of one row", row("pointwise", { implementation: "mul-chunk" }), ["streaming"]],
    ["an fp32 add", row("pointwise", { implementation: "add", dtype: "fp32" }), []],
    ["a matmul", row("gemm"), ["matmul forward"]],
    ["a weight gradient", row("gemm", { role: "gradWeight" }), ["matmul gradients"]],
    ["an input gradient", row("gemm", { role: "gradInput" }), ["matmul gradients"]],
    ["an fp16 matmul", row("gemm", { dtype: "fp16" }), ["matmul forward"]],
    ["an fp32 matmul", row("gemm", { dtype: "fp32" }), []],
    ["a one-shot all-reduce", row("collective", { implementation: "one-shot" }), ["collectives, one-shot"]],
    ["attention of a prompt", row("attention", { queries: 9, keys: 9 }), ["attention forward"]],
    [
      "its gradient",
      row("attention", { queries: 9, keys: 9, direction: "backward" }),
      ["attention backward"],
    ],
    ["attention of one query", row("attention", { keys: 9 }), ["attention decode"]],
    ["a softmax", row("softmax"), ["softmax"]],
    ["native LayerNorm", row("norm", { implementation: "layernorm.native" }), ["norm native"]],
    ["fused RMSNorm", row("norm", { implementation: "rmsnorm.fused" }), ["norm fused"]],
    ["residual-fused RMSNorm", row("norm", { implementation: "rmsnorm.residual-fused" }), ["norm fused"]],
    ["eager RMSNorm", row("norm", { implementation: "rmsnorm.eager" }), ["norm eager"]],
    ["native backward", row("norm-backward", { implementation: "rmsnorm.native" }), ["norm backward"]],
    ["eager backward", row("norm-backward", { implementation: "rmsnorm.eager" }), []],
    [
      "cold counters of a native norm",
      row("norm-counters", { implementation: "rmsnorm.native" }),
      ["norm native, rereads"],
    ],
    ["warm counters", row("norm-counters", { implementation: "rmsnorm.native", cache: "warm" }), []],
    ["counters of a fused norm", row("norm-counters", { implementation: "rmsnorm.fused" }), []],
    ["a BERT layer alone in a graph", layerRow({ model: "bert-large", layers: 1 }), ["graph start"]],
    ["BERT layers in a graph", layerRow({ model: "bert-large", layers: 4 }), ["graph launch"]],
    ["an eager BERT layer", layerRow({ model: "bert-large", runtime: "eager" }), ["eager host"]],
    ["any other layer", layerRow(), []],
  ])("%s", (_, given, stages) => {
    expect(FIT_STAGES.filter((stage) => stage.rows(given)).map(({ name }) => name)).toEqual(stages);
  });

  test("layers of one model only, so that the others can tell how good the fit is", () => {
    expect(isFitted(layerRow({ model: "bert-large" }))).toBe(true);
    expect(isFitted(layerRow({ model: "llama-3-8b" }))).toBe(false);
  });

  test("have synthetic rows here", () => {
    expect(STAGES).toEqual(FIT_STAGES.map(({ name }) => name));
  });
});
