import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openingModel, slowAnswers } from "../../../src/browser/evaluate.ts";
import { simulate } from "../../../src/engine/simulate.ts";
import { markup } from "../../../src/report/chart/tree.ts";
import { pageDocument, scriptJson } from "../../../src/report/page/document.ts";
import { nextSort, operatorTableView } from "../../../src/report/page/operator-view.ts";
import { pageView } from "../../../src/report/page/view.ts";
import { command } from "../../support/command.ts";
import { pageData, pageScenario } from "../../support/page.ts";
import { scenario } from "../../support/scenarios.ts";
import { elementsOf, parseXml, textOf } from "../../support/xml.ts";

const script = { code: "void 0;", digest: (text: string) => `sha256-${text.length}` };

const hostile = `</script><script>alert(1)</script><img src=x onerror="alert(1)"> '"\u202e`;

describe("JSON in a page", () => {
  test("reads back as it was, and ends no script", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: "binary" }), (value, text) => {
        const json = scriptJson({ value, text: `${text}</script><!--` });
        expect(json).not.toMatch(/[<>\u2028\u2029]/);
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify({ value, text: `${text}</script><!--` })));
      }),
    );
  });
});

describe("a page", () => {
  const data = pageData();
  const page = pageDocument(openingModel(data), script);

  test("lets a browser run its own script, its own style and nothing else", () => {
    const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)!;
    expect(policy!.replaceAll("&#39;", "'").split("; ")).toEqual([
      "default-src 'none'",
      `script-src 'sha256-${script.code.length}'`,
      expect.stringMatching(/^style-src 'sha256-\d+'$/),
      "worker-src blob:",
      "base-uri 'none'",
      "form-action 'none'",
    ]);
  });

  test("names no other file and no handler", () => {
    expect(page.replace(/xmlns="[^"]*"/g, "")).not.toMatch(
      /(src|href)="(?!#)|@import|url\(|https?:\/\/(?!arxiv)[^\s"]*\.(js|css|png)/,
    );
    expect(page.slice(0, page.indexOf("application/json"))).not.toMatch(/\son\w+="/);
  });

  test("is text before it is a program: headline, verdicts and table are in it", () => {
    const shown = page.slice(0, page.indexOf("<script"));
    expect(shown).toMatch(/Normalization is 0\.01% of FLOPs and 1\.2% of runtime/);
    expect(shown).toMatch(/gate-up-projection/);
  });

  test("keeps hostile names as text", () => {
    const scenarios = [
      pageScenario({
        reference: hostile,
        file: {
          ...pageScenario().file,
          model: { ...data.models["gpt2-xl"]!, name: hostile },
          hardware: { ...data.devices["h100-sxm"]!, name: hostile },
          description: hostile,
        },
      }),
    ];
    const named = pageDocument(openingModel(pageData({ scenarios })), script);
    expect(named.match(/<script/g)).toHaveLength(2);
    expect(named).not.toMatch(/<img/);
    const shown = named.slice(0, named.indexOf("<script"));
    expect(shown).not.toContain("\u202e");
  });

  test("has content that is well formed", () => {
    const view = pageView(openingModel({ ...data, opening: slowAnswers(data, { scenario: 0, point: {} }) }));
    const root = parseXml(`<div>${view.map(markup).join("")}</div>`);
    const ids = [...elementsOf(root)].flatMap(({ attributes }) => attributes["id"] ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    const labelled = [...elementsOf(root)].flatMap(({ attributes }) => attributes["for"] ?? []);
    for (const id of labelled) expect(ids).toContain(id);
    expect(textOf(root)).toMatch(/Op-by-op LayerNorm takes 25% or more below hidden \d+\./);
    expect(textOf(root)).toMatch(/Go there: hidden \d+, op-by-op LayerNorm/);
  });
});

describe("the table of operators", () => {
  const result = simulate(scenario());
  const order = (key: string, isRising: boolean): string[] =>
    [...elementsOf(parseXml(markup(operatorTableView(result, { key, isRising }))))].flatMap(
      ({ tag, attributes }) => (tag === "tr" ? (attributes["data-operator"] ?? []) : []),
    );

  test("stands in the layer's own order until it is sorted", () => {
    const rows = [...elementsOf(parseXml(markup(operatorTableView(result, undefined))))].flatMap(
      ({ attributes, tag }) => (tag === "tr" ? (attributes["data-operator"] ?? []) : []),
    );
    expect(rows).toEqual(result.operators.map(({ name }) => name));
  });

  test("sorts by any column, either way", () => {
    expect(order("seconds", false)[0]).toBe("gate-up-projection");
    expect(order("name", true)).toEqual(result.operators.map(({ name }) => name).sort());
    expect(
      order("flops", true).map((name) => result.operators.find((one) => one.name === name)!.flops),
    ).toEqual(result.operators.map(({ flops }) => flops).sort((a, b) => a - b));
  });

  test("says which way it is sorted", () => {
    expect(markup(operatorTableView(result, { key: "seconds", isRising: false }))).toContain(
      'aria-sort="descending"',
    );
  });

  test("takes three clicks back to where it was, words from A and numbers from the largest", () => {
    const first = nextSort(undefined, "seconds");
    expect(first).toEqual({ key: "seconds", isRising: false });
    expect(nextSort(nextSort(first, "seconds"), "seconds")).toBeUndefined();
    expect(nextSort(first, "name")).toEqual({ key: "name", isRising: true });
  });
});

describe("report", () => {
  test.each([
    ["report --hidden 1024,2048 -o /tmp/never.html", /--hidden: expected one value/],
    ["report nope", /no scenario named "nope"/],
    ["report --format svg", /Allowed choices are html/],
    ["report -o report.csv", /no csv format.*it has html/],
    ["report -o report.xyz", /or end it in \.html/],
    ["report --batch 0 -o /tmp/never.html", /batch/],
  ])("%s: says why, exits with 2", async (line, pattern) => {
    const { code, stdout, stderr } = await command(line.split(" "));
    expect(stderr).toMatch(pattern);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });
});
