import { readdirSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { simulate } from "../../../src/engine/simulate.ts";
import { alternativesTable } from "../../../src/report/text/alternatives-table.ts";
import { compareReport } from "../../../src/report/text/compare.ts";
import { savingText } from "../../../src/report/text/figure-text.ts";
import type { Look } from "../../../src/report/text/formats.ts";
import { type GridPoint, gridReport } from "../../../src/report/text/grid.ts";
import { operatorTable, plainOperatorTable } from "../../../src/report/text/operator-table.ts";
import { RUN_REPORTS } from "../../../src/report/text/run.ts";
import type { Result } from "../../../src/schema/result.ts";
import { NORM_IMPLEMENTATIONS } from "../../../src/schema/vocabulary.ts";
import { formatBytes, formatPercent, formatSeconds } from "../../../src/units.ts";
import { anyScenario, decode, hardware, model, scenario, train } from "../../support/scenarios.ts";

const look = (width = 80): Look => ({ width, color: false, unicode: true });
const BASE = simulate(scenario());
const MODELS = readdirSync("models").map((file) => file.replace(/\.json$/, ""));

const csvRows = (text: string): Record<string, string>[] => {
  const [head, ...lines] = text.trimEnd().split("\n");
  const names = head!.split(",");
  return lines.map((line) => Object.fromEntries(line.split(",").map((cell, index) => [names[index]!, cell])));
};

describe("the table of operators", () => {
  test("has one row an operator in their order, and their sum", () => {
    const { rows } = plainOperatorTable(BASE);
    expect(rows.map(([name]) => name)).toEqual([...BASE.operators.map(({ name }) => name), "layer"]);
  });

  test("shows figures as they are in the result", () => {
    const { columns, rows } = plainOperatorTable(BASE);
    const at = (title: string) => columns.findIndex((column) => column.title === title);
    BASE.operators.forEach((operator, index) => {
      const row = rows[index]!;
      expect(row[at("kernels")]).toBe(String(operator.kernels));
      expect(row[at("read")]).toBe(formatBytes(operator.hbmReadBytes));
      expect(row[at("written")]).toBe(formatBytes(operator.hbmWriteBytes));
      expect(row[at("bound")]).toBe(operator.bound);
      expect(row[at("ideal")]).toBe(formatSeconds(operator.idealSeconds));
      expect(row[at("time")]).toBe(formatSeconds(operator.seconds));
      expect(row[at("share")]).toBe(formatPercent(operator.shareOfTime!));
    });
    const sum = rows.at(-1)!;
    expect(sum[at("time")]).toBe(formatSeconds(BASE.layer.seconds));
    expect(sum[at("kernels")]).toBe(String(BASE.layer.kernels));
    expect(sum[at("share")]).toBe("100%");
    expect(sum[at("bound")]).toBe("");
  });

  test.each([80, 96, 111])("at %d columns puts reads and writes together", (width) => {
    const titles = operatorTable(BASE, width).columns.map(({ title }) => title);
    expect(titles).toEqual(["operator", "FLOPs", "bytes", "FLOP/B", "bound", "time", "share", ""]);
  });

  test.each([112, 160, 200])("at %d columns keeps them apart and adds kernels and ideal time", (width) => {
    const titles = operatorTable(BASE, width).columns.map(({ title }) => title);
    for (const title of ["kernels", "read", "written", "ideal"]) expect(titles).toContain(title);
  });

  test("gives its longest bar to the operator that takes longest", () => {
    const { rows } = operatorTable(BASE, 120);
    const bars = rows.slice(0, -1).map((row) => row.at(-1)!.length);
    const longest = BASE.operators.findIndex(
      ({ shareOfTime }) => shareOfTime === Math.max(...BASE.operators.map((one) => one.shareOfTime!)),
    );
    expect(bars[longest]).toBe(Math.max(...bars));
    expect(Math.max(...bars)).toBeLessThanOrEqual(20);
  });

  test("leaves its bars out where there is no room", () => {
    expect(operatorTable(BASE, 60).columns.map(({ title }) => title)).not.toContain("");
  });
});

describe("the table of alternatives", () => {
  test("has a row an implementation, LayerNorm and RMSNorm side by side", () => {
    const { columns, rows } = alternativesTable(BASE)!;
    expect(columns.map(({ title }) => title)).toEqual([
      "implementation",
      ...["LayerNorm", "layer", "saved"],
      ...["RMSNorm", "layer", "saved"],
    ]);
    expect(rows.map(([name]) => name)).toEqual([...NORM_IMPLEMENTATIONS]);
  });

  test("marks the one that is given, and shows what each saves", () => {
    const { rows } = alternativesTable(BASE)!;
    const native = rows.find(([name]) => name === "native")!;
    expect(native[3]).toBe("given");
    const rms = BASE.alternatives.find((one) => one.kind === "rmsnorm" && one.implementation === "native")!;
    expect(native.slice(4)).toEqual([
      formatSeconds(rms.normalizationSeconds!),
      formatSeconds(rms.layerSeconds!, 4),
      savingText(rms.savedShareOfTime!, rms.errorShareOfTime).replaceAll(" ", ""),
    ]);
    expect(rows.flat().filter((cell) => cell === "given")).toHaveLength(1);
  });
});

describe("a report in every format", () => {
  const RESULTS = [
    BASE,
    simulate(scenario({ workload: decode(4, 100), hardware: hardware("l4") })),
    simulate(scenario({ model: model("gemma-2-9b"), workload: train(1, 256), runtime: "eager" })),
  ];

  test("as CSV has one row an operator, with every figure to the last digit", async () => {
    const rows = csvRows((await RUN_REPORTS.csv())(RESULTS, look()));
    const expected = RESULTS.flatMap(({ operators, scenario: given }, index) =>
      operators.map((operator) => ({ scenario: index + 1, given, operator })),
    );
    expect(rows).toHaveLength(expected.length);
    rows.forEach((row, index) => {
      const { scenario: number, given, operator } = expected[index]!;
      expect(row["scenario"]).toBe(String(number));
      expect(row["model"]).toBe(given.model.name);
      expect(row["hardware"]).toBe(given.hardware.name);
      expect(row["phase"]).toBe(given.workload.phase);
      for (const [key, value] of Object.entries(operator))
        expect(typeof value === "number" ? Number(row[key]) : row[key]).toBe(value ?? "");
    });
  });

  test("as JSON of one scenario is an object, of several a list, as JSON Lines one a line", async () => {
    const [asJson, asLines] = [await RUN_REPORTS.json(), await RUN_REPORTS.jsonl()];
    expect(JSON.parse(asJson([BASE], look()))).toEqual(JSON.parse(JSON.stringify(BASE)));
    expect(JSON.parse(asJson(RESULTS, look()))).toHaveLength(3);
    const lines = asLines(RESULTS, look()).trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as Result).scenario.model.name)).toEqual(
      RESULTS.map((result) => result.scenario.model.name),
    );
  });

  test("as Markdown has the same tables, every line of each as wide as its head", async () => {
    const text = (await RUN_REPORTS.md())(RESULTS, look());
    expect(text.match(/^## /gm)).toHaveLength(3);
    for (const table of text.split("\n\n").filter((part) => part.startsWith("|"))) {
      const counts = table.split("\n").map((line) => line.replaceAll(/\\./g, "").split("|").length);
      expect(new Set(counts).size).toBe(1);
    }
    for (const { operators } of RESULTS)
      for (const { name } of operators) expect(text).toContain(`| ${name} |`);
  });

  test.each(MODELS)("for people fits 80, 100, 120 and 200 columns with %s", async (name) => {
    const render = await RUN_REPORTS.table();
    for (const given of [
      scenario({ model: model(name), workload: train(2, 512) }),
      scenario({
        model: model(name),
        workload: decode(64, 100_000),
        parallelism: { tensor: 1, sequenceParallel: false },
      }),
    ]) {
      const result = simulate(given);
      for (const width of [80, 100, 120, 200])
        for (const line of render([result], look(width)).split("\n"))
          expect(line.length).toBeLessThanOrEqual(width);
    }
  });

  test("for people fits 80 columns whatever is simulated, and shows no number that is none", async () => {
    const render = await RUN_REPORTS.table();
    fc.assert(
      fc.property(anyScenario, (given) => {
        const text = render([simulate(given)], look(80));
        expect(text).not.toMatch(/NaN|Infinity|undefined|null/);
        for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  test("for people separates several by a rule", async () => {
    const text = (await RUN_REPORTS.table())(RESULTS, look());
    expect(text.match(/^─{80}$/gm)).toHaveLength(2);
  });
});

describe("scenarios side by side", () => {
  const devices = ["h100-sxm", "h200-sxm", "a100-sxm-80gb", "l4", "mi300x"];
  const results = devices.map((name) => simulate(scenario({ hardware: hardware(name) })));
  const compare = (format: Parameters<typeof compareReport>[2], width = 80) =>
    compareReport(devices, results, format, look(width));

  test("stand in as many tables as the width asks for, each with every line", async () => {
    const narrow = await compare("table", 70);
    const wide = await compare("table", 200);
    expect(narrow.match(/^tokens\/s/gm)!.length).toBeGreaterThan(1);
    expect(wide.match(/^tokens\/s/gm)).toHaveLength(1);
    for (const name of devices) {
      expect(narrow).toContain(name);
      expect(wide).toContain(name);
    }
    for (const [text, width] of [
      [narrow, 70],
      [wide, 200],
    ] as const)
      for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(width);
  });

  test("are rows for a spreadsheet, to the last digit", async () => {
    const rows = csvRows(await compare("csv"));
    expect(rows.map((row) => row["scenario"])).toEqual(devices);
    rows.forEach((row, index) => {
      const { layer, normalization, wholeModel } = results[index]!;
      expect(Number(row["layerSeconds"])).toBe(layer.seconds);
      expect(Number(row["idealSeconds"])).toBe(layer.idealSeconds);
      expect(row["normalizationSeconds"]).toBe(String(normalization.seconds ?? ""));
      expect(row["normalizationShareOfTime"]).toBe(String(normalization.shareOfTime ?? ""));
      expect(Number(row["bandwidthUtilization"])).toBe(layer.bandwidthUtilization);
      expect(Number(row["tokensPerSecond"])).toBe(wholeModel.tokensPerSecond);
    });
  });

  test("are whole results for programs, also a single one", async () => {
    expect(JSON.parse(await compare("json"))).toHaveLength(5);
    expect(JSON.parse(await compareReport(["one"], [BASE], "json", look()))).toHaveLength(1);
    expect((await compare("jsonl")).trimEnd().split("\n")).toHaveLength(5);
  });

  test("are one table in Markdown", async () => {
    const text = await compare("md");
    expect(text.match(/^\| --- /gm)).toHaveLength(1);
    expect(text.split("\n")[0]).toBe("|  | h100-sxm | h200-sxm | a100-sxm-80gb | l4 | mi300x |");
  });

  test("cut names that are too long for a column", async () => {
    const text = await compareReport(["x".repeat(60)], [BASE], "table", look());
    expect(text).toContain(`${"x".repeat(29)}…`);
  });
});

describe("a grid of results", () => {
  const points = (
    labels: readonly string[],
    batches: readonly number[],
    notes: readonly string[] = [],
  ): GridPoint[] =>
    labels.flatMap((label) => batches.map((batch) => ({ label, reshaped: [], point: { batch }, notes })));
  const grid = (given: readonly GridPoint[], format: "table" | "csv" = "table") =>
    gridReport(
      given,
      given.map(() => BASE),
      ["batch"],
      format,
      look(),
    );

  test("names its scenario once, or in a column where there are several", async () => {
    const one = await grid(points(["a-scenario"], [1, 2]));
    expect(one).toMatch(/^batch/);
    expect(one).toContain("Scenario: a-scenario.");
    const two = await grid(points(["first", "second"], [1, 2]));
    expect(two).toMatch(/^scenario +batch/);
    expect(two).not.toContain("Scenario:");
  });

  test("has a row a point, with figures to the last digit for a spreadsheet", async () => {
    const rows = csvRows(await grid(points(["a"], [1, 2, 4]), "csv"));
    expect(rows.map((row) => row["batch"])).toEqual(["1", "2", "4"]);
    for (const row of rows) {
      expect(Number(row["layerSeconds"])).toBe(BASE.layer.seconds);
      expect(Number(row["normalizationShareOfTime"])).toBe(BASE.normalization.shareOfTime);
      expect(Number(row["normalizationShareOfFlops"])).toBe(BASE.normalization.shareOfFlops);
    }
  });

  test("says every note once, and stops at eight", async () => {
    const noted = (count: number) =>
      Array.from({ length: count }, (_, index) =>
        points(["a"], [index + 1], [`note number ${index}.`]),
      ).flat();
    expect((await grid(noted(8))).match(/note number/g)).toHaveLength(8);
    const many = await grid(noted(20));
    expect(many.match(/note number/g)).toHaveLength(8);
    expect(many).toMatch(/\.\.\.\n$/);
    const same = points(["a"], [1, 2, 3], ["once only."]);
    expect((await grid(same)).match(/once only/g)).toHaveLength(1);
  });

  test("leaves a saving out that is not known", async () => {
    const pass = {
      name: "x",
      kernel: "vectorized",
      reads: ["activation"],
      writes: [],
      fixedReadBytes: 0,
      flopsPerElement: 0,
    };
    const own = simulate(scenario({ normalization: { kind: "rmsnorm", implementation: [pass as never] } }));
    const text = await gridReport(points(["a"], [1]), [own], ["batch"], "csv", look());
    expect(csvRows(text)[0]?.["rmsnormSavesShareOfTime"]).toBe("");
    expect(csvRows(text)[0]?.["eagerRmsnormSavesShareOfTime"]).not.toBe("");
  });
});
