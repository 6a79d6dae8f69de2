import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { isPath } from "../../src/io/document.ts";
import { cachedConfig, isHubName } from "../../src/io/hub-cache.ts";
import { KINDS, shippedNames, shippedPath } from "../../src/io/shipped.ts";
import { command, json } from "../support/command.ts";
import { hostile } from "../support/hostile.ts";

const folder = mkdtempSync(join(tmpdir(), "norm-roofline-paths-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const scenario = (changes: object): string =>
  JSON.stringify({
    model: "llama-3-8b",
    hardware: "h100-sxm",
    workload: { phase: "decode", context: 8 },
    ...changes,
  });

async function refused(argv: readonly string[], stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await command(argv, stdin === undefined ? {} : { stdin });
  expect([code, stdout], `${argv.join(" ")}\n${stderr}`).toEqual([2, ""]);
  expect(stderr).toMatch(/^error: /);
  return stderr;
}

/** Ways out of a folder that systems know. */
const WAYS_OUT = [
  ...["..", ".", "../package", "../../etc/passwd", "/etc/passwd", "a/b", "./llama-3-8b", "a/../llama-3-8b"],
  ...[
    "..\\package",
    "C:\\Windows\\win.ini",
    "C:/x",
    "\\\\host\\share\\x",
    "//host/share/x",
    "file:///etc/passwd",
  ],
  ...[
    "llama-3-8b\u0000",
    "llama-3-8b\u0000.json",
    "\u0000",
    "llama-3-8b ",
    " llama-3-8b",
    "llama-3-8b\n",
    "",
  ],
  ...[
    "~/x",
    "~",
    "$HOME",
    "%2e%2e%2fpackage",
    "..%2fpackage",
    "．．/package",
    "-",
    "--",
    "*",
    ".git",
    ".hidden",
  ],
];

describe("a name", () => {
  test("leads to a file of its folder or nowhere", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...KINDS),
        fc.oneof(fc.constantFrom(...WAYS_OUT), hostile, fc.string()),
        (kind, name) => {
          const path = shippedPath(kind, name);
          if (path === undefined) return;
          expect(shippedNames(kind)).toContain(name);
          expect(path.endsWith(`/${name}.json`)).toBe(true);
        },
      ),
    );
  });

  test.each(WAYS_OUT)("%j is none that is shipped", (name) => {
    for (const kind of KINDS) expect(shippedPath(kind, name)).toBeUndefined();
  });

  test("holds no separator and no .json: what does is a path", () => {
    fc.assert(
      fc.property(hostile, fc.constantFrom("/", "\\", ".json", ".JSONL"), (text, mark) => {
        expect(isPath(text + mark)).toBe(true);
        expect(isPath(text.replaceAll(/[\\/.]/g, ""))).toBe(false);
      }),
    );
  });

  // - is standard input, -- the end of flags; spaces around the names of a list are none of theirs
  test.each(WAYS_OUT.filter((one) => one !== "-" && one !== "--" && (one === "" || one === one.trim())))(
    "%j is bad input wherever a name may stand",
    async (name) => {
      for (const argv of [
        ["run", "--model"],
        ["run", "--hardware"],
        ["run"],
        ["accuracy"],
        ["schema"],
        ["show"],
      ])
        await refused([...argv, name]);
      for (const part of ["model", "hardware"]) await refused(["run", "-"], scenario({ [part]: name }));
    },
  );

  test("of a measured device is none of the folders around it", async () => {
    for (const name of ["published", "..", "../models", "README.md", "."]) await refused(["accuracy", name]);
  });

  test("of the model on the hub has two parts that lead nowhere else", () => {
    fc.assert(
      fc.property(
        fc.oneof(hostile, fc.constantFrom(...WAYS_OUT)),
        fc.oneof(hostile, fc.constantFrom(...WAYS_OUT)),
        (organization, name) => {
          const reference = `${organization}/${name}`;
          if (isHubName(reference)) expect(reference).toMatch(/^\w[\w.-]*\/\w[\w.-]*$/);
        },
      ),
    );
  });
});

describe("the hub's cache", () => {
  const hub = join(folder, "hub");
  const home = join(hub, "models--acme--nemo");
  const cached = () => cachedConfig("acme/nemo", { HF_HUB_CACHE: hub });

  test("is left by no commit that its own files name", () => {
    const config = file("hub/models--acme--nemo/snapshots/abc/config.json", "{}");
    file("etc/config.json", "{}");
    const main = file("hub/models--acme--nemo/refs/main", "abc");
    expect(cached().path).toBe(config);
    const ways = ["../../../etc", "/etc", "..", ".", "a/b", "abc/../abc", "..\\..\\etc", folder];
    for (const way of ways) {
      writeFileSync(main, way);
      expect(cached().problem, way).toMatch(/not in the local Hugging Face cache/);
    }
    fc.assert(
      fc.property(hostile, (commit) => {
        writeFileSync(main, `abc${commit}`);
        try {
          const { path } = cached();
          expect(path === undefined || path === config).toBe(true);
        } catch (error) {
          // not a text file, or an empty one
          expect(error).toMatchObject({ name: "UserError" });
        }
      }),
      { numRuns: 50 },
    );
    rmSync(join(home, "refs"), { recursive: true });
    expect(cached().path).toBe(config);
  });

  test("does not read a home for a pattern", () => {
    const { problem } = cachedConfig("acme/nemo", { HF_HUB_CACHE: "~/hub", HOME: "/home/$&$1" });
    expect(problem).toContain(join("/home/$&$1", "hub"));
  });
});

describe("a scenario file", () => {
  test("leads from its own folder to the files beside and above it", async () => {
    const config = { model_type: "llama", hidden_size: 64, num_attention_heads: 4, vocab_size: 100 };
    const whole = JSON.stringify({ ...config, num_hidden_layers: 2, intermediate_size: 128 });
    file("own/config.json", whole);
    const path = file("own/deep/s.json", scenario({ model: "../config.json" }));
    const { scenario: read } = await json<{ scenario: { model: { hidden: number } } }>(`run ${path} --json`);
    expect(read.model.hidden).toBe(64);
  });

  test.each(["\\\\host\\share\\x.json", "//host/share/x.json", "/\\host/x", "\\/host\\x"])(
    "does not reach for another machine with %j",
    async (reference) => {
      for (const part of ["model", "hardware"])
        expect(await refused(["run", "-"], scenario({ [part]: reference }))).toMatch(/on another machine/);
    },
  );

  test("does not wait for standard input that nobody meant to give", async () => {
    const path = file("dash.json", scenario({ model: "-" }));
    expect(await refused(["run", path], "{}")).toMatch(/no model named "-"/);
  });

  test.skipIf(process.platform === "win32")("opens no pipe and no device", async () => {
    const pipe = join(folder, "pipe");
    mkdirSync(join(folder, "model"));
    for (const path of [pipe, join(folder, "model", "config.json")])
      expect(spawnSync("sh", ["-c", 'mkfifo "$0"', path]).status).toBe(0);
    symlinkSync("/dev/zero", join(folder, "link.json"));
    for (const reference of [
      pipe,
      join(folder, "model"),
      "/dev/zero",
      "/dev/../dev/tty",
      join(folder, "link.json"),
    ])
      for (const part of reference.endsWith("model") ? ["model"] : ["model", "hardware"])
        expect(await refused(["run", "-"], scenario({ [part]: reference }))).toMatch(/no regular file/);
  });

  test.skipIf(process.platform === "win32")("may lead in a circle or to too long a name", async () => {
    symlinkSync("circle", join(folder, "circle"));
    const long = `./${"a".repeat(5000)}`;
    for (const [reference, reason] of [
      [join(folder, "circle"), /too many symbolic links/],
      [long, /name is too long/],
      ["./nul\u0000/config.json", /no null character/],
    ] as const) {
      for (const part of ["model", "hardware"])
        expect(await refused(["run", "-"], scenario({ [part]: reference.slice(0, 2000) }))).toMatch(
          part === "model" || reference !== long ? reason : /./,
        );
      expect(await refused(["run", "--model", reference])).toMatch(reason);
      expect(await refused(["run", reference === long ? long : `${reference}/x.json`])).toMatch(
        reference === long ? reason : /./,
      );
      expect(await refused(["run", "-o", `${reference}/x.json`])).toMatch(/cannot write/);
      expect(await refused(["sweep", "--batch", "1,2", "-o", `${reference}/x.csv`])).toMatch(/cannot write/);
    }
  });

  test("takes its model and its flag's from the folders that each is relative to", async () => {
    const gpt = JSON.parse((await command(["show", "gpt2-xl"])).stdout) as object;
    file("here/m.json", JSON.stringify({ ...gpt, name: "beside the file" }));
    const path = file("here/s.json", scenario({ model: "m.json" }));
    const { stdout } = await command(["run", path, "--model", join(folder, "here", "m.json"), "--json"]);
    expect(stdout).toContain("beside the file");
    expect(await refused(["run", path, "--model", "m.json"])).toMatch(/cannot read m\.json: no such file/);
  });
});

describe("an output", () => {
  test("goes to the file that is named and leaves none beside it", async () => {
    const target = join(folder, "out", "x.json");
    mkdirSync(dirname(target));
    expect((await command(["run", "-o", target])).code).toBe(0);
    expect(existsSync(target)).toBe(true);
    expect(await refused(["run", "-o", `${target}\u0000.json`])).toMatch(/cannot write/);
    expect(await refused(["calibrate", "measurements/h100-sxm/counters.jsonl", "--base", "no-such"])).toMatch(
      /no profile/,
    );
  });
});

describe("a file that is wrong in very many places", () => {
  const problems = (stderr: string): number => stderr.trim().split("\n").length;
  const many = 50_000;

  test.each([
    ["items of a list", { sources: Array(many).fill(1) }],
    ["keys", Object.fromEntries(Array.from({ length: many }, (_, index) => [`k${index}`, 1]))],
  ])("%s: is answered with the first of them", async (_, wrong) => {
    const path = file("many.json", JSON.stringify({ name: "x", peakFlopsPerSecond: {}, ...wrong }));
    expect(problems(await refused(["run", "--hardware", path]))).toBeLessThan(250);
    expect(problems(await refused(["check", path]))).toBeLessThan(250);
  });

  test("rows of measurements: tells how many", async () => {
    const path = file("many.jsonl", "1\n".repeat(many));
    expect(await refused(["accuracy", "--against", path])).toMatch(/and 49990 more/);
  });

  test("passes of a norm", async () => {
    const stdin = scenario({ normalization: { implementation: Array(many).fill({}) } });
    expect(problems(await refused(["run", "-"], stdin))).toBeLessThan(250);
  });
});
