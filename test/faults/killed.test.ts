import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { built } from "../support/build.ts";
import { KILLS, killAndResume, LONG_SWEEP, run, start } from "../support/faults.ts";

const folder = mkdtempSync(join(tmpdir(), "killed-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Milliseconds: while it starts, while its threads start, and while it writes. */
const MOMENTS = [40, 250, 500];

describe("a sweep that is killed", () => {
  const whole = { csv: "", jsonl: "" };
  beforeAll(async () => {
    built();
    for (const format of ["csv", "jsonl"] as const) {
      const path = join(folder, `whole.${format}`);
      expect((await run([...LONG_SWEEP, "-o", path])).code).toBe(0);
      whole[format] = readFileSync(path, "utf8");
    }
  }, 120_000);

  const cases = KILLS.flatMap((signal, index) =>
    MOMENTS.slice(index === 2 ? 0 : 1).map((afterMs) => ({ signal, afterMs })),
  );
  test.each(
    cases.map((kill, index) => ({
      ...kill,
      jobs: 1 + (index % 2),
      format: index % 3 === 0 ? ("jsonl" as const) : ("csv" as const),
    })),
  )(
    "by $signal after $afterMs ms ($jobs jobs, $format) holds whole lines and goes on to the same bytes",
    async (kill) => {
      const path = join(folder, `${kill.signal}-${kill.afterMs}.${kill.format}`);
      expect(await killAndResume(path, kill, whole[kill.format])).toBeUndefined();
    },
  );
});

test("a report that is killed is there whole or not at all", async () => {
  const path = join(folder, "report.html");
  for (const afterMs of [60, 150, 220, 300]) {
    rmSync(path, { force: true });
    const child = start(["report", "-o", path]);
    setTimeout(() => child.kill("SIGKILL"), afterMs);
    await new Promise((resolve) => child.on("close", resolve));
    const written = readdirSync(folder).filter((name) => name === "report.html");
    if (written.length > 0) expect(readFileSync(path, "utf8")).toMatch(/<\/html>\s*$/);
  }
});
