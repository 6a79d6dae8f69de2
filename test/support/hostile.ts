import fc from "fast-check";
import { hardware, model } from "./scenarios.ts";

/** Pieces of names that have done harm somewhere: to terminals, tables, pages, spreadsheets, objects and paths. */
const PIECES = [
  ..."ab 1=+-@|`*_~#!&;:,.'\"<>[](){}\\/$%^\n\r\t",
  ...["\u001b[31m", "\u001b]0;x\u0007", "\u001b[2J", "\u009b31m", "\u0000", "\u0008", "\u007f", "\u0085"],
  ...["\u202a", "\u202e", "\u2066", "\u2069", "\u200e", "\u061c", "\u200b", "\u200d", "\u2060", "\ufeff"],
  ...["\u00ad", "\u2028", "\u2029", "\u3164", "\ud800", "\udc00", "\ufffe", "\u{e0041}"],
  ...[
    "</script>",
    "<script>alert(1)</script>",
    "<!--",
    "-->",
    "]]>",
    "<svg/onload=x>",
    '" onload="x',
    "&lt;",
  ],
  ...["| x |", "```", "](javascript:x)", "![x](y)", "\n# x", "\n| - |", "=cmd()", "＝1", "\t=1", "%s", "$&"],
  ...["__proto__", "constructor", "toString", "../", "中", "é", "😀", "☂\ufe0f"],
];

/** Any text that a file or a command line may hold, the bad ones first. */
export const hostile: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: fc.constantFrom(...PIECES), minLength: 1, maxLength: 12 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 20 }) },
);

/** Everything of `hostile` in one name, for what is too slow to try a hundred times. */
export const WORST: string = PIECES.join("");

/** Letters that a reader cannot see, or that do something else than stand there. */
export const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\u3164\ufeff\ufffe\uffff]|\p{Cs}|[\u{e0000}-\u{e007f}]/u;

/** Colours of our own, by their escape sequences. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: how a terminal is told a colour
const COLOURS = /\u001b\[(?:[0-9]{1,2})m/g;

export const withoutColours = (text: string): string => text.replace(COLOURS, "");

/** A scenario in which every text that is free to choose is `name`. */
export function named(name: string, changes: object = {}): object {
  const device = hardware("h100-sxm");
  const given = model("gpt2-xl");
  return {
    description: name,
    model: {
      ...given,
      name,
      source: name,
      layerKinds: [
        { name, layers: given.layers - 1 },
        { name: `${name}2`, layers: 1 },
      ],
    },
    hardware: {
      ...device,
      ...(renamed(device, name) as object),
      name,
      gpuHourUsd: { value: 2, source: name },
    },
    workload: { phase: "decode", batch: 2, context: 64 },
    layerKind: name,
    ...changes,
  };
}

/** The same with kernels of one's own. */
export const withPasses = (name: string): object =>
  named(name, {
    normalization: {
      implementation: [{ name, reads: ["activation"], writes: ["activation"], flopsPerElement: 1 }],
    },
  });

/** Every `source` of a tree in its place. */
const renamed = (tree: unknown, name: string): unknown =>
  typeof tree !== "object" || tree === null
    ? tree
    : Array.isArray(tree)
      ? tree.map((one) => renamed(one, name))
      : Object.fromEntries(
          Object.entries(tree).map(([key, value]) => [key, key === "source" ? name : renamed(value, name)]),
        );
