import { describe, expect, test } from "vitest";
import { calibrate, observe } from "../../src/calibration/calibrate.ts";
import { fitParameters } from "../../src/calibration/fit.ts";
import { FIT_STAGES } from "../../src/calibration/fit-stages.ts";
import { startingCalibration, transferCalibration } from "../../src/calibration/transfer.ts";
import { calibrationValues, device } from "../../src/engine/device/device.ts";
import { CalibrationSchema } from "../../src/schema/calibration.ts";
import type { Hardware } from "../../src/schema/hardware.ts";
import type { Measurement } from "../../src/schema/measurement.ts";
import { parametersOf, valueAt, withValues } from "../../src/schema/parameters.ts";
import { predictedSeconds } from "../support/measurements.ts";
import { hardware } from "../support/scenarios.ts";

const h100 = hardware("h100-sxm") as Hardware & { calibration: NonNullable<Hardware["calibration"]> };
const origin = () => ({ origin: "measured", source: "test" }) as const;

const gemm = (m: number, n: number, k: number): Measurement => ({
  kind: "gemm",
  implementation: "linear",
  dtype: "bf16",
  role: "forward",
  m,
  n,
  k,
});

describe("fitting", () => {
  const line = {
    start: [1, 1],
    bounds: [
      [1e-9, 1e9],
      [1e-9, 1e9],
    ] as const,
    observed: [1, 2, 3, 4, 5, 6, 7, 8].map((x) => 3 + 0.5 * x),
    uncertainty: Array(8).fill(0.01) as number[],
    predict: ([a, b]: readonly number[]) => [1, 2, 3, 4, 5, 6, 7, 8].map((x) => a! + b! * x),
  };

  test("finds the parameters that made the data", () => {
    const [a, b] = fitParameters(line);
    expect(a).toBeCloseTo(3, 1);
    expect(b).toBeCloseTo(0.5, 2);
  });

  test("does not follow an outlier", () => {
    const observed = [...line.observed];
    observed[3] = 50;
    const [a, b] = fitParameters({ ...line, observed });
    expect(a).toBeCloseTo(3, 0);
    expect(b).toBeCloseTo(0.5, 1);
  });

  test("keeps a parameter that the data does not determine", () => {
    const [, free] = fitParameters({ ...line, predict: ([a]) => line.observed.map(() => a!) });
    expect(free).toBeCloseTo(1, 6);
  });

  test("stays inside the bounds", () => {
    const bounds = [
      [1e-9, 2],
      [1e-9, 1e9],
    ] as const;
    expect(fitParameters({ ...line, bounds })[0]).toBeLessThanOrEqual(2 + 1e-9);
  });

  test("gives the same numbers every time", () => {
    expect(fitParameters(line)).toEqual(fitParameters(line));
  });
});

describe("calibrating", () => {
  const sizes = [1, 16, 64, 256, 1024, 4096].flatMap((m) => [
    gemm(m, 4096, 4096),
    gemm(m, 8192, 1024),
    gemm(m, 1024, 8192),
  ]);
  const target = device(h100);
  const synthetic = sizes.map(
    (row) => ({ ...row, warmSeconds: predictedSeconds(row, target) }) as Measurement,
  );
  const base = { ...h100, calibration: startingCalibration(h100) };
  const fit = calibrate(synthetic, base, origin);

  test("on times that the model itself made predicts them within 2%", () => {
    const fitted = device(fit.profile);
    for (const row of synthetic) {
      const seconds = "warmSeconds" in row ? row.warmSeconds! : 0;
      expect(Math.abs(predictedSeconds(row, fitted) / seconds - 1)).toBeLessThan(0.02);
    }
  });

  test("says where each fitted parameter is from, and how well its stage fits", () => {
    const { profile, stages } = calibrate(synthetic, base, (rows) => ({
      origin: "measured",
      source: `${rows.length} of mine`,
    }));
    expect(stages.map(({ name, rows }) => [name, rows])).toEqual([["matmul forward", synthetic.length]]);
    expect(profile.calibration.matmul.peakFraction.source).toMatch(
      /^18 of mine \(matmul forward: 18 rows, median error [\d.]+%\)$/,
    );
  });

  test("counts no row that has no time", () => {
    const untimed = { ...synthetic[0]!, warmSeconds: undefined } as Measurement;
    const by = (rows: readonly Measurement[]) =>
      ({ origin: "measured", source: `${rows.length} of mine` }) as const;
    const { profile, stages } = calibrate([...synthetic, untimed], base, by);
    expect(stages[0]?.rows).toBe(synthetic.length);
    expect(profile.calibration.matmul.peakFraction.source).toMatch(/^18 of mine/);
  });

  test("on matmuls alone changes only the matmuls' parameters", () => {
    const changed = new Set(FIT_STAGES.find((stage) => stage.name === "matmul forward")?.parameters);
    const before = new Map(parametersOf(base.calibration));
    for (const [path, parameter] of parametersOf(fit.profile.calibration)) {
      expect(parameter.origin).toBe(changed.has(path) ? "measured" : "assumed");
      if (!changed.has(path)) expect(parameter).toEqual(before.get(path));
    }
  });

  test("takes no notice of times that no clock resolves", () => {
    expect(observe({ ...sizes[0]!, layerSeconds: 5e-324 } as Measurement)).toEqual([]);
    expect(observe({ ...sizes[0]!, layerSeconds: 1e-12 } as Measurement)).toHaveLength(1);
  });

  test("on one row that says nothing about a stage's parameters keeps them", () => {
    const row = {
      kind: "gemm",
      implementation: "torch._scaled_mm",
      dtype: "fp8",
      role: "forward",
      m: 64,
      n: 4096,
      k: 14336,
      warmSeconds: 2.447e-5,
    } as const;
    const { profile, stages, undetermined } = calibrate([row], h100, origin);
    expect(undetermined).not.toEqual([]);
    expect(stages).toEqual([]);
    expect(profile).toEqual(h100);
  });

  test("on nothing changes nothing", () => {
    expect(calibrate([], base, origin)).toEqual({ profile: base, stages: [], undetermined: [] });
  });
});

describe("stages", () => {
  const paths = parametersOf(h100.calibration).map(([path]) => path);

  test("name parameters that exist, each in one stage", () => {
    const staged = FIT_STAGES.flatMap((stage) => stage.parameters);
    expect(new Set(staged).size).toBe(staged.length);
    for (const path of staged) expect(paths).toContain(path);
  });
});

describe("parameters", () => {
  const values = calibrationValues(h100.calibration);

  test("are all in the schema, and the schema has no others", () => {
    expect(CalibrationSchema.parse(startingCalibration(h100))).toBeDefined();
    expect(parametersOf(startingCalibration(h100)).map(([path]) => path)).toEqual(
      parametersOf(h100.calibration).map(([path]) => path),
    );
  });

  test("can be replaced one by one without touching the others", () => {
    const changed = withValues(values, ["rowPerBlock.rmsnorm.floorSeconds"], [42]);
    expect(valueAt(changed, "rowPerBlock.rmsnorm.floorSeconds")).toBe(42);
    expect(valueAt(values, "rowPerBlock.rmsnorm.floorSeconds")).not.toBe(42);
    expect(changed.matmul).toBe(values.matmul);
  });
});

describe("transfer", () => {
  test("to the same device changes no value", () => {
    const moved = new Map(parametersOf(transferCalibration(h100, h100)));
    for (const [path, parameter] of parametersOf(h100.calibration))
      expect(moved.get(path)?.value).toBeCloseTo(parameter.value, 20);
  });

  test("scales caches with the L2, issue with processors and clock, and leaves shares alone", () => {
    const double: Hardware = { ...h100, l2Bytes: 2 * h100.l2Bytes, computeUnits: 2 * h100.computeUnits };
    const before = calibrationValues(h100.calibration);
    const after = calibrationValues(transferCalibration(h100, double));
    expect(after.cache.residentBytes / before.cache.residentBytes).toBeCloseTo(2, 6);
    expect(after.pointwise.stridedSecondsPerElement / before.pointwise.stridedSecondsPerElement).toBeCloseTo(
      0.5,
      3,
    );
    expect(after.memory.streamingFraction).toBe(before.memory.streamingFraction);
    expect(after.matmul.floorSeconds).toBe(before.matmul.floorSeconds);
  });

  test("says of every parameter where it came from", () => {
    for (const [, parameter] of parametersOf(transferCalibration(h100, hardware("l4")))) {
      expect(parameter.origin).toBe("transferred");
      expect(parameter.source).toContain(h100.name);
    }
  });
});
