import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { built } from "../support/build.ts";
import { command } from "../support/command.ts";
import { runProgram } from "../support/program.ts";
import { askWhileRewritten } from "../support/races.ts";
import { REWRITES } from "../support/rewriting.ts";

let folder: string;
beforeAll(() => {
  built();
  folder = mkdtempSync(join(tmpdir(), "races-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("a scenario file that another process rewrites", () => {
  test.each(REWRITES)("by %s is answered as one of its contents, or refused in a line", async (how) => {
    const counts = await askWhileRewritten(join(folder, `${how}.json`), how, 4);
    expect(counts.wrong).toEqual([]);
    expect(counts.first + counts.second + counts.refused).toBe(4);
    if (how === "rename") expect(counts.refused).toBe(0);
  });
});

describe("many at once", () => {
  const several = <T>(count: number, one: () => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: count }, one));

  test("print the same bytes", async () => {
    const { stdout } = await command(["run", "--json"]);
    for (const ended of await several(12, () => runProgram(["run", "--json"])))
      expect(ended).toMatchObject({ code: 0, stdout, stderr: "" });
  });

  test("write one file whole", async () => {
    const place = mkdtempSync(join(folder, "one-"));
    const { stdout } = await command(["run", "--json"]);
    for (const ended of await several(6, () => runProgram(["run", "-o", "out.json"], place)))
      expect(ended).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(readdirSync(place)).toEqual(["out.json"]);
    expect(readFileSync(join(place, "out.json"), "utf8")).toBe(stdout);
  });
});
