import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Claims } from "../../src/schema/claims.ts";
import type { Result } from "../../src/schema/result.ts";
import type { Scenario } from "../../src/schema/scenario.ts";
import { command, json, words } from "../support/command.ts";

const folder = mkdtempSync(join(tmpdir(), "norm-roofline-own-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const read = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;

const LLAMA = {
  model_type: "llama",
  hidden_size: 2048,
  num_hidden_layers: 16,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  intermediate_size: 8192,
  vocab_size: 128_256,
};
mkdirSync(join(folder, "mine"));
file("mine/config.json", LLAMA);

const renamed = file("other-name.json", { ...read("models/llama-3-70b.json"), name: "Mine", source: "me" });
const { $schema: _, ...GPT2 } = read("models/gpt2-xl.json");
const gpt2 = JSON.stringify(GPT2);
const inline = file("inline.json", {
  ...read("scenarios/llama-3-70b-prefill-h100.json"),
  model: read("models/llama-3-8b.json"),
});
const broken = file("broken.json", {
  ...read("scenarios/llama-3-70b-prefill-h100.json"),
  model: "./nowhere.json",
});

/** [flags, the kind of norm that the layer has] */
const KINDS: readonly [string, Scenario["normalization"]["kind"]][] = [
  ["", "layernorm"],
  ["--model llama-3-70b", "layernorm"],
  ["--model ./models/llama-3-70b.json", "layernorm"],
  [`--model ${renamed}`, "layernorm"],
  ["--hidden 4096", "layernorm"],
  ["--model llama-3-8b", "rmsnorm"],
  ["--model llama-3-8b --phase decode", "rmsnorm"],
  ["--model llama-3-8b --norm :fused", "rmsnorm"],
  ["--model llama-3-8b --hidden 8192", "rmsnorm"],
  ["--set model=llama-3-8b", "rmsnorm"],
  [`--model ${join(folder, "mine")}`, "rmsnorm"],
  [`--model ${join(folder, "mine/config.json")} --phase decode`, "rmsnorm"],
  ["--model llama-3-8b --norm layernorm", "layernorm"],
  ["--model llama-3-8b --norm layernorm:fused", "layernorm"],
  ["--model llama-3-8b --set normalization.kind=layernorm", "layernorm"],
  ["--model gpt2-xl", "layernorm"],
  [`normalization-paradox --model qwen3-8b`, "rmsnorm"],
  ["llama-3-70b-prefill-h100-rmsnorm --model gpt2-xl", "layernorm"],
  ["bert-large-train-v100 --model llama-3-8b", "rmsnorm"],
  ["--set 'model=GPT2' --norm rmsnorm", "rmsnorm"],
  ["llama-3-8b-huggingface-eager-h100 --set 'model=GPT2'", "layernorm"],
  [`${inline}`, "layernorm"],
  [`${inline} --model llama-3-8b`, "layernorm"],
  [`${inline} --model llama-3.2-1b`, "rmsnorm"],
  [`${broken} --model llama-3-70b`, "rmsnorm"],
];

describe("the kind of norm is the model's own unless a flag or the file of that very model names one", () => {
  test.each(KINDS)("%s: %s", async (line, kind) => {
    const flags = line.replace("GPT2", gpt2);
    const { scenario } = await json<Result>(`run ${flags} --json`);
    expect(scenario.normalization.kind).toBe(kind);
    // the road of claims, sweep, solve, explain, sensitivity and the page
    const claims = await json<Claims>(`claims ${flags} --json`);
    expect(claims.scenario.normalization).toEqual(scenario.normalization);
    expect(claims.scenario.model).toEqual(scenario.model);
  });

  test("is asked of each model of a list", async () => {
    const results = await json<Result[]>("compare --model llama-3-70b,llama-3-8b,gpt2-xl --json");
    expect(results.map(({ scenario }) => scenario.normalization.kind)).toEqual([
      "layernorm",
      "rmsnorm",
      "layernorm",
    ]);
    const { stdout } = await command(
      words("sweep --model llama-3-8b,llama-3-70b,gpt2-xl --columns normalization.seconds --format jsonl"),
    );
    const rows = stdout.trim().split("\n");
    for (const [index, name] of ["llama-3-8b", "llama-3-70b", "gpt2-xl"].entries()) {
      const { normalization } = await json<Result>(`run --model ${name} --json`);
      expect(JSON.parse(rows[index]!)).toEqual({
        model: name,
        "normalization.seconds": normalization.seconds,
      });
    }
  });

  test("RMSNorm's share of a decode step of Llama 3 8B", async () => {
    const { normalization } = await json<Result>("run --model llama-3-8b --phase decode --json");
    expect(normalization.shareOfTime).toBeCloseTo(0.053, 3);
    const given = await json<Result>("run --model llama-3-8b --phase decode --norm rmsnorm --json");
    expect(normalization).toEqual(given.normalization);
  });
});

const titleOf = async (line: string): Promise<string> =>
  (await command(words(line), { columns: 300 })).stdout.split("\n")[0]!;

/** [line, how its title begins] */
const TITLES: readonly [string, string][] = [
  ["run", "Llama 3 70B layer with LayerNorm, as the article has it · prefill"],
  ["claims normalization-paradox", "Llama 3 70B layer with LayerNorm, as the article has it · prefill"],
  ["run llama-3-70b-prefill-h100-rmsnorm", "Llama 3 70B layer · prefill"],
  ["run --model llama-3-8b", "Llama 3 8B layer · prefill"],
  ["run bert-large-train-v100", "BERT large layer · train"],
  ["run bert-large-train-v100 --norm rmsnorm", "BERT large layer with RMSNorm · train"],
  [
    "run --model llama-3-70b --norm rmsnorm --hidden 4096",
    "Llama 3 70B (with hidden 4096, heads 32, KV heads 4, FFN 14336) layer · prefill",
  ],
  ["claims --model llama-3-8b --ffn 8192", "Llama 3 8B (with FFN 8192) layer · prefill"],
  ["explain --model llama-3-8b --layers 2", "Llama 3 8B (with layers 2) layer · prefill"],
  ["run --model deepseek-v3 --layers 2", "DeepSeek-V3 (with layers 2) layer (experts) · prefill"],
  ["run --model llama-3-8b --set model.slidingWindow=64", "Llama 3 8B (with slidingWindow 64) layer · "],
  ["run --model llama-3-8b --set model.norm=layernorm", "Llama 3 8B (with norm layernorm) layer · "],
  ["run --model mixtral-8x7b --set model.experts.count=16", "Mixtral 8x7B (with experts.count 16) layer · "],
  ["run --model llama-3-8b --heads 32 --hidden 4096", "Llama 3 8B layer · prefill"],
  ["run --model llama-3-8b --ffn 8192 --set model.name=Mine", "Mine layer · prefill"],
];

describe("a title", () => {
  test.each(TITLES)("of `%s` begins with %s", async (line, expected) => {
    expect((await titleOf(line)).slice(0, expected.length)).toBe(expected);
  });

  test("says what was changed in every command", async () => {
    const changed = "Llama 3 8B (with FFN 8192)";
    const flags = "--model llama-3-8b --ffn 8192";
    for (const line of [
      `run ${flags} --format md`,
      `run ${flags} --format svg`,
      `run ${flags} --format csv`,
      `run ${flags} --chart`,
      `compare ${flags}`,
      `compare ${flags} --format csv`,
      `solve ${flags} --target normalization.shareOfTime=1% --vary batch`,
      `sensitivity ${flags}`,
      `explain ${flags} ffn-norm`,
      `sweep ${flags} --batch 1,2 --format svg`,
      `show llama-3-70b-prefill-h100 ${flags}`,
    ])
      expect((await command(words(line), { columns: 200 })).stdout, line).toContain(changed);
  });

  test("of many rows says what was changed in all of them", async () => {
    const { stdout } = await command(words("run --ffn 8192 --set hardware.computeUnits=66 --batch 1,2"));
    expect(stdout).toContain("Scenario: llama-3-70b-prefill-h100 with ffn 8192, hardware.computeUnits 66.");
    const heads = await command(words("compare --model llama-3-70b,llama-3-8b --ffn 8192"), { columns: 120 });
    expect(heads.stdout).toMatch(/llama-3-70b, ffn 8192 +llama-3-8b, ffn 8192/);
  });

  test("of a long name is given in full below a comparison", async () => {
    const { stdout } = await command(words("compare --hidden 4096,8192"), { columns: 120 });
    expect(stdout).toContain("In full: Llama 3 70B (with hidden 4096, heads 32, KV heads 4, FFN 14336).");
  });
});
