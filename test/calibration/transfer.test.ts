import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { START_CALIBRATION, START_DEVICE } from "../../src/calibration/start.ts";
import { startingCalibration, transferCalibration } from "../../src/calibration/transfer.ts";
import { calibrationValues } from "../../src/engine/device/device.ts";
import type { Calibration } from "../../src/schema/calibration.ts";
import type { Hardware } from "../../src/schema/hardware.ts";
import {
  type ParameterPath,
  parametersOf,
  replaceParameters,
  valueAt,
  withValues,
} from "../../src/schema/parameters.ts";
import { calibrated } from "../support/rows.ts";
import { hardware } from "../support/scenarios.ts";

const H100 = calibrated("h100-sxm");
/** Kept within a generation of tensor cores, 1 beyond: a rule that has a test of its own. */
const FLASH_SPEED = "attention.flashSpeed";
const PATHS = parametersOf(H100.calibration)
  .map(([path]) => path)
  .filter((path) => path !== FLASH_SPEED);

type Rule = "same" | "latency" | "issue" | "cacheSize" | "cacheRate" | "matmulSize";

/** How each parameter is carried over, written down a second time: one line a rule. */
const RULES: Readonly<Record<Rule, string>> = {
  same: `launch.gapSeconds launch.streamGapSeconds launch.graphStartSeconds
    host.secondsPerKernel host.backwardSecondsPerKernel host.stepSeconds
    memory.streamingFraction memory.rowPerBlockFraction memory.weightFraction memory.kvCacheFraction
    matmul.peakFraction matmul.sustainedLoss matmul.sustainedExponent matmul.backwardFraction matmul.epilogueShare
    matmul.misalignedSpeed attention.maskedSpeed attention.backward.maskedSpeed
    pointwise.permutedIssueFactor pointwise.cacheConcatenationIssueFactor pointwise.manyTensorsMemoryFactor
    launch.profiledSeconds
    matmul.softness attention.fractionHeadDim64 attention.fractionHeadDim128 attention.fractionHeadDim256
    attention.tailShare attention.causalSpeed attention.tritonSpeed attention.decodeFraction
    attention.decodeWideFraction attention.backward.fractionHeadDim64
    attention.backward.fractionHeadDim128 attention.backward.fractionHeadDim256
    attention.backward.shortSequenceTokens attention.backward.shortSequenceExponent pointwise.softness
    rowSum.memoryFactor network.latencySeconds network.linkFraction rowPerBlock.softness
    network.lowLatencyFraction network.bulkLatencySeconds network.moreRanksFactor network.secondsPerRank
    network.oneShotSeconds network.oneShotSecondsPerRank network.oneShotFraction
    matmul.fp8Speed matmul.int8Speed experts.speed experts.softness
    rowPerBlock.blocksPerUnit rowInRegisters.cacheFactor rowInRegisters.softness`,
  latency: `matmul.floorSeconds matmul.secondsPerInner attention.floorSeconds attention.decodeFloorSeconds
    attention.blockSeconds attention.decodeBlockSeconds attention.decodeRampSeconds attention.flashDecodeSeconds
    pointwise.vectorizedFloorSeconds pointwise.stridedFloorSeconds rowSum.floorSeconds rowSum.secondsPerStep
    softmax.persistentRowSecondsPerColumn softmax.rowSecondsPerColumn columnSum.floorSeconds
    rowPerBlock.layernorm.floorSeconds rowPerBlock.layernorm.rowSecondsPerColumn rowPerBlock.rmsnorm.floorSeconds
    rowPerBlock.rmsnorm.rowSecondsPerColumn rowPerBlock.backward.floorSeconds
    rowPerBlock.backward.rowSecondsPerColumn rowInRegisters.layernorm.floorSeconds
    rowInRegisters.layernorm.rowSecondsPerColumn rowInRegisters.rmsnorm.floorSeconds
    rowInRegisters.rmsnorm.rowSecondsPerColumn rowInRegisters.backward.floorSeconds
    rowInRegisters.inputSeconds rowInRegisters.backward.rowSeconds rowInRegisters.backward.rowSecondsPerColumn columnSum.secondsPerRow
    experts.floorSeconds experts.selectionFloorSeconds quantization.floorSeconds quantization.rowSecondsPerColumn`,
  issue: `pointwise.siluSecondsPerElement pointwise.geluSecondsPerElement pointwise.unrolledSecondsPerElement
    pointwise.stridedSecondsPerElement pointwise.transposedSecondsPerElement pointwise.concatenateSecondsPerElement
    softmax.persistentSecondsPerElement softmax.secondsPerElement
    experts.topKSecondsPerElement experts.sortSecondsPerElement
    rowInRegisters.layernorm.secondsPerElement rowInRegisters.rmsnorm.secondsPerElement
    rowPerBlock.layernorm.blockSeconds rowPerBlock.layernorm.blockSecondsPerColumn rowPerBlock.rmsnorm.blockSeconds
    rowPerBlock.rmsnorm.blockSecondsPerColumn rowPerBlock.backward.blockSeconds
    rowPerBlock.backward.blockSecondsPerColumn`,
  cacheSize:
    "cache.residentBytes cache.transitionBytes rowPerBlock.rereadResidentBytes rowPerBlock.rereadFlightBytes",
  cacheRate: "cache.bytesPerSecond",
  matmulSize: "matmul.sustainedFlops",
};

const ruleOf = (path: ParameterPath): Rule =>
  (Object.keys(RULES) as Rule[]).find((rule) => RULES[rule].split(/\s+/).includes(path))!;

/** What twice of something in the new device does to a parameter of each rule. */
const DOUBLED: readonly [string, Partial<Hardware>, Readonly<Record<Rule, number>>][] = [
  [
    "the clock",
    { maxClockHz: 2 * H100.maxClockHz! },
    { same: 1, latency: 0.5, issue: 0.5, cacheSize: 1, cacheRate: 2, matmulSize: 1 },
  ],
  [
    "the processors",
    { computeUnits: 2 * H100.computeUnits },
    { same: 1, latency: 1, issue: 0.5, cacheSize: 1, cacheRate: 2, matmulSize: 1 },
  ],
  [
    "the L2",
    { l2Bytes: 2 * H100.l2Bytes },
    { same: 1, latency: 1, issue: 1, cacheSize: 2, cacheRate: 1, matmulSize: 1 },
  ],
  [
    "the matmul peak",
    { peakFlopsPerSecond: { ...H100.peakFlopsPerSecond, bf16: 2 * H100.peakFlopsPerSecond.bf16! } },
    { same: 1, latency: 1, issue: 1, cacheSize: 1, cacheRate: 1, matmulSize: 2 },
  ],
  [
    "the memory and its bandwidth",
    { hbmBytes: 2 * H100.hbmBytes, hbmBytesPerSecond: 2 * H100.hbmBytesPerSecond },
    { same: 1, latency: 1, issue: 1, cacheSize: 1, cacheRate: 1, matmulSize: 1 },
  ],
];

describe("carrying a calibration over", () => {
  test("has a rule for every parameter, and one only", () => {
    expect(
      Object.values(RULES)
        .flatMap((paths) => paths.split(/\s+/))
        .sort(),
    ).toEqual([...PATHS].sort());
  });

  test.each(DOUBLED)("to a device with twice %s scales each parameter by its rule", (_, changes, factors) => {
    const moved = transferCalibration(H100, { ...H100, ...changes });
    const [before, after] = [H100.calibration, moved].map(calibrationValues);
    for (const path of PATHS)
      expect(valueAt(after!, path) / valueAt(before!, path)).toBeCloseTo(factors[ruleOf(path)], 2);
  });

  test("and back again changes nothing beyond the four digits that are kept", () => {
    for (const name of ["a100-sxm-80gb", "v100-sxm2-32gb", "l4", "mi300x", "b200"]) {
      const there = hardware(name);
      const moved = { ...there, calibration: transferCalibration(H100, there) };
      const back = calibrationValues(transferCalibration(moved, H100));
      for (const path of PATHS)
        expect(valueAt(back, path) / valueAt(calibrationValues(H100.calibration), path)).toBeCloseTo(1, 2);
    }
  });

  test("keeps four digits and says from where and how", () => {
    const moved = transferCalibration(H100, hardware("l4"));
    for (const [path, { value, origin, source }] of parametersOf(moved)) {
      if (path === FLASH_SPEED) continue;
      expect(value).toBe(Number(value.toPrecision(4)));
      expect(origin).toBe("transferred");
      expect(source).toMatch(/^from NVIDIA H100 SXM5 80 GB: (unchanged|scaled by )/);
      expect(source.endsWith("unchanged")).toBe(ruleOf(path) === "same");
    }
  });

  test("keeps how fast FlashAttention 2 is beside cuDNN on the same tensor cores alone", () => {
    const known = H100.calibration.attention.flashSpeed.value;
    const speedOn = (name: string): number =>
      transferCalibration(H100, hardware(name)).attention.flashSpeed.value;
    expect(known).toBeLessThan(0.7);
    for (const name of ["h200-sxm", "h100-pcie", "h800"]) expect(speedOn(name), name).toBe(known);
    for (const name of ["a100-sxm-80gb", "l40s", "b200", "mi300x"]) expect(speedOn(name), name).toBe(1);
  });

  test("takes the fp16 peak where there is no bf16, and the starting clock where none is known", () => {
    const { bf16: _, ...halves } = H100.peakFlopsPerSecond;
    const { boostClockHz: __, maxClockHz: ___, ...slow } = { ...H100, peakFlopsPerSecond: halves };
    const moved = calibrationValues(transferCalibration(H100, slow));
    const before = calibrationValues(H100.calibration);
    expect(moved.matmul.sustainedFlops).toBeCloseTo(before.matmul.sustainedFlops, -8);
    expect(moved.matmul.floorSeconds / before.matmul.floorSeconds).toBeCloseTo(
      H100.maxClockHz! / START_DEVICE.maxClockHz,
      3,
    );
  });
});

describe("the calibration that every fit starts from", () => {
  test("is itself on the device that it describes", () => {
    const same: Hardware = {
      ...H100,
      computeUnits: START_DEVICE.computeUnits,
      maxClockHz: START_DEVICE.maxClockHz,
      l2Bytes: START_DEVICE.l2Bytes,
      peakFlopsPerSecond: { fp32Vector: 1, bf16: START_DEVICE.bf16 },
    };
    expect(startingCalibration(same)).toEqual(START_CALIBRATION);
  });

  test("follows the same rules to any other device", () => {
    for (const [, changes, factors] of DOUBLED) {
      const [before, after] = [H100, { ...H100, ...changes }].map((device) =>
        calibrationValues(startingCalibration(device)),
      );
      for (const path of PATHS)
        expect(valueAt(after!, path) / valueAt(before!, path)).toBeCloseTo(factors[ruleOf(path)], 9);
    }
  });

  test("is all assumed", () => {
    for (const [, { origin }] of parametersOf(startingCalibration(hardware("b200"))))
      expect(origin).toBe("assumed");
  });
});

describe("parameters by path", () => {
  const values = calibrationValues(H100.calibration);

  test("are all that have a value", () => {
    const all = parametersOf(H100.calibration);
    expect(all).toContainEqual(["launch.gapSeconds", H100.calibration.launch.gapSeconds]);
    expect(all).toHaveLength(JSON.stringify(H100.calibration).match(/"value":/g)!.length);
  });

  test("read what the profile says", () => {
    for (const [path, { value }] of parametersOf(H100.calibration)) expect(valueAt(values, path)).toBe(value);
  });

  test("can be replaced, several at once, and leave all others as they are", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.constantFrom(...PATHS), { maxLength: 6 }), (paths) => {
        const numbers = paths.map((_, index) => 1000 + index);
        const changed = withValues(values, paths, numbers);
        for (const path of PATHS) {
          const index = paths.indexOf(path);
          expect(valueAt(changed, path)).toBe(index < 0 ? valueAt(values, path) : numbers[index]);
        }
      }),
      { numRuns: 50 },
    );
  });

  test("are visited once each, with their place", () => {
    const seen: ParameterPath[] = [];
    const same = replaceParameters(H100.calibration, (path, parameter) => {
      seen.push(path);
      return parameter;
    });
    expect(seen.filter((path) => path !== FLASH_SPEED)).toEqual(PATHS);
    expect(seen).toContain(FLASH_SPEED);
    expect(same).toEqual(H100.calibration);
  });

  test("of a replaced calibration are new, the old one is left alone", () => {
    const before = JSON.stringify(H100.calibration);
    const changed: Calibration = replaceParameters(H100.calibration, (_, parameter) => ({
      ...parameter,
      value: 2 * parameter.value,
    }));
    expect(JSON.stringify(H100.calibration)).toBe(before);
    for (const path of PATHS)
      expect(valueAt(calibrationValues(changed), path)).toBe(2 * valueAt(values, path));
  });
});
