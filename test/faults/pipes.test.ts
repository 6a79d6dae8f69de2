import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { built } from "../support/build.ts";
import { command, words } from "../support/command.ts";
import { runChanged, runProgram, shell } from "../support/program.ts";

/** Far more than a pipe holds, and with more than a thread's work in hand. */
const LONG =
  "sweep llama-3-70b-decode-h100 --batch 1-30 --context 128-131072+128 --columns layer.seconds --format";
const SHORT =
  "sweep llama-3-70b-decode-h100 --batch 1-200 --context 128-131072*2 --columns layer.seconds --format";

const folder = mkdtempSync(join(tmpdir(), "pipes-"));
beforeAll(built);
afterAll(() => rmSync(folder, { recursive: true }));

const isUnix = process.platform !== "win32";

describe.skipIf(!isUnix)("a reader that goes away", () => {
  test.each([
    [`${LONG} csv --jobs 2`, "head -1", 1],
    [`${LONG} jsonl --jobs 1`, "head -2", 2],
    [`${LONG} csv -o /dev/stdout`, "head -1", 1],
    ["run", "true", 0],
    ["run --json -o /dev/stdout", "true", 0],
    ["run --batch 1-40 --format jsonl -o -", "head -c 10", undefined],
    ["report -o -", "head -c 10", undefined],
  ])("of `%s` (%s) ends it without a word", async (line, reader, lines) => {
    const { code, stdout, stderr } = await shell(
      `CLI ${line} | ${reader}; echo "exit code \${PIPESTATUS[0]}" >&2`,
    );
    expect(stderr).toBe("exit code 0\n");
    expect(code).toBe(0);
    if (lines === undefined) expect(stdout).toHaveLength(10);
    else expect(stdout.split("\n")).toHaveLength(lines + 1);
  });

  test("of the messages does not change the exit code", async () => {
    const { stdout } = await shell(
      "exec 3>&1; { CLI run --batch none; echo $? >&3; } 2>&1 >/dev/null | true",
    );
    expect(stdout).toBe("2\n");
  });
});

describe.skipIf(!isUnix)("a reader that does not read", () => {
  // it has started once there is something to read, and then the pipe fills up: with threads it does not block, and
  // the program waits by itself
  test.each([
    ["TERM", 1, 143],
    ["INT", 1, 130],
    ["TERM", 2, 143],
  ])("does not keep a sweep from ending by SIG%s (--jobs %i)", async (signal, jobs, expected) => {
    const { stdout } = await shell(
      `mkfifo full-${signal}-${jobs}; exec 3<> full-${signal}-${jobs}
       CLI ${LONG} csv --jobs ${jobs} >&3 & sweep=$!
       read -n 1 <&3
       until grep -qs pipe_write /proc/$sweep/wchan || [ $((tries += 1)) -gt 8 ]; do sleep 0.1; done
       kill -s ${signal} $sweep; wait $sweep; echo $?`,
      folder,
    );
    expect(stdout).toBe(`${expected}\n`);
  });

  test("in time gets every line of a sweep", async () => {
    const expected = (await command(words(`${SHORT} csv`))).stdout;
    const { stdout, stderr } = await shell(`CLI ${SHORT} csv | { sleep 0.5; cat; }`);
    expect(stderr).toBe("");
    expect(stdout).toBe(expected);
  });
});

describe.skipIf(!isUnix)("a named pipe or a device as output", () => {
  test.each([`${SHORT} csv`, `${SHORT} jsonl --jobs 3`, "run --format csv"])(
    "takes what `%s` prints",
    async (line) => {
      const expected = (await command(words(line))).stdout;
      const piped = await shell(`rm -f named; mkfifo named; cat named & CLI ${line} -o named; wait`, folder);
      expect(piped).toMatchObject({ code: 0, stdout: expected, stderr: "" });
      expect(await shell(`CLI ${line} -o /dev/stdout | cat`)).toMatchObject({ stdout: expected, stderr: "" });
      await shell(`CLI ${line} -o /dev/stdout > file`, folder);
      expect(readFileSync(join(folder, "file"), "utf8")).toBe(expected);
      expect((await runProgram([...words(line), "-o", "/dev/null"])).code).toBe(0);
    },
  );
});

describe("a system that starts no more threads", () => {
  test("gets a sweep from those that there are", async () => {
    const expected = (await command(words(`${SHORT} csv`))).stdout;
    const ended = await runChanged("few-threads.mjs", words(`${SHORT} csv --jobs 64`));
    expect(ended).toMatchObject({ code: 0, stdout: expected, stderr: "no more threads\n" });
  });
});
