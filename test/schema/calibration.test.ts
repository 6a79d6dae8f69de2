import { describe, expect, test } from "vitest";
import { boundsOf, FIT_STAGES } from "../../src/calibration/fit-stages.ts";
import { layerResult } from "../../src/engine/layer-result.ts";
import { validate } from "../../src/io/validate.ts";
import type { Parameter } from "../../src/schema/calibration.ts";
import type { Hardware } from "../../src/schema/hardware.ts";
import { type ParameterPath, parametersOf, replaceParameters } from "../../src/schema/parameters.ts";
import type { Scenario } from "../../src/schema/scenario.ts";
import { decode, hardware, model, scenario, train } from "../support/scenarios.ts";

const H100 = hardware("h100-sxm");
const PATHS = parametersOf(H100.calibration!).map(([path]) => path);

const withParameter = (path: ParameterPath, change: Partial<Parameter> | object): Hardware => ({
  ...H100,
  calibration: replaceParameters(H100.calibration!, (at, parameter) =>
    at === path ? { ...parameter, ...change } : parameter,
  ),
});
const withValue = (path: ParameterPath, value: unknown): Hardware => withParameter(path, { value });
const problems = (profile: Hardware): readonly string[] => validate("hardware", profile).problems ?? [];

/** Every parameter there is: a new one gets a line here. */
const GROUPS: Readonly<Record<string, string>> = {
  launch: "gapSeconds streamGapSeconds graphStartSeconds profiledSeconds",
  host: "secondsPerKernel backwardSecondsPerKernel stepSeconds",
  memory: "streamingFraction rowPerBlockFraction weightFraction kvCacheFraction",
  cache: "residentBytes transitionBytes bytesPerSecond",
  matmul:
    "floorSeconds secondsPerInner peakFraction sustainedLoss sustainedFlops sustainedExponent backwardFraction epilogueShare softness misalignedSpeed fp8Speed int8Speed",
  experts: "floorSeconds speed softness selectionFloorSeconds topKSecondsPerElement sortSecondsPerElement",
  quantization: "floorSeconds rowSecondsPerColumn",
  attention:
    "floorSeconds fractionHeadDim64 fractionHeadDim128 fractionHeadDim256 blockSeconds tailShare causalSpeed flashSpeed tritonSpeed maskedSpeed",
  "attention.backward":
    "fractionHeadDim64 fractionHeadDim128 fractionHeadDim256 shortSequenceTokens shortSequenceExponent maskedSpeed",
  "attention ":
    "decodeFloorSeconds decodeBlockSeconds decodeRampSeconds decodeFraction decodeWideFraction flashDecodeSeconds",
  pointwise:
    "vectorizedFloorSeconds stridedFloorSeconds siluSecondsPerElement geluSecondsPerElement unrolledSecondsPerElement stridedSecondsPerElement transposedSecondsPerElement concatenateSecondsPerElement permutedIssueFactor cacheConcatenationIssueFactor manyTensorsMemoryFactor softness",
  rowSum: "floorSeconds secondsPerStep memoryFactor",
  softmax: "persistentSecondsPerElement persistentRowSecondsPerColumn secondsPerElement rowSecondsPerColumn",
  columnSum: "floorSeconds secondsPerRow",
  network:
    "latencySeconds lowLatencyFraction bulkLatencySeconds linkFraction moreRanksFactor secondsPerRank oneShotSeconds oneShotSecondsPerRank oneShotFraction",
  "rowPerBlock.layernorm": "floorSeconds rowSecondsPerColumn blockSeconds blockSecondsPerColumn",
  "rowPerBlock.rmsnorm": "floorSeconds rowSecondsPerColumn blockSeconds blockSecondsPerColumn",
  "rowPerBlock.backward": "floorSeconds rowSecondsPerColumn blockSeconds blockSecondsPerColumn",
  rowPerBlock: "softness blocksPerUnit rereadResidentBytes rereadFlightBytes",
  "rowInRegisters.layernorm": "floorSeconds rowSecondsPerColumn secondsPerElement",
  "rowInRegisters.rmsnorm": "floorSeconds rowSecondsPerColumn secondsPerElement",
  rowInRegisters: "inputSeconds softness cacheFactor",
  "rowInRegisters.backward": "floorSeconds rowSeconds rowSecondsPerColumn",
};

/** Smallest and largest value that a parameter may have. */
function limits(path: ParameterPath): [least: number, most: number] {
  if (/Fraction$|fractionHeadDim|[sS]peed$/.test(path)) return [1e-6, 10];
  if (path.endsWith("softness")) return [1, 1e30];
  if (path.endsWith("Exponent")) return [0, 30];
  if (path.endsWith("sustainedLoss")) return [0, 1 - Number.EPSILON];
  return [path === "cache.bytesPerSecond" ? 1e-30 : 0, 1e30];
}

/** Layers that between them run every law. */
const SCENARIOS: readonly Scenario[] = [
  scenario(),
  scenario({ precision: { weights: "fp8", activations: "fp8", kvCache: "fp8" } }),
  scenario({ model: model("mixtral-8x7b"), parallelism: { tensor: 2, sequenceParallel: false, expert: 2 } }),
  scenario({ workload: train(1, 128), runtime: "eager" }),
  scenario({
    workload: decode(4, 300),
    normalization: { kind: "rmsnorm", implementation: "eager" },
    runtime: "eager",
  }),
  scenario({
    model: model("bert-large"),
    workload: train(4, 128),
    kernels: { pointwise: "eager", attention: "materialized" },
    normalization: { kind: "layernorm", implementation: "fused" },
  }),
  scenario({ parallelism: { tensor: 4, sequenceParallel: false } }),
];

describe("the calibration", () => {
  test("has these parameters and no others, in this order", () => {
    const listed = Object.entries(GROUPS).flatMap(([group, names]) =>
      names.split(" ").map((name) => `${group.trim()}.${name}`),
    );
    expect(PATHS).toEqual(listed);
  });

  test("may be left out, but not in part", () => {
    const { calibration, ...datasheet } = H100;
    expect(problems(datasheet)).toEqual([]);
    const { launch: _, ...rest } = calibration!;
    expect(problems({ ...H100, calibration: rest as typeof calibration })).toEqual([
      "calibration.launch: expected an object, got nothing",
    ]);
    const { gapSeconds: __, ...launch } = calibration!.launch;
    expect(problems({ ...H100, calibration: { ...calibration!, launch: launch as never } })).toEqual([
      "calibration.launch.gapSeconds: expected an object, got nothing",
    ]);
  });

  test("refuses what it does not know", () => {
    const given = { ...H100.calibration!, matmull: {} };
    expect(problems({ ...H100, calibration: given })).toEqual([
      'calibration.matmull: unknown key (did you mean "matmul"?)',
    ]);
  });
});

describe.each(PATHS)("%s", (path) => {
  const [least, most] = limits(path);
  const place = `calibration.${path}`;

  test("takes its smallest and its largest value, and layers are timed with both", () => {
    for (const value of [least, most]) {
      const profile = withValue(path, value);
      expect(problems(profile)).toEqual([]);
      for (const given of SCENARIOS) {
        const { layer, operators } = layerResult({ ...given, hardware: profile });
        for (const seconds of [layer.seconds, ...operators.map((operator) => operator.seconds)]) {
          expect(Number.isFinite(seconds)).toBe(true);
          expect(seconds).toBeGreaterThanOrEqual(0);
        }
      }
    }
  });

  test("refuses what is smaller, larger or no number, and says so once", () => {
    for (const value of [-1e-9, least - 1e-7, most * (1 + 1e-9), "1", null, true, undefined]) {
      const found = problems(withValue(path, value));
      expect(found).toHaveLength(1);
      expect(found[0]).toMatch(`${place}.value: expected a number`);
      expect(found[0]).toMatch(`got ${value === undefined ? "nothing" : JSON.stringify(value)}`);
    }
  });

  test("says where it comes from, in known words", () => {
    for (const origin of ["measured", "published", "transferred", "assumed"])
      expect(problems(withParameter(path, { origin }))).toEqual([]);
    expect(problems(withParameter(path, { origin: "mesured" }))).toEqual([
      `${place}.origin: expected "measured", "published", "transferred" or "assumed", got "mesured" (did you mean "measured"?)`,
    ]);
    expect(problems(withParameter(path, { source: "" }))).toEqual([
      `${place}.source: expected a text of at least 1 character, got ""`,
    ]);
    expect(problems(withParameter(path, { note: "hm" }))[0]).toMatch(`${place}.note: unknown key`);
  });
});

describe("a fit", () => {
  test.each(FIT_STAGES.flatMap((stage) => stage.parameters))("never leaves what %s may be", (path) => {
    const [least, most] = limits(path);
    const [from, to] = boundsOf(path);
    expect(from).toBeGreaterThanOrEqual(least);
    // exponents are free in the fit: nothing measured comes near their limit
    if (!path.endsWith("Exponent")) expect(to).toBeLessThanOrEqual(most);
    expect(from).toBeLessThan(to);
  });
});
