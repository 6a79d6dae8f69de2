import { spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { built } from "../support/build.ts";
import { CLI } from "../support/faults.ts";

const folder = mkdtempSync(join(tmpdir(), "output-"));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(built, 120_000);

/** Runs a line of bash in the folder, the program as `tool`. */
function shell(line: string) {
  const script = `tool() { "${process.execPath}" "${CLI}" "$@"; }\n${line}`;
  const { status, stdout, stderr } = spawnSync("bash", ["-c", script], {
    encoding: "utf8",
    cwd: folder,
    timeout: 50_000,
  });
  return { status, stdout, stderr };
}

const SWEEP = "sweep --batch 1-60000 --format csv --columns layer.seconds";

describe("an output that cannot be written is one line and exit code 2", () => {
  beforeAll(() => {
    symlinkSync("nowhere", join(folder, "dangling.json"));
    symlinkSync("loop.json", join(folder, "loop.json"));
    mkdirSync(join(folder, "a-folder.json"));
    writeFileSync(join(folder, "a-file"), "");
  });

  test.each([
    ["run --json -o missing/x.json", "there is no folder missing"],
    ["sweep --batch 1,2 -o missing/x.csv", "there is no folder missing"],
    ["report -o missing/x.html", "there is no folder missing"],
    ["run --json -o a-folder.json", "it is a folder"],
    ["sweep --batch 1,2 --format csv -o a-folder.json", "it is a folder"],
    ["run --json -o a-file/x.json", "no such file"],
    ["run --json -o dangling.json", "it is a symbolic link to a file that does not exist"],
    ["run --json -o loop.json", "too many symbolic links"],
    [`run --json -o ${"x".repeat(300)}.json`, "the name is too long"],
  ])("%s", (line, reason) => {
    const before = readdirSync(folder);
    const { status, stdout, stderr } = shell(`tool ${line}`);
    expect(stderr).toMatch(/^error: cannot write [^\n]+\n$/);
    expect(stderr).toContain(`: ${reason}`);
    expect(stdout).toBe("");
    expect(status).toBe(2);
    expect(readdirSync(folder)).toEqual(before);
  });

  test
    .skipIf(!existsSync("/dev/full"))
    .each([
      "run --json -o /dev/full",
      "report --format html -o /dev/full",
      "claims --format md -o /dev/full",
      "sweep --batch 1,2 --format csv -o /dev/full",
    ])("a full disk: %s", (line) => {
    const { status, stderr } = shell(`tool ${line}`);
    expect(stderr).toMatch(/error: cannot write \/dev\/full: no space left on the device\n$/);
    expect(status).toBe(2);
  });
});

describe("where files may not grow", () => {
  test("a sweep keeps the whole lines that it had, and goes on where there is room", () => {
    const limit = shell(`ulimit -f 100; tool ${SWEEP} --jobs 1 -o limited.csv`);
    expect(limit.stderr).toBe("error: cannot write limited.csv: it may not grow as large\n");
    expect(limit.status).toBe(2);
    const held = readFileSync(join(folder, "limited.csv"), "utf8");
    expect(held).toMatch(/\n$/);
    expect(shell(`tool ${SWEEP} -o whole.csv && tool ${SWEEP} --resume -o limited.csv`).status).toBe(0);
    const whole = readFileSync(join(folder, "whole.csv"), "utf8");
    expect(whole.startsWith(held)).toBe(true);
    expect(readFileSync(join(folder, "limited.csv"), "utf8")).toBe(whole);
  });

  test("a report leaves what was there, and nothing beside it", () => {
    mkdirSync(join(folder, "beside"));
    const path = join(folder, "beside", "report.html");
    writeFileSync(path, "the last one");
    const { status, stderr } = shell("ulimit -f 100; tool report -o beside/report.html");
    expect(stderr).toMatch(/^error: cannot write beside\/report\.html: it may not grow as large\n$/);
    expect(status).toBe(2);
    expect(readFileSync(path, "utf8")).toBe("the last one");
    expect(readdirSync(join(folder, "beside"))).toEqual(["report.html"]);
  });
});

describe("a pipe, a device or a link for an output file", () => {
  const rows = (line: string) => shell(line).stdout.split("\n");

  test.each([
    ["run --json", /"schemaVersion": 1/],
    ["sweep --batch 1,2 --format csv", /^batch,/],
    ["sweep --batch 1,2 --format jsonl", /^\{"batch":1/],
  ])("%s writes the same through it", (line, pattern) => {
    const plain = shell(`tool ${line}`).stdout;
    expect(plain).toMatch(pattern);
    const format = line.includes("json") && !line.includes("jsonl") ? "--format json" : "";
    expect(shell(`tool ${line} ${format} -o /dev/stdout | cat`).stdout).toBe(plain);
    expect(shell(`exec 3>&1; tool ${line} ${format} -o >(cat >&3); wait $!`).stdout).toBe(plain);
  });

  test("whose reader goes away ends the sweep with a line", () => {
    const { status, stderr } = shell(`tool ${SWEEP} -o >(head -2 >/dev/null)`);
    expect(stderr).toMatch(/^error: cannot write .*: nobody reads it any more\n$/);
    expect(status).toBe(2);
  });

  test("has no lines to go on with", () => {
    const { status, stderr } = shell("tool sweep --batch 1,2 --format csv --resume -o >(cat)");
    expect(stderr).toMatch(/is not a file: only the lines of a file can be gone on with/);
    expect(status).toBe(2);
  });

  test("a link stays a link, and its file is replaced", () => {
    writeFileSync(join(folder, "target.json"), "old");
    symlinkSync("target.json", join(folder, "link.json"));
    expect(shell("tool run --json -o link.json").status).toBe(0);
    expect(lstatSync(join(folder, "link.json")).isSymbolicLink()).toBe(true);
    expect(JSON.parse(readFileSync(join(folder, "target.json"), "utf8"))).toHaveProperty("schemaVersion", 1);
  });

  test.each(["run", "run --json", "report", "claims", "run --format svg", "list", "--help"])(
    "%s into a closed pipe says nothing and exits with 0",
    (line) => {
      const { stdout, stderr } = shell(`tool ${line} | true; echo "\${PIPESTATUS[0]}"`);
      expect(stderr).toBe("");
      expect(stdout).toBe("0\n");
    },
  );

  test.each(["csv", "jsonl"])("a sweep's %s into head ends early and quietly, with threads too", (format) => {
    const line = `tool sweep --batch 1-1000 --sequence 64-64000+64 --format ${format} --jobs 2 | head -1 | wc -l`;
    expect(rows(line)[0]!.trim()).toBe("1");
  });
});
