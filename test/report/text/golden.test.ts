import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { command, type RunOptions, words } from "../../support/command.ts";
import { isUpdating } from "../../support/golden.ts";

const FOLDER = new URL("../../golden/", import.meta.url);

/** Compares with a file in test/golden; `UPDATE_GOLDEN=1 npm test` writes it instead. */
function expectGolden(name: string, text: string): void {
  const path = new URL(name, FOLDER);
  if (isUpdating()) {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, "utf8"));
}

const CASES: readonly [string, string, RunOptions?][] = [
  ["prefill-80.txt", "run"],
  ["prefill-120.txt", "run", { columns: 120 }],
  ["prefill-ascii.txt", "run", { unicode: false }],
  ["decode-80.txt", "run llama-3-70b-decode-h100"],
  ["paradox-80.txt", "run normalization-paradox"],
  ["bert-v100-80.txt", "run bert-large-train-v100"],
  ["eager-8b-80.txt", "run llama-3-8b-huggingface-eager-h100"],
  ["ideal-80.txt", "run --hardware test/support/datasheet/mi300x.json"],
  ["claims-80.txt", "claims"],
  ["claims-bert.md", "claims bert-large-train-v100 --format md"],
  ["claims-ascii.txt", "claims bert-large-train-v100", { unicode: false }],
  ["solve-80.txt", "solve --target normalization.shareOfTime=25% --vary hidden --norm layernorm:eager"],
  [
    "solve-bert.txt",
    "solve bert-large-train-v100 --target statisticalNormalization.shareOfFlops=0.16% --vary sequence",
    { columns: 120 },
  ],
  ["solve.csv", "solve --target normalization.shareOfTime=2% --vary tensor-parallel --format csv"],
  ["explain-120.txt", "explain attention", { columns: 120 }],
  ["explain-bert.txt", "explain bert-large-train-v100 ffn-norm"],
  ["explain.csv", "explain ffn-norm --format csv"],
  ["sensitivity-80.txt", "sensitivity"],
  ["sensitivity-bert.csv", "sensitivity bert-large-train-v100 --format csv"],
  [
    "sweep.csv",
    "sweep bert-large-train-v100 --hidden 512,1024 --batch 1-8*8 --norm layernorm,rmsnorm --format csv",
  ],
  ["sweep-120.txt", "sweep --batch 1-8*2 --norm :eager,:native,:fused", { columns: 120 }],
  ["what-if-80.txt", "run --hidden 4096 --batch 8"],
  ["grid.txt", "run --batch 1,8,64 --norm layernorm,rmsnorm"],
  ["grid.csv", "run --phase decode --batch 1-64*4 --format csv"],
  ["chart-80.txt", "run --chart"],
  ["chart-train-120.txt", "run llama-3-70b-train-h100 --chart", { columns: 120 }],
  ["chart-ascii.txt", "run llama-3-70b-decode-h100 --chart", { unicode: false }],
  ["roofline.svg", "run --format svg"],
  ["compare.svg", "compare --hardware h100-sxm,h200-sxm,a100-sxm-80gb --format svg"],
  [
    "sweep-lines.svg",
    "sweep --hidden 1024-16384*2 --norm :eager,:native --columns normalization.shareOfTime --format svg",
  ],
  [
    "sweep-map.svg",
    "sweep --hidden 1024-5120+512 --sequence 128-32768*2 --norm :eager --columns normalization.shareOfTime --format svg",
  ],
  ["prefill.csv", "run --format csv"],
  ["prefill.md", "run --format md"],
  ["compare-80.txt", "compare --hardware h100-sxm,h200-sxm,a100-sxm-80gb"],
  ["list-norms.txt", "list norms"],
  ["help.txt", "--help"],
  ["help-run.txt", "run --help"],
];

describe("golden files", () => {
  test.each(CASES)("%s is what `%s` prints", async (name, line, options) => {
    const { code, stdout } = await command(words(line), options);
    expect(code).toBe(0);
    expectGolden(name, stdout);
  });
});

const REPORTS = [
  "run",
  "run --chart",
  "run llama-3-70b-train-h100 --model gemma-2-9b --chart",
  "run llama-3-70b-decode-h100 llama-3-70b-train-h100",
  "run bert-large-train-v100",
  "run --hardware test/support/datasheet/mi300x.json --tensor-parallel 8",
  "run --model gemma-2-27b --phase train",
  "run --batch 1,8,64 --norm layernorm,rmsnorm --runtime graph,eager",
  "compare --hardware h100-sxm,h200-sxm",
  "list",
  "accuracy h200-sxm",
];

describe.each(REPORTS)("%s", (line) => {
  let plain: string;
  beforeAll(async () => {
    plain = (await command(words(line))).stdout;
  });

  test.each([80, 100, 120, 200])("fits %d columns", async (columns) => {
    const stdout = columns === 80 ? plain : (await command(words(line), { columns })).stdout;
    for (const text of stdout.split("\n")) expect(text.length).toBeLessThanOrEqual(columns);
  });

  test("writes no escape sequence into a pipe", () => {
    expect(plain).not.toContain("\u001b");
  });

  test("says the same with colour as without", async () => {
    const colored = (await command(words(line), { color: true })).stdout;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes are control characters
    expect(colored.replaceAll(/\u001b\[[\d;]*m/g, "")).toBe(plain);
  });

  test("is ASCII where the terminal is not UTF-8", async () => {
    const { stdout } = await command(words(line), { unicode: false });
    expect(stdout).toMatch(/^[\n -~]*$/);
  });

  test("never shows what is not a number", () => {
    expect(plain).not.toMatch(/NaN|Infinity|undefined|\[object/);
  });
});

describe("hostile names", () => {
  const hostile = JSON.stringify({
    model: {
      ...(JSON.parse(readFileSync("models/gpt2-xl.json", "utf8")) as object),
      name: "evil\u001b[31m\u0007\u202Ename",
    },
    hardware: "h100-sxm",
    workload: { phase: "decode", context: 8 },
  });

  test.each(["table", "md"])("cannot steer a terminal through %s", async (format) => {
    const { code, stdout } = await command(["run", "-", "--format", format], { stdin: hostile });
    expect(code).toBe(0);
    for (const character of ["\u001b", "\u0007", "\u202E"]) expect(stdout).not.toContain(character);
  });

  test("that start like a formula are text in CSV", async () => {
    const stdin = hostile.replace(/"name":"[^"]*"/, '"name":"=cmd()"');
    const { stdout } = await command(["run", "-", "--batch", "1,2", "--format", "csv"], { stdin });
    expect(stdout).not.toMatch(/(^|,)=/m);
  });
});
