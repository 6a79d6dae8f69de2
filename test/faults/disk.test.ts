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
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { built } from "../support/build.ts";
import { command, words } from "../support/command.ts";
import { canMount, type Ended, runProgram, shell, shellWithMounts } from "../support/program.ts";

const POINTS = "sweep llama-3-70b-decode-h100 --batch 1-9 --context 128-131072+128 --columns layer.seconds";
const GRID = `${POINTS} --jobs 1`;
/** Room for more than a first chunk of lines, and less than all: in csv they are 276 kB, in jsonl 608 kB. */
const ROOM_KB = { csv: 150, jsonl: 350 } as const;

let folder: string;
beforeAll(built);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "disk-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const isLinux = existsSync("/dev/full");

function refused({ code, stdout, stderr }: Ended, reason: RegExp): void {
  expect(stderr).toMatch(reason);
  expect(stderr).toMatch(/^error: /);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(stdout).toBe("");
  expect(code).toBe(2);
}

/** Whole lines only, the first of those that the sweep has. */
function isBeginning(held: string, whole: string): void {
  expect(held.endsWith("\n")).toBe(true);
  expect(held.split("\n").length).toBeGreaterThan(1000);
  expect(held.length).toBeLessThan(whole.length);
  expect(whole.startsWith(held)).toBe(true);
}

describe("a disk that is full", () => {
  test.skipIf(!isLinux).each([
    ["run -o /dev/full --json", /cannot write \/dev\/full: no space left on the device/],
    [`${GRID} -o /dev/full --format csv`, /cannot write \/dev\/full: no space left on the device/],
    [`${POINTS} --format jsonl --jobs 2 > /dev/full`, /cannot write standard output: ENOSPC/],
  ])("as the output of `%s` is said in a line", async (line, reason) => {
    refused(await shell(`CLI ${line}`), reason);
  });

  test.skipIf(!isLinux)("under the messages does not change the exit code", async () => {
    expect((await shell("CLI run --batch none 2> /dev/full")).code).toBe(2);
    const { code, stdout } = await shell("CLI run --json 2> /dev/full");
    expect(code).toBe(0);
    expect(stdout).toBe((await command(["run", "--json"])).stdout);
  });

  test.skipIf(!canMount).each(["csv", "jsonl"] as const)(
    "leaves a sweep whole lines of %s, and --resume goes on when there is room again",
    async (format) => {
      const sweep = `CLI ${GRID} -o small/out.${format}`;
      const { stdout, stderr, code } = await shellWithMounts(
        `mkdir small; mount -t tmpfs -o size=${ROOM_KB[format]}k none small
         ${sweep}; echo "exit code $?" >&2; ls -A small >&2; cp small/out.${format} held
         mount -o remount,size=8m none small
         ${sweep} --resume && cat small/out.${format}`,
        folder,
      );
      expect(stderr).toMatch(
        new RegExp(
          `^error: cannot write small/out\\.${format}: no space left on the device\\n {2}.*--resume goes on\\nexit code 2\\nout\\.${format}\\n$`,
        ),
      );
      expect(code).toBe(0);
      const whole = (await command(words(`${GRID} --format ${format}`))).stdout;
      expect(stdout === whole).toBe(true);
      isBeginning(readFileSync(join(folder, "held"), "utf8"), whole);
    },
  );

  test.skipIf(!canMount)("leaves a page what was there before, and no temporary file", async () => {
    const { stdout, stderr } = await shellWithMounts(
      `mkdir small; mount -t tmpfs -o size=100k none small; cd small
       echo before > out.html; CLI report -o out.html; echo "exit code $?"; ls -A; cat out.html`,
      folder,
    );
    expect(stderr).toBe("error: cannot write out.html: no space left on the device\n");
    expect(stdout).toBe("exit code 2\nout.html\nbefore\n");
  });
});

describe.skipIf(process.platform === "win32")("a limit on the size of files", () => {
  test("leaves a sweep whole lines", async () => {
    const ended = await shell(`ulimit -f ${ROOM_KB.csv}; CLI ${GRID} -o out.csv`, folder);
    refused(ended, /cannot write out\.csv: the file would be larger than is allowed\n.*--resume goes on/);
    const whole = (await command(words(`${GRID} --format csv`))).stdout;
    isBeginning(readFileSync(join(folder, "out.csv"), "utf8"), whole);
    expect(readdirSync(folder)).toEqual(["out.csv"]);
  });

  test("leaves no half of a picture", async () => {
    refused(await shell("ulimit -f 4; CLI run -o out.svg", folder), /cannot write out\.svg: the file/);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("a place that takes no files", () => {
  const WRITERS: readonly (readonly [string, string])[] = [
    ["run", "json"],
    ["sweep --batch 1-64", "csv"],
    ["sweep --batch 1-64 --resume", "csv"],
  ];

  test.skipIf(!canMount)("because it is read-only is said in a line", async () => {
    for (const [line, format] of WRITERS) {
      const ended = await shellWithMounts(
        `mkdir -p fixed; mount -t tmpfs -o ro none fixed; CLI ${line} -o fixed/out.${format}`,
        folder,
      );
      refused(ended, /cannot write fixed\/out\.\w+: the file system is read-only/);
    }
  });

  test.skipIf(!canMount)("because its file is read-only leaves that file alone", async () => {
    for (const [line, format] of WRITERS.slice(0, 2)) {
      const { stdout, stderr } = await shellWithMounts(
        `mkdir -p fixed; mount -t tmpfs none fixed; echo before > fixed/out; mount -o remount,ro none fixed
         CLI ${line} --format ${format} -o fixed/out; echo $?; ls -A fixed; cat fixed/out`,
        folder,
      );
      expect(stderr).toBe("error: cannot write fixed/out: the file system is read-only\n");
      expect(stdout).toBe("2\nout\nbefore\n");
    }
  });

  test.each(WRITERS)("because it is missing, or a file, or a folder: %s", async (line, format) => {
    writeFileSync(join(folder, "file"), "before");
    mkdirSync(join(folder, `folder.${format}`));
    symlinkSync("folder", join(folder, "link"));
    const run = (path: string) => runProgram([...words(line), "-o", path], folder);
    refused(await run(`missing/out.${format}`), /cannot write missing\/out\.\w+: there is no folder missing/);
    refused(await run(`file/out.${format}`), /cannot (write|read) file\/out\.\w+: no such file/);
    refused(await run(`folder.${format}`), /folder\.\w+: it is (a folder|not a file)\n$/);
    expect(readFileSync(join(folder, "file"), "utf8")).toBe("before");
    expect(readdirSync(folder).sort()).toEqual(["file", `folder.${format}`, "link"]);
    expect(readdirSync(join(folder, `folder.${format}`))).toEqual([]);
  });
});

describe.skipIf(process.platform === "win32")("a symbolic link as output", () => {
  test("to a file stays a link, and the file is written", async () => {
    mkdirSync(join(folder, "there"));
    for (const [line, name] of [
      ["run --json", "out.json"],
      ["sweep --batch 1,2", "out.csv"],
    ] as const) {
      const target = join(folder, "there", name);
      writeFileSync(target, "before");
      symlinkSync(join("there", name), join(folder, name));
      expect((await runProgram([...words(line), "-o", name], folder)).code).toBe(0);
      expect(lstatSync(join(folder, name)).isSymbolicLink()).toBe(true);
      expect(readFileSync(target, "utf8")).toMatch(name === "out.csv" ? /^batch,/ : /^\{\n/);
    }
    expect(readdirSync(join(folder, "there")).sort()).toEqual(["out.csv", "out.json"]);
  });

  test("to nowhere is said in a line, and stays", async () => {
    for (const [line, name] of [
      ["run --json", "out.json"],
      ["sweep --batch 1,2", "out.csv"],
    ] as const) {
      symlinkSync("nowhere/out", join(folder, name));
      refused(
        await runProgram([...words(line), "-o", name], folder),
        /cannot write out\.\w+: it is a symbolic link to a file that does not exist/,
      );
      expect(lstatSync(join(folder, name)).isSymbolicLink()).toBe(true);
    }
    expect(readdirSync(folder).sort()).toEqual(["out.csv", "out.json"]);
  });

  test("to itself is said in a line", async () => {
    symlinkSync("out.json", join(folder, "out.json"));
    const ended = await runProgram(["run", "-o", "out.json"], folder);
    refused(ended, /cannot write out\.json: too many symbolic links/);
  });
});

test.skipIf(process.platform !== "linux")("a long name leaves room for its temporary file's", async () => {
  const name = `${"長".repeat(80)}.json`;
  expect((await runProgram(["run", "-o", name], folder)).code).toBe(0);
  expect(readdirSync(folder)).toEqual([name]);
});

test.skipIf(!isLinux)("devices cannot be gone on with, and are not read to their end", async () => {
  for (const path of ["/dev/full", "/dev/zero"])
    refused(
      await runProgram([...words(GRID), "--format", "csv", "-o", path, "--resume"]),
      /it is not a file/,
    );
});
