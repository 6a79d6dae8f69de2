import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { command } from "../support/command.ts";
import { hardware } from "../support/scenarios.ts";

const PAGE = readFileSync(new URL("../../docs/physics.md", import.meta.url), "utf8");

/** Lines of the page's blocks of one kind: ```kind … ```. */
const blocksOf = (kind: string): string[] =>
  [...PAGE.matchAll(new RegExp(`\`\`\`${kind}\n([\\s\\S]*?)\`\`\``, "g"))].map(([, text]) => text!.trimEnd());
const linesOf = (kind: string): string[] => blocksOf(kind).flatMap((block) => block.split("\n"));

function at(root: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => (value as Record<string, unknown>)?.[key], root);
}

/** A field of the hardware, or the value of a calibrated parameter. */
function parameterAt(path: string): unknown {
  const profile = hardware("h100-sxm");
  return path.startsWith("hardware.")
    ? at(profile, path.slice("hardware.".length))
    : at(profile.calibration, `${path}.value`);
}

const digitsOf = (text: string): number => text.replace(/e.*/, "").replace(".", "").replace(/^0+/, "").length;

async function printed(line: string): Promise<string[]> {
  const { code, stdout } = await command(line.split(" "));
  expect(code).toBe(0);
  return stdout.split("\n");
}

const parameters = linesOf("parameters").map((line) => /^(\S+) = (\S+)/.exec(line)!.slice(1) as string[]);

test("docs/physics.md gives parameters of every group of laws", () => {
  expect(parameters.length).toBeGreaterThan(50);
});

test.each(parameters)("docs/physics.md has %s of the H100's profile: %s", (path, text) => {
  const value = parameterAt(path!);
  expect(value, `${path} is no number of the profile`).toBeTypeOf("number");
  expect(Number((value as number).toPrecision(digitsOf(text!)))).toBe(Number(text));
});

test("docs/physics.md gives the errors that the profiles state", () => {
  const lines = linesOf("errors");
  expect(lines.length).toBeGreaterThan(20);
  for (const line of lines) {
    const [profile, name] = /^(\S+), (.+): \d/.exec(line)!.slice(1) as [string, string];
    const one = hardware(profile).crossValidation?.find((row) => row.name === name);
    expect(one, `${profile} has no class ${name}`).toBeDefined();
    const percent = (share: number): number => Number((100 * share).toPrecision(2));
    const { rows, medianError, percentile90Error } = one!;
    expect(line).toBe(
      `${profile}, ${name}: ${rows} rows, median ${percent(medianError)}%, 90th percentile ${percent(percentile90Error)}%`,
    );
  }
});

const examples = blocksOf("console").map((block) => {
  const [command, ...lines] = block.split("\n");
  return [command!.replace("$ norm-roofline ", ""), lines] as const;
});

test("docs/physics.md works an example for each mechanism", () => {
  expect(examples.length).toBeGreaterThanOrEqual(10);
});

test.each(examples)(
  "docs/physics.md shows lines of what `%s` prints, in their order",
  async (line, shown) => {
    const wanted = shown.filter((text) => text !== "...");
    expect(wanted.length).toBeGreaterThan(0);
    let rest = await printed(line);
    for (const text of wanted) {
      const found = rest.indexOf(text);
      expect(found, `not printed, or not in this order: ${text}`).toBeGreaterThanOrEqual(0);
      rest = rest.slice(found + 1);
    }
  },
);
