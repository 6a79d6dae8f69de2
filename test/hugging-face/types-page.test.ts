import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parameterCounts } from "../../src/engine/model/parameters.ts";
import { importModel } from "../../src/hugging-face/import-model.ts";
import { MODEL_TYPES } from "../../src/hugging-face/model-types.ts";
import { REASONS } from "../../src/hugging-face/not-expressible.ts";
import { isUpdating } from "../support/golden.ts";
import { CONFIGS, type Published } from "./configs.ts";

const PAGE = new URL("../../docs/config-types.md", import.meta.url);

const billions = (count: number): string => `${(count / 1e9).toPrecision(4)} B`;

function row(name: string, { config, parameters, besides = 0 }: Published): string {
  const { model } = importModel(config, { name, source: "a test" }).imported!;
  const { total, active } = parameterCounts(model);
  return `| \`${String(config["model_type"])}\` | ${name} | ${billions(total)} | ${billions(parameters - besides)} | ${billions(active)} |`;
}

const page = (): string =>
  [
    "# Types of config.json",
    "",
    "Written by a test from what the program reads. Parameters are counted from the model that is made of the file; beside",
    "them stands the total that it is held against: published, counted by its class, or recalled from a model card and not verified, without parts that a model file cannot say. Active ones are those that",
    "a token is multiplied with: the embedding is looked up, and not among them.",
    "",
    "| `model_type` | model | counted | held against | active |",
    "|---|---|---:|---:|---:|",
    ...Object.entries(CONFIGS)
      .map(([name, published]) => row(name, published))
      .sort(),
    "",
    "A language model inside another (`text_config`, `language_config`, `llm_config`, `thinker_config`) is read, and what",
    "sees and hears left out. A file whose `model_type` is not known is read as the type that its `architectures` name.",
    "",
    "## What cannot be expressed yet",
    "",
    "| `model_type` | its layers are |",
    "|---|---|",
    ...Object.entries(REASONS).map(([type, reason]) => `| \`${type}\` | ${reason} |`),
    "",
  ].join("\n");

test("the page of types says what is read and what is refused today", () => {
  if (isUpdating()) writeFileSync(PAGE, page());
  expect(readFileSync(PAGE, "utf8")).toBe(page());
});

test("no type is both read and refused", () => {
  expect(Object.keys(REASONS).filter((type) => Object.hasOwn(MODEL_TYPES, type))).toEqual([]);
});

test.each(Object.entries(REASONS))("a file of type %s is refused with its reason", (type, reason) => {
  const { problems } = importModel({ model_type: type, hidden_size: 64 }, { name: "a", source: "a test" });
  expect(problems![0]).toBe(`model_type: no mapping for "${type}", which cannot be expressed yet: ${reason}`);
});
