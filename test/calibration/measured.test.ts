import { describe, expect, test } from "vitest";
import { accuracy } from "../../src/calibration/accuracy.ts";
import { calibrate, kernelChainSeconds, observe, quantile } from "../../src/calibration/calibrate.ts";
import { measuredCase } from "../../src/calibration/measured-kernels.ts";
import { layerPredictions, measuredShare, predictedShare } from "../../src/calibration/measured-layers.ts";
import { normNamed } from "../../src/calibration/norm-name.ts";
import { device } from "../../src/engine/device/device.ts";
import { readBytes, sumOf, writeBytes } from "../../src/engine/layer/kernel.ts";
import { layerOperators } from "../../src/engine/layer/layer.ts";
import { layerResult } from "../../src/engine/layer-result.ts";
import type { MeasuredLayer, Measurement } from "../../src/schema/measurement.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS } from "../../src/schema/vocabulary.ts";
import { kernelOf, roundDevice } from "../support/devices.ts";
import { calibrated, layerRow, row } from "../support/rows.ts";
import { decode, model, prefill, scenario, train } from "../support/scenarios.ts";

const H100 = calibrated("h100-sxm");
const target = device(H100);

/** Bytes and FLOPs of a row's kernels. */
function totals(given: Measurement) {
  const kernels = measuredCase(given)?.kernels ?? [];
  return {
    kernels: kernels.length,
    read: sumOf(kernels, readBytes),
    written: sumOf(kernels, writeBytes),
    flops: sumOf(kernels, (kernel) => kernel.flops),
  };
}

describe("a norm by name", () => {
  test.each(NORM_KINDS.flatMap((kind) => NORM_IMPLEMENTATIONS.map((by) => [kind, by] as const)))(
    "%s.%s is known",
    (kind, implementation) => {
      expect(normNamed(`${kind}.${implementation}`)).toEqual({ kind, implementation });
    },
  );

  test.each([
    ...["", "none", "rmsnorm", "rmsnorm.", ".native", "rmsnorm.native.x", "RMSNorm.native", "norm.native"],
    ...["rmsnorm.compiled", "constructor.native", "rmsnorm.toString", "__proto__.native"],
  ])("%j is not", (name) => {
    expect(normNamed(name)).toBeUndefined();
  });
});

describe("rows as kernels", () => {
  const rows = 64;
  const columns = 128;
  const elements = rows * columns;

  /** [what was measured, bytes read and written per element of two bytes, elements of x per element] */
  test.each([
    ["add", 4, 2],
    ["mul", 4, 2],
    ["bias", 2, 2],
    ["silu", 2, 2],
    ["gelu", 2, 2],
    ["relu", 2, 2],
    ["silu-chunk", 2, 2],
    ["mul-chunk", 4, 2],
    ["swiglu-fused", 4, 2],
    ["multiply-broadcast", 2, 2],
    ["multiply-broadcast-contiguous", 2, 2],
    ["negate-half", 2, 2],
    ["concatenate-halves", 2, 2],
    ["add-transposed", 4, 2],
    ["rope-fused", 2, 2],
    ["cast-to-fp32", 2, 4],
    ["cast-to-bf16", 4, 2],
    ["kv-cache-copy", 2, 2],
  ])("an element-wise %s reads %d and writes %d bytes an element", (implementation, read, written) => {
    expect(totals(row("pointwise", { implementation, rows, columns }))).toEqual({
      kernels: 1,
      read: read * elements,
      written: written * elements,
      flops: elements,
    });
  });

  /** [what was measured, how it reads many rows, how it reads one] */
  test.each([
    ["add", "vectorized", "vectorized"],
    ["bias", "unrolled", "vectorized"],
    ["silu", "silu", "silu"],
    ["silu-chunk", "strided", "silu"],
    ["mul-chunk", "strided", "vectorized"],
    ["concatenate-halves", "concatenate", "concatenate"],
    ["add-transposed", "transposed", "vectorized"],
    ["cast-to-fp32", "unrolled", "unrolled"],
  ])("of %s many rows are %s, one row is %s", (implementation, many, one) => {
    for (const [count, access] of [
      [64, many],
      [2, many],
      [1, one],
    ] as const) {
      const given = row("pointwise", { implementation, rows: count, columns });
      expect(measuredCase(given)?.kernels[0]?.work).toMatchObject({ access, elements: count * columns });
    }
  });

  test("a softmax reads and writes every score once", () => {
    const { kernels } = measuredCase(row("softmax", { implementation: "softmax", rows, columns }))!;
    expect(kernels[0]?.work).toEqual({ kind: "softmax", elements, columns });
    expect([readBytes(kernels[0]!), writeBytes(kernels[0]!)]).toEqual([2 * elements, 2 * elements]);
  });

  test.each(["copy", "fill", "read"] as const)("a %s moves the bytes that it says", (kind) => {
    expect(totals(row(kind, { readBytes: 5, writeBytes: 7 }))).toMatchObject({ read: 5, written: 7 });
  });

  test.each([
    ["forward", 3 * 7 + 5 * 7, 3 * 5],
    ["gradWeight", 3 * 5 + 3 * 7, 5 * 7],
    ["gradInput", 3 * 5 + 5 * 7, 3 * 7],
  ] as const)("a matmul's %s reads %d and writes %d elements", (role, read, written) => {
    expect(totals(row("gemm", { m: 3, n: 5, k: 7, role }))).toEqual({
      kernels: 1,
      read: 2 * read,
      written: 2 * written,
      flops: 2 * 3 * 5 * 7,
    });
  });

  test.each(NORM_KINDS.flatMap((kind) => NORM_IMPLEMENTATIONS.map((by) => `${kind}.${by}`)))(
    "%s is what a layer launches for it",
    (implementation) => {
      const { kind, implementation: by } = normNamed(implementation)!;
      const given = scenario({
        workload: train(1, rows),
        normalization: { kind, implementation: by },
      });
      const operator = (name: string) => layerOperators(given).find((one) => one.name === name)!.kernels;
      for (const [measured, name] of [
        ["norm", "ffn-norm"],
        ["norm-backward", "ffn-norm-backward"],
      ] as const) {
        const kernels = operator(name);
        expect(totals(row(measured, { implementation, rows, hidden: 8192 }))).toEqual({
          kernels: kernels.length,
          read: sumOf(kernels, readBytes),
          written: sumOf(kernels, writeBytes),
          flops: sumOf(kernels, (kernel) => kernel.flops),
        });
      }
    },
  );

  test.each([
    ["prefill", prefill(2, 32), { batch: 2, queries: 32, keys: 32, direction: "forward" }, "attention"],
    [
      "prefill with a context",
      prefill(2, 32, 10),
      { batch: 2, queries: 32, keys: 42, direction: "forward" },
      "attention",
    ],
    ["decode", decode(3, 50), { batch: 3, queries: 1, keys: 50, direction: "forward" }, "attention"],
    [
      "training",
      train(2, 32),
      { batch: 2, queries: 32, keys: 32, direction: "backward" },
      "attention-backward",
    ],
  ] as const)("attention in %s is what a layer launches for it", (_, workload, shape, name) => {
    const { kernels } = layerOperators(scenario({ workload })).find((one) => one.name === name)!;
    const given = row("attention", { ...shape, heads: 64, kvHeads: 8, headDim: 128, causal: true });
    expect(measuredCase(given)?.kernels).toEqual(kernels);
  });

  test("latent attention of a prompt is that of keys wider than values", () => {
    const deepseek = model("deepseek-v2-lite");
    const { heads, headDim } = deepseek;
    const { nopeDim, ropeDim } = deepseek.latentAttention!;
    const layer = layerOperators(scenario({ model: deepseek, workload: prefill(2, 32) }));
    const [kernel] = layer.find((one) => one.name === "attention")!.kernels;
    const widths = { heads, kvHeads: heads, headDim: nopeDim + ropeDim, valueDim: headDim };
    const given = row("attention", { ...widths, batch: 2, queries: 32, keys: 32 });
    const [measured] = measuredCase(given)!.kernels;
    expect(measured).toEqual(kernel);
  });
});

describe("rows that the simulator has nothing for", () => {
  const timed = (kind: Parameters<typeof row>[0], changes: object): Measurement =>
    row(kind, { warmSeconds: 1e-5, ...changes });
  const unknown: readonly Measurement[] = [
    timed("norm", { implementation: "rmsnorm.compiled", rows: 4, hidden: 8 }),
    timed("norm", { implementation: "batchnorm.native", rows: 4, hidden: 8 }),
    timed("norm-backward", { implementation: "constructor.native", rows: 4, hidden: 8 }),
    row("norm-counters", { implementation: "rmsnorm.compiled", rows: 4, hidden: 8 }),
    row("norm-counters", { implementation: "rmsnorm.native", rows: 4, hidden: 8, dtype: "int2" }),
    timed("pointwise", { implementation: "constructor", rows: 4, columns: 8 }),
    timed("pointwise", { implementation: "tanh", rows: 4, columns: 8 }),
    timed("gemm", { m: 1, n: 1, k: 1, dtype: "fp6" }),
    timed("attention", { queries: 8, keys: 4 }),
    layerRow({ seconds: { none: 1, "rmsnorm.compiled": 1, "groupnorm.native": 1 } }),
    { kind: "environment-after", after: {} as never, elapsedSeconds: 1, skipped: [] },
  ];

  test.each(unknown.map((given) => [given.kind, given] as const))("%s: are passed over", (_, given) => {
    expect(observe(given)).toEqual([]);
  });

  test("leave accuracy and calibration as they are without them", () => {
    const known = row("gemm", { m: 64, n: 4096, k: 4096, warmSeconds: 2e-5 });
    expect(accuracy([known, ...unknown], H100)).toEqual(accuracy([known], H100));
    const origin = () => ({ origin: "measured", source: "test" }) as const;
    expect(calibrate([known, ...unknown], H100, origin)).toEqual(calibrate([known], H100, origin));
  });
});

describe("an observation", () => {
  const gemm = (changes: object) => row("gemm", { m: 64, n: 64, k: 64, ...changes });

  test.each([
    [{ warmSeconds: 2e-6 }, 2e-6, 0.04],
    [{ warmSeconds: 2e-6, warmSpread: [1e-6, 3e-6] }, 2e-6, Math.hypot(0.04, 0.5)],
    [{ warmSeconds: 9e-6, layerSeconds: 2e-6, warmSpread: [1e-6, 2e-6] }, 2e-6, 0.04],
    [{ warmSeconds: 9e-6, layerSeconds: 2e-6, layerSpread: [2e-6, 3e-6] }, 2e-6, Math.hypot(0.04, 0.25)],
    [{ warmSeconds: 2e-6, coldSeconds: 9e-6 }, 2e-6, 0.04],
  ])("of %j is %d, uncertain by %d", (changes, value, uncertainty) => {
    const [found, ...more] = observe(gemm(changes));
    expect(more).toEqual([]);
    expect(found?.value).toBe(value);
    expect(found?.uncertainty).toBeCloseTo(uncertainty, 12);
  });

  test.each([
    [{}],
    [{ coldSeconds: 1e-6 }],
    [{ warmSeconds: 1e-6, mode: "eager" }],
    [{ layerSeconds: 0 }],
    [{ layerSeconds: -1e-6, warmSeconds: 1e-6 }],
  ])("of %j is none", (changes) => {
    expect(observe(gemm(changes))).toEqual([]);
  });

  test("of counters is the bytes that its kernels read, with their second reads", () => {
    const kernels = [
      { name: "a", readBytes: 100, writeBytes: 9, l2Bytes: 9 },
      { name: "b", readBytes: 50, writeBytes: 9, l2Bytes: 9 },
    ];
    const [found] = observe(
      row("norm-counters", { implementation: "layernorm.native", rows: 16, hidden: 8192, kernels }),
    );
    expect(found?.value).toBe(150);
    expect(found?.uncertainty).toBe(0.02);
    // the norm's input and its two parameters; 16 rows stay in the L2
    expect(found?.predict(target)).toBeCloseTo(2 * 16 * 8192 + 2 * 2 * 8192, -1);
  });

  test("of counters has second reads on top, where the rows in flight outgrow the L2", () => {
    const hidden = 65_536;
    // the weight is one row more
    const timesRead = (rows: number): number =>
      observe(row("norm-counters", { implementation: "rmsnorm.native", rows, hidden }))[0]!.predict(target) /
      (2 * (rows + 1) * hidden);
    expect(timesRead(16)).toBeCloseTo(1, 3);
    expect(timesRead(16_384)).toBeCloseTo(2, 3);
  });

  test("of counters that counted nothing is none", () => {
    const counted = (readBytes: number) =>
      observe(
        row("norm-counters", {
          implementation: "rmsnorm.native",
          kernels: [{ name: "a", readBytes, writeBytes: 1, l2Bytes: 1 }],
        }),
      );
    expect(counted(0)).toEqual([]);
    expect(counted(1)).toHaveLength(1);
  });
});

describe("a chain of kernels", () => {
  const kernel = (read: string, written: string, bytes: number) =>
    kernelOf(
      { kind: "pointwise", access: "vectorized", elements: 1 },
      { reads: [{ tensor: read, bytes }], writes: [{ tensor: written, bytes }] },
    );
  const chain = [kernel("a", "b", 10), kernel("b", "c", 20)];

  test("takes its kernels and the launch gap before each", () => {
    const parameters = { "launch.gapSeconds": 3, "pointwise.vectorizedFloorSeconds": 5 };
    // 10 and 10, then 20 and 20 bytes, at 10 bytes a second
    expect(kernelChainSeconds(chain, [], false)(roundDevice(parameters))).toBe(2 * 3 + 2 * 5 + 2 + 4);
  });

  test("finds in the L2 what was just written", () => {
    const cache = { "cache.residentBytes": 1000, "cache.bytesPerSecond": 20 };
    expect(kernelChainSeconds(chain, ["a"], false)(roundDevice(cache))).toBe(60 / 20);
    expect(kernelChainSeconds(chain, [], false)(roundDevice(cache))).toBe(50 / 20 + 10 / 10);
  });

  test("inside a layer waits until what it left dirty is written back", () => {
    const cache = { "cache.residentBytes": 1000, "cache.bytesPerSecond": 20, "memory.weightFraction": 0.5 };
    const alone = kernelChainSeconds(chain, ["a"], false)(roundDevice(cache));
    expect(kernelChainSeconds(chain, ["a"], true)(roundDevice(cache))).toBe(alone + 20 / 5);
    // what was dirty before is written back without the chain too
    expect(kernelChainSeconds(chain, ["a", "c"], true)(roundDevice(cache))).toBe(alone);
  });

  test("without a calibration is its roofline", () => {
    const { calibration: _, ...datasheet } = H100;
    expect(kernelChainSeconds(chain, [], true)(device(datasheet))).toBe((20 + 40) / 3.35e12);
  });
});

describe("a measured layer", () => {
  test("is predicted as the layer that it was", () => {
    const given = layerRow({ seconds: { none: 1, "rmsnorm.native": 2, "layernorm.fused": 3 } });
    const predictions = layerPredictions(given);
    expect(predictions.map(({ name, seconds }) => [name, seconds])).toEqual([
      ["rmsnorm.native", 2],
      ["layernorm.fused", 3],
    ]);
    const { shape } = given;
    const same = scenario({
      hardware: H100,
      model: {
        ...model("llama-3-8b"),
        layers: given.layers,
        ...shape,
        qkNorm: false,
        activation: "silu",
        norm: "rmsnorm",
      },
      workload: decode(8, 1024),
      normalization: { kind: "rmsnorm", implementation: "native" },
    });
    expect(predictions[0]?.predict(target)).toBeCloseTo(layerResult(same).layer.seconds, 12);
    expect(predictedShare(given, "rmsnorm.native", target)).toBeCloseTo(
      layerResult(same).normalization.shareOfTime!,
      12,
    );
  });

  test("has norms on queries and keys where its shape says so", () => {
    const { shape } = layerRow();
    const same = (qkNorm: boolean) =>
      scenario({
        hardware: H100,
        model: { ...model("llama-3-8b"), ...shape, qkNorm, activation: "silu", norm: "rmsnorm" },
        workload: decode(8, 1024),
        normalization: { kind: "rmsnorm", implementation: "native" },
      });
    for (const qkNorm of [true, false])
      expect(predictedShare(layerRow({ shape: { ...shape, qkNorm } }), "rmsnorm.native", target)).toBeCloseTo(
        layerResult(same(qkNorm)).normalization.shareOfTime!,
        12,
      );
  });

  test("shared by GPUs has all its norms on each of them", () => {
    const given = layerRow({ tensor: 2, batch: 4096 });
    const same = scenario({
      hardware: H100,
      model: { ...model("llama-3-8b"), ...given.shape, qkNorm: false, activation: "silu", norm: "rmsnorm" },
      workload: decode(4096, 1024),
      normalization: { kind: "rmsnorm", implementation: "native" },
      parallelism: { tensor: 2, sequenceParallel: false },
    });
    expect(predictedShare(given, "rmsnorm.native", target)).toBeCloseTo(
      layerResult(same).normalization.shareOfTime!,
      12,
    );
  });

  test("pays a graph's start once for all the layers of the graph", () => {
    const seconds = { "rmsnorm.native": 1 };
    const of = (layers: number): number =>
      layerPredictions(layerRow({ layers, seconds }))[0]!.predict(target);
    const start = target.calibration!.launch.graphStartSeconds;
    expect(of(1) - of(4)).toBeCloseTo(start - start / 4, 12);
  });

  test("without a gate has a GELU, as tools/measure_gpu.py builds it", () => {
    const { shape } = layerRow({});
    const of = (gated: boolean): number =>
      layerPredictions(
        layerRow({ shape: { ...shape, gated }, seconds: { "rmsnorm.native": 1 } }),
      )[0]!.predict(target);
    const same = scenario({
      hardware: H100,
      model: {
        ...model("llama-3-8b"),
        layers: layerRow({}).layers,
        ...shape,
        qkNorm: false,
        gated: false,
        activation: "gelu",
      },
      workload: decode(8, 1024),
      normalization: { kind: "rmsnorm", implementation: "native" },
    });
    expect(of(false)).toBeCloseTo(layerResult(same).layer.seconds, 12);
    expect(of(true)).toBeGreaterThan(of(false));
  });

  test("with Triton's norms launched eagerly is not the model's to predict", () => {
    const seconds = { "rmsnorm.native": 1, "rmsnorm.fused": 1, "rmsnorm.residual-fused": 1 };
    const names = (changes: Partial<MeasuredLayer>) =>
      layerPredictions(layerRow({ seconds, ...changes })).map(({ name }) => name);
    expect(names({ runtime: "eager" })).toEqual(["rmsnorm.native"]);
    expect(names({ runtime: "graph" })).toHaveLength(3);
  });
});

describe("a measured difference", () => {
  const given = layerRow({
    seconds: { none: 80, "layernorm.native": 100, "rmsnorm.native": 96, "rmsnorm.fused": 90 },
    spread: { none: [79, 81], "layernorm.native": [97, 103], "rmsnorm.native": [92, 100] },
  });

  test.each([
    ["layernorm.native", "rmsnorm.native", 0.04, Math.hypot(3, 4) / 100],
    ["layernorm.native", "none", 0.2, Math.hypot(3, 1) / 100],
    ["rmsnorm.native", "layernorm.native", -4 / 96, 5 / 96],
    ["layernorm.native", "rmsnorm.fused", 0.1, 0.03],
  ])("from %s to %s is %d, within %d", (from, to, measured, spread) => {
    const found = measuredShare(given, from, to);
    expect(found?.measured).toBeCloseTo(measured, 12);
    expect(found?.spread).toBeCloseTo(spread, 12);
  });

  test("prefers paired differences, and their own spreads", () => {
    const paired = {
      ...given,
      added: { "layernorm.native": 21, "rmsnorm.native": 15 },
      addedSpread: { "layernorm.native": [20, 22] as [number, number] },
    };
    expect(measuredShare(paired, "layernorm.native", "rmsnorm.native")).toEqual({
      measured: 0.06,
      spread: 0.01,
    });
    expect(measuredShare(paired, "layernorm.native", "none")?.measured).toBeCloseTo(0.21, 12);
    // not paired: the difference of the medians
    expect(measuredShare(paired, "layernorm.native", "rmsnorm.fused")?.measured).toBeCloseTo(0.11, 12);
  });

  test.each([
    ["layernorm.native", "layernorm.native"],
    ["layernorm.eager", "none"],
    ["layernorm.native", "rmsnorm.eager"],
  ])("from %s to %s is not known", (from, to) => {
    expect(measuredShare(given, from, to)).toBeUndefined();
  });
});

describe("a quantile", () => {
  test.each([
    [[], 0.5, 0],
    [[7], 0.5, 7],
    [[7], 0.9, 7],
    [[1, 2], 0.5, 2],
    [[1, 2, 3], 0.5, 2],
    [[1, 2, 3, 4], 0.5, 3],
    [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.9, 10],
    [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0, 1],
    [[1, 2, 3], 1, 3],
  ])("of %j at %d is %d", (sorted, share, value) => {
    expect(quantile(sorted, share)).toBe(value);
  });
});
