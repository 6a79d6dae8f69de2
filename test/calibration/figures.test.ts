import { describe, expect, test } from "vitest";
import { accuracy, medianShareErrorPoints } from "../../src/calibration/accuracy.ts";
import { observe } from "../../src/calibration/calibrate.ts";
import { crossValidate } from "../../src/calibration/cross-validate.ts";
import { heldOutErrors } from "../../src/calibration/held-out-errors.ts";
import { layerPredictions, predictedShare } from "../../src/calibration/measured-layers.ts";
import { device } from "../../src/engine/device/device.ts";
import type { MeasuredLayer, Measurement } from "../../src/schema/measurement.ts";
import { calibrated, layerRow, row } from "../support/rows.ts";
import { measuredOn } from "../support/synthetic.ts";

const H100 = calibrated("h100-sxm");
const target = device(H100);

/** A matmul row that the profile predicts with a given error: +0.1 is a tenth too long. */
function off(error: number, changes: object = {}): Measurement {
  const given = row("gemm", { m: 64, n: 4096, k: 4096, warmSeconds: 1, ...changes });
  const predicted = observe(given)[0]!.predict(target);
  return { ...given, warmSeconds: predicted / (1 + error) } as Measurement;
}

/** A layer row all of whose norms are predicted with a given error. */
function layerOff(error: number, changes: Partial<MeasuredLayer> = {}): MeasuredLayer {
  const given = layerRow({ seconds: { "rmsnorm.native": 1 }, ...changes });
  const seconds = Object.fromEntries(
    layerPredictions(given).map(({ name, predict }) => [name, predict(target) / (1 + error)]),
  );
  return { ...given, seconds };
}

describe("errors of kernels", () => {
  test.each([
    [[0.1], { medianError: 0.1, percentile90Error: 0.1, worstError: 0.1, bias: 0.1 }],
    [[-0.1], { medianError: 0.1, percentile90Error: 0.1, worstError: 0.1, bias: -0.1 }],
    [[0.1, -0.2, 0.3], { medianError: 0.2, percentile90Error: 0.3, worstError: 0.3, bias: 0.1 }],
    [[0, 0, 0, 0.5], { medianError: 0, percentile90Error: 0.5, worstError: 0.5, bias: 0 }],
    [
      [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1, 0.9],
      { medianError: 0.06, percentile90Error: 0.1, worstError: 0.9, bias: 0.06 },
    ],
    [[-0.5, 1], { medianError: 1, percentile90Error: 1, worstError: 1, bias: 1 }],
  ])("%j come to %j", (errors, expected) => {
    const { kernels } = accuracy(
      errors.map((error) => off(error)),
      H100,
    );
    expect(kernels).toHaveLength(1);
    const [found] = kernels;
    expect(found?.name).toBe("matmul forward");
    expect(found?.rows).toBe(errors.length);
    for (const [name, value] of Object.entries(expected))
      expect(found?.[name as keyof typeof expected]).toBeCloseTo(value, 9);
  });

  test("of the datasheet's roofline stand beside them", () => {
    const { calibration: _, ...datasheet } = H100;
    const given = off(0);
    const [{ value, predict }] = observe(given) as [ReturnType<typeof observe>[number]];
    const { kernels } = accuracy([given], H100);
    expect(kernels[0]?.datasheetMedianError).toBeCloseTo(
      Math.abs(predict(device(datasheet)) / value - 1),
      12,
    );
  });

  test("are none of layers, though stages are fitted on those too", () => {
    const fitted = ["graph", "eager"] as const;
    const rows = fitted.map((runtime) => layerOff(0.1, { model: "bert-large", runtime }));
    expect(accuracy(rows, H100).kernels).toEqual([]);
  });

  test("are kept apart by class, in the order of the fit", () => {
    const rows = [
      off(0.2, { role: "gradInput" }),
      off(0.1),
      ...measuredOn(target, "softmax"),
      ...measuredOn(target, "attention decode"),
    ];
    const { kernels } = accuracy(rows, H100);
    expect(kernels.map(({ name }) => name)).toEqual([
      "matmul forward",
      "matmul gradients",
      "attention decode",
      "softmax",
    ]);
    expect(kernels[3]?.worstError).toBeCloseTo(0, 9);
  });
});

describe("errors of layers", () => {
  test("are grouped by phase, size and runtime, those that were fitted apart", () => {
    const prefill = (sequence: number) => ({ phase: "prefill", batch: 1, sequence, context: 0 }) as const;
    const rows = [
      layerOff(0.1),
      layerOff(0.2, { runtime: "eager" }),
      layerOff(0.3, prefill(2047)),
      layerOff(0.4, prefill(2048)),
      layerOff(0.5, { ...prefill(256), batch: 8 }),
      layerOff(0.6, { phase: "train", batch: 1, sequence: 64, context: 0 }),
      layerOff(0.7, { model: "bert-large" }),
    ];
    const { layers } = accuracy(rows, H100);
    expect(
      layers.map(({ name, fitted, rows: count, worstError }) => [name, fitted, count, worstError.toFixed(6)]),
    ).toEqual([
      ["decode, eager", false, 1, "0.200000"],
      ["decode, graph", false, 1, "0.100000"],
      ["decode, graph", true, 1, "0.700000"],
      ["prefill <2048, graph", false, 1, "0.300000"],
      ["prefill >=2048, graph", false, 2, "0.500000"],
      ["train, graph", false, 1, "0.600000"],
    ]);
  });

  test("count every norm of a row", () => {
    const seconds = { none: 1, "rmsnorm.native": 1, "layernorm.native": 1, "rmsnorm.fused": 1 };
    const { layers } = accuracy([layerOff(0, { seconds })], H100);
    expect(layers[0]?.rows).toBe(3);
  });
});

describe("errors of shares and savings", () => {
  const seconds = { none: 1, "layernorm.native": 1, "rmsnorm.native": 1, "rmsnorm.fused": 1 };
  /** A layer whose share of RMSNorm was measured to be what is predicted plus some points. */
  function shareOff(points: number, halfWidth = 0): MeasuredLayer {
    const given = layerRow({ seconds });
    const share = predictedShare(given, "rmsnorm.native", target)! + points / 100;
    const added = { "rmsnorm.native": share };
    return {
      ...given,
      added,
      addedSpread: { "rmsnorm.native": [share - halfWidth, share + halfWidth] },
    };
  }
  const shareOf = (rows: readonly MeasuredLayer[]) =>
    accuracy(rows, H100).differences.find(({ name }) => name === "share of rmsnorm.native");

  test("are differences in percentage points", () => {
    const found = shareOf([shareOff(1), shareOff(-2), shareOff(3)]);
    expect(found).toMatchObject({ phase: "decode", rows: 3, resolved: 3, rightSign: 1 });
    expect(found?.medianErrorPoints).toBeCloseTo(2, 9);
    expect(found?.percentile90ErrorPoints).toBeCloseTo(3, 9);
  });

  test("compare only what exceeds its own spread", () => {
    const found = shareOf([shareOff(1), shareOff(20, 0.5)]);
    expect(found).toMatchObject({ rows: 2, resolved: 1 });
    expect(found?.medianErrorPoints).toBeCloseTo(1, 9);
  });

  test("compare nothing that just equals its spread", () => {
    const given = layerRow({ seconds: { none: 1, "rmsnorm.native": 2 } });
    const found = (most: number) =>
      shareOf([{ ...given, added: { "rmsnorm.native": 1 }, addedSpread: { "rmsnorm.native": [0, most] } }]);
    expect(found(2)).toMatchObject({ rows: 1, resolved: 0 });
    expect(found(1.99)).toMatchObject({ rows: 1, resolved: 1 });
  });

  test("of savings are points of the layer before the swap", () => {
    const given = layerRow({ seconds });
    const predicted = (norm: string): number =>
      layerPredictions(given)
        .find(({ name }) => name === norm)!
        .predict(target);
    const left = predicted("rmsnorm.native") / predicted("layernorm.native");
    const measured = { ...seconds, "layernorm.native": 2, "rmsnorm.native": 2 * (left - 0.03) };
    const [found] = accuracy([{ ...given, seconds: measured }], H100).differences.filter(
      ({ name }) => name === "layernorm.native to rmsnorm.native",
    );
    expect(found).toMatchObject({ rows: 1, resolved: 1, rightSign: 1 });
    expect(found?.medianErrorPoints).toBeCloseTo(3, 9);
  });

  test("say how often the sign is right", () => {
    const share = 100 * predictedShare(layerRow({ seconds }), "rmsnorm.native", target)!;
    const found = shareOf([shareOff(1), shareOff(-2 * share)]);
    expect(found?.rightSign).toBe(0.5);
  });

  test("without a resolved row are none, with every sign right", () => {
    expect(shareOf([shareOff(1, 0.5)])).toMatchObject({ resolved: 0, rightSign: 1, medianErrorPoints: 0 });
  });

  test("are kept by phase", () => {
    const prefill = { ...shareOff(1), phase: "prefill" as const, sequence: 64, context: 0 };
    const { differences } = accuracy([shareOff(1), prefill], H100);
    const phases = differences
      .filter(({ name }) => name === "share of rmsnorm.native")
      .map(({ phase }) => phase);
    expect(phases).toEqual(["prefill", "decode"]);
  });

  test("leave out norms that take the residual add along, whose own time nobody can tell", () => {
    const given = layerRow({ seconds: { none: 1, "rmsnorm.residual-fused": 1, "rmsnorm.fused": 1 } });
    const names = accuracy([given], H100).differences.map(({ name }) => name);
    expect(names).toContain("share of rmsnorm.fused");
    expect(names).not.toContain("share of rmsnorm.residual-fused");
  });

  test("are shares of norms that are known, in layers that were measured without them too", () => {
    const shares = (given: Record<string, number>) =>
      accuracy([layerRow({ seconds: given })], H100).differences.map(({ name }) => name);
    expect(shares({ none: 1, "rmsnorm.native": 1, "rmsnorm.compiled": 1 })).toEqual([
      "share of rmsnorm.native",
    ]);
    expect(shares({ "rmsnorm.native": 1 })).toEqual([]);
  });

  test("name the swaps that reports speak of, where both were measured", () => {
    const all = Object.fromEntries(
      ["layernorm", "rmsnorm"].flatMap((kind) =>
        ["eager", "native", "fused", "residual-fused"].map((by) => [`${kind}.${by}`, 1]),
      ),
    );
    const names = (given: Record<string, number>) =>
      accuracy([layerRow({ seconds: given })], H100)
        .differences.map(({ name }) => name)
        .filter((name) => name.includes(" to "));
    expect(names(all)).toEqual([
      "layernorm.native to rmsnorm.native",
      "layernorm.native to rmsnorm.fused",
      "layernorm.native to rmsnorm.residual-fused",
      "rmsnorm.eager to rmsnorm.native",
      "layernorm.eager to layernorm.native",
    ]);
    expect(names({ "layernorm.native": 1, "rmsnorm.fused": 1 })).toEqual([
      "layernorm.native to rmsnorm.fused",
    ]);
  });

  test("have one median over all norms", () => {
    expect(medianShareErrorPoints([shareOff(1), shareOff(-2), shareOff(3)], target)).toBeGreaterThan(0);
    const one = layerRow({ seconds: { none: 1, "rmsnorm.native": 1 } });
    const share = predictedShare(one, "rmsnorm.native", target)!;
    const measured = { ...one, added: { "rmsnorm.native": share + 0.05 } };
    expect(medianShareErrorPoints([measured], target)).toBeCloseTo(5, 9);
    expect(medianShareErrorPoints([], target)).toBe(0);
    // neither what cannot be resolved nor what a norm with the residual add takes, which is not its own
    expect(medianShareErrorPoints([measured, shareOff(50, 2)], target)).toBeCloseTo(5, 9);
    const fused = { seconds: { ...one.seconds, "rmsnorm.residual-fused": 9 } };
    expect(medianShareErrorPoints([{ ...measured, ...fused }], target)).toBeCloseTo(5, 9);
  });
});

describe("accuracy of nothing", () => {
  test("is empty", () => {
    expect(accuracy([], H100)).toEqual({ kernels: [], layers: [], differences: [] });
  });
});

describe("validation", () => {
  test("is the error on layers that no fit has seen, by phase and runtime", () => {
    const rows = [
      layerOff(-0.3),
      layerOff(0.1),
      layerOff(0.2),
      layerOff(0.5, { runtime: "eager" }),
      layerOff(9, { model: "bert-large" }),
      layerOff(0.123_456, { phase: "prefill", sequence: 64, context: 0 }),
      off(5),
    ];
    const found = heldOutErrors(rows, H100, () => "here").map(
      ({ measured: _, savings: __, ...errors }) => errors,
    );
    expect(found).toEqual([
      {
        phase: "prefill",
        runtime: "graph",
        layers: 1,
        medianError: 0.12,
        percentile90Error: 0.12,
        shareErrorPoints: 0,
        source: "here",
      },
      {
        phase: "decode",
        runtime: "graph",
        layers: 3,
        medianError: 0.2,
        percentile90Error: 0.3,
        shareErrorPoints: 0,
        source: "here",
      },
      {
        phase: "decode",
        runtime: "eager",
        layers: 1,
        medianError: 0.5,
        percentile90Error: 0.5,
        shareErrorPoints: 0,
        source: "here",
      },
    ]);
  });

  test("is apart for layers with experts, on two GPUs and in fp8, whose files it names", () => {
    const experts = { count: 8, perToken: 2, ffn: 14_336 };
    const rows = [
      layerOff(0.4, { shape: { ...layerRow().shape, experts } }),
      layerOff(0.05, { tensor: 2 }),
      layerOff(0.1),
      layerOff(0.3, { shape: { ...layerRow().shape, experts } }),
      layerOff(0.2, { tensor: 1 }),
      layerOff(0.07, { dtype: "fp8" }),
      // no type that is known multiplies it
      layerOff(0.9, { dtype: "fp6" }),
      layerOff(0.15, { dtype: "fp16" }),
    ];
    const places = (some: readonly Measurement[]): string =>
      some.map((row) => rows.indexOf(row as never)).join();
    const found = heldOutErrors(rows, H100, places);
    expect(
      found.map(({ layersWith, layers, medianError, source }) => [layersWith, layers, medianError, source]),
    ).toEqual([
      [undefined, 3, 0.15, "2,4,6,7"],
      ["experts", 2, 0.4, "0,3"],
      ["two GPUs", 1, 0.05, "1"],
      ["fp8", 1, 0.07, "5"],
    ]);
    expect(Object.keys(found[0]!)).not.toContain("layersWith");
  });

  test("says what the layers were, those too that were fitted, but none that nobody can predict", () => {
    const { shape } = layerRow();
    const rows = [
      layerOff(0.1, { batch: 2, context: 512 }),
      layerOff(0.1, { batch: 16, context: 64, pointwise: "fused" }),
      layerOff(0.1, { model: "bert-large", shape: { ...shape, hidden: 1024, headDim: 64 } }),
      layerOff(0.1, { batch: 99, dtype: "fp6" }),
      layerOff(0.1, { batch: 99, phase: "prefill", context: 0 }),
    ];
    expect(heldOutErrors(rows, H100, () => "here").find(({ phase }) => phase === "decode")?.measured).toEqual(
      {
        batch: [2, 16],
        tokens: [2, 16],
        context: [64, 1024],
        hidden: [1024, 4096],
        headDims: [64, 128],
        norms: ["rmsnorm.native"],
        pointwise: ["eager", "fused"],
      },
    );
  });

  test("of no layers is none", () => {
    expect(heldOutErrors([off(0.1), layerOff(0.1, { model: "bert-large" })], H100, () => "here")).toEqual([]);
  });
});

describe("cross-validation", () => {
  test("leaves out one size at a time and finds it again on what the model made itself", () => {
    const rows = measuredOn(target, "attention decode");
    // two head layouts, so that one can be left out
    const other = rows.map((one) => ({ ...one, kvHeads: 64 }) as Measurement);
    const exact = [...rows, ...other.map((one) => atPrediction(one))];
    const [found, ...more] = crossValidate(exact, H100);
    expect(more).toEqual([]);
    expect(found).toMatchObject({ name: "attention decode", folds: 2, rows: exact.length });
    expect(found?.fitMedianError).toBeCloseTo(0, 9);
    expect(found?.heldPercentile90Error).toBeLessThan(0.03);
  });

  test("sees an error that the others do not explain only on the size that has it", () => {
    const rows = measuredOn(target, "matmul gradients").filter(
      (one) => one.kind === "gemm" && one.m === 1024,
    );
    const wrong = rows.map((one) =>
      one.kind === "gemm" && one.n === 1024 ? { ...one, warmSeconds: 2 * one.warmSeconds! } : one,
    );
    const [found] = crossValidate(wrong, H100);
    expect(found?.folds).toBe(4);
    expect(found?.heldPercentile90Error).toBeGreaterThan(0.3);
    expect(found?.heldMedianError).toBeLessThan(0.2);
  });

  test("fits each size from the others alone", () => {
    // two sizes that contradict each other: fitted together each would be off by half of that
    const rows = measuredOn(target, "matmul gradients").filter(
      (one) => one.kind === "gemm" && one.m === 8192 && one.k === 8192,
    );
    const slower = rows.map((one) =>
      one.kind === "gemm" && one.n === 28_672 ? { ...one, warmSeconds: 1.5 * one.warmSeconds! } : one,
    );
    const [found] = crossValidate(
      slower.filter((one) => one.kind === "gemm" && one.n > 2000),
      H100,
    );
    expect(found?.folds).toBe(2);
    expect(found?.heldMedianError).toBeGreaterThan(0.3);
  });

  test("predicts each size as often as it was measured, and none that was fitted", () => {
    // each half again as slow as the one before: what was fitted is nearer than what was left out
    const slowness: Readonly<Record<number, number>> = { 1024: 1, 8192: 1.5, 28672: 1.5 ** 2 };
    const rows = measuredOn(target, "matmul gradients").flatMap((one) =>
      one.kind === "gemm" && one.m === 8192 && one.k === 8192
        ? [{ ...one, warmSeconds: one.warmSeconds! * slowness[one.n]! }]
        : [],
    );
    const [found] = crossValidate(rows, H100);
    expect(found).toMatchObject({ folds: 3, rows: 6 });
    expect(found?.heldMedianError).toBeGreaterThan(0.4);
  });

  test("says how far off the profile is on what it was fitted on", () => {
    const rows = [0.2, 0.3, 0.1].map((error, index) => off(error, { n: 1024 * (index + 1) }));
    const [found] = crossValidate(rows, H100);
    expect(found?.fitMedianError).toBeCloseTo(0.2, 9);
    expect(found?.fitPercentile90Error).toBeCloseTo(0.3, 9);
  });

  test("leaves out together what has no size", () => {
    const add = row("pointwise", { implementation: "add", warmSeconds: 1e-5 });
    const copy = (bytes: number) => row("copy", { readBytes: bytes, writeBytes: bytes, warmSeconds: 1e-5 });
    expect(crossValidate([copy(1), copy(2), add], H100).map(({ folds }) => folds)).toEqual([2]);
    expect(crossValidate([copy(1), copy(2)], H100)).toEqual([]);
  });

  test.each<[string, Measurement, readonly object[]]>([
    [
      "norm backward",
      row("norm-backward", { implementation: "rmsnorm.native" }),
      [{ hidden: 8 }, { rows: 8 }],
    ],
    [
      "norm native, rereads",
      row("norm-counters", { implementation: "rmsnorm.native" }),
      [{ hidden: 8 }, { rows: 8 }],
    ],
    ["norm eager", row("norm", { implementation: "rmsnorm.eager" }), [{ hidden: 8 }, { rows: 8 }]],
    ["matmul gradients", row("gemm", { role: "gradInput" }), [{ n: 8 }, { m: 8 }]],
    ["matmul gradients", row("gemm", { role: "gradInput" }), [{ k: 8 }, { m: 8 }]],
    ["pointwise", row("pointwise", { implementation: "silu" }), [{ columns: 8 }, { rows: 8 }]],
    ["softmax", row("softmax"), [{ columns: 8 }, { rows: 8 }]],
    ["attention decode", row("attention", { keys: 2 }), [{ kvHeads: 2, heads: 2 }, { keys: 9 }]],
    ["graph launch", layerRow({ model: "bert-large", layers: 2 }), [{ batch: 9 }, { layers: 3 }]],
    ["graph launch", layerRow({ model: "bert-large", layers: 2 }), [{ context: 9 }, { layers: 3 }]],
  ])("leaves out what is of one size in %s: %j", (name, given, [other, same]) => {
    const seconds = given.kind === "layer" ? { seconds: { "rmsnorm.native": 1e-4 } } : { warmSeconds: 1e-5 };
    const timed = given.kind === "norm-counters" ? given : ({ ...given, ...seconds } as Measurement);
    const folds = (changes: object): number | undefined =>
      crossValidate([timed, { ...timed, ...changes } as Measurement], H100).find((one) => one.name === name)
        ?.folds;
    expect(folds(other!)).toBe(2);
    expect(folds(same!)).toBeUndefined();
  });

  test("leaves out no row that nothing is predicted for", () => {
    const rows = measuredOn(target, "attention decode");
    const other = rows.map((one) => atPrediction({ ...one, kvHeads: 64 } as Measurement));
    const untimed = row("attention", { keys: 2, kvHeads: 1, heads: 3 });
    const [found] = crossValidate([...rows, ...other, untimed], H100);
    expect(found).toMatchObject({ folds: 2, rows: 2 * rows.length });
  });

  test("needs two sizes", () => {
    expect(crossValidate([off(0), off(0.1)], H100)).toEqual([]);
    expect(crossValidate([], H100)).toEqual([]);
  });

  test.each<[string, Measurement[], number]>([
    ["hidden sizes of norms", measuredOn(target, "norm native, rereads"), 4],
    ["weight matrices", measuredOn(target, "matmul gradients"), 4],
    ["columns of a softmax", measuredOn(target, "softmax"), 3],
    ["head layouts", measuredOn(target, "attention forward"), 3],
  ])("folds by %s", (_, rows, folds) => {
    expect(crossValidate(rows, H100).map((one) => one.folds)).toEqual([folds]);
  });

  const atPrediction = (one: Measurement): Measurement =>
    ({
      ...one,
      warmSeconds: observe({ ...one, warmSeconds: 1 } as Measurement)[0]!.predict(target),
    }) as Measurement;
});
