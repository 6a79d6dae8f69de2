import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { built } from "../support/build.ts";
import { run } from "../support/faults.ts";

const folder = mkdtempSync(join(tmpdir(), "inputs-"));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(built, 120_000);

const scenario = (batch: number): string =>
  JSON.stringify({
    model: "llama-3-8b",
    hardware: "h100-sxm",
    workload: { phase: "decode", batch, context: 128 },
  });
const SHORT = scenario(1);
/** more than one read's worth of bytes */
const LONG = `${" ".repeat(150_000)}${scenario(2)}`;

/** Rewrites a file again and again, whole by rename or in place. */
const WRITER = `
const fs = require("node:fs");
const [path, how, ...texts] = process.argv.slice(1);
const contents = texts.map((name) => fs.readFileSync(name, "utf8"));
for (let i = 0; ; i++) {
  if (how === "rename") { fs.writeFileSync(path + ".new", contents[i % 2]); fs.renameSync(path + ".new", path); }
  else fs.writeFileSync(path, contents[i % 2]);
}`;

test.each(["rename", "in place"])(
  "a scenario that is rewritten (%s) while it is read is the old, the new, or an error",
  async (how) => {
    const path = join(folder, "scenario.json");
    const texts = [SHORT, LONG].map((text, index) => {
      const name = join(folder, `text-${index}.json`);
      writeFileSync(name, text);
      return name;
    });
    const answers: string[] = [];
    for (const text of texts) {
      const { code, stdout } = await run(["run", text, "--json"]);
      expect(code).toBe(0);
      answers.push(stdout);
    }
    writeFileSync(path, SHORT);
    const writer = spawn(process.execPath, ["-e", WRITER, path, how, ...texts], { stdio: "ignore" });
    try {
      for (let time = 0; time < 8; time++) {
        const { code, stdout, stderr } = await run(["run", path, "--json"]);
        expect(stderr).not.toMatch(/^\s+at /m);
        if (code === 0) expect(answers).toContain(stdout);
        else {
          expect(code).toBe(2);
          expect(how).toBe("in place");
          expect(stderr).toMatch(/was changed while it was read|is empty|not valid JSON/);
        }
      }
    } finally {
      writer.kill("SIGKILL");
    }
  },
);

test("processes side by side answer with the same bytes, and one of them has the last word in their file", async () => {
  const path = join(folder, "one.json");
  const alone = await run(["run", "--json"]);
  const many = await Promise.all(Array.from({ length: 12 }, () => run(["run", "--json"])));
  for (const { code, stdout, stderr } of many) {
    expect(code).toBe(0);
    expect(stderr).toBe("");
    expect(stdout).toBe(alone.stdout);
  }
  const writers = await Promise.all(Array.from({ length: 6 }, () => run(["run", "--json", "-o", path])));
  for (const { code } of writers) expect(code).toBe(0);
  expect(readFileSync(path, "utf8")).toBe(alone.stdout);
  expect(readdirSync(folder).filter((name) => name.includes("one.json"))).toEqual(["one.json"]);
});
