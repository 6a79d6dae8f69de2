import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { COMMANDS, type CommandName } from "../../src/help.ts";
import { type JsonSchemaName, jsonSchema } from "../../src/schema/json-schema.ts";
import { VERSION } from "../../src/version.ts";
import { command, words } from "../support/command.ts";

const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
const ajv = new Ajv2020({ strict: false });

/** Each command whose answers are documents, and the schema that they follow. */
const DOCUMENTS: Partial<Record<CommandName, readonly (readonly [line: string, schema: JsonSchemaName])[]>> =
  {
    run: [
      ["run", "result"],
      ["run llama-3-70b-prefill-h100 bert-large-train-v100", "result"],
      ["run --hidden 1024,2048", "rows"],
    ],
    compare: [["compare --hardware h100-sxm,l4", "result"]],
    claims: [["claims", "claims"]],
    sweep: [["sweep --batch 1,2", "rows"]],
    solve: [["solve --target normalization.shareOfTime=1% --vary batch --range 1-8", "solution"]],
    explain: [["explain ffn-norm", "explanation"]],
    sensitivity: [["sensitivity", "sensitivity"]],
    accuracy: [
      ["accuracy --against measurements/h100-sxm/counters.jsonl", "accuracy"],
      ["accuracy a100-sxm-80gb --against measurements/a100-sxm-80gb/gemm-vllm.jsonl", "accuracy"],
    ],
    trace: [
      ["trace test/trace/traces/llama-3-70b-prefill-1x4096-eager-bf16.json.gz", "trace"],
      [
        "trace test/trace/traces/gpt2-xl-prefill-4x1000-eager-fp16.json.gz test/trace/traces/llama-3-70b-prefill-1x4096-compile-bf16.json.gz",
        "trace",
      ],
    ],
    list: [
      ["list", "rows"],
      ["list norms", "rows"],
    ],
  };

/** Commands that print something else, and what. */
const OTHERS: Partial<Record<CommandName, string>> = {
  report: "a page, below",
  calibrate: "a hardware profile, below",
  show: "a file as it is, or as it is read again",
  schema: "a JSON Schema",
  check: "lines for people",
  completion: "a script",
};

const NAMES = Object.keys(COMMANDS) as CommandName[];

/** The documents of an output: one, a list of them, or one a line. */
function documents(text: string, format: "json" | "jsonl"): unknown[] {
  if (format === "jsonl")
    return text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  const value = JSON.parse(text) as unknown;
  return Array.isArray(value) ? value : [value];
}

async function answer(line: string): Promise<string> {
  const { code, stdout } = await command(words(line));
  expect(code).toBe(0);
  return stdout;
}

describe("every command", () => {
  test.each(NAMES)("%s has --json exactly where its answers are documents", async (name) => {
    const { stdout } = await command([name, "--help"]);
    expect(stdout.includes("--json")).toBe(DOCUMENTS[name] !== undefined);
    expect(DOCUMENTS[name] === undefined).toBe(OTHERS[name] !== undefined);
  });
});

const LINES = Object.values(DOCUMENTS).flat();

describe("a document", () => {
  test.each(LINES)("of `%s` begins with schemaVersion and version, and is a valid %s", async (line, name) => {
    const validate = ajv.compile(jsonSchema(name));
    for (const document of documents(await answer(`${line} --json`), "json")) {
      expect(Object.keys(document as object).slice(0, 2)).toEqual(["schemaVersion", "version"]);
      expect(document).toMatchObject({ schemaVersion: 1, version });
      expect(validate(document), ajv.errorsText(validate.errors)).toBe(true);
    }
  });

  test.each(LINES)("of `%s` is known to `check` as %s, and spoiled is not", async (line, name) => {
    const text = await answer(`${line} --json`);
    const [first] = documents(text, "json") as Record<string, unknown>[];
    const checked = await command(["check", "-"], { stdin: text });
    expect(checked).toMatchObject({ code: 0, stderr: "" });
    expect(checked.stdout).toMatch(new RegExp(`^ok {2}(list of \\d+: )?${name} {2}standard input`));
    const spoiled = JSON.stringify(
      text.startsWith("[") ? [{ ...first, version: 1 }] : { ...first, version: 1 },
    );
    const refused = await command(["check", "-"], { stdin: spoiled });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/version: expected a text/);
  });

  test.each(LINES)("a line of `%s`, as JSON Lines the same %s", async (line, name) => {
    const lines = documents(await answer(`${line} --format jsonl`), "jsonl");
    const whole = documents(await answer(`${line} --json`), "json");
    // rows are rows: their names are the columns', and so are CSV's
    const answeredBy = { schemaVersion: 1, version };
    expect(name === "rows" ? lines.map((line) => ({ ...answeredBy, ...(line as object) })) : lines).toEqual(
      whole,
    );
  });
});

describe("what is no document says its program too", () => {
  test("the page in its data", async () => {
    expect(await answer("report")).toContain(`{"version":"${version}",`);
  });

  test("a calibrated profile as its generator", async () => {
    const counters = "measurements/h100-sxm/counters.jsonl";
    const profile = JSON.parse(await answer(`calibrate ${counters} --base h100-sxm`)) as object;
    expect(profile).toMatchObject({ generator: `norm-roofline ${version}` });
    // how well the base was found to predict is not this profile's
    expect(profile).not.toHaveProperty("crossValidation");
  });

  test("the command and the library, by the package's version", async () => {
    expect(await answer("--version")).toBe(`${version}\n`);
    expect(VERSION).toBe(version);
  });
});
