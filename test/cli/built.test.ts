import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { built } from "../support/build.ts";
import { command } from "../support/command.ts";
import { runs } from "../support/length.ts";
import { shell } from "../support/program.ts";

const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

const run = (argv: string[], options: { env?: NodeJS.ProcessEnv; cwd?: string; input?: string } = {}) =>
  spawnSync(process.execPath, [CLI, ...argv], {
    encoding: "utf8",
    maxBuffer: 1e8,
    ...options,
    env: { ...process.env, NO_COLOR: "", FORCE_COLOR: "", ...options.env },
  });

describe("the built program", () => {
  beforeAll(built);

  test("prints what the source prints", async () => {
    expect(run(["run"], { env: { COLUMNS: "80" } }).stdout).toBe((await command(["run"])).stdout);
  });

  test("is executable by its shebang", () => {
    const { status, stdout } = spawnSync(CLI, ["--version"], { encoding: "utf8" });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test("sweeps to the same bytes with any number of threads, and in shards side by side", async () => {
    const folder = mkdtempSync(join(tmpdir(), "shards-"));
    const batches = runs(12, 256);
    const grid = ["sweep", "--phase", "decode", "--batch", `1-${batches}`, "--context", "256-65536+256"];
    const columns = ["--columns", "layer.seconds,normalization.shareOfTime"];
    const sweep = (...more: string[]) => run([...grid, ...columns, ...more], { cwd: folder });
    expect(sweep("--jobs", "1", "-o", "one.csv").status).toBe(0);
    expect(sweep("--jobs", "3", "-o", "three.csv").status).toBe(0);
    const one = readFileSync(join(folder, "one.csv"), "utf8");
    expect(one.split("\n")).toHaveLength(batches * 256 + 2);
    expect(readFileSync(join(folder, "three.csv"), "utf8")).toBe(one);
    const shard = `CLI ${[...grid, ...columns].join(" ")} --shard {}/4 -o part-{}.csv`;
    expect((await shell(`seq 4 | xargs -P 2 -I{} ${shard}`, folder)).code).toBe(0);
    const parts = [1, 2, 3, 4].map((k) => readFileSync(join(folder, `part-${k}.csv`), "utf8"));
    expect(parts.join("")).toBe(one);
    rmSync(folder, { recursive: true });
  });

  test("stops a sweep of hours at once when its reader goes away", async () => {
    const sweep =
      "CLI sweep --batch 1-100 --layers 1-1000 --gpu-hour-usd 1-2000 --columns layer.seconds --format csv";
    const { stdout, stderr, code } = await shell(`${sweep} | head -2`);
    expect(stdout.split("\n")).toHaveLength(3);
    expect(stderr).toBe("");
    expect(code).toBe(0);
  });

  test("writes a page that holds its script whole, from any folder", () => {
    const folder = mkdtempSync(join(tmpdir(), "report-"));
    const path = join(folder, "report.html");
    const { status, stdout, stderr } = run(["report", "-o", path], { cwd: folder });
    expect(stderr).toBe(`wrote ${path}: open it in a browser\n`);
    expect(status).toBe(0);
    expect(stdout).toBe("");
    const page = readFileSync(path, "utf8");
    expect(page).toBe(run(["report"]).stdout);
    expect(page.match(/<\/script>/g)).toHaveLength(2);
    expect(Buffer.byteLength(page)).toBeLessThan(700_000);
    rmSync(folder, { recursive: true });
  });

  test("finds its data from any folder", () => {
    expect(run(["run", "--json"], { cwd: "/" }).status).toBe(0);
  });

  test("exits with 2 and an empty standard output on bad input", () => {
    const { status, stdout, stderr } = run(["run", "--batch", "0"]);
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/expected a whole number of at least 1, got 0/);
  });

  test("exits with 1 when a check fails", () => {
    expect(run(["run", "--fail-if", "layer.seconds>0"]).status).toBe(1);
  });

  test.each([
    [{ FORCE_COLOR: "1" }, true],
    [{ FORCE_COLOR: "1", NO_COLOR: "yes" }, false],
    [{ NO_COLOR: "anything" }, false],
    [{}, false],
  ])("with %j colours a pipe: %s", (env, colored) => {
    expect(run(["run"], { env }).stdout.includes("\u001b")).toBe(colored);
  });

  test("reads standard input", () => {
    const scenario = '{"model":"gpt2-xl","hardware":"h100-sxm","workload":{"phase":"decode","context":64}}';
    expect(run(["run", "-"], { input: scenario }).stdout).toMatch(/GPT-2 XL/i);
  });

  test("takes a closed pipe for no error", async () => {
    const piped = await shell("set -o pipefail; CLI run --format jsonl --batch 1-60 | head -c 10");
    expect(piped.stderr).toBe("");
    expect(piped.stdout).toHaveLength(10);
  });

  test.skipIf(!existsSync("/dev/full"))("says so in a line when its output cannot be written", async () => {
    for (const line of ["CLI run > /dev/full", "CLI --help > /dev/full"]) {
      const { code, stderr } = await shell(line);
      expect(stderr).toMatch(/^error: cannot write standard output: ENOSPC\n$/);
      expect(code).toBe(2);
    }
  });

  test.each([
    ["--help", "validate|text-table|engine"],
    ["run --json", "validate|text-table"],
  ])("loads for `%s` nothing of %s", (line, pattern) => {
    const { status, stderr } = run(line.split(" "), { env: { NODE_DEBUG: "module" } });
    expect(status).toBe(0);
    expect(stderr).toContain("dist/cli.js");
    expect(stderr).not.toMatch(new RegExp(`dist/(${pattern})`));
  });

  test("answers from files it trusts as it does from files it validates", async () => {
    const lines = ["run", "run bert-large-train-v100", "show llama-3-70b-decode-h100 --resolved"];
    for (const line of lines) {
      const argv = line.startsWith("run") ? [...line.split(" "), "--json"] : line.split(" ");
      expect(run(argv).stdout).toBe((await command(argv)).stdout);
    }
  });

  test("is a library with types", async () => {
    expect(existsSync(new URL("../../dist/index.d.mts", import.meta.url))).toBe(true);
    const library = (await import("../../dist/index.mjs" as string)) as Record<string, unknown>;
    expect(library["simulate"]).toBeTypeOf("function");
  });
});
