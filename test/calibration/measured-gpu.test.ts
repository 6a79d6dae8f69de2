import { describe, expect, test } from "vitest";
import { measuredDevice } from "../../src/calibration/measured-device.ts";
import { differences, type MeasuredGpu, measuredGpus } from "../../src/calibration/measured-gpu.ts";
import { shippedNames } from "../../src/io/shipped.ts";
import { HardwareSchema } from "../../src/schema/hardware.ts";
import { parametersOf } from "../../src/schema/parameters.ts";
import { row } from "../support/rows.ts";
import { hardware } from "../support/scenarios.ts";

const H200: MeasuredGpu = {
  kind: "environment",
  schemaVersion: 1,
  gpu: "NVIDIA H200",
  computeUnits: 132,
  l2Bytes: 62_914_560,
  memoryBytes: 150_109_880_320,
  torch: "2.11.0",
  cuda: "13.0",
  date: "2026-11-23",
};
const { memoryBytes: _, ...WITHOUT_MEMORY } = H200;

describe("the GPU that was measured", () => {
  test("is said once, however many files say it, by the report that knows most", () => {
    expect(measuredGpus([WITHOUT_MEMORY, row("gemm"), H200, H200])).toEqual([H200]);
    expect(measuredGpus([row("gemm")])).toEqual([]);
  });

  test("is another one by its name, or as a part of the same one", () => {
    const others = [H200, { ...H200, gpu: "NVIDIA H100 80GB HBM3" }, { ...H200, computeUnits: 16 }];
    expect(measuredGpus(others)).toHaveLength(3);
  });

  test("is that of one shipped profile alone", () => {
    const same = (gpu: MeasuredGpu) =>
      shippedNames("hardware").filter((name) => differences(gpu, hardware(name)).length === 0);
    expect(same(H200)).toEqual(["h200-sxm"]);
    expect(same(WITHOUT_MEMORY)).toEqual(["h200-sxm"]);
    for (const name of shippedNames("hardware")) {
      const { gpu, computeUnits, hbmBytes } = hardware(name);
      expect(same({ ...H200, gpu: gpu!, computeUnits, memoryBytes: hbmBytes }), name).toEqual([name]);
    }
  });

  test("is known by the name that older drivers gave it, without its maker", () => {
    const a100 = { ...H200, gpu: "A100-SXM4-80GB", computeUnits: 108, memoryBytes: 85_100_068_864 };
    expect(differences(a100, hardware("a100-sxm-80gb"))).toEqual([]);
  });

  test("is told from a profile without a name by its size, not by what ECC or a driver keeps for itself", () => {
    const { gpu: _, ...unnamed } = hardware("h200-sxm");
    expect(differences(H200, unnamed)).toEqual([]);
    expect(differences({ ...H200, memoryBytes: 0.93 * H200.memoryBytes! }, unnamed)).toEqual([]);
    expect(differences(H200, { ...unnamed, hbmBytes: 85_017_493_504 })).toEqual([
      "hbmBytes: measured 150109880320, the profile's 85017493504",
    ]);
    expect(differences({ ...H200, computeUnits: 16 }, unnamed)).toEqual([
      "computeUnits: measured 16, the profile's 132",
    ]);
  });
});

describe("a profile that is calibrated", () => {
  const wanted = { source: "mine.jsonl", generator: "a test" };
  const origins = (base: string, gpu: MeasuredGpu | undefined) =>
    new Set(
      parametersOf(measuredDevice(hardware(base), gpu, wanted).calibration).map(([, { origin }]) => origin),
    );

  test("has what the driver of the measured GPU reports, and says so", () => {
    const profile = measuredDevice(hardware("h100-sxm"), { ...H200, computeUnits: 100 }, wanted);
    expect(profile).toMatchObject({ gpu: "NVIDIA H200", computeUnits: 100, l2Bytes: 62_914_560 });
    expect(profile.hbmBytes).toBe(150_109_880_320);
    expect(profile.sources[0]).toEqual({
      fields: ["gpu", "computeUnits", "l2Bytes", "hbmBytes"],
      source: "reported by the driver: mine.jsonl",
    });
    const fields = profile.sources.flatMap((source) => source.fields);
    expect(fields.filter((field) => field === "hbmBytes" || field === "l2Bytes")).toHaveLength(2);
    expect(HardwareSchema.safeParse(profile).success).toBe(true);
  });

  test("keeps the base's L2 where ROCm reports that of one die, and its memory where none is reported", () => {
    const given = { ...WITHOUT_MEMORY, gpu: "AMD Instinct MI300X", computeUnits: 304, rocm: "6.2" };
    const profile = measuredDevice(hardware("mi300x"), { ...given, l2Bytes: 4 << 20 }, wanted);
    expect(profile.l2Bytes).toBe(hardware("mi300x").l2Bytes);
    expect(profile.hbmBytes).toBe(hardware("mi300x").hbmBytes);
    expect(profile.sources[0]?.fields).toEqual(["gpu", "computeUnits"]);
  });

  test("starts from its own calibration on its own GPU, from one that was transferred on another or an unknown one", () => {
    expect(origins("h200-sxm", H200)).toContain("measured");
    for (const gpu of [H200, undefined]) expect(origins("h100-sxm", gpu)).toEqual(new Set(["transferred"]));
    expect(origins("l4", H200)).toEqual(new Set(["transferred"]));
  });

  test("of another GPU names the base as the source of what nobody measured, and not the base's GPU", () => {
    const profile = measuredDevice(hardware("h100-sxm"), undefined, wanted);
    expect(profile.gpu).toBeUndefined();
    for (const { fields, source } of profile.sources) {
      expect(source).toMatch(/^taken over from NVIDIA H100 SXM5 80 GB: /);
      expect(fields).not.toContain("gpu");
    }
    const own = measuredDevice(hardware("h200-sxm"), H200, wanted);
    expect(own.sources.filter(({ source }) => source.startsWith("taken over"))).toEqual([]);
  });
});
