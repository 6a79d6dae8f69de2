import { describe, expect, test } from "vitest";
import type { Claims } from "../../src/schema/claims.ts";
import type { Result } from "../../src/schema/result.ts";
import type { Sensitivity } from "../../src/schema/sensitivity.ts";
import { command } from "../support/command.ts";

/** Shipped profiles that nobody has measured a kernel on. */
/** As a user's own profiles are before they are calibrated. */
const DEVICES = ["h100-pcie", "b200", "l40s", "l4", "rtx-4090", "mi300x"].map(
  (name) => `test/support/datasheet/${name}.json`,
);
const UNKNOWN = "unknown (datasheet only)";

const printed = async (line: string): Promise<string> => {
  const { code, stdout } = await command(line.split(" "));
  expect(code).toBe(0);
  return stdout.replaceAll(/\s+/g, " ");
};
const parsed = async <T>(line: string): Promise<T> => JSON.parse(await printed(`${line} --json`)) as T;

describe.each(DEVICES)("%s, which has no calibration", (device) => {
  test("has no share of time and no saving, by no name of the result", async () => {
    const { normalization, statisticalNormalization, operators, alternatives, cost, warnings } =
      await parsed<Result>(`run llama-3-70b-decode-h100 --hardware ${device}`);
    expect(normalization).toMatchObject({ seconds: null, shareOfTime: null });
    expect(normalization.shareOfFlops).toBeGreaterThan(0);
    expect(statisticalNormalization.shareOfTime).toBeNull();
    for (const { class: name, shareOfTime, seconds, idealSeconds } of operators) {
      if (name === "normalization") expect(shareOfTime).toBeNull();
      else expect(shareOfTime).toBeGreaterThan(0);
      expect(seconds).toBe(idealSeconds);
    }
    for (const { kind: _, implementation: __, ...known } of alternatives) {
      const { savedActivationBytes, normalizationForwardHbmBytes, ...times } = known;
      expect(Object.values(times)).toEqual(Object.keys(times).map(() => null));
      expect(savedActivationBytes).toBe(0);
      expect(normalizationForwardHbmBytes).toBeGreaterThan(0);
    }
    expect(cost.swapped).toBeUndefined();
    expect(warnings).toContainEqual(
      expect.stringMatching(/has no calibration.* what other norms save are unknown\.$/),
    );
  });

  test("says so in the first lines of its report, and names no saving", async () => {
    const report = await printed(`run llama-3-70b-decode-h100 --hardware ${device}`);
    expect(report).toContain(`its share of runtime, and what RMSNorm saves: ${UNKNOWN}.`);
    expect(report).not.toMatch(/saves? +[\d.]+%|costs +[\d.]+%/);
  });
});

describe("what hangs on the time of norms", () => {
  test.each([
    "run --hardware test/support/datasheet/b200.json",
    "run --hardware test/support/datasheet/b200.json --chart",
    "run --hardware test/support/datasheet/b200.json --format md",
    "run --hardware test/support/datasheet/b200.json --format svg",
    "run --hardware test/support/datasheet/b200.json,test/support/datasheet/l4.json",
    "run --hardware test/support/datasheet/b200.json,test/support/datasheet/l4.json --format md",
    "compare llama-3-70b-prefill-h100 --hardware test/support/datasheet/b200.json,h100-sxm",
    "compare llama-3-70b-prefill-h100 --hardware test/support/datasheet/b200.json,h100-sxm --format svg",
    "sweep --hardware h100-sxm,test/support/datasheet/b200.json",
    "explain --hardware test/support/datasheet/b200.json",
    "sensitivity --hardware test/support/datasheet/b200.json",
    "report --hardware test/support/datasheet/b200.json",
    "run bert-large-train-v100 --hardware test/support/datasheet/b200.json",
    "run --hardware test/support/datasheet/b200.json --norm layernorm:textbook",
  ])("reads unknown: %s", async (line) => {
    expect(await printed(line)).toContain(UNKNOWN);
  });

  test("is an empty cell of a CSV, and null in lines of JSON", async () => {
    const fields =
      "layer.seconds,normalization.shareOfTime,rmsnormSavesShareOfTime,normalization.shareOfFlops";
    const csv = await command([
      "sweep",
      "--hardware",
      "test/support/datasheet/b200.json",
      "--columns",
      fields,
      "--format",
      "csv",
    ]);
    expect(csv.stdout).toMatch(/\n[\d.]+,,,[\d.e-]+\n/);
    const lines = await command([
      "sweep",
      "--hardware",
      "test/support/datasheet/b200.json",
      "--columns",
      fields,
      "--format",
      "jsonl",
    ]);
    expect(JSON.parse(lines.stdout)).toMatchObject({
      "normalization.shareOfTime": null,
      rmsnormSavesShareOfTime: null,
    });
    const run = await command(["run", "--hardware", "test/support/datasheet/b200.json", "--format", "csv"]);
    expect(run.stdout).toMatch(/attention-norm,.*,memory,\n/);
  });

  test.each([
    ["run", "normalization.shareOfTime>5%"],
    ["run", "operators.attention-norm.shareOfTime>5%"],
    ["run", "alternatives.rmsnorm:fused.savedShareOfTime<0"],
    ["claims", "rmsnormSavesShareOfTime<0"],
  ])("is judged by no --fail-if: %s, %s", async (name, condition) => {
    const { code, stderr, stdout } = await command([
      name,
      "--hardware",
      "test/support/datasheet/b200.json",
      "--fail-if",
      condition,
    ]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(
      /^error: --fail-if: .* cannot be answered here: NVIDIA B200 SXM 180 GB has no calibration/,
    );
  });

  test("is what --fail-if may ask of counts and ideal times all the same", async () => {
    const { code } = await command([
      "run",
      "--hardware",
      "test/support/datasheet/b200.json",
      "--fail-if",
      "normalization.shareOfFlops>0",
    ]);
    expect(code).toBe(1);
  });

  test("is nowhere found by solve", async () => {
    const { code, stderr } = await command(
      "solve --target normalization.shareOfTime=25% --vary hidden --hardware test/support/datasheet/b200.json".split(
        " ",
      ),
    );
    expect(code).toBe(2);
    expect(stderr).toContain("normalization.shareOfTime cannot be answered here");
    await printed(
      "solve --target normalization.shareOfFlops=0.1% --vary hidden --hardware test/support/datasheet/b200.json",
    );
  });

  test("is no claim that can be judged; counts can", async () => {
    const { claims } = await parsed<Claims>("claims --hardware test/support/datasheet/b200.json");
    const verdictOf = Object.fromEntries(claims.map(({ id, verdict }) => [id, verdict]));
    expect(verdictOf).toEqual({
      "flop-share": "does not hold",
      "runtime-share": "cannot be answered here",
      "rmsnorm-saving": "cannot be answered here",
      "memory-bound": "cannot be answered here",
      "multiple-passes": "holds only if",
      utilization: "cannot be answered here",
      cost: "cannot be answered here",
      convergence: "outside this model",
    });
    for (const { verdict, values, places } of claims)
      if (verdict === "cannot be answered here") expect([values, places]).toEqual([[], []]);
  });

  test("is moved by nothing; the layer's time is", async () => {
    const found = await parsed<Sensitivity>("sensitivity --hardware test/support/datasheet/b200.json");
    expect([found.shareOfTime, found.saving]).toEqual([null, null]);
    for (const { shareOfTimeChange, savingChange } of found.effects)
      expect([shareOfTimeChange, savingChange]).toEqual([null, null]);
    const sizes = found.effects.map(({ layerSecondsChange }) => Math.abs(layerSecondsChange));
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    expect(found.warnings).toContainEqual(expect.stringContaining("has no calibration"));
  });

  test("marks the heads of the columns that compare has of such devices", async () => {
    const { stdout } = await command([
      ...["compare", "llama-3-70b-prefill-h100", "--hardware", "h100-sxm,test/support/datasheet/b200.json"],
    ]);
    expect(stdout.split("\n")[0]).toMatch(/ h100-sxm +test\/support\S* \(datasheet\)$/);
  });
});
