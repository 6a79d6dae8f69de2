import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Hardware } from "../../src/schema/hardware.ts";
import { command, json, words } from "../support/command.ts";

const folder = mkdtempSync(join(tmpdir(), "norm-roofline-calibrate-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, lines.join("\n"));
  return path;
}

const rowsOf = (name: string): string[] =>
  readFileSync(`measurements/${name}.jsonl`, "utf8").trim().split("\n");

const H200_ROWS = rowsOf("h200-sxm/measured");
const isOf = (kind: string) => (line: string) => line.includes(`"kind": "${kind}"`);
const [H200_ENVIRONMENT] = H200_ROWS.filter(isOf("environment"));
const H200_COPIES = H200_ROWS.filter(isOf("copy"));

const h200 = file("h200.jsonl", [H200_ENVIRONMENT!, ...H200_COPIES]);
const unnamed = file("unnamed.jsonl", H200_COPIES);

/** The profile is written nowhere. */
async function refused(line: string): Promise<string> {
  const path = join(folder, "refused.json");
  const { code, stdout, stderr } = await command([...words(line), "-o", path]);
  expect([code, stdout, existsSync(path)]).toEqual([2, "", false]);
  expect(stderr).not.toMatch(/^\s+at /m);
  return stderr;
}

describe("measurements of another GPU than the base's are refused", () => {
  test("before any fit, with what differs and the profile that is meant", async () => {
    const line = "calibrate measurements/h200-sxm/measured.jsonl --base a100-sxm-80gb";
    expect(await refused(line)).toBe(
      [
        "error: measurements/h200-sxm/measured.jsonl was measured on another GPU than NVIDIA A100 SXM4 80 GB",
        '  gpu: measured "NVIDIA H200", the profile\'s "NVIDIA A100-SXM4-80GB"',
        "  computeUnits: measured 132, the profile's 108",
        "  hbmBytes: measured 150109880320, the profile's 84987740160",
        "  --base h200-sxm is its profile",
        "",
      ].join("\n"),
    );
  });

  test("though they are of the same chip", async () => {
    expect(await refused(`calibrate ${h200} --base h100-sxm`)).toMatch(/another GPU than NVIDIA H100 SXM5/);
  });

  test("without a profile of theirs, with the way to one", async () => {
    const own = file("own.jsonl", [H200_ENVIRONMENT!.replace("NVIDIA H200", "NVIDIA H300"), ...H200_COPIES]);
    expect(await refused(`calibrate ${own} --base h200-sxm`)).toMatch(
      /gpu: measured "NVIDIA H300".*\n {2}for a device without a profile: --name "My GPU"/,
    );
  });

  test("if they do not say which", async () => {
    expect(await refused(`calibrate ${unnamed} --base h200-sxm`)).toMatch(
      /does not say which GPU was measured\n {2}expected a row of kind environment/,
    );
  });

  test("if they are of two", async () => {
    const both = `${h200} measurements/h100-sxm/counters.jsonl`;
    for (const name of ["", " --name Both"])
      expect(await refused(`calibrate ${both} --base h200-sxm${name}`)).toMatch(
        /measured on more than one GPU\n {2}NVIDIA H200, 132 .*\n {2}NVIDIA H100 80GB HBM3, 132/,
      );
  });
});

describe("a name says that the device is a new one", () => {
  test("and the profile has its GPU, its memory and the base's datasheet", async () => {
    const profile = await json<Hardware>(`calibrate ${h200} --base h100-sxm --name 'Our H200'`);
    expect(profile).toMatchObject({ name: "Our H200", gpu: "NVIDIA H200", hbmBytes: 150_109_880_320 });
    expect(profile.calibration?.memory.streamingFraction.origin).toBe("measured");
    expect(profile.calibration?.matmul.peakFraction).toMatchObject({ origin: "transferred" });
  });

  test("which may be unknown", async () => {
    const profile = await json<Hardware>(`calibrate ${unnamed} --base h200-sxm --name 'Somebody else'`);
    expect(profile.gpu).toBeUndefined();
  });

  test("but a fit far off is none", async () => {
    const matmuls = file("matmuls.jsonl", [
      H200_ENVIRONMENT!,
      ...H200_ROWS.filter(isOf("gemm")).filter((line) => line.includes('"gradInput"')),
    ]);
    expect(await refused(`calibrate ${matmuls} --base a100-sxm-80gb --name Mine`)).toMatch(
      /does not fit NVIDIA A100 SXM4 80 GB\n {2}matmul gradients: 20 rows, median error \d+%, expected at most 30%\n {2}the peaks must be those/,
    );
  });

  test("also on its own base: times in another unit are no calibration", async () => {
    const slow = H200_COPIES.map((line) => {
      const row = JSON.parse(line) as { warmSeconds: number };
      return JSON.stringify({ ...row, warmSeconds: 1000 * row.warmSeconds });
    });
    const path = file("milliseconds.jsonl", [H200_ENVIRONMENT!, ...slow]);
    expect(await refused(`calibrate ${path} --base h200-sxm`)).toMatch(/does not fit NVIDIA H200/);
  });
});

test("accuracy notes measurements of another GPU, and judges them all the same", async () => {
  const { code, stderr } = await command(words(`accuracy h100-sxm --against ${h200}`));
  expect(code).toBe(0);
  expect(stderr).toContain(
    'h200.jsonl is of another GPU than NVIDIA H100 SXM5 80 GB: gpu: measured "NVIDIA H200"',
  );
  expect((await command(words(`accuracy h200-sxm --against ${h200}`))).stderr).toBe("");
});
