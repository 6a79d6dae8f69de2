import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { command, type RunOptions, words } from "../support/command.ts";
import { hostile, named, UNSEEN, WORST, withoutColours, withPasses } from "../support/hostile.ts";

const folder = mkdtempSync(join(tmpdir(), "norm-roofline-terminal-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Nothing but what can be seen, ends of lines and our own colours, on both streams. */
async function harmless(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { stdout, stderr } = await command(argv, options);
  expect(withoutColours(stdout)).not.toMatch(UNSEEN);
  expect(stderr).not.toMatch(UNSEEN);
  return stdout + stderr;
}

const FORMATS = ["table", "md", "csv", "json", "jsonl"];

describe("names from files cannot steer a terminal", () => {
  const lines = [
    ...["run -", "run - --chart", "run - --batch 1,2", "compare - --batch 1,2", "show - --resolved"],
    ...["claims -", "explain - attention", "sensitivity -", "sweep - --batch 1,2"],
    "solve - --target normalization.shareOfTime=1% --vary batch --range 1-4",
  ];
  test.each(lines)("through `%s`", async (line) => {
    const stdin = JSON.stringify(named(WORST));
    const inPlain = await harmless(words(line), { stdin });
    if (!line.startsWith("show")) expect(inPlain.length).toBeGreaterThan(100);
    if (/^(run|compare)/.test(line)) await harmless(words(line), { stdin, color: true, columns: 120 });
  });

  test.each(FORMATS)("in %s, whatever they hold", async (format) => {
    await fc.assert(
      fc.asyncProperty(hostile, async (name) => {
        await harmless(["run", "-", "--format", format], { stdin: JSON.stringify(named(name)) });
      }),
      { numRuns: 12 },
    );
  });

  test.each(["table", "md", "csv", "json"])("as names of kernels, in %s", async (format) => {
    const stdin = JSON.stringify(withPasses(WORST));
    await harmless(["explain", "-", "attention-norm", "--format", format], { stdin });
  });

  test("JSON holds the name itself all the same", async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (name) => {
        const { stdout } = await command(["run", "-", "--json"], { stdin: JSON.stringify(named(name)) });
        expect(JSON.parse(stdout).scenario.model.name).toBe(name);
      }),
      { numRuns: 12 },
    );
  });
});

describe("messages quote what was wrong without doing what it says", () => {
  test("of values of any flag", async () => {
    const flags = [
      "--model",
      "--hardware",
      "--batch",
      "--norm",
      "--set",
      "--fail-if",
      "--format",
      "--output",
    ];
    const commands = [
      ...flags.map((flag) => ["run", flag]),
      ...["--axis", "--columns", "--shard", "--jobs"].map((flag) => ["sweep", flag]),
      ...["--target", "--vary", "--range"].map((flag) => ["solve", flag]),
      ...["accuracy", "calibrate", "list", "schema", "completion", "check", "explain"].map((name) => [name]),
      ["run"],
      ["accuracy", "--max-error"],
      ["accuracy", "--against"],
      ["no-such-command"],
      ["run", "--no-such-flag"],
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...commands), hostile, async (argv, text) => {
        // what could be written or read by chance is not what this is about
        const value = `\u001b${text}`;
        await harmless([...argv, argv.includes("--output") ? `${value}/nowhere.json` : value]);
      }),
      { numRuns: 150 },
    );
  });

  test("of keys and values in a file of any kind", async () => {
    const kinds = [
      { workload: { phase: "decode" }, hardware: "h100-sxm" },
      { model_type: "llama", hidden_size: 64 },
      { hidden: 1, heads: 1, ffn: 1 },
      { peakFlopsPerSecond: {}, hbmBytesPerSecond: 1 },
      { schemaVersion: 1, operators: [] },
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...kinds), hostile, hostile, async (marks, key, value) => {
        const stdin = JSON.stringify({ ...marks, [key]: value, model: value, model_type: value });
        for (const name of ["check", "run", "show"]) await harmless([name, "-"], { stdin });
      }),
      { numRuns: 40 },
    );
  });

  test("of text that is no JSON", async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        await harmless(["run", "-"], { stdin: `{"model": ${text}` });
        await harmless(["run", "-"], { stdin: `{${JSON.stringify(text)}: 1, ${JSON.stringify(text)}: 2}` });
      }),
      { numRuns: 40 },
    );
  });

  test("of what a config.json leads to", async () => {
    const config = {
      model_type: "llama",
      ...{ hidden_size: 64, num_attention_heads: 4, num_hidden_layers: 2, intermediate_size: 128 },
      vocab_size: 100,
      rope_scaling: { rope_type: WORST },
      quantization_config: { quant_method: WORST },
      torch_dtype: WORST,
      _name_or_path: WORST,
    };
    const printed = await harmless(["show", "-"], { stdin: JSON.stringify(config) });
    expect(printed).toContain("note: ");
  });

  test("of a file's own name, and no name makes a line of its own", async () => {
    const path = join(folder, "a\u001b[31m\u202e\nerror: forged", "x.json");
    mkdirSync(join(path, ".."));
    writeFileSync(path, JSON.stringify(named("x")));
    const csv = join(folder, "\u001b[31mout.html");
    expect(await harmless(["check", path])).toMatch(/^ok {2}scenario {2}[^\n]*\n$/);
    for (const argv of [
      ["run", path, "--fail-if", "layer.seconds>0"],
      ["run", path, path, "--batch", "1,2", "--fail-if", "layer.seconds>0"],
      ["compare", path, "llama-3-70b-prefill-h100"],
      ["run", `${path}.missing`],
      ["report", path, "-o", csv],
    ])
      expect(await harmless(argv)).not.toMatch(/^error: forged/m);
  });

  test("by one way: a command that writes a line itself quotes nobody", () => {
    const raw = readdirSync("src/commands").filter((name) =>
      readFileSync(join("src/commands", name), "utf8").includes("io.stderr("),
    );
    // a table of figures, and how much of a sweep is left
    expect(raw.sort()).toEqual(["calibrate.ts", "sweep.ts"]);
  });

  test("of measurements", async () => {
    const path = join(folder, "measured.jsonl");
    writeFileSync(path, JSON.stringify({ kind: WORST, [WORST]: WORST }));
    await harmless(["accuracy", "--against", path]);
    await harmless(["calibrate", path, "--base", "l4"]);
  });
});
