import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { built } from "../support/build.ts";

const ROOT = realpathSync(fileURLToPath(new URL("../../", import.meta.url))).replace(/\/$/, "");
const CLI = join(ROOT, "dist", "cli.js");
const folder = realpathSync(mkdtempSync(join(tmpdir(), "norm-roofline-permission-")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(built);

const file = (name: string, content: object): string => {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
};

const SCENARIO = {
  model: "llama-3-8b",
  hardware: "h100-sxm",
  workload: { phase: "decode", batch: 4, context: 128 },
};

const PERMISSION =
  Number(process.versions.node.split(".")[0]) < 22 ? "--experimental-permission" : "--permission";

/** The built program with the package's folder and these files, and no code made of texts. */
function confined(argv: readonly string[], readable: readonly string[], more: readonly string[] = []) {
  const reads = [`${ROOT}/*`, ...readable].map((path) => `--allow-fs-read=${path}`);
  const flags = [PERMISSION, ...reads, ...more, "--disallow-code-generation-from-strings", "--no-warnings"];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, CLI, ...argv], {
    encoding: "utf8",
    cwd: folder,
    env: { PATH: process.env["PATH"], HOME: folder },
  });
  return { status, stdout, stderr };
}

describe("the built program, allowed to read its package and what is named", () => {
  test("runs a scenario", () => {
    const path = file("scenario.json", SCENARIO);
    const { status, stdout, stderr } = confined(["run", path], [path]);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^Llama 3 8B layer · decode batch 4/);
    expect(status).toBe(0);
  });

  test("reads the files that a scenario names, and says so where it may not", () => {
    const model = file("model.json", JSON.parse(readFileSync("models/gpt2-xl.json", "utf8")) as object);
    const path = file("named.json", { ...SCENARIO, model: "./model.json" });
    expect(confined(["run", path], [path, model])).toMatchObject({ status: 0, stderr: "" });
    const { status, stdout, stderr } = confined(["run", path], [path]);
    expect(stderr).toMatch(/model: cannot read \.\/model\.json: permission denied/);
    expect([status, stdout]).toEqual([2, ""]);
  });

  test.each([
    "run --batch 2",
    "run --chart",
    "compare --hardware h100-sxm,l4 --format svg",
    "explain attention",
    "list models",
    "schema scenario",
    "accuracy h100-sxm --against ROOT/measurements/h100-sxm/counters.jsonl",
    "sweep --batch 1,2 --format md",
    "report",
  ])("%s reads nothing else, writes nothing and starts nothing", (line) => {
    const argv = line.split(" ").map((word) => word.replace(/^ROOT/, () => ROOT));
    const { status, stderr } = confined(argv, []);
    expect(stderr).toBe("");
    expect(status).toBe(0);
  });

  test("writes to the folder of its output alone", () => {
    const target = join(folder, "out.json");
    expect(confined(["run", "-o", target], [folder], [`--allow-fs-write=${folder}/*`])).toEqual({
      status: 0,
      stdout: "",
      stderr: "",
    });
    expect(readdirSync(folder).filter((name) => name.startsWith(".") || name.endsWith(".tmp"))).toEqual([]);
    const { status, stderr } = confined(["run", "-o", target], [folder]);
    expect(stderr).toMatch(/cannot write .*out\.json: permission denied/);
    expect(status).toBe(2);
  });
});

describe("dist/", () => {
  const scripts = () =>
    readdirSync(join(ROOT, "dist"))
      .filter((name) => /\.(js|mjs)$/.test(name))
      .map((name) => ({ name, text: readFileSync(join(ROOT, "dist", name), "utf8") }));

  test("asks Node for nothing but these modules", () => {
    const asked = scripts()
      .filter(({ name }) => name !== "page.iife.js")
      .flatMap(({ text }) => [
        ...text.matchAll(/\b(?:getBuiltinModule|require|import)\(\s*["'`]([^."'`][^"'`]*)["'`]/g),
        ...text.matchAll(/^(?:import|export)\b[^\n]*\bfrom\s*["']([^."'][^"']*)["']/gm),
        ...text.matchAll(/^import\s*["']([^."'][^"']*)["']/gm),
      ])
      .map(([, name]) => name!.replace(/^node:/, ""));
    expect([...new Set(asked)].sort()).toEqual([
      "buffer",
      "crypto",
      "events",
      "fs",
      "os",
      "path",
      "process",
      "tty",
      "url",
      "util",
      "worker_threads",
      "zlib",
      "zod",
    ]);
    // and none by a name that is put together
    for (const { name, text } of scripts())
      expect(text, name).not.toMatch(/\bgetBuiltinModule\((?!["'`])|\bprocess\.(binding|dlopen)\b/);
  });

  test("has no way to the network and no way to start a program", () => {
    for (const { name, text } of scripts())
      expect(text, name).not.toMatch(
        /\bfetch\(|XMLHttpRequest|\bWebSocket\b|EventSource|sendBeacon|importScripts|RTCPeerConnection|\bnode:(net|http|https|http2|dns|dgram|tls|child_process|cluster|inspector|vm)\b/,
      );
  });

  test("makes no code of texts but zod's own, of its schemas", () => {
    const makers = scripts().filter(({ text }) => /\bnew Function\b|\beval\(|\bFunction\(/.test(text));
    for (const { name } of makers) expect(["problems.js", "schemas.js", "validate.js"]).toContain(name);
  });
});
