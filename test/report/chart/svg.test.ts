import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { simulate } from "../../../src/engine/simulate.ts";
import { compareSvg, runSvg } from "../../../src/report/chart/run-svg.ts";
import { element, markup } from "../../../src/report/chart/tree.ts";
import { visibleLines } from "../../../src/visible.ts";
import { command, words } from "../../support/command.ts";
import { anyScenario, hardware, model, scenario } from "../../support/scenarios.ts";
import { elementsOf, parseXml, textOf } from "../../support/xml.ts";

const HOSTILE = [
  "</script><script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "]]>&lt;&#0;&nbsp;",
  "' onload='alert(1)",
  "right\u202eleft\u2066mark\u200f",
  "null\u0000bell\u0007escape\u001b[31m",
  "lone \ud800 surrogate \uffff",
  "x".repeat(2000),
  "日本語 🦙 ünïcödé",
];

const anyName = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: "binary", maxLength: 60 }));

describe("markup", () => {
  test("of any text is well formed, and reads back as that text", () => {
    fc.assert(
      fc.property(anyName, anyName, (text, attribute) => {
        const tree = parseXml(markup(element("text", { title: attribute }, ["a", text])));
        expect(textOf(tree)).toBe(visibleLines(`a${text}`));
        expect(tree.attributes["title"]).toBe(visibleLines(attribute));
      }),
    );
  });

  test("leaves out attributes that are not there", () => {
    expect(markup(element("input", { a: false, b: undefined, c: true, d: 0 }))).toBe('<input c="" d="0"/>');
  });
});

describe("an SVG of any scenario", () => {
  test("is well-formed XML, whatever the names hold", () => {
    fc.assert(
      fc.property(anyScenario, anyName, anyName, (given, modelName, hardwareName) => {
        const named = {
          ...given,
          model: { ...given.model, name: modelName || "x" },
          hardware: { ...given.hardware, name: hardwareName || "x" },
        };
        const svg = parseXml(runSvg([simulate(named)]));
        expect(svg.tag).toBe("svg");
        expect([...elementsOf(svg)].map(({ tag }) => tag)).not.toContain("script");
      }),
      { numRuns: 40 },
    );
  });

  test("holds no number that is none", () => {
    fc.assert(
      fc.property(anyScenario, (given) => {
        expect(runSvg([simulate(given)])).not.toMatch(/NaN|Infinity|undefined|\[object/);
      }),
      { numRuns: 40 },
    );
  });

  test("says in words what it shows", () => {
    const svg = parseXml(runSvg([simulate(scenario())]));
    expect(svg.attributes).toMatchObject({ role: "img", "aria-labelledby": "chart-title chart-description" });
    const [title, description] = svg.children as ReturnType<typeof parseXml>[];
    expect(title).toMatchObject({ tag: "title", attributes: { id: "chart-title" } });
    expect(textOf(title!)).toMatch(/^Roofline: Llama 3 70B layer/);
    expect(textOf(description!)).toMatch(/^Normalization is 0\.01% of FLOPs/);
  });

  test("has a mark and a text for each operator", () => {
    const result = simulate(scenario());
    const svg = parseXml(runSvg([result]));
    const dots = [...elementsOf(svg)].filter(({ attributes }) => attributes["class"] === "dot");
    expect(dots.map(({ attributes }) => attributes["data-operator"]).sort()).toEqual(
      result.operators.map(({ name }) => name).sort(),
    );
    for (const dot of dots)
      expect(textOf(dot)).toMatch(/: .* of the layer; .* FLOP\/B, .*FLOP\/s; waits for/);
  });

  test("names below the chart what it has no room to name on it", () => {
    const result = simulate(scenario());
    const crowded = Array.from({ length: 150 }, (_, index) => ({
      ...result.operators[index % result.operators.length]!,
      name: `operator-with-a-long-name-${index}`,
      seconds: 1e-4 * (1 + index),
    }));
    const text = textOf(parseXml(runSvg([{ ...result, operators: crowded }])));
    expect(text).toContain("Without room for a name: ");
    for (const { name } of crowded) expect(text).toContain(name);
  });

  test("is right on light and on dark paper", () => {
    const svg = runSvg([simulate(scenario())]);
    expect(svg).toContain("prefers-color-scheme:dark");
    expect(svg).not.toMatch(/ fill="#/);
  });

  test("of several scenarios has them below each other", () => {
    const one = parseXml(runSvg([simulate(scenario())]));
    const two = parseXml(runSvg([simulate(scenario()), simulate(scenario({ model: model("gpt2-xl") }))]));
    expect(Number(two.attributes["height"])).toBeGreaterThan(1.8 * Number(one.attributes["height"]));
    expect(two.attributes["width"]).toBe(one.attributes["width"]);
  });

  test("is the same for the same scenario", () => {
    expect(runSvg([simulate(scenario())])).toBe(runSvg([simulate(scenario())]));
  });
});

describe("a comparison", () => {
  test("has a bar for each scenario, as long as its time", () => {
    const results = ["h100-sxm", "a100-sxm-80gb"].map((name) =>
      simulate(scenario({ hardware: hardware(name) })),
    );
    const bars = [...elementsOf(parseXml(compareSvg(["one", "two"], results)))].filter(
      ({ attributes }) => attributes["class"] === "bar",
    );
    const lengths = bars.map((bar) =>
      [...elementsOf(bar)]
        .filter(({ tag }) => tag === "rect")
        .reduce((sum, { attributes }) => sum + Number(attributes["width"]), 0),
    );
    expect(lengths).toHaveLength(2);
    expect(lengths[0]! / lengths[1]!).toBeCloseTo(results[0]!.layer.seconds / results[1]!.layer.seconds, 2);
  });
});

/** [line, what its texts must hold] */
const DRAWN: readonly [string, RegExp][] = [
  ["run", /attention-norm, ffn-norm 1\.2%/],
  ["run llama-3-70b-train-h100", /backward/],
  ["run --batch 1,8", /prefill 8 × 4096/],
  ["run --hardware test/support/datasheet/mi300x.json", /what RMSNorm saves: unknown \(datasheet only\)/],
  ["run --tensor-parallel 8", /Not on the chart.*all-reduce|all-reduce/],
  ["compare --hardware h100-sxm,h200-sxm", /h200-sxm/],
  ["sweep --hidden 1024-8192*2 --columns normalization.shareOfTime", /normalization\.shareOfTime.*8192/],
  ["sweep --hidden 1024,2048 --norm :eager,:native --columns layer.seconds", /norm :eager.*norm :native|ms/],
  ["sweep --hardware h100-sxm,mi300x --columns layer.seconds", /mi300x/],
  ["sweep --hidden 1024-8192+512 --batch 1-16 --columns rmsnormSavesShareOfTime", /batch 16, hidden 1024: /],
  ["sweep --hidden 1024,2048 --columns operators.no-such.seconds", /operators\.no-such\.seconds/],
  ["sweep --hidden 1024-8192+512 --batch 1-16 --columns operators.no-such.seconds", /no such number/],
];

describe("a command line that draws", () => {
  test.each(DRAWN)("%s", async (line, pattern) => {
    const { code, stdout, stderr } = await command([...words(line), "--format", "svg"]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).not.toMatch(/NaN|Infinity|undefined|\[object/);
    expect(textOf(parseXml(stdout.trimEnd()))).toMatch(pattern);
  });
});

/** [line, what standard error must say] */
const NOT_DRAWN: readonly [string, RegExp][] = [
  ["claims --format svg", /Allowed choices are table, json, jsonl, csv, md/],
  ["solve --format svg", /Allowed choices are/],
  ["explain --format svg", /Allowed choices are/],
  ["sensitivity -o x.svg", /no svg format, which x\.svg asks for: it has table, json, jsonl, csv, md/],
  ["list -o x.svg", /no svg format/],
  ["accuracy -o x.html", /no html format/],
  ["run -o x.html", /no html format.*svg/],
  ["run --format html", /Allowed choices are .*svg/],
  ["run --chart --format svg", /--chart draws for a terminal/],
  ["run --chart -o x.json", /--chart draws for a terminal/],
  ["run --batch 1-30 --format svg", /too many to draw/],
  ["run --batch 1-30 --chart", /too many to draw/],
  ["sweep --format svg", /nothing to draw/],
  [
    "sweep --hidden 1024-8192+512 --batch 1-16 --sequence 128,256 --format svg",
    /at most 8 lines[\s\S]*32 lines along batch|at most 8 lines/,
  ],
  ["sweep --hidden 1024-65536+64 --batch 1-64 --format svg", /too many to draw/],
  ["sweep --hidden 1024,2048 --shard 1/2 --format svg", /--shard needs/],
];

describe("a command line that cannot be drawn", () => {
  test.each(NOT_DRAWN)("%s: says why, exits with 2, prints nothing else", async (line, pattern) => {
    const { code, stdout, stderr } = await command(words(line));
    expect(stderr).toMatch(pattern);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });
});

describe("hostile names", () => {
  test("stay text in a sweep's picture", async () => {
    const gpt2 = JSON.parse(readFileSync("models/gpt2-xl.json", "utf8")) as object;
    for (const name of HOSTILE) {
      const stdin = JSON.stringify({
        model: { ...gpt2, name },
        hardware: "h100-sxm",
        workload: { phase: "decode", context: 8 },
      });
      const { code, stdout } = await command(["sweep", "-", "--batch", "1,2", "--format", "svg"], { stdin });
      expect(code).toBe(0);
      expect(parseXml(stdout.trimEnd()).tag).toBe("svg");
    }
  });
});
