import { describe, expect, test } from "vitest";
import { layerResult } from "../../../src/engine/layer-result.ts";
import { type ParameterPath, parametersOf, replaceParameters } from "../../../src/schema/parameters.ts";
import type { Scenario } from "../../../src/schema/scenario.ts";
import { decode, hardware, model, prefill, scenario, train } from "../../support/scenarios.ts";

const H100 = hardware("h100-sxm");
const CALIBRATION = H100.calibration!;
const PATHS = parametersOf(CALIBRATION).map(([path]) => path);

const norm = (
  kind: "layernorm" | "rmsnorm",
  implementation: "native" | "eager" | "fused" | "residual-fused",
) => ({
  normalization: { kind, implementation },
});
const all = (type: "fp8" | "int8") => ({ weights: type, activations: type, kvCache: type }) as const;
const materialized = { pointwise: "eager", attention: "materialized" } as const;

const FRAMEWORK = {
  pointwise: "eager",
  attention: "flash",
  projections: "separate",
  rope: "transposed",
  cache: "concatenated",
} as const;

const FLASH = { pointwise: "eager", attention: "flash" } as const;

/** Layers that together ask something of every law. */
const SCENARIOS: readonly Scenario[] = [
  scenario(),
  scenario({ workload: prefill(1, 128), ...norm("rmsnorm", "native") }),
  scenario({ workload: decode(16, 2048), ...norm("layernorm", "fused") }),
  scenario({ workload: decode(1, 512), ...norm("rmsnorm", "fused"), runtime: "eager" }),
  scenario({ workload: train(1, 2048), ...norm("rmsnorm", "native") }),
  scenario({ workload: train(1, 2048), ...norm("rmsnorm", "fused") }),
  scenario({ workload: train(1, 2048), ...norm("layernorm", "native"), runtime: "eager" }),
  scenario({ model: model("llama-3.2-1b"), workload: train(1, 128), runtime: "eager" }),
  scenario({ workload: prefill(4, 1024), ...norm("rmsnorm", "eager") }),
  scenario({ model: model("bert-large"), workload: train(8, 512), kernels: materialized }),
  scenario({ model: model("llama-3-8b"), workload: prefill(1, 4096), kernels: materialized }),
  scenario({ model: model("llama-3-8b"), workload: decode(1, 1024), kernels: materialized }),
  scenario({ model: model("llama-3-8b"), workload: decode(1, 8192), kernels: materialized }),
  scenario({ model: model("gpt2-xl"), workload: train(4, 1024) }),
  scenario({ model: model("gemma-2-9b"), workload: train(1, 2048) }),
  scenario({ model: model("llama-3.2-1b"), workload: prefill(8, 2048) }),
  scenario({ model: model("gemma-2-9b"), workload: prefill(2, 2048), ...norm("layernorm", "native") }),
  scenario({ model: model("gpt2-xl"), workload: decode(64, 512) }),
  scenario({ model: model("gpt2-xl"), workload: prefill(8, 1024) }),
  scenario({ parallelism: { tensor: 8, sequenceParallel: true } }),
  scenario({ workload: decode(16, 2048), parallelism: { tensor: 8, sequenceParallel: false } }),
  scenario({
    workload: prefill(1, 512),
    precision: all("fp8"),
    parallelism: { tensor: 2, sequenceParallel: false },
  }),
  scenario({ precision: all("int8") }),
  scenario({ model: model("mixtral-8x7b"), workload: decode(64, 2048) }),
  scenario({ model: model("mixtral-8x7b"), workload: prefill(1, 4096) }),
  scenario({ model: model("deepseek-v3"), workload: prefill(1, 4096) }),
  scenario({ workload: decode(16, 2048), ...norm("rmsnorm", "residual-fused") }),
  scenario({ workload: decode(16, 2048), kernels: FRAMEWORK }),
  scenario({ model: model("gemma-2-9b"), workload: decode(64, 4096) }),
  scenario({ workload: prefill(1, 4096), kernels: { ...FLASH, attentionLibrary: "flash" } }),
  scenario({ workload: decode(16, 2048), kernels: { ...FLASH, attentionLibrary: "flash" } }),
  scenario({ workload: prefill(1, 4096), kernels: { ...FLASH, attentionLibrary: "triton" } }),
  scenario({
    workload: decode(16, 2048),
    parallelism: { tensor: 8, sequenceParallel: false, allReduce: "one-shot" },
  }),
  scenario({ workload: prefill(1, 2048), kernels: { ...FRAMEWORK, mask: "explicit" } }),
  scenario({ workload: train(1, 1024), kernels: { ...FRAMEWORK, mask: "explicit" } }),
  scenario({
    model: { ...model("gpt2-xl"), layers: 1 },
    workload: train(4, 1024),
    training: { optimizerStates: "weights" },
  }),
];

/** A layer, and what a step of the whole model takes by a profiler. */
function times(given: Scenario): number[] {
  const { layer, wholeModel } = layerResult(given);
  return [layer.seconds, wholeModel.kernelSeconds];
}

const BASE = SCENARIOS.map(times);

/** How the time of each layer, and of each step, changes, relative to itself, when one parameter is multiplied by a factor. */
function effects(path: ParameterPath, factor: number): number[] {
  const calibration = replaceParameters(CALIBRATION, (at, parameter) =>
    at === path ? { ...parameter, value: parameter.value * factor } : parameter,
  );
  const changed = { ...H100, calibration };
  const moved = SCENARIOS.map((given, index) =>
    times({ ...given, hardware: changed }).map((seconds, which) => seconds / BASE[index]![which]! - 1),
  );
  // layers first, then steps
  return [0, 1].flatMap((which) => moved.map((both) => both[which]!));
}

/** Parameters of which more is faster; of all others but the exempt ones more is slower. */
const FASTER =
  /(Fraction|Speed|speed|moreRanksFactor|softness|sustainedFlops|residentBytes|transitionBytes|rereadResidentBytes|rereadFlightBytes)$|fractionHeadDim|^cache\.bytesPerSecond$/;
/** An exponent turns around the size that it is about. */
const EITHER_WAY = /Exponent$/;
const ROUNDING = 1e-12;
/** A larger L2 is emptied later: what is written back may then fall on a kernel that hides it less well. */
const slackOf = (path: ParameterPath): number => (/^cache\..*Bytes$/.test(path) ? 2e-3 : ROUNDING);

describe.each(PATHS)("%s", (path) => {
  const more = effects(path, 1.05);

  test("matters to some layer", () => {
    expect(Math.max(...more.map(Math.abs))).toBeGreaterThan(1e-9);
  });

  test.runIf(!EITHER_WAY.test(path))("only ever moves a layer's time in its direction", () => {
    const sign = FASTER.test(path) ? -1 : 1;
    for (const effect of more) expect(sign * effect).toBeGreaterThan(-slackOf(path));
    for (const effect of effects(path, 1 / 1.05)) expect(-sign * effect).toBeGreaterThan(-slackOf(path));
  });

  test("moves a layer's time by no more than it moved itself", () => {
    for (const effect of more) expect(Math.abs(effect)).toBeLessThan(0.051);
  });
});

describe("the parameters of one kind of kernel", () => {
  const scenarios = {
    prefill: 0,
    decode: 2,
    training: 4,
  } as const;
  const touched = (path: ParameterPath): string[] =>
    Object.entries(scenarios)
      .filter(([, index]) => Math.abs(effects(path, 1.05)[index]!) > ROUNDING)
      .map(([name]) => name);

  test.each([
    ["matmul.backwardFraction", ["training"]],
    ["attention.backward.fractionHeadDim128", ["training"]],
    ["attention.decodeFloorSeconds", ["decode"]],
    ["memory.kvCacheFraction", ["decode"]],
    ["rowPerBlock.backward.floorSeconds", ["training"]],
    ["rowPerBlock.layernorm.floorSeconds", ["prefill"]],
    ["rowPerBlock.rmsnorm.floorSeconds", ["training"]],
    ["rowInRegisters.layernorm.floorSeconds", ["decode"]],
    ["columnSum.floorSeconds", ["training"]],
    ["softmax.secondsPerElement", []],
    ["rowSum.floorSeconds", []],
    ["network.linkFraction", []],
    ["host.secondsPerKernel", []],
    ["launch.streamGapSeconds", []],
    ["launch.gapSeconds", ["prefill", "decode", "training"]],
    ["matmul.floorSeconds", ["prefill", "decode", "training"]],
  ])("%s are felt in %j alone", (path, layers) => {
    expect(touched(path)).toEqual(layers);
  });
});
