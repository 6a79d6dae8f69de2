import { describe, expect, test } from "vitest";
import { shippedSuggestion } from "../src/io/document.ts";
import { shippedNames } from "../src/io/shipped.ts";
import { nameSuggestion } from "../src/nearest-name.ts";

/** [what was typed, what is suggested, best first] */
const CHIPS: readonly [string, ...string[]][] = [
  ["h100", "h100-sxm", "h100-pcie", "h100-nvl"],
  ["H100", "h100-sxm", "h100-pcie", "h100-nvl"],
  ["nvidia-h100", "h100-sxm", "h100-pcie", "h100-nvl"],
  ["h100-cnx", "h100-sxm", "h100-pcie", "h100-nvl"],
  ["h100-sxn", "h100-sxm"],
  ["h100-pci", "h100-pcie"],
  ["h100sxm", "h100-sxm"],
  ["h200", "h200-sxm", "h200-nvl"],
  ["a100-80gb", "a100-sxm-80gb", "a100-sxm-40gb", "a100-pcie"],
  ["b200-sxm", "b200"],
  ["rtx4090", "rtx-4090"],
];

const MODELS: readonly [string, ...string[]][] = [
  ["llama-3-9b", "llama-3-8b"],
  ["lama-3-8b", "llama-3-8b"],
  ["llama3-8b", "llama-3-8b"],
  ["meta-llama-3-8b-instruct", "llama-3-8b", "llama-3-70b"],
  ["gemma-2-2b", "gemma-2-27b", "gemma-2-9b"],
  ["gpt-3", "gpt3-175b"],
  ["qwen-2.5-7b", "qwen2.5-7b"],
  ["mixtral-8x22b", "mixtral-8x7b"],
  ["bert-base", "bert-large"],
];

const quoted = (text: string): string[] => [...text.matchAll(/"([^"]+)"/g)].map(([, name]) => name!);

describe("of a name that nothing has", () => {
  test.each(CHIPS)("%s: profiles of that chip are suggested", (name, ...expected) => {
    expect(quoted(shippedSuggestion(name, ["hardware"]))).toEqual(expected);
    expect(quoted(shippedSuggestion(name, ["scenario", "model", "hardware"]))).toEqual(expected);
  });

  test.each(MODELS)("%s: models of that family are suggested", (name, ...expected) => {
    expect(quoted(shippedSuggestion(name, ["model"]))).toEqual(expected);
  });

  test.each([
    "h21",
    "h10-sxm",
    "gh100",
    "a30",
    "l40",
    "l4s",
    "b100",
    "b400",
    "g200",
    "t1",
    "mi250x",
    "rtx-4080",
  ])("%s is another chip than those that are spelt like it", (name) =>
    expect(shippedSuggestion(name, ["hardware"])).toBe(""),
  );

  test.each(["llama-4", "llama-3.1-8b", "qwen2-7b", "phi-4", "gpt-4", "gemma-4-9b"])(
    "%s is another model than those that are spelt like it",
    (name) => expect(shippedSuggestion(name, ["model"])).toBe(""),
  );

  test("a known name with a word too many is that name", () => {
    for (const kind of ["model", "hardware"] as const)
      for (const name of shippedNames(kind))
        expect(quoted(nameSuggestion(`${name}-x`, shippedNames(kind)))).toContain(name);
  });

  test("of any length there is an answer", () => {
    expect(nameSuggestion("x".repeat(100_000), ["h100-sxm"])).toBe("");
    expect(nameSuggestion("", ["h100-sxm"])).toBe("");
    expect(nameSuggestion("--", ["h100-sxm"])).toBe("");
  });
});
