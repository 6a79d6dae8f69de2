import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { stateOf } from "../../src/report/page/fragment.ts";
import { command } from "../support/command.ts";
import { pageData } from "../support/page.ts";
import { hardware, model } from "../support/scenarios.ts";

const folder = mkdtempSync(join(tmpdir(), "norm-roofline-prototypes-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Names that every object has without anybody having put them there. */
const INHERITED = [...Object.getOwnPropertyNames(Object.prototype), "prototype"];

const before = snapshot();

/** What every object, list, function and text inherits. */
function snapshot(): string {
  const all = [Object.prototype, Array.prototype, Function.prototype, String.prototype, Object, Array];
  return all.map((one) => Reflect.ownKeys(one).map(String).sort().join()).join("\n");
}

// after each, so that a failure names the test that did it
afterEach(() => expect(snapshot()).toBe(before));

const VALID = {
  model: model("llama-3-8b"),
  hardware: hardware("h100-sxm"),
  workload: { phase: "decode", batch: 4, context: 128 },
};

/** Neither taken for something that is there, nor a bug: bad input. */
async function refused(argv: readonly string[], stdin = ""): Promise<string> {
  const { code, stdout, stderr } = await command(argv, { stdin });
  expect([code, stdout], `${argv.join(" ")}\n${stderr}`).toEqual([2, ""]);
  expect(stderr).toMatch(/^error: /);
  return stderr;
}

describe("a name that objects inherit is not the name of anything", () => {
  const places: readonly ((name: string) => readonly string[])[] = [
    (name) => ["run", name],
    (name) => ["run", "--model", name],
    (name) => ["run", "--hardware", name],
    (name) => ["run", "--phase", name],
    (name) => ["run", "--norm", name],
    (name) => ["run", "--norm", `layernorm:${name}`],
    (name) => ["run", "--pointwise", name],
    (name) => ["run", "--attention", name],
    (name) => ["run", "--runtime", name],
    (name) => ["run", "--precision", name],
    (name) => ["run", "--layer-kind", name],
    (name) => ["run", "--format", name],
    (name) => ["run", "-o", `out.${name}`],
    (name) => ["run", `--${name}`],
    (name) => ["run", `--${name}=1`],
    (name) => ["run", "--set", `model=${name}`],
    (name) => ["run", "--fail-if", `${name}>0`],
    (name) => ["run", "--fail-if", `layer.${name}>0`],
    (name) => ["run", "--fail-if", `operators.attention.${name}>0`],
    (name) => ["run", "--fail-if", `operators.${name}.seconds>0`],
    (name) => ["run", "--fail-if", `alternatives.${name}.layerSeconds>0`],
    (name) => ["run", "--fail-if", `alternatives.rmsnorm:${name}.layerSeconds>0`],
    (name) => ["sweep", "--batch", "1,2", "--columns", name],
    (name) => ["sweep", "--batch", "1,2", "--columns", `layer.${name}`],
    (name) => ["sweep", "--axis", `${name}=1,2`],
    (name) => ["sweep", "--axis", `${name}.x=1,2`],
    (name) => ["sweep", "--axis", `workload.${name}=1,2`],
    (name) => ["sweep", "--axis", `hardware.${name}.x=1,2`],
    (name) => ["sweep", "--model", `llama-3-8b,${name}`],
    (name) => ["solve", "--vary", "batch", "--target", `${name}=1`],
    (name) => ["solve", "--vary", "batch", "--target", `layer.${name}=1`],
    (name) => ["solve", "--target", "layer.seconds=1", "--vary", name],
    (name) => ["solve", "--target", "layer.seconds=1", "--vary", `hardware.${name}`],
    (name) => ["solve", "--target", "layer.seconds=1", "--vary", `model.${name}.length`],
    (name) => ["explain", name],
    (name) => ["accuracy", name],
    (name) => ["calibrate", "measurements/h100-sxm/counters.jsonl", "--base", name],
    (name) => ["list", name],
    (name) => ["show", name],
    (name) => ["schema", name],
    (name) => ["completion", name],
    (name) => [name],
  ];

  test.each(places.map((place) => [place("<name>").join(" "), place] as const))("%s", async (_, place) => {
    for (const name of INHERITED) await refused(place(name));
  });

  test("nor the scenario, model or hardware in a file", async () => {
    for (const name of INHERITED)
      for (const changes of [
        { model: name },
        { hardware: name },
        { layerKind: name },
        { runtime: name },
        { normalization: { kind: name } },
        { normalization: { implementation: name } },
        { precision: { weights: name } },
        { workload: { phase: name } },
      ])
        await refused(["run", "-"], JSON.stringify({ ...VALID, ...changes }));
  });

  test("nor in an address of the page", () => {
    const data = pageData();
    for (const name of INHERITED) {
      const { scenario, point } = stateOf(data, `#${name}=1&scenario=${name}&batch=${name}`);
      expect(scenario).toBe(0);
      expect(Object.keys(point)).toEqual([]);
    }
  });
});

describe("no path leads into what objects inherit", () => {
  const path = fc
    .array(fc.constantFrom(...INHERITED, "model", "workload", "hardware", "calibration", "0", "batch"), {
      minLength: 1,
      maxLength: 4,
    })
    .filter((keys) => keys.some((key) => INHERITED.includes(key)))
    .map((keys) => keys.join("."));

  test("of --set and --axis", async () => {
    await fc.assert(
      fc.asyncProperty(
        path,
        fc.constantFrom("1", "{}", '{"x":1}', "[]", "null", "text"),
        async (keys, value) => {
          await refused(["run", "--set", `${keys}=${value}`]);
          await refused(["sweep", "--axis", `${keys}=1,2`]);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("nor does a value that --set reads as JSON", async () => {
    for (const value of ['{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}'])
      for (const field of ["model", "hardware", "workload", "training", "precision"])
        await refused(["run", "--set", `${field}=${value}`]);
  });

  test("of --vary, --target, --columns and --fail-if", async () => {
    await fc.assert(
      fc.asyncProperty(path, async (keys) => {
        await refused(["solve", "--target", "layer.seconds=1", "--vary", keys]);
        await refused(["solve", "--vary", "batch", "--target", `${keys}=1`]);
        await refused(["sweep", "--batch", "1,2", "--columns", keys]);
        await refused(["run", "--fail-if", `${keys}>0`]);
      }),
      { numRuns: 40 },
    );
  });
});

describe("a key that objects inherit", () => {
  const KEYS = INHERITED.filter((key) => key !== "__proto__");
  /** Each kind of file with one key more in each of its objects. */
  const withKey = (tree: unknown, key: string, value: unknown): unknown[] =>
    typeof tree !== "object" || tree === null || Array.isArray(tree)
      ? []
      : [
          Object.fromEntries([...Object.entries(tree), [key, value]]),
          ...Object.entries(tree).flatMap(([name, child]) =>
            withKey(child, key, value).map((changed) => ({ ...tree, [name]: changed })),
          ),
        ];
  const { calibration: _, validation: __, crossValidation: ___, ...datasheet } = VALID.hardware;

  test("is unknown in every object of a scenario, a model and a profile", async () => {
    const trees = KEYS.flatMap((key) => withKey({ ...VALID, hardware: datasheet }, key, { polluted: 1 }));
    const { code, stderr } = await command(["check", "-"], {
      stdin: trees.map((tree) => JSON.stringify(tree)).join("\n"),
    });
    expect(code).toBe(2);
    expect(stderr).toMatch(/unknown key/);
    for (const tree of trees.filter((_tree, index) => index % 7 === 0))
      expect(await refused(["run", "-"], JSON.stringify(tree))).toMatch(/unknown key/);
  });

  test("is refused as __proto__ wherever it stands, in JSON and in JSON Lines", async () => {
    const text = '{"__proto__":{"polluted":1}}';
    const escaped = '{"\\u005f_proto__":{"polluted":1}}';
    for (const bad of [text, escaped, `[${text}]`, `{"workload":${text}}`, `{}\n${escaped}`]) {
      for (const name of ["run", "check", "show"])
        expect(await refused([name, "-"], bad)).toMatch(/"__proto__" is not allowed/);
      const path = join(folder, "measured.jsonl");
      writeFileSync(path, bad);
      expect(await refused(["accuracy", "--against", path])).toMatch(/"__proto__" is not allowed/);
    }
  });

  test("is nothing in a config.json, whose keys are many", async () => {
    const config = {
      model_type: "llama",
      ...{ hidden_size: 64, num_attention_heads: 4, num_hidden_layers: 2, intermediate_size: 128 },
      vocab_size: 100,
    };
    const plain = await command(["show", "-"], { stdin: JSON.stringify(config) });
    for (const key of KEYS) {
      const stdin = JSON.stringify(Object.fromEntries([...Object.entries(config), [key, { polluted: 1 }]]));
      expect(await command(["show", "-"], { stdin })).toEqual(plain);
    }
    for (const name of INHERITED)
      await refused(["show", "-"], JSON.stringify({ ...config, model_type: name }));
    for (const name of INHERITED)
      await refused(["show", "-"], JSON.stringify({ ...config, hidden_act: name }));
  });

  test("names no norm, kernel, type or model of a measurement", async () => {
    const rows = INHERITED.flatMap((name) => [
      { kind: "norm", implementation: name, dtype: "bf16", rows: 4, hidden: 64, warmSeconds: 1 },
      { kind: "norm", implementation: `rmsnorm.${name}`, dtype: "bf16", rows: 4, hidden: 64, warmSeconds: 1 },
      { kind: "norm", implementation: "rmsnorm.native", dtype: name, rows: 4, hidden: 64, warmSeconds: 1 },
      { kind: "pointwise", implementation: name, dtype: "bf16", rows: 4, columns: 64, warmSeconds: 1 },
    ]);
    const path = join(folder, "rows.jsonl");
    writeFileSync(path, rows.map((row) => JSON.stringify(row)).join("\n"));
    expect(await refused(["calibrate", path, "--base", "l4", "--name", "Mine"])).toMatch(/no rows/);
  });
});

test("what is refused leaves no file behind", () => {
  expect(readdirSync(".").filter((name) => name.startsWith("out."))).toEqual([]);
});
