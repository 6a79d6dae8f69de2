import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Cell, csv, csvCell } from "../../../src/report/text/csv.ts";
import { FORMATS, formatOf, type Look } from "../../../src/report/text/formats.ts";
import { json, jsonLines } from "../../../src/report/text/json.ts";
import { escapeMarkdown, markdownTable } from "../../../src/report/text/markdown.ts";
import { type Row, type RowColumn, renderRows } from "../../../src/report/text/rows.ts";
import { textTable } from "../../../src/report/text/text-table.ts";
import { VERSION } from "../../../src/version.ts";
import { visible } from "../../../src/visible.ts";
import { readCsv } from "../../support/csv.ts";

const plain: fc.Arbitrary<string> = fc.string({
  unit: fc.constantFrom(...'abc ,"\n\r;|µ中<>`*_[]\\#'.split("")),
  maxLength: 12,
});
const cell: fc.Arbitrary<Cell> = fc.oneof(
  plain,
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.boolean(),
);

describe("CSV", () => {
  test.each<[Cell, string]>([
    ["plain", "plain"],
    ["", ""],
    ["a,b", '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ["two\nlines", "two?lines"],
    ["a\rb", "a?b"],
    ["\u001b[31m\u200b", "?[31m?"],
    [" spaces ", " spaces "],
    ["=1+1", "'=1+1"],
    ["+1", "'+1"],
    ["-1", "'-1"],
    ["@x", "'@x"],
    ["\t=x", "?=x"],
    ["  =1", "'  =1"],
    ["\uff1d1", "'\uff1d1"],
    ['=HYPERLINK("x","y")', '"\'=HYPERLINK(""x"",""y"")"'],
    ["a=1", "a=1"],
    [0, "0"],
    [-0.133, "-0.133"],
    [1e-9, "1e-9"],
    [0.1 + 0.2, "0.30000000000000004"],
    [1e21, "1e+21"],
    [true, "true"],
  ])("writes %j as %s", (value, text) => {
    expect(csvCell(value)).toBe(text);
  });

  test("reads back as it was, whatever the cells hold", () => {
    fc.assert(
      fc.property(fc.array(fc.array(cell, { minLength: 3, maxLength: 3 }), { maxLength: 6 }), (rows) => {
        const text = csv(["a", "b", "c"], rows);
        const shown = (value: Cell): string => {
          const seen = visible(String(value));
          const begins = seen.trimStart().charAt(0);
          return typeof value === "string" && "=+-@＝＋－＠".includes(begins) && begins !== ""
            ? `'${seen}`
            : seen;
        };
        expect(readCsv(text)).toEqual([["a", "b", "c"], ...rows.map((row) => row.map(shown))]);
      }),
    );
  });

  test("keeps every digit of every number", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(Number(csvCell(number))).toBe(number === 0 ? 0 : number);
      }),
    );
  });

  test("without rows is its header", () => {
    expect(csv(["a", "b"], [])).toBe("a,b\n");
  });
});

describe("Markdown", () => {
  test.each([
    ["plain text", "plain text"],
    ["a*b_c`d", "a\\*b\\_c\\`d"],
    ["<b>", "\\<b\\>"],
    ["[x](y)", "\\[x\\](y)"],
    ["back\\slash", "back\\\\slash"],
    ["two\nlines", "two?lines"],
    ["\u001b[31m", "?\\[31m"],
    ["a|b ~x~ #1", "a\\|b \\~x\\~ \\#1"],
    ["&lt;b&gt;", "\\&lt;b\\&gt;"],
    ["https://x.y WWW.x.y", "https\\://x.y WWW\\.x.y"],
    ["ratio 1:2, -1", "ratio 1:2, -1"],
  ])("%j is escaped as %j", (text, escaped) => {
    expect(escapeMarkdown(text)).toBe(escaped);
  });

  test("tables align names left and numbers right, and escape what would end a cell", () => {
    const lines = markdownTable(
      [{ title: "name", align: "left" }, { title: "time" }],
      [
        ["a|b", "1 ms"],
        ["*", "2 ms"],
      ],
    );
    expect(lines).toEqual(["| name | time |", "| --- | ---: |", "| a\\|b | 1 ms |", "| \\* | 2 ms |"]);
  });

  test("tables have one line a row and one unescaped bar more than columns, whatever the cells hold", () => {
    fc.assert(
      fc.property(fc.array(fc.array(plain, { minLength: 2, maxLength: 2 }), { maxLength: 5 }), (rows) => {
        const lines = markdownTable([{ title: "a" }, { title: "b" }], rows);
        expect(lines).toHaveLength(rows.length + 2);
        for (const line of lines) {
          expect(line).not.toMatch(/[\n\r]/);
          expect(line.replaceAll(/\\./g, "").split("|")).toHaveLength(4);
        }
      }),
    );
  });
});

describe("a text table", () => {
  test("aligns names left and numbers right, without spaces at the ends of lines", () => {
    expect(
      textTable(
        [{ title: "name", align: "left" }, { title: "time" }, { title: "", align: "left" }],
        [
          ["a", "1 ms", "█"],
          ["long name", "10 ms", ""],
        ],
      ),
    ).toEqual(["name        time", "a           1 ms  █", "long name  10 ms"]);
  });

  test("may have another gap", () => {
    expect(textTable([{ title: "a" }, { title: "b" }], [["1", "2"]], " ")).toEqual(["a b", "1 2"]);
  });

  test("without rows is its head", () => {
    expect(textTable([{ title: "a", align: "left" }, { title: "b" }], [])).toEqual(["a  b"]);
  });

  test("never colours anything", () => {
    expect(textTable([{ title: "a" }], [["b"]]).join("")).not.toContain("\u001b");
  });
});

const look = (changes: Partial<Look> = {}): Look => ({ width: 80, color: false, unicode: true, ...changes });
const COLUMNS: readonly RowColumn[] = [
  { key: "name", title: "name", align: "left" },
  { key: "seconds", title: "time", text: (value) => (value === undefined ? "" : `${value} s`) },
  { key: "note", title: "note", align: "left" },
];
const ROWS: readonly Row[] = [
  { name: "one", seconds: 0.1, note: "short" },
  { name: "two", note: "without a time" },
];

describe("rows in every format", () => {
  test.each([
    ["table", "name   time  note\none   0.1 s  short\ntwo          without a time\n"],
    ["csv", "name,seconds,note\none,0.1,short\ntwo,,without a time\n"],
    ["jsonl", '{"name":"one","seconds":0.1,"note":"short"}\n{"name":"two","note":"without a time"}\n'],
    [
      "md",
      "| name | time | note |\n| --- | ---: | --- |\n| one | 0.1 s | short |\n| two |  | without a time |\n",
    ],
  ] as const)("as %s", async (format, text) => {
    expect(await renderRows(COLUMNS, ROWS, format, look())).toBe(text);
  });

  test("as JSON are a list, of one row too", async () => {
    const answered = ROWS.map((row) => ({ schemaVersion: 1, version: VERSION, ...row }));
    expect(JSON.parse(await renderRows(COLUMNS, ROWS, "json", look()))).toEqual(answered);
    expect(JSON.parse(await renderRows(COLUMNS, ROWS.slice(0, 1), "json", look()))).toHaveLength(1);
  });

  test.each(FORMATS)("as %s have notes only where people read", async (format) => {
    const text = await renderRows(COLUMNS, ROWS, format, look(), ["A note."]);
    expect(text.includes("A note.")).toBe(format === "table" || format === "md");
  });

  test("in ASCII and in colour are the same text", async () => {
    const rows = [{ name: "µs × 2", seconds: 1, note: "x" }];
    expect(await renderRows(COLUMNS, rows, "table", look({ unicode: false }))).toContain("us x 2");
    const colored = await renderRows(COLUMNS, rows, "table", look({ color: true }));
    expect(colored).toContain("\u001b");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes are control characters
    expect(colored.replaceAll(/\u001b\[\d+m/g, "")).toBe(await renderRows(COLUMNS, rows, "table", look()));
  });

  test("of hostile names cannot steer a terminal", async () => {
    const rows = [{ name: "\u001b[2J\u202Ex\n", seconds: 1, note: "\u0007" }];
    const text = await renderRows(COLUMNS, rows, "table", look(), ["\u001b]0;x\u0007"]);
    for (const character of ["\u001b", "\u0007", "\u202E"]) expect(text).not.toContain(character);
  });
});

describe("a table for a terminal", () => {
  const words = fc
    .array(fc.string({ minLength: 1, maxLength: 14, unit: fc.constantFrom(..."abcdefg-".split("")) }), {
      maxLength: 14,
    })
    .map((parts) => parts.join(" "));
  const rows = fc.array(
    fc.record({ name: words, seconds: fc.integer({ min: 0, max: 99_999 }), note: words }),
    { minLength: 1, maxLength: 6 },
  );

  test("never exceeds its width from 40 to 200 columns", async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 40, max: 200 }), words, async (list, width, note) => {
        const text = await renderRows(COLUMNS, list, "table", look({ width }), [note]);
        for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(width);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  test("loses no word that fits its column, and no number", async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 60, max: 200 }), async (list, width) => {
        const text = await renderRows(COLUMNS, list, "table", look({ width }));
        for (const { name, seconds, note } of list) {
          expect(text).toContain(`${seconds} s`);
          for (const word of `${name} ${note}`.split(" ")) expect(text).toContain(word);
        }
      }),
      { numRuns: 100, seed: 2 },
    );
  });

  test("cuts a word that no line can hold", async () => {
    const list = [{ name: "x".repeat(100), seconds: 1, note: "y".repeat(100) }];
    const text = await renderRows(COLUMNS, list, "table", look({ width: 40 }));
    expect(text).toMatch(/x+… +1 s {2}y+…\n$/);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(40);
  });
});

describe("JSON", () => {
  test("is one object, or a list when it should be", () => {
    expect(json([{ a: 1 }], false)).toBe('{\n  "a": 1\n}\n');
    expect(json([{ a: 1 }], true)).toBe('[\n  {\n    "a": 1\n  }\n]\n');
    expect(json([], true)).toBe("[]\n");
  });

  test("lines are one value each, however long", () => {
    expect(jsonLines([{ a: "x\ny" }, [1, 2]])).toBe('{"a":"x\\ny"}\n[1,2]\n');
    expect(jsonLines([])).toBe("");
  });
});

describe("the format of an output", () => {
  test.each([
    [undefined, undefined, "table"],
    [undefined, "x.txt", "table"],
    [undefined, "x.json", "json"],
    [undefined, "x.JSON", "json"],
    [undefined, "x.jsonl", "jsonl"],
    [undefined, "x.ndjson", "jsonl"],
    [undefined, "x.csv", "csv"],
    [undefined, "x.md", "md"],
    [undefined, "a.b/x.csv", "csv"],
    ["csv", "x.json", "csv"],
    ["table", "x.json", "table"],
    ["md", undefined, "md"],
    [undefined, "x", undefined],
    [undefined, "x.table", undefined],
    [undefined, "x.xlsx", undefined],
    [undefined, "x.", undefined],
    [undefined, "csv", undefined],
  ] as const)("asked for %s, to %s, is %s", (asked, path, expected) => {
    expect(formatOf(asked, path)).toBe(expected);
  });
});
