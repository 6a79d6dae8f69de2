import fs, { appendFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { readText } from "../../src/io/files.ts";
import { runs } from "../support/length.ts";
import { LONG, REWRITES, SHORT, whileRewritten } from "../support/rewriting.ts";

const folder = mkdtempSync(join(tmpdir(), "files-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a reader may find of two contents: either of them, a beginning of one, or nothing. */
function found(path: string): string {
  try {
    const text = readText(path);
    if (text === SHORT || text === LONG) return "whole";
    return SHORT.startsWith(text) || LONG.startsWith(text) ? "beginning" : "mix";
  } catch (error) {
    if (error instanceof UserError) return "refused";
    throw error;
  }
}

/** Does something after every piece of a file that is read. */
function afterEachRead<T>(then: (position: unknown) => void, action: () => T): T {
  const { readSync } = fs;
  fs.readSync = ((...args: Parameters<typeof readSync>) => {
    const count = readSync(...args);
    then((args as readonly unknown[])[4]);
    return count;
  }) as typeof readSync;
  syncBuiltinESMExports();
  try {
    return action();
  } finally {
    fs.readSync = readSync;
    syncBuiltinESMExports();
  }
}

describe("a file that changes while it is read", () => {
  const path = join(folder, "changing.json");

  test("is read again from its start", () => {
    writeFileSync(path, LONG);
    let reads = 0;
    const change = (): void => {
      if (++reads === 3) writeFileSync(path, SHORT);
    };
    expect(afterEachRead(change, () => readText(path)) === SHORT).toBe(true);
    expect(reads).toBeGreaterThan(3);
  });

  test("again and again is refused in the end", () => {
    writeFileSync(path, SHORT.slice(0, 100_000));
    let reads = 0;
    const change = (position: unknown): void => {
      if (position !== 0) return;
      reads++;
      appendFileSync(path, " ");
    };
    expect(() => afterEachRead(change, () => readText(path, "mine.json"))).toThrow(
      /^cannot read mine\.json: something else keeps writing to it$/,
    );
    expect(reads).toBeGreaterThan(3);
  });
});

const WHOLE_READS = runs(10, 40);

describe("a file that another process rewrites", () => {
  test.each(REWRITES)("by %s is never read as a mix of two contents", async (how) => {
    const path = join(folder, `${how}.json`);
    const counts: Record<string, number> = { whole: 0, beginning: 0, mix: 0, refused: 0 };
    await whileRewritten(path, how, [SHORT, LONG], async () => {
      // a busy machine may leave the file away, or half written, for a while
      for (let read = 0; read < 20_000 && counts["whole"]! < WHOLE_READS; read++) {
        counts[found(path)]!++;
        await wait(1);
      }
    });
    expect(counts["mix"]).toBe(0);
    expect(counts["whole"]).toBe(WHOLE_READS);
    // only who truncates a file shows its beginning
    if (how !== "truncate") expect(counts["beginning"]).toBe(0);
    if (how === "rename") expect(counts["refused"]).toBe(0);
  });

  test.skipIf(!existsSync("/proc/self/status"))("is read where its size says nothing, as in /proc", () => {
    expect(readText("/proc/self/status")).toMatch(/^Name:/);
  });
});

test("a file as large as allowed is read to its last byte", () => {
  const path = join(folder, "large.txt");
  const text = `${"x".repeat(8e6 - 1)}!`;
  writeFileSync(path, text);
  expect(readText(path) === text).toBe(true);
  writeFileSync(path, `${text}x`);
  expect(() => readText(path)).toThrow(/larger than 8 MB/);
});
