import { describe, expect, test } from "vitest";
import { shownLines } from "../../src/io/terminal.ts";
import { command } from "../support/command.ts";

describe("an error message", () => {
  test("shows a few lines as they are", () => {
    expect(shownLines(["error: no", "  because"])).toEqual(["error: no", "  because"]);
  });

  test("cuts a line that nobody would read to its end", () => {
    expect(shownLines([`${"x".repeat(3000)}: why`])).toEqual([
      `${"x".repeat(1600)}...${"x".repeat(395)}: why`,
    ]);
  });

  test("says how many more problems there are than anybody would read", () => {
    const lines = shownLines(Array.from({ length: 5000 }, (_, index) => `problem ${index}`));
    expect(lines[0]).toBe("problem 0");
    expect(lines.at(-1)).toBe(`  and ${5000 - (lines.length - 1)} more`);
    expect(lines.join("\n").length).toBeLessThan(20_000);
  });

  test("says the same thing of a thousand scenarios once, of different things not more than is read", async () => {
    const same = await command(["show", "llama-3-70b-prefill-h100", "--hidden", "4096", "--batch", "1-50"]);
    expect(same.stderr.match(/^note: /gm)).toHaveLength(1);
    const different = await command(["show", "llama-3-70b-prefill-h100", "--hidden", "128-64000+128"]);
    expect(different.code).toBe(0);
    expect(different.stderr).toMatch(/ {2}and \d+ more\n$/);
  });

  const LONG = "a.".repeat(50_000);

  test.each([
    [["run", "--batch", LONG]],
    [["run", "--set", LONG]],
    [["run", `--${LONG}`]],
    [["run", "--format", LONG]],
    [["run", "--model", LONG]],
    [["check", `./${LONG}`]],
    [[LONG]],
  ])("of a word of 100,000 characters is short: %#", async (argv) => {
    const { code, stderr } = await command(argv);
    expect(code).toBe(2);
    expect(stderr.length).toBeLessThan(5000);
  });
});
