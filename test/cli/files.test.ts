import fs, {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Result } from "../../src/schema/result.ts";
import { command, json } from "../support/command.ts";

const folder = mkdtempSync(join(tmpdir(), "norm-roofline-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const VALID = {
  model: "llama-3-8b",
  hardware: "h100-sxm",
  workload: { phase: "decode", batch: 4, context: 128 },
};
const changed = (changes: object): string => JSON.stringify({ ...VALID, ...changes });

/** [what it is, content, what the message must say] */
const BROKEN: readonly [string, string | Uint8Array, RegExp][] = [
  ["empty", "", /empty/],
  ["only spaces", "  \n ", /empty/],
  ["binary", new Uint8Array([0, 1, 2, 255, 254]), /not a text file/],
  ["UTF-16", new Uint8Array([255, 254, 123, 0, 125, 0]), /UTF-16/],
  ["not JSON", "{ model: llama }", /not valid JSON.*line 1/],
  ["cut off", '{\n  "model": "llama-3-8b",\n', /not valid JSON/],
  ["a list", "[]", /expected an object/],
  ["a number", "42", /expected an object/],
  ["null", "null", /expected an object/],
  ["without its parts", "{}", /model:[\s\S]*hardware:[\s\S]*workload:/],
  ["with an unknown key", changed({ modle: "x" }), /modle: unknown key \(did you mean "model"/],
  ["with a wrong type", changed({ workload: "decode" }), /workload: expected an object, got "decode"/],
  [
    "with batch 0",
    changed({ workload: { phase: "decode", batch: 0 } }),
    /workload\.batch: expected a whole number of at least 1, got 0/,
  ],
  [
    "with a negative context",
    changed({ workload: { phase: "decode", context: -1 } }),
    /workload\.context: expected a whole number of at least 0, got -1/,
  ],
  [
    "with half a batch",
    changed({ workload: { phase: "decode", batch: 1.5 } }),
    /workload\.batch: expected a whole number, got 1\.5/,
  ],
  [
    "with 1e400",
    '{"model":"llama-3-8b","hardware":"h100-sxm","workload":{"phase":"decode","batch":1e400}}',
    /workload\.batch|1e400/,
  ],
  [
    "with NaN",
    '{"model":"llama-3-8b","hardware":"h100-sxm","workload":{"phase":"decode","batch":NaN}}',
    /workload\.batch: expected a number, got NaN/,
  ],
  ["with text for a number", changed({ workload: { phase: "decode", batch: "8" } }), /workload\.batch/],
  ["with an unknown model", changed({ model: "llama-3-9b" }), /did you mean "llama-3-8b"/],
  ["with a model path that is not there", changed({ model: "./nothing.json" }), /no such file/],
  [
    "with half a million keys",
    `{${Array.from({ length: 500_000 }, (_, index) => `"${index}":0`).join(",")}}`,
    /cannot be read: line 1, column \d+: more than 100000 keys/,
  ],
  [
    "with a number of a million digits",
    `{"model": ${"1".repeat(1e6)}}`,
    /the number 1{24}\.\.\. is too large/,
  ],
  ["nested a million times", "[".repeat(1e6), /nested more than 64 levels deep/],
  ["with a text of a million letters", changed({ model: "x".repeat(1e6) }), /at most 2000 characters/],
  [
    "with a model path longer than a file system takes",
    changed({ model: `a/${"x".repeat(5000)}` }),
    /the name is too long/,
  ],
  ["with an unknown phase", changed({ workload: { phase: "sleep" } }), /"prefill", "decode" or "train"/],
  [
    "that trains with a context",
    changed({ workload: { phase: "train", sequence: 8, context: 8 } }),
    /expected 0 in train/,
  ],
  ["that prefills nothing", changed({ workload: { phase: "prefill" } }), /workload\.sequence/],
  [
    "with kvHeads that do not divide heads",
    changed({
      model: {
        ...JSON.parse(readFileSync("models/llama-3-8b.json", "utf8")),
        kvHeads: 5,
      },
    }),
    /expected a divisor of heads \(32\), got 5/,
  ],
  ["with a tensor-parallel degree that does not divide", changed({ parallelism: { tensor: 3 } }), /divisor/],
  [
    "with an unknown operand in a pass",
    changed({
      normalization: {
        implementation: [{ name: "x", reads: ["activations"], writes: [], flopsPerElement: 1 }],
      },
    }),
    /expected activation, fp32, row/,
  ],
  ["with no passes", changed({ normalization: { implementation: [] } }), /implementation/],
  ["that is 100 levels deep", `${'{"model":'.repeat(100)}1${"}".repeat(100)}`, /deep|nest/],
  ["with a key twice over a prototype", '{"__proto__":{"x":1},"model":"llama-3-8b"}', /__proto__|hardware/],
];

describe("a scenario file", () => {
  test.each(BROKEN)("%s is refused with its place", async (title, content, pattern) => {
    const path = file(`${title.replaceAll(/\W/g, "-")}.json`, content);
    const { code, stdout, stderr } = await command(["run", path]);
    expect(stderr).toMatch(pattern);
    expect(stderr).toContain(path);
    expect(stdout).toBe("");
    expect(code).toBe(2);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test("with several mistakes is answered with all of them at once", async () => {
    const path = file(
      "several.json",
      changed({ modle: 1, workload: { phase: "decode", batch: 0, sequnce: 1 } }),
    );
    const { stderr } = await command(["run", path]);
    expect(stderr).toMatch(/modle/);
    expect(stderr).toMatch(/workload\.batch/);
    expect(stderr).toMatch(/workload\.sequnce/);
  });

  test("may start with a byte order mark", async () => {
    const path = file("bom.json", `\uFEFF${changed({})}`);
    expect((await command(["run", path])).code).toBe(0);
  });

  test("finds its model beside itself", async () => {
    mkdirSync(join(folder, "deep"), { recursive: true });
    file("my-model.json", readFileSync("models/gpt2-xl.json"));
    const path = file(join("deep", "scenario.json"), changed({ model: "../my-model.json" }));
    const result = await json<Result>(`run ${path} --json`);
    expect(result.scenario.model.hidden).toBe(1600);
  });

  test("larger than anything useful is refused before it is parsed", async () => {
    const path = file("large.json", " ".repeat(9e6));
    const { code, stderr } = await command(["run", path]);
    expect(stderr).toMatch(/larger than 8 MB/);
    expect(code).toBe(2);
  });

  test("that may not be read says so", async () => {
    const path = file("secret.json", changed({}));
    const { openSync } = fs;
    // no mode keeps root from a file
    fs.openSync = (name, ...more) => {
      if (name === path) throw Object.assign(new Error("EACCES"), { code: "EACCES" });
      return openSync(name, ...more);
    };
    syncBuiltinESMExports();
    try {
      const { code, stderr } = await command(["run", path]);
      expect(stderr).toBe(`error: cannot read ${path}: permission denied\n`);
      expect(code).toBe(2);
    } finally {
      fs.openSync = openSync;
      syncBuiltinESMExports();
    }
  });
});

describe("standard input", () => {
  test("is a scenario where - stands for its name", async () => {
    const result = await json<Result>("run - --json", { stdin: changed({}) });
    expect(result.scenario.workload).toEqual({ phase: "decode", batch: 4, sequence: 1, context: 128 });
  });

  test("may hold one scenario a line", async () => {
    const stdin = `${changed({})}\n${changed({ model: "gpt2-xl" })}\n`;
    const { stdout } = await command(["run", "-", "--format", "jsonl"], { stdin });
    const models = stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as Result).scenario.model.hidden);
    expect(models).toEqual([4096, 1600]);
  });

  test("that is broken is called standard input in the message", async () => {
    const { code, stderr } = await command(["run", "-"], { stdin: "{" });
    expect(stderr).toMatch(/standard input is not valid JSON/);
    expect(code).toBe(2);
  });
});

describe("an output file", () => {
  test.each([
    ["out.json", /^\{\n {2}"schemaVersion": 1/],
    ["out.jsonl", /^\{"schemaVersion":1/],
    ["out.csv", /^(\w+,)+/],
    ["out.md", /\| attention-norm/],
    ["out.txt", /Normalization is/],
  ])("%s has the format of its ending", async (name, pattern) => {
    const path = join(folder, name);
    const { code, stdout } = await command(["run", "-o", path]);
    expect(code).toBe(0);
    expect(stdout).toBe("");
    expect(readFileSync(path, "utf8")).toMatch(pattern);
  });

  test("that cannot be written leaves nothing behind", async () => {
    const { code, stderr } = await command(["run", "-o", join(folder, "missing", "out.json")]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/cannot write/);
    expect(existsSync(join(folder, "missing"))).toBe(false);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("is replaced whole, never half", async () => {
    const path = file("old.json", "something old");
    await command(["run", "-o", path]);
    expect(() => JSON.parse(readFileSync(path, "utf8"))).not.toThrow();
  });
});

describe("calibrate", () => {
  test("makes a profile that run, check and accuracy take", async () => {
    const path = join(folder, "mine.json");
    const counters = "measurements/h100-sxm/counters.jsonl";
    const made = await command(["calibrate", counters, "--base", "l4", "--name", "Mine", "-o", path]);
    expect(made.code).toBe(0);
    expect(made.stderr).toMatch(/norm native, rereads/);
    expect((await command(["check", path])).stdout).toMatch(/ok {2}hardware/);
    expect((await command(["run", "--hardware", path])).stdout).toMatch(/Mine/);
    expect((await command(["accuracy", path, "--against", counters])).code).toBe(0);
  });

  test("refuses a file without rows that it could use", async () => {
    const path = file(
      "only-environment.jsonl",
      readFileSync("measurements/h100-sxm/counters.jsonl", "utf8").split("\n")[0]!,
    );
    const { code, stderr } = await command(["calibrate", path, "--base", "h100-sxm"]);
    expect(stderr).toMatch(/no rows/);
    expect(code).toBe(2);
  });
});
