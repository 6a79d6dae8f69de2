import { linkSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { command, words } from "../support/command.ts";

const folder = mkdtempSync(join(tmpdir(), "norm-roofline-outputs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
const text = (name: string): string => readFileSync(at(name), "utf8");

describe("several -o", () => {
  test.each([
    ["run", "a.json", /^\{\n {2}"schemaVersion"/, "b.md", /\| attention-norm/],
    ["run --batch 1,2", "grid.csv", /^batch,/, "grid.txt", /norm time/],
    ["compare --hardware h100-sxm,h200-sxm", "c.svg", /^<svg/, "c.csv", /^scenario,/],
    ["sweep --batch 1,2", "s.csv", /^batch,/, "s.svg", /^<svg/],
    ["sweep --batch 1,2", "lines.jsonl", /^\{"batch":1/, "lines.md", /^\| batch/],
    ["explain ffn-norm", "e.csv", /^operator,/, "e.json", /"operators"/],
    ["list norms", "l.csv", /^kind,/, "l.txt", /textbook/],
  ])("`%s` writes %s and the other, each named", async (line, one, first, two, second) => {
    const ran = await command([...words(line), "-o", at(one), "-o", at(two)]);
    expect(ran).toEqual({ code: 0, stdout: "", stderr: `wrote ${at(one)}\nwrote ${at(two)}\n` });
    expect(text(one)).toMatch(first);
    expect(text(two)).toMatch(second);
  });

  test("may name standard output too", async () => {
    const { stdout, stderr } = await command(["list", "norms", "-o", "-", "-o", at("norms.csv")]);
    expect(stdout).toBe((await command(["list", "norms"])).stdout);
    expect(stderr).toBe(`wrote ${at("norms.csv")}\n`);
  });

  test("of which one is in no format of the command write none", async () => {
    const { code, stderr } = await command(["claims", "-o", at("none.json"), "-o", at("none.svg")]);
    expect(stderr).toMatch(/no svg format, which .*none\.svg asks for/);
    expect(code).toBe(2);
    expect(() => text("none.json")).toThrow(/ENOENT/);
  });

  test("of which one cannot hold a sweep write none", async () => {
    const asked = ["sweep", "--batch", "1-2000", "-o", at("long.csv"), "-o", at("long.md")];
    const { code, stderr } = await command(asked);
    expect(stderr).toMatch(/2000 points are too many for md/);
    expect(code).toBe(2);
    expect(() => text("long.csv")).toThrow(/ENOENT/);
  });
});

describe("an output that is an input", () => {
  const model = readFileSync("models/gpt2-xl.json", "utf8");
  const scenario = JSON.stringify({
    model: "./model.json",
    hardware: "h100-sxm",
    workload: { phase: "prefill", sequence: 64 },
  });
  const counters = readFileSync("measurements/h100-sxm/counters.jsonl", "utf8");
  const files = {
    "model.json": model,
    "in.json": scenario,
    "rows.jsonl": counters,
    "gpu.json": readFileSync("hardware-profiles/l4.json", "utf8"),
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(at(name), content);
  symlinkSync(at("in.json"), at("link.json"));
  linkSync(at("in.json"), at("other-name.json"));

  test.each([
    "run IN/in.json -o IN/in.json",
    "run IN/in.json -o IN/link.json",
    "run IN/in.json -o IN/other-name.json",
    "run IN/in.json -o IN/out.csv -o IN/in.json",
    "run IN/in.json --json -o IN/model.json",
    "compare IN/in.json llama-3-70b-decode-h100 -o IN/in.json",
    "run --model IN/model.json -o IN/model.json",
    "run --set model=IN/model.json --json -o IN/model.json",
    "claims --hardware IN/gpu.json -o IN/gpu.json",
    "sweep IN/in.json --batch 1,2 --format csv -o IN/in.json",
    "sweep --model gpt2-xl,IN/model.json --format csv -o IN/model.json",
    "solve IN/in.json --target layer.seconds=1 --vary batch -o IN/in.json",
    "explain IN/in.json -o IN/in.json",
    "sensitivity IN/in.json -o IN/in.json",
    "report IN/in.json --format html -o IN/in.json",
    "calibrate IN/rows.jsonl --base IN/gpu.json -o IN/gpu.json",
    "calibrate IN/rows.jsonl --base l4 -o IN/rows.jsonl",
    "accuracy IN/gpu.json --against IN/rows.jsonl -o IN/rows.jsonl",
    "accuracy IN/gpu.json --against IN/rows.jsonl -o IN/gpu.json",
  ])("`%s` is refused", async (line) => {
    const { code, stdout, stderr } = await command(words(line.replaceAll("IN", folder)));
    expect(stderr).toMatch(/^error: -o .* would replace a file that is read: name another one\n$/);
    expect(stdout).toBe("");
    expect(code).toBe(2);
    for (const [name, content] of Object.entries(files)) expect(text(name)).toBe(content);
  });

  test("may be a copy of it", async () => {
    writeFileSync(at("copy.json"), scenario);
    expect((await command(["run", at("in.json"), "-o", at("copy.json")])).code).toBe(0);
  });
});
