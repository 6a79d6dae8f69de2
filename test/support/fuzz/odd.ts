import fc from "fast-check";
import { type Tree, token } from "./tree.ts";

/** Values at which programs break. */

const NUMBERS = [
  "0",
  "-0",
  "-1",
  "0.5",
  "1",
  "2",
  "3",
  "7",
  "64",
  "1.5",
  "1e3",
  "1e-3",
  "65537",
  "1000000000",
  "1000000001",
  "1e-30",
  "1e30",
  "1e-320",
  "1e308",
  "-1e308",
  "9007199254740992",
  "9007199254740993",
  "1e400",
  "-1e400",
  `1${"0".repeat(400)}`,
  `0.${"0".repeat(400)}1`,
  "12345678901234567890123456789012345678901234567890",
];

export const oddNumber: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NUMBERS) },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map(String) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 100_000 }).map(String) },
);

/** What sizes of models and batches are made of. */
export const size: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(1, 2, 3, 5, 8, 16, 64, 96, 128, 1000, 4096, 65_536, 1e6, 1e9).map(String),
  fc.integer({ min: 1, max: 100_000 }).map(String),
);

const WORDS = [
  "",
  " ",
  "-",
  "--",
  ".",
  "..",
  "/",
  "./",
  "../..",
  "a/b",
  "=",
  ",",
  "a=b",
  "null",
  "true",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "then",
  "length",
  "line\nbreak",
  "tab\tand\rreturn",
  "\u001b[2J\u001b]0;title\u0007",
  "\u009b31m",
  "\u202eright to left",
  "\u0000",
  "\ud800",
  "\udc00\ud800",
  "é\u0301\u0301\u0301",
  "漢字",
  "👩‍👩‍👧",
  "<script>alert(1)</script>",
  "]]>&<'\"",
  "%s%d{}`$(id)",
  "|a|b|",
  "x".repeat(300),
  "x".repeat(10_000),
  `a/${"x".repeat(5000)}`,
];

export const oddWord: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 12 }) },
);

const nested = (depth: number, open: string, close: string): string =>
  `${open.repeat(depth)}1${close.repeat(depth)}`;

const SHAPES = [
  "{}",
  "[]",
  "[[]]",
  "[null]",
  "[1,2,3]",
  '["a","b"]',
  '{"a":1}',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  nested(20, "[", "]"),
  nested(20, '{"a":', "}"),
  nested(2000, "[", "]"),
  nested(2000, '{"a":', "}"),
  `[${"1,".repeat(3000)}1]`,
];

const NO_JSON = [
  "NaN",
  "Infinity",
  "-",
  "01",
  "1.",
  ".5",
  "+1",
  "'a'",
  "undefined",
  '"\\x"',
  '"\\ud800"',
  "",
];

/** Any JSON value, and now and then something that is none. */
export const oddTree: fc.Arbitrary<Tree> = fc.oneof(
  { weight: 6, arbitrary: oddNumber.map(token) },
  { weight: 3, arbitrary: oddWord.map((word) => token(JSON.stringify(word))) },
  { weight: 2, arbitrary: fc.constantFrom("true", "false", "null").map(token) },
  { weight: 2, arbitrary: fc.constantFrom(...SHAPES).map(token) },
  { weight: 1, arbitrary: fc.constantFrom(...NO_JSON).map(token) },
  { weight: 1, arbitrary: fc.json({ maxDepth: 3 }).map(token) },
);
