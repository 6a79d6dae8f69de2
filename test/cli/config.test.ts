import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Result } from "../../src/schema/result.ts";
import { CONFIGS } from "../hugging-face/configs.ts";
import { command, json, type RunOptions } from "../support/command.ts";

const folder = mkdtempSync(join(tmpdir(), "norm-roofline-config-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | object): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const LLAMA = CONFIGS["Meta-Llama-3-70B"]!.config;
const NEMO = { ...CONFIGS["Mistral-7B-v0.1"]!.config, hidden_act: "quick_gelu" };
const llama = file("llama/config.json", LLAMA);
const nemo = file("nemo/config.json", NEMO);

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** A cache as Hugging Face's tools fill it: the snapshot's file is a link to a blob. */
function cached(hub: string, name: string, config: object, commit = COMMIT): string {
  const root = join(hub, `models--${name.replace("/", "--")}`);
  const blob = file(join(root, "blobs", "b10b").slice(folder.length), config);
  const snapshot = join(root, "snapshots", commit);
  mkdirSync(snapshot, { recursive: true });
  mkdirSync(join(root, "refs"), { recursive: true });
  symlinkSync(blob, join(snapshot, "config.json"));
  return root;
}

const hub = join(folder, "home/.cache/huggingface/hub");
writeFileSync(join(cached(hub, "acme/nemo-7B", NEMO), "refs", "main"), COMMIT);
const HOME: RunOptions = { environment: { HOME: join(folder, "home") } };

/** What stdout holds of a line that must succeed. */
async function printed(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await command(argv, options);
  expect(stderr, argv.join(" ")).not.toMatch(/^error/m);
  expect(code).toBe(0);
  return stdout;
}

describe("a config.json by its path", () => {
  test("runs as a model, with its notes among the warnings", async () => {
    const result = await json<Result>(`run --model ${nemo} --json`);
    expect(result.scenario.model).toMatchObject({ name: "nemo", hidden: 4096, slidingWindow: 4096 });
    expect(result.warnings[0]).toBe(
      `${nemo}: activation quick_gelu is taken as gelu: other arithmetic, the same traffic`,
    );
  });

  test("gives the same times as the shipped model of the same numbers", async () => {
    const [own, shipped] = [
      await json<Result>(`run --model ${llama} --json`),
      await json<Result>("run --json"),
    ];
    expect(own.layer).toEqual(shipped.layer);
    const named = ({ warnings, scenario }: Result): string[] =>
      warnings.map((warning) => warning.replace(scenario.model.name, "it"));
    expect(named(own)).toEqual(named(shipped));
  });

  test("may be its folder", async () => {
    expect(await printed(["show", dirname(nemo)])).toBe(await printed(["show", nemo]));
  });

  test("may stand in a scenario file, relative to it", async () => {
    const scenario = {
      model: "../llama/config.json",
      hardware: "h100-sxm",
      workload: { phase: "decode", context: 64 },
    };
    const path = file("scenarios/mine.json", scenario);
    expect((await json<Result>(`run ${path} --json`)).scenario.model.hidden).toBe(8192);
    expect(await printed(["check", path])).toMatch(/^ok {2}scenario/);
  });

  test.each([
    ["compare", "--model", `${llama},llama-3-8b`],
    ["sweep", "--model", `${llama},${nemo}`, "--batch", "1,2"],
    ["claims", "--model", nemo],
    ["explain", "ffn-norm", "--model", nemo],
    ["sensitivity", "--model", nemo],
    ["solve", "--model", nemo, "--target", "layer.seconds=0.01", "--vary", "sequence"],
    ["run", "--set", `model=${nemo}`],
  ])("is taken by %s", async (...argv) => {
    expect(await printed(argv)).not.toBe("");
  });

  test("has its notes on standard error where results have no place for them", async () => {
    const { stderr } = await command(["claims", "--model", nemo]);
    expect(stderr).toBe(
      `note: ${nemo}: activation quick_gelu is taken as gelu: other arithmetic, the same traffic\n`,
    );
  });
});

describe("show of a config.json", () => {
  test("prints a model file that says the same", async () => {
    const { stdout, stderr } = await command(["show", nemo]);
    expect(stderr).toMatch(/^mapped: layers from num_hidden_layers, hidden from hidden_size, /);
    expect(stderr).toMatch(/^note: .*quick_gelu/m);
    const mine = file("mine.json", stdout);
    expect(await printed(["check", mine])).toMatch(/^ok {2}model/);
    expect(await printed(["show", mine])).toBe(stdout);
    const [own, config] = [
      await json<Result>(`run --model ${mine} --json`),
      await json<Result>(`run --model ${nemo} --json`),
    ];
    expect(own.scenario.model).toEqual(config.scenario.model);
    expect(own.layer).toEqual(config.layer);
  });

  test("prints the fields in the schema's order", async () => {
    const { stdout } = await command(["show", llama]);
    const shipped = JSON.parse(readFileSync("models/llama-3-70b.json", "utf8")) as object;
    expect(Object.keys(JSON.parse(stdout) as object)).toEqual(Object.keys(shipped).slice(1));
  });

  test("and check say what it is", async () => {
    const { code, stdout, stderr } = await command(["check", llama, nemo]);
    expect(code).toBe(0);
    expect(stdout).toBe(`ok  model  ${llama}\nok  model  ${nemo}\n`);
    expect(stderr).toMatch(/mapped: .*\nmapped: .*\nnote: /);
  });
});

describe("a model on standard input", () => {
  const stdin = JSON.stringify(NEMO);

  test("is shown where - stands for its name", async () => {
    expect(JSON.parse(await printed(["show", "-"], { stdin }))).toMatchObject({
      hidden: 4096,
      name: "model",
    });
  });

  test("may be a model file of ours too", async () => {
    const own = readFileSync("models/gpt2-xl.json", "utf8");
    expect(JSON.parse(await printed(["show", "-"], { stdin: own }))).toEqual(JSON.parse(own));
  });

  test("is still a scenario where it is one", async () => {
    const scenario = { model: "gpt2-xl", hardware: "l4", workload: { phase: "decode", context: 5 } };
    const shown = await printed(["show", "-"], { stdin: JSON.stringify(scenario) });
    expect(JSON.parse(shown)).toMatchObject({ model: { hidden: 1600 }, workload: { batch: 1 } });
  });

  test("runs, alone and beside others, and is read once", async () => {
    expect((await json<Result>("run --model - --json", { stdin })).scenario.model.hidden).toBe(4096);
    expect(await printed(["compare", "--model", "-,llama-3-8b"], { stdin })).toMatch(/llama-3-8b/);
    expect(await printed(["sweep", "--model", "-,llama-3-8b", "--format", "csv"], { stdin })).toMatch(
      /^'-,.*\nllama-3-8b,/m,
    );
    expect(await printed(["check", "-"], { stdin })).toBe("ok  model  standard input\n");
  });

  test("cannot be there beside a scenario", async () => {
    const { code, stderr } = await command(["run", "-", "--model", "-"], { stdin: '{"workload":{}}' });
    expect(code).toBe(2);
    expect(stderr).toMatch(/standard input is the scenario already: name the model's file/);
  });
});

describe("org/name", () => {
  test("is looked up in the local Hugging Face cache", async () => {
    const { model } = (await json<Result>("run --model acme/nemo-7B --json", HOME)).scenario;
    expect(model).toMatchObject({ name: "acme/nemo-7B", hidden: 4096 });
    expect(model.source).toBe(
      `config.json of acme/nemo-7B on Hugging Face, commit ${COMMIT} (model_type mistral)`,
    );
  });

  test.each([
    ["HF_HUB_CACHE", ""],
    ["HUGGINGFACE_HUB_CACHE", ""],
    ["HF_HOME", "hub"],
    ["XDG_CACHE_HOME", "huggingface/hub"],
    ["USERPROFILE", ".cache/huggingface/hub"],
  ])("is found where %s says, whatever HOME says", async (variable, below) => {
    const root = join(folder, "caches", variable);
    writeFileSync(
      join(cached(join(root, below), "acme/gpt", CONFIGS["gpt2-xl"]!.config), "refs", "main"),
      COMMIT,
    );
    const environment =
      variable === "USERPROFILE" ? { [variable]: root } : { ...HOME.environment, [variable]: root };
    expect(JSON.parse(await printed(["show", "acme/gpt"], { environment }))).toMatchObject({ hidden: 1600 });
  });

  test("is found where the folder begins with ~", async () => {
    const environment = { HF_HUB_CACHE: "~/.cache/huggingface/hub", ...HOME.environment };
    expect(await printed(["show", "acme/nemo-7B"], { environment })).toMatch(/"hidden": 4096/);
  });

  test("without a main branch is its only snapshot, of several none", async () => {
    const root = cached(hub, "acme/detached", LLAMA);
    expect(await printed(["show", "acme/detached"], HOME)).toMatch(/"hidden": 8192/);
    mkdirSync(join(root, "snapshots", "fedcba"));
    expect((await command(["show", "acme/detached"], HOME)).code).toBe(2);
  });

  test("that is not there says where was looked, and that nothing is fetched", async () => {
    const { code, stdout, stderr } = await command(["run", "--model", "acme/elsewhere"], HOME);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain('--model: no model "acme/elsewhere"');
    expect(stderr).toContain("./acme/elsewhere: no such file");
    expect(stderr).toContain(`looked in ${hub}`);
    expect(stderr).toMatch(/nothing is fetched from the network: `hf download acme\/elsewhere config\.json`/);
  });

  test("says so where there is no cache at all", async () => {
    const { stderr } = await command(["show", "acme/nemo-7B"]);
    expect(stderr).toMatch(/neither HF_HUB_CACHE, HF_HOME nor HOME is set/);
  });

  test("whose snapshots are no folder is not there", async () => {
    const root = cached(hub, "acme/broken", LLAMA);
    rmSync(join(root, "snapshots"), { recursive: true });
    writeFileSync(join(root, "snapshots"), "");
    const { code, stderr } = await command(["show", "acme/broken"], HOME);
    expect(stderr).toMatch(/not in the local Hugging Face cache/);
    expect(code).toBe(2);
  });

  test("never leads out of the cache", async () => {
    file("home/.cache/huggingface/secret/config.json", LLAMA);
    const root = cached(hub, "acme/evil", LLAMA);
    for (const branch of ["../../../secret", "..", "", "a/b"]) {
      writeFileSync(join(root, "refs", "main"), branch === "" ? "\n \n" : branch);
      expect((await command(["show", "acme/evil"], HOME)).code).toBe(2);
    }
    for (const name of ["../secret", "acme/..", "..%2f/secret", "acme/nemo-7B/../../secret", "-x/y"]) {
      const { code, stdout } = await command(["run", `--model=${name}`], HOME);
      expect([code, stdout], name).toEqual([2, ""]);
    }
  });

  test("that is a path here is the path", async () => {
    const { stdout } = await command(["show", "models/gpt2-xl.json"], HOME);
    expect(stdout).toMatch(/"hidden": 1600/);
    const models = cached(hub, "test/hugging-face", LLAMA);
    writeFileSync(join(models, "refs", "main"), COMMIT);
    expect((await command(["show", "test/hugging-face"], HOME)).stderr).toMatch(/is a folder, not a file/);
  });

  test("of a scenario or a profile is only a path", async () => {
    for (const argv of [
      ["run", "acme/nemo-7B"],
      ["run", "--hardware", "acme/nemo-7B"],
    ]) {
      const { code, stderr } = await command(argv, HOME);
      expect(code).toBe(2);
      expect(stderr).toMatch(/no such file/);
    }
  });
});

test("a config.json that lists the labels of a classifier is taken", async () => {
  const labels = Object.fromEntries(Array.from({ length: 21_843 }, (_, index) => [index, `label ${index}`]));
  const config = { ...LLAMA, architectures: ["LlamaForSequenceClassification"], id2label: labels };
  const path = file("classifier/config.json", config);
  const { code, stderr } = await command(["show", path]);
  expect(code).toBe(0);
  expect(stderr).toMatch(/LlamaForSequenceClassification gives no logits over the vocabulary/);
});

describe("a config.json that cannot be taken", () => {
  const BROKEN: readonly (readonly [string, string | object, RegExp])[] = [
    [
      "of an unknown type",
      { model_type: "mamba2", hidden_size: 64 },
      /model_type: no mapping for "mamba2", which cannot be expressed yet: layers without attention/,
    ],
    ["that is no JSON", '{"model_type": "llama",', /is not valid JSON: line 1/],
    [
      "of an unknown type that Python wrote",
      '{"model_type": "nemotron_h", "hidden_size": 8192, "time_step_limit": [0.0, Infinity]}',
      /model_type: no mapping for "nemotron_h"[\s\S]*it says: hidden 8192/,
    ],
    [
      "with a wrong number",
      { ...LLAMA, hidden_size: -8 },
      /hidden_size: expected a whole number from 1 to 100000000, got -8/,
    ],
    [
      "without a number",
      { ...LLAMA, vocab_size: null },
      /vocab_size: expected a whole number .* got nothing/,
    ],
    [
      "with a number too large for a computer's",
      '{"model_type":"llama","hidden_size":1e999}',
      /cannot be read: line 1, column 37: the number 1e999 is too large/,
    ],
    [
      "with an infinite size",
      '{"model_type":"llama","hidden_size":Infinity}',
      /hidden_size: expected a whole number from 1 to 100000000, got Infinity/,
    ],
    [
      "with too many layers",
      { ...LLAMA, num_hidden_layers: 1e6 },
      /num_hidden_layers: expected at most 100000/,
    ],
    ["with several mistakes", { ...LLAMA, hidden_size: "x", vocab_size: 0 }, /hidden_size[\s\S]*vocab_size/],
  ];

  test.each(BROKEN)("%s is refused by its keys' names", async (title, content, pattern) => {
    const path = file(`${title.replaceAll(" ", "-")}/config.json`, content);
    for (const argv of [
      ["run", "--model", path],
      ["show", path],
      ["check", path],
      ["claims", "--model", path],
    ]) {
      const { code, stdout, stderr } = await command(argv);
      expect(stderr).toMatch(pattern);
      expect(stderr).toContain(path);
      expect(stderr).not.toMatch(/^\s+at /m);
      expect([code, stdout]).toEqual([2, ""]);
    }
  });

  test("as a scenario is told from one, with the way to run it", async () => {
    const { code, stderr } = await command(["run", llama]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/is a model's config\.json, not a scenario/);
    expect(stderr).toContain(`norm-roofline run --model ${llama}`);
    expect((await command(["run", "-"], { stdin: JSON.stringify(LLAMA) })).stderr).toMatch(/run --model -/);
  });
});
