import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type * as z from "zod";
import { simulate } from "../../src/engine/simulate.ts";
import { SCHEMAS } from "../../src/io/validate.ts";
import { JSON_SCHEMA_NAMES, jsonSchema } from "../../src/schema/json-schema.ts";
import { scenario } from "../support/scenarios.ts";

const FOLDERS = { model: "models", hardware: "hardware-profiles", scenario: "scenarios" } as const;
const ajv = new Ajv2020({ strict: false, allErrors: true });
const validators = Object.fromEntries(JSON_SCHEMA_NAMES.map((name) => [name, ajv.compile(jsonSchema(name))]));

const shipped = (Object.keys(FOLDERS) as (keyof typeof FOLDERS)[]).flatMap((kind) =>
  readdirSync(FOLDERS[kind]).map((file) => {
    const path = `${FOLDERS[kind]}/${file}`;
    return { kind, path, data: JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown> };
  }),
);

describe("JSON Schemas", () => {
  test.each(JSON_SCHEMA_NAMES)(
    "schemas/%s.schema.json is what the zod schema says (npm run schemas)",
    (name) => {
      const committed = readFileSync(`schemas/${name}.schema.json`, "utf8");
      expect(committed).toBe(`${JSON.stringify(jsonSchema(name), null, 2)}\n`);
    },
  );

  test.each(["model", "hardware", "scenario"] as const)("%s describes every field it has", (name) => {
    const bare: string[] = [];
    const walk = (node: unknown, path: string): void => {
      if (typeof node !== "object" || node === null) return;
      const { properties } = node as { properties?: Record<string, { description?: string }> };
      for (const [key, field] of Object.entries(properties ?? {})) {
        if (field.description === undefined && !("$ref" in field)) bare.push(`${path}.${key}`);
      }
      for (const [key, child] of Object.entries(node)) walk(child, `${path}.${key}`);
    };
    walk(jsonSchema(name), name);
    // value, origin and source of a calibration parameter are described once, at the parameter
    expect(bare.filter((path) => !/(value|source|phase|origin|name)$/.test(path))).toEqual([]);
  });

  test.each(shipped)("$path is valid for ajv as for zod", ({ kind, data }) => {
    expect(validators[kind]!(data)).toBe(true);
    expect((SCHEMAS[kind] as z.ZodType).safeParse(data).success).toBe(true);
  });

  test("a result is valid for both", () => {
    const result = JSON.parse(JSON.stringify(simulate(scenario()))) as unknown;
    expect(SCHEMAS.result.safeParse(result).error).toBeUndefined();
    expect(validators["result"]!(result)).toBe(true);
  });
});

/** A value somewhere in a shipped file is replaced, dropped or joined by another key. */
const mutation = fc.record({
  at: fc.nat(1e6),
  kind: fc.constantFrom("replace", "drop", "add"),
  value: fc.oneof(
    fc.constantFrom(0, -1, 1.5, 1e40, "", "x", null, true, [], {}),
    fc.integer(),
    fc.string({ maxLength: 5 }),
  ),
});

function mutate(
  data: Record<string, unknown>,
  { at, kind, value }: { at: number; kind: string; value: unknown },
) {
  const copy = structuredClone(data);
  const places: [Record<string, unknown>, string][] = [];
  const walk = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    for (const key of Object.keys(node)) {
      places.push([node as Record<string, unknown>, key]);
      walk((node as Record<string, unknown>)[key]);
    }
  };
  walk(copy);
  const [node, key] = places[at % places.length]!;
  if (kind === "drop" && !Array.isArray(node)) delete node[key];
  else if (kind === "add" && !Array.isArray(node)) node["surprise"] = value;
  else node[key] = value;
  return copy;
}

describe("mutated files", () => {
  test("that ajv refuses zod refuses too; zod may refuse more, where fields depend on each other", () => {
    fc.assert(
      fc.property(fc.constantFrom(...shipped), mutation, ({ kind, data }, change) => {
        const mutated = mutate(data, change);
        const zod = (SCHEMAS[kind] as z.ZodType).safeParse(mutated).success;
        if (!validators[kind]!(mutated)) expect(zod).toBe(false);
      }),
      { numRuns: 600, seed: 11 },
    );
  });
});
