import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bar, cut, toAscii, wrap } from "../../../src/report/text/terminal-text.ts";
import { visible } from "../../../src/visible.ts";

const ESCAPE = "\u001b";

describe("text from a file", () => {
  test.each([
    ["plain", "plain"],
    ["µ × · ± é 中 😀", "µ × · ± é 中 😀"],
    [`${ESCAPE}[31mred`, "?[31mred"],
    ["a\nb\tc\rd", "a?b?c?d"],
    ["bell\u0007", "bell?"],
    ["del\u007f c1\u009b", "del? c1?"],
    ["\u202Egnitirw\u202C", "?gnitirw?"],
    ["\u2066x\u2069\u200e\u200f", "?x???"],
    ["line\u2028para\u2029", "line?para?"],
    ["zero\u200bwidth\ufeff\u2060", "zero?width??"],
    ["soft\u00adhyphen", "soft?hyphen"],
    ["half\ud800", "half?"],
    ["tag\u{e0041}", "tag?"],
    ["filler\u3164", "filler?"],
    ["\u2602\ufe0f", "\u2602\ufe0f"],
    ["", ""],
  ])("%j is shown as %j", (text, shown) => {
    expect(visible(text)).toBe(shown);
  });

  test("keeps its length and can be seen once and for all", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const shown = visible(text);
        expect([...shown]).toHaveLength([...text].length);
        expect(visible(shown)).toBe(shown);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must be gone
        expect(shown).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      }),
    );
  });

  test("in an error message is as harmless", () => {
    expect(visible(`${ESCAPE}]0;title\u0007\u202Ex\n`)).toBe("?]0;title??x?");
  });
});

describe("a terminal that is not UTF-8", () => {
  test.each([
    ["prefill 1 × 4096 · bf16", "prefill 1 x 4096 - bf16"],
    ["40.0 µs ±1.9%", "40.0 us ~1.9%"],
    ["███▋▍▎▏", "####::."],
    ["────", "----"],
    ["cut…", "cut~"],
    ["Ü 中 😀", "? ? ?"],
    [`${ESCAPE}[1mbold${ESCAPE}[22m`, `${ESCAPE}[1mbold${ESCAPE}[22m`],
    ["a\nb", "a\nb"],
  ])("is shown %j as %j", (text, shown) => {
    expect(toAscii(text)).toBe(shown);
  });

  test("gets one character for one, all of them ASCII", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const shown = toAscii(text);
        expect([...shown]).toHaveLength([...text].length);
        expect(shown).toMatch(/^[\p{Cc} -~]*$/u);
      }),
    );
  });
});

const word = fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom(..."abcxyz0189.-µ".split("")) });
const sentence = fc.array(word, { maxLength: 30 }).map((words) => words.join(" "));

describe("wrapping", () => {
  test.each([
    ["", 10, "", [""]],
    ["one", 10, "", ["one"]],
    ["one two", 7, "", ["one two"]],
    ["one two", 6, "", ["one", "two"]],
    ["one two three", 7, "  ", ["one two", "  three"]],
    ["one two three four", 9, "  ", ["one two", "  three", "  four"]],
    ["averylongword b", 5, "", ["averylongword", "b"]],
    ["a averylongword b", 5, "  ", ["a", "  averylongword", "  b"]],
  ])("%j to %d with indent %j is %j", (text, width, indent, lines) => {
    expect(wrap(text, width, indent)).toEqual(lines);
  });

  test("keeps every word in order and every line within the width", () => {
    fc.assert(
      fc.property(
        sentence,
        fc.integer({ min: 14, max: 60 }),
        fc.constantFrom("", "  "),
        (text, width, indent) => {
          const lines = wrap(text, width, indent);
          for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
          expect(lines.map((line) => line.trim()).join(" ")).toBe(text);
          for (const line of lines.slice(1)) expect(line.startsWith(indent)).toBe(true);
        },
      ),
    );
  });

  test("breaks no sooner than it must", () => {
    fc.assert(
      fc.property(sentence, fc.integer({ min: 14, max: 60 }), (text, width) => {
        const lines = wrap(text, width);
        lines.slice(1).forEach((line, index) => {
          const [first = ""] = line.split(" ");
          expect(`${lines[index]} ${first}`.length).toBeGreaterThan(width);
        });
      }),
    );
  });
});

describe("cutting", () => {
  test.each([
    ["abc", 3, "abc"],
    ["abcd", 3, "ab…"],
    ["abcd", 1, "…"],
    ["abcd", 0, "…"],
    ["", 0, ""],
  ])("%j to %d is %j", (text, width, shown) => {
    expect(cut(text, width)).toBe(shown);
  });

  test("leaves what fits and fills what does not", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 30 }), (text, width) => {
        const shown = cut(text, width);
        expect(shown.length).toBe(Math.min(text.length, width));
        if (text.length > width) expect(shown.slice(0, -1)).toBe(text.slice(0, width - 1));
      }),
    );
  });
});

describe("a bar", () => {
  test.each([
    [0, 10, ""],
    [1, 4, "████"],
    [0.5, 4, "██"],
    [0.5, 1, "▌"],
    [0.25, 1, "▎"],
    [0.3, 2, "▋"],
    [1e-9, 10, "▏"],
    [2, 3, "███"],
    [-1, 3, ""],
    [15.5 / 16, 2, "██"],
  ])("of %d of %d is %j", (share, width, shown) => {
    expect(bar(share, width)).toBe(shown);
  });

  test("is never longer than its room, never empty for something, and grows with its share", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(share, share, fc.integer({ min: 1, max: 20 }), (a, b, width) => {
        const eighths = (value: number): number =>
          [...bar(value, width)].reduce((sum, block) => sum + ("▏▎▍▌▋▊▉█".indexOf(block) + 1), 0);
        expect(bar(a, width).length).toBeLessThanOrEqual(width);
        expect(eighths(a) > 0).toBe(a > 0);
        expect(eighths(Math.min(a, b))).toBeLessThanOrEqual(eighths(Math.max(a, b)));
        if (a > 1 / (8 * width)) expect(Math.abs(eighths(a) / (8 * width) - a)).toBeLessThan(1 / (8 * width));
      }),
    );
  });
});
