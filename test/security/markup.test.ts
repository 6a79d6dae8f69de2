import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { openingModel } from "../../src/browser/evaluate.ts";
import { pageDocument } from "../../src/report/page/document.ts";
import { markdownLine } from "../../src/report/text/markdown.ts";
import type { ScenarioFile } from "../../src/schema/scenario.ts";
import { visible, visibleLines } from "../../src/visible.ts";
import { command } from "../support/command.ts";
import { readCsv } from "../support/csv.ts";
import { hostile, named, WORST, withPasses } from "../support/hostile.ts";
import { pageData, pageScenario } from "../support/page.ts";
import { elementsOf, parseXml, textOf, type XmlElement } from "../support/xml.ts";

const folder = mkdtempSync(join(tmpdir(), "norm-roofline-markup-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function printed(argv: readonly string[], input: object = {}): Promise<string> {
  const { code, stdout, stderr } = await command(argv, { stdin: JSON.stringify(input) });
  expect(code, stderr).toBe(0);
  return stdout;
}

/** Elements and the names of their attributes, in their order. */
const skeleton = (root: XmlElement): string[] =>
  [...elementsOf(root)].map(({ tag, attributes }) => [tag, ...Object.keys(attributes)].join(" "));

const drawn = async (argv: readonly string[], name: string): Promise<XmlElement> =>
  parseXml((await printed([...argv, "--format", "svg"], named(name))).trimEnd());

/** As long as the name is printed, with its gaps where they are: titles wrap alike, and as much of it is cut. */
const harmless = (name: string): string => visible(name).replace(/\S/g, "a");

describe("a picture", () => {
  test.each([["run -"], ["compare - --batch 1,2"], ["sweep - --batch 1,2"]])(
    "of `%s` has the same elements whatever names hold",
    async (line) => {
      const argv = line.split(" ");
      await fc.assert(
        fc.asyncProperty(hostile, async (name) => {
          expect(skeleton(await drawn(argv, name))).toEqual(skeleton(await drawn(argv, harmless(name))));
        }),
        { numRuns: 6, examples: [[WORST]] },
      );
    },
  );

  test("shows the name as text", async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (name) => {
        expect(textOf(await drawn(["run", "-"], name))).toContain(visible(name));
      }),
      { numRuns: 6 },
    );
  });

  test("of hostile values of an axis has no other element either", async () => {
    const axis = (values: string): readonly string[] => ["sweep", "-", "--axis", `model.name=${values}`];
    const plain = skeleton(await drawn([...axis("a,b"), "--batch", "1,2"], "x"));
    const bad = WORST.replaceAll(",", "").trim();
    expect(skeleton(await drawn([...axis(`${bad},b`), "--batch", "1,2"], "x"))).toEqual(plain);
  });
});

describe("a page", () => {
  const CODE = "void 0;";
  const documentOf = (name: string): string => {
    const file = { ...pageScenario().file, ...named(name) } as ScenarioFile;
    const data = pageData({
      scenarios: [
        pageScenario({
          reference: name,
          file,
          settings: [{ path: ["description"], value: name }],
        }),
      ],
    });
    return pageDocument(openingModel(data), { code: CODE, digest: (text) => `sha256-${text.length}` });
  };

  /** The page taken apart where a browser would: markup, the data, and what follows it. */
  function takenApart(page: string) {
    const start = '<script type="application/json" id="page-data">';
    const from = page.indexOf("<script");
    expect(page.startsWith(start, from)).toBe(true);
    const end = page.indexOf("</script", from);
    const shown = page.slice(0, from).replace(/^<!doctype html>\n/, "");
    const style = shown.indexOf("</style");
    const root = parseXml(
      `${shown.slice(0, shown.indexOf("<style"))}<style>${shown.slice(style)}</body></html>`,
    );
    return { root, data: page.slice(from + start.length, end), rest: page.slice(end) };
  }

  test("has the same elements, data and script whatever names hold", () => {
    const plain = skeleton(takenApart(documentOf("a name")).root);
    fc.assert(
      fc.property(hostile, (name) => {
        const { root, data, rest } = takenApart(documentOf(name));
        expect(skeleton(root)).toEqual(plain);
        expect(textOf(root)).toContain(visibleLines(visible(name)));
        expect((JSON.parse(data) as { scenarios: { reference: string }[] }).scenarios[0]!.reference).toBe(
          name,
        );
        expect(rest).toBe(`</script>\n<script>${CODE}</script></body></html>\n`);
      }),
      { numRuns: 6, examples: [[WORST]] },
    );
  });

  test("has no element that loads, submits or leads anywhere, and no handler", () => {
    const { root } = takenApart(documentOf(WORST));
    const tags = new Set([...elementsOf(root)].map(({ tag }) => tag));
    for (const tag of ["img", "iframe", "object", "embed", "link", "base", "foreignObject", "use"])
      expect(tags).not.toContain(tag);
    for (const { tag, attributes } of elementsOf(root))
      for (const [name, value] of Object.entries(attributes)) {
        expect(name).not.toMatch(/^on|^style$|^src|^action$|^formaction$/);
        if (name === "href") expect(value, tag).toMatch(/^#/);
      }
  });

  test("names no script of another place in its own code", () => {
    for (const path of [
      "src/browser/patch.ts",
      "src/browser/main.ts",
      "src/browser/tip.ts",
      "src/browser/copy.ts",
    ])
      expect(readFileSync(path, "utf8")).not.toMatch(
        /innerHTML|outerHTML|insertAdjacent|document\.write|eval\(/,
      );
  });
});

describe("CSV", () => {
  /** Cells that a spreadsheet would run. */
  const RUNS = /^\s*[=+\-@＝＋－＠]/;

  function expectName(cell: string | undefined, name: string): void {
    const quoted = visible(name).replace(/(^|;)(?=\s*[=+\-@＝＋－＠])/g, "$1'");
    expect(cell).toBe(quoted);
    for (const part of cell!.split(";")) expect(part).not.toMatch(RUNS);
  }

  test("reads back as the names that went in, one line a row", async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (name) => {
        const text = await printed(["run", "-", "--format", "csv"], named(name));
        const [header, ...rows] = readCsv(text);
        expect(text.split("\n")).toHaveLength(rows.length + 2);
        for (const row of rows) {
          expect(row).toHaveLength(header!.length);
          expectName(row[header!.indexOf("model")], name);
          expectName(row[header!.indexOf("hardware")], name);
        }
      }),
      { numRuns: 25, examples: [[WORST], ["=1"], [" +1"], ["\t@x"], ["-2"]] },
    );
  });

  test("of kernels and of scenarios side by side keeps its columns", async () => {
    for (const argv of [
      ["explain", "-", "attention-norm"],
      ["compare", "-", "--batch", "1,2"],
      ["sensitivity", "-"],
    ]) {
      const [header, ...rows] = readCsv(await printed([...argv, "--format", "csv"], withPasses(WORST)));
      expect(rows.length).toBeGreaterThan(0);
      for (const row of rows) expect(row).toHaveLength(header!.length);
    }
  });

  test("holds hostile values of an axis as they were typed, in a sweep as in a run", async () => {
    const value = hostile
      .map((text) => text.replaceAll(",", "").trim())
      .filter((text) => text !== "" && !/^[-\d.]/.test(text));
    await fc.assert(
      fc.asyncProperty(value, async (name) => {
        const argv = ["sweep", "--axis", `model.name=${name}`, "--batch", "1,2"];
        const [, ...rows] = readCsv(await printed([...argv, "--format", "csv"]));
        expect(rows).toHaveLength(2);
        for (const [cell] of rows) expectName(cell, name);
        const lines = (await printed([...argv, "--format", "jsonl"])).trimEnd().split("\n");
        for (const line of lines) expect((JSON.parse(line) as object)["model.name" as never]).toBe(name);
      }),
      { numRuns: 25 },
    );
  });
});

describe("Markdown", () => {
  /** What a line is, and how many cells it has: the rest is text. */
  function shape(line: string): string {
    const bare = line.replaceAll(/\\./gu, "x");
    const [mark = ""] = /^(\s*)(#{1,6} |[-+*] |\d+[.)] |\| |\|| {4}|>|===|---|\*\*)?/.exec(bare) ?? [];
    return `${mark}${mark.startsWith("|") ? bare.split("|").length : ""}`;
  }

  /** No markup within a line but our own: headings, bold, and the rules of tables. */
  function expectText(line: string): void {
    const bare = line.replaceAll(/\\./gu, "x").replaceAll("**", "");
    expect(bare).not.toMatch(/[<>`[\]*_~&\\]|:\/\/|www\./i);
  }

  async function sameShape(argv: readonly string[], hostileInput: object, plainInput: object): Promise<void> {
    const lines = (await printed([...argv, "--format", "md"], hostileInput)).split("\n");
    const plain = (await printed([...argv, "--format", "md"], plainInput)).split("\n");
    expect(lines.map(shape)).toEqual(plain.map(shape));
    for (const line of lines) expectText(line);
  }

  test.each([
    "run -",
    "run - --batch 1,2",
    "compare - --batch 1,2",
    "sensitivity -",
    "explain - attention-norm",
  ])("of `%s` has the same headings, lists and cells whatever names hold", async (line) => {
    await fc.assert(
      fc.asyncProperty(hostile, async (name) => {
        await sameShape(line.split(" "), withPasses(name), withPasses(harmless(name)));
      }),
      { numRuns: 6, examples: [[WORST]] },
    );
  });

  test("of hostile values of an axis keeps its columns", async () => {
    const bad = WORST.replaceAll(",", "").trim();
    const argv = (name: string): string[] => ["sweep", "--axis", `model.name=${name}`, "--batch", "1,2"];
    const lines = (await printed([...argv(bad), "--format", "md"])).split("\n");
    expect(lines.map(shape)).toEqual(
      (await printed([...argv("name"), "--format", "md"])).split("\n").map(shape),
    );
    for (const line of lines) expectText(line);
  });

  test("of a hostile profile's accuracy is text, in a terminal too", async () => {
    const path = join(folder, "profile.json");
    const { hardware } = named(WORST) as { hardware: object };
    writeFileSync(path, JSON.stringify(hardware));
    const argv = ["accuracy", path, "--against", "measurements/h100-sxm/counters.jsonl"];
    const lines = (await printed([...argv, "--format", "md"])).split("\n");
    for (const line of lines) expectText(line);
    expect(lines.filter((line) => line.startsWith("#"))).toHaveLength(1);
    expect(await printed(argv)).toContain(visible(WORST));
  });

  test.each([
    ["- x", "\\- x"],
    ["+ x", "\\+ x"],
    ["1. x", "1\\. x"],
    ["12) x", "12\\) x"],
    ["=== x", "\\=== x"],
    ["    code", "code"],
    ["# x", "\\# x"],
    ["> x", "\\> x"],
    ["-x 1.5 +2", "\\-x 1.5 +2"],
    ["1.5 ms", "1\\.5 ms"],
    ["x - y", "x - y"],
  ])("begins a line with %j as %j", (text, escaped) => {
    expect(markdownLine(text)).toBe(escaped);
  });
});
