import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { built } from "../support/build.ts";
import { command, words } from "../support/command.ts";
import { endedBy, killReplacing, killSweep, type Signal } from "../support/kills.ts";
import { runProgram } from "../support/program.ts";

const GRID =
  "sweep llama-3-70b-decode-h100 --batch 1-9 --context 128-131072+128 --columns layer.seconds --format";

let folder: string;
const wholes: Record<string, Buffer> = {};
beforeAll(() => {
  built();
  folder = mkdtempSync(join(tmpdir(), "kills-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function whole(format: string): Promise<Buffer> {
  wholes[format] ??= Buffer.from((await command(words(`${GRID} ${format}`))).stdout);
  return wholes[format];
}

/** [signal, threads, format]; the moments are drawn, always the same ones */
const KILLS: readonly (readonly [Signal, number, string])[] = [
  ["SIGKILL", 1, "csv"],
  ["SIGKILL", 2, "jsonl"],
  ["SIGTERM", 1, "jsonl"],
  ["SIGTERM", 2, "csv"],
  ["SIGINT", 1, "csv"],
  ["SIGINT", 2, "jsonl"],
];
const MOMENTS = fc.sample(
  fc.record({ share: fc.double({ min: 0, max: 0.8, noNaN: true }), delayMs: fc.nat(20) }),
  { seed: 4, numRuns: KILLS.length },
);

describe.skipIf(process.platform === "win32")("a sweep that is ended", () => {
  test.each(KILLS.map((kill, index) => [...kill, MOMENTS[index]!] as const))(
    "by %s (--jobs %i, %s) leaves a beginning of its file, and --resume writes the rest",
    async (signal, jobs, format, moment) => {
      const killed = await killSweep({
        argv: [...words(`${GRID} ${format}`), "--jobs", String(jobs)],
        path: join(folder, `out.${format}`),
        whole: await whole(format),
        signal,
        moment,
      });
      expect(killed.ended).toSatisfy((ended) => endedBy(signal, ended));
      expect(killed.ended.stderr).toMatch(/^(stopped with \d+ of 9216 points left; .*--resume goes on\n)?$/);
      expect(killed.isPrefix).toBe(true);
      // in the middle of a write nothing is finished, but then --resume drops the cut line
      if (signal !== "SIGKILL") expect(killed.isCut).toBe(false);
      expect(killed.resumed.stderr).toBe("");
      expect(killed.isWholeAgain).toBe(true);
      expect(killed.leftBehind).toEqual([]);
      rmSync(join(folder, `out.${format}`));
    },
  );
});

describe.skipIf(process.platform === "win32")("a program that is ended while it replaces a file", () => {
  test.each([
    ["SIGKILL", undefined],
    ["SIGTERM", undefined],
    ["SIGKILL", 60],
  ] as const)("by %s leaves the old content or the new one", async (signal, delayMs) => {
    const argv = ["run", "--batch", "1-8", "--json"];
    const { stdout } = await runProgram(argv);
    const path = join(folder, "out.json");
    const killed = await killReplacing({ argv, path, whole: Buffer.from(stdout), signal, delayMs });
    expect(killed.holds).toMatch(/^(old|new)$/);
    expect(killed.ended).toSatisfy((ended) => endedBy(signal, ended));
    expect(killed.leftBehind.length).toBeLessThanOrEqual(1);
    expect(killed.leftBehind.join()).toMatch(/^(\.out\.json\.[\w-]+\.tmp)?$/);
  });
});
