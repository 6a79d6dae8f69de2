import { describe, expect, test } from "vitest";
import { accuracy } from "../../src/calibration/accuracy.ts";
import { boundsOf, FIT_STAGES, HELD_KERNELS, isFitted } from "../../src/calibration/fit-stages.ts";
import type { Measurement } from "../../src/schema/measurement.ts";
import { calibrated, layerRow, row } from "../support/rows.ts";

/** The layer of `layerRow`, by the name of a model that is fitted. */
const fittedLayer = (changes: object) => layerRow({ model: "bert-large", ...changes });
const norm = (implementation: string, changes: object = {}) => row("norm", { implementation, ...changes });
const backward = (implementation: string) => row("norm-backward", { implementation });
const counters = (changes: object) => row("norm-counters", { implementation: "rmsnorm.native", ...changes });

/** [row, the stages that are fitted on it] */
const ROWS: readonly [string, Measurement, ...string[]][] = [
  ["a copy", row("copy"), "streaming"],
  ["a copy in fp16", row("copy", { dtype: "fp16" })],
  ["a fill, which only writes", row("fill")],
  ["a read", row("read")],
  ["an add", row("pointwise", { implementation: "add" }), "streaming"],
  ["an add in fp32", row("pointwise", { implementation: "add", dtype: "fp32" })],
  ["a SiLU", row("pointwise", { implementation: "silu" }), "pointwise"],
  ["a concatenation", row("pointwise", { implementation: "cat" }), "pointwise"],
  ["a SiLU in fp32", row("pointwise", { implementation: "silu", dtype: "fp32" })],
  ["a matmul", row("gemm"), "matmul forward"],
  ["a matmul in tf32", row("gemm", { dtype: "tf32" })],
  ["a matmul in fp8", row("gemm", { dtype: "fp8" }), "matmul fp8"],
  ["a matmul in int8", row("gemm", { dtype: "int8" }), "matmul int8"],
  ["an input's gradient", row("gemm", { role: "gradInput" }), "matmul gradients"],
  ["a weight's gradient", row("gemm", { role: "gradWeight" }), "matmul gradients"],
  ["a gradient in fp8", row("gemm", { role: "gradInput", dtype: "fp8" })],
  ["a gradient in int8", row("gemm", { role: "gradInput", dtype: "int8" })],
  ["experts", row("grouped-gemm"), "matmul grouped"],
  ["experts in fp8", row("grouped-gemm", { dtype: "fp8" }), "matmul grouped"],
  ["a choice of experts", row("selection"), "expert selection"],
  ["attention", row("attention", { queries: 2, keys: 2 }), "attention forward"],
  [
    "attention's gradient",
    row("attention", { queries: 2, keys: 2, direction: "backward" }),
    "attention backward",
  ],
  ["attention of one query", row("attention", { keys: 2 }), "attention decode"],
  ["heads of 128", row("attention", { keys: 2, headDim: 128 }), "attention decode"],
  ["heads of 256", row("attention", { keys: 2, headDim: 256 }), "attention decode"],
  ["heads that fill no tile", row("attention", { keys: 2, headDim: 96 })],
  ["heads of a tile that no parameter is for", row("attention", { keys: 2, headDim: 192 })],
  ["keys wider than values", row("attention", { keys: 2, headDim: 128, valueDim: 64 })],
  ["a softmax", row("softmax"), "softmax"],
  ["second reads", counters({}), "norm native, rereads"],
  ["second reads from a warm cache", counters({ cache: "warm" })],
  ["bytes of a fused norm", counters({ implementation: "rmsnorm.fused" })],
  ["a native norm", norm("layernorm.native"), "norm native"],
  ["a native norm in fp16", norm("layernorm.native", { dtype: "fp16" }), "norm native"],
  ["a one-shot all-reduce", row("collective", { implementation: "one-shot" }), "collectives, one-shot"],
  [
    "a one-shot all-reduce so long that engines fall back on NCCL",
    row("collective", { implementation: "one-shot", messageBytes: 2 ** 23 + 1 }),
  ],
  ["a fused norm", norm("rmsnorm.fused"), "norm fused"],
  ["a norm with its residual add", norm("rmsnorm.residual-fused"), "norm fused"],
  ["an eager norm", norm("layernorm.eager"), "norm eager"],
  ["quantizing", row("quantize"), "quantization"],
  ["an exchange of two", row("collective"), "collectives"],
  ["an exchange of eight", row("collective", { ranks: 8 }), "collectives of many"],
  ["a native norm's gradient", backward("rmsnorm.native"), "norm backward"],
  ["a fused norm's gradient", backward("rmsnorm.fused"), "norm backward, fused"],
  ["an eager norm's gradient", backward("rmsnorm.eager")],
  ["a layer", fittedLayer({}), "graph start"],
  ["layers in a row", fittedLayer({ layers: 2 }), "graph launch"],
  ["a layer from Python", fittedLayer({ runtime: "eager" }), "eager host"],
  ["a layer of another model", layerRow({})],
  ["a layer of another model from Python", layerRow({ runtime: "eager" })],
];

describe("a stage of the fit takes", () => {
  test.each(ROWS)("%s where it belongs", (_, given, ...stages) => {
    expect(FIT_STAGES.filter(({ rows }) => rows(given)).map(({ name }) => name)).toEqual(stages);
  });

  test.each([
    [{ queries: 4, keys: 4, headDim: 80 }, "attention forward, padded"],
    [{ queries: 4, keys: 4, headDim: 192 }, "attention forward, padded"],
    [{ queries: 4, keys: 4, headDim: 128, valueDim: 64 }, "attention forward, padded"],
    [{ queries: 4, keys: 4, headDim: 80, direction: "backward" }, "attention backward, padded"],
    [{ keys: 4, headDim: 80 }, "attention decode, padded"],
    [{ keys: 4, headDim: 64 }, undefined],
    [{ queries: 4, keys: 4, headDim: 128, valueDim: 128 }, undefined],
  ])("no attention %j, which is held against it as %s", (changes, name) => {
    const given = row("attention", changes);
    expect(HELD_KERNELS.filter(({ rows }) => rows(given)).map((one) => one.name)).toEqual(name ? [name] : []);
    expect(HELD_KERNELS.some(({ rows }) => rows(row("softmax")))).toBe(false);
  });

  test("rows of every kind that there is", () => {
    const taken = new Set(ROWS.flatMap(([, , ...stages]) => stages));
    expect(FIT_STAGES.map(({ name }) => name).filter((name) => !taken.has(name))).toEqual([]);
  });

  test("layers of the one model that is fitted", () => {
    expect([fittedLayer({}), layerRow({}), layerRow({ model: "bert-larger" })].map(isFitted)).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe("what a parameter may be", () => {
  test.each([
    ["memory.streamingFraction", 0.01, 0.98],
    ["attention.fractionHeadDim64", 0.01, 0.98],
    ["attention.backward.fractionHeadDim64", 0.01, 0.98],
    ["matmul.epilogueShare", 0.01, 0.98],
    ["matmul.sustainedLoss", 0.01, 0.98],
    ["matmul.backwardFraction", 0.01, 1.1],
    ["matmul.fp8Speed", 0.05, 2],
    ["experts.speed", 0.05, 2],
    ["matmul.softness", 1.2, 12],
    ["rowPerBlock.softness", 1.2, 12],
    ["matmul.floorSeconds", 1e-30, 1e30],
    ["matmul.sustainedFlops", 1e-30, 1e30],
    ["a.speedSeconds", 1e-30, 1e30],
    ["a.speechFractionSeconds", 1e-30, 1e30],
    ["a.lossSeconds", 1e-30, 1e30],
  ])("%s is between %d and %d", (path, least, most) => {
    expect(boundsOf(path)).toEqual([least, most]);
  });
});

describe("errors of layers", () => {
  const H100 = calibrated("h100-sxm");
  const seconds = { "layernorm.native": 1e-4 };
  const experts = { count: 8, perToken: 2, ffn: 64 };

  test.each([
    ["decode, graph", layerRow({ seconds })],
    ["prefill <2048, graph", layerRow({ seconds, phase: "prefill", batch: 8, sequence: 255, context: 0 })],
    ["prefill >=2048, graph", layerRow({ seconds, phase: "prefill", batch: 8, sequence: 256, context: 0 })],
    ["train, eager", layerRow({ seconds, phase: "train", sequence: 64, context: 0, runtime: "eager" })],
    ["decode with experts, graph", layerRow({ seconds, shape: { ...layerRow().shape, experts } })],
    ["decode on 2 GPUs, graph", layerRow({ seconds, tensor: 2 })],
    ["decode, graph", layerRow({ seconds, tensor: 1 })],
  ])("are told apart: %s", (name, given) => {
    expect(accuracy([given], H100).layers.map((group) => group.name)).toEqual([name]);
  });
});
