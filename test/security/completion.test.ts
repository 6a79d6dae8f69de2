import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type CommandWords, completionScript, SHELLS } from "../../src/report/text/completion.ts";
import { command } from "../support/command.ts";

const folder = mkdtempSync(join(tmpdir(), "completion-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const commands = (names: readonly string[]): CommandWords[] => [
  {
    name: "run",
    description: 'report of a scenario: it\'s "quoted"',
    words: ["llama-3-70b", ...names],
    flags: [{ name: "--model", description: "a model's name", values: ["gpt2-xl", ...names] }],
  },
];

/** Names that a shell would take for something to do. */
const EVIL = [
  "$(touch ran)",
  "`touch ran`",
  '"; touch ran; "',
  "'; touch ran; '",
  "a b",
  "x\ny",
  "*",
  "~",
  "-rf",
  "",
];

describe("a completion script", () => {
  test.each(SHELLS)(
    "for %s is the one without the names that a shell would not take as they are",
    (shell) => {
      expect(completionScript(shell, commands(EVIL))).toBe(completionScript(shell, commands([])));
    },
  );

  const complete = (script: string, line: string): string[] => {
    const path = join(folder, "completion.bash");
    writeFileSync(path, script);
    const words = line.split(" ");
    const asked = [
      `source ${path}`,
      `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}`,
      `complete() { :; }; _norm_roofline; printf "%s\\n" "\${COMPREPLY[@]}"`,
    ];
    const { stdout, stderr } = spawnSync("bash", ["-c", asked.join("\n")], { encoding: "utf8", cwd: folder });
    expect(stderr).toBe("");
    return stdout.split("\n").filter((word) => word !== "");
  };

  test("runs nothing that is in a name, when it is read and when it is used", () => {
    expect(complete(completionScript("bash", commands(EVIL)), "norm-roofline run --model ")).toEqual([
      "gpt2-xl",
    ]);
    expect(existsSync(join(folder, "ran"))).toBe(false);
  });

  test("completes the shipped names in bash", async () => {
    const { stdout } = await command(["completion", "bash"]);
    const models = readdirSync("models").map((file) => file.replace(/\.json$/, ""));
    expect(complete(stdout, "norm-roofline run --model ").sort()).toEqual(models.sort());
  });
});
