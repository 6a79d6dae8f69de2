import { describe, expect, test } from "vitest";
import type { Result } from "../../src/schema/result.ts";
import { command } from "../support/command.ts";

const resultOf = async (line: string): Promise<Result> =>
  JSON.parse((await command([...line.split(" "), "--json"])).stdout) as Result;

const H100 = "NVIDIA H100 SXM5 80 GB";

describe("a device with another figure than its profile's", () => {
  test.each([
    ["--set hardware.hbmBytesPerSecond=8e12", " (with hbmBytesPerSecond 8e12)"],
    ["--set hardware.computeUnits=66", " (with computeUnits 66)"],
    [
      "--set hardware.calibration.memory.streamingFraction.value=0.5",
      " (with calibration.memory.streamingFraction 0.5)",
    ],
    [
      "--set hardware.computeUnits=66 --set hardware.l2Bytes=1e7 --set hardware.boostClockHz=1e9 --set hardware.linkBytesPerSecond=1e9",
      " (with computeUnits 66, l2Bytes 1e7, boostClockHz 1e9, 1 more changed)",
    ],
  ])("says so in its name, and has no measured error: %s", async (settings, added) => {
    const { scenario, typicalError, warnings } = await resultOf(`run ${settings}`);
    expect(scenario.hardware.name).toBe(H100 + added);
    expect(typicalError).toBeNull();
    expect(warnings).toContainEqual(
      expect.stringMatching(/^Nobody has measured whole layers on this device/),
    );
    expect(scenario.hardware.crossValidation).toBeUndefined();
  });

  test("has the name that it is given", async () => {
    const { scenario, typicalError } = await resultOf(
      "run --set hardware.name=Mine --set hardware.hbmBytesPerSecond=8e12",
    );
    expect(scenario.hardware.name).toBe("Mine");
    expect(typicalError).toBeNull();
  });

  test.each([
    "--set hardware.hbmBytesPerSecond=3.35e12",
    "--set hardware.boardPowerWatts=500",
    "--set hardware.hbmBytes=1e11",
    "--gpu-hour-usd 1",
    "--set hardware=h100-sxm",
  ])("is none by %s, which no time depends on", async (settings) => {
    const { scenario, typicalError } = await resultOf(`run ${settings}`);
    expect(scenario.hardware.name).toBe(H100);
    expect(typicalError).not.toBeNull();
  });

  test("is named in titles, and in the one of a space that moves along it", async () => {
    const { stdout } = await command(["run", "--set", "hardware.computeUnits=66"]);
    expect(stdout).toContain("H100 SXM5 80 GB (with computeUnits 66)");
    const grid = await command([
      "solve",
      "--target",
      "normalization.shareOfTime=0.01",
      "--vary",
      "hidden",
      "--set",
      "hardware.computeUnits=66",
    ]);
    expect(grid.stdout).toContain("(with computeUnits 66)");
  });

  test("is refused like any other where the whole device is replaced by what is none", async () => {
    const { code, stderr } = await command([
      "run",
      "--set",
      "hardware=null",
      "--set",
      "hardware.computeUnits=66",
    ]);
    expect(code).toBe(2);
    expect(stderr).toContain("hardware.name: expected a text, got nothing");
  });
});
