import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type * as z from "zod";
import { simulate } from "../../src/engine/simulate.ts";
import { SCHEMAS, type SchemaKind, validate } from "../../src/io/validate.ts";
import { jsonSchema } from "../../src/schema/json-schema.ts";
import { runs } from "../support/length.ts";
import { scenario } from "../support/scenarios.ts";

/** The two descriptions of a file, zod's and the JSON Schema's, asked about the same broken ones. */

type Data = Record<string, unknown>;

const FOLDERS = {
  model: "models",
  hardware: "hardware-profiles",
  scenario: "scenarios",
  stack: "stacks",
} as const;
const inFolder = (kind: keyof typeof FOLDERS): Data[] =>
  readdirSync(FOLDERS[kind]).map(
    (file) => JSON.parse(readFileSync(`${FOLDERS[kind]}/${file}`, "utf8")) as Data,
  );

const PASSES = [
  { name: "a", kernel: "row-sum", reads: ["activation"], writes: ["row:x"], flopsPerElement: 2 },
  { name: "b", reads: ["activation", "row:x", "weight"], writes: ["activation"], flopsPerElement: 2 },
];
/** Files as they are shipped, and some that use everything a file may hold. */
const FILES: Readonly<Record<SchemaKind, readonly Data[]>> = {
  model: inFolder("model"),
  hardware: inFolder("hardware"),
  scenario: [
    ...inFolder("scenario"),
    {
      ...inFolder("scenario")[0]!,
      model: inFolder("model")[0],
      hardware: JSON.parse(readFileSync("test/support/datasheet/b200.json", "utf8")),
      normalization: { kind: "rmsnorm", implementation: PASSES },
      precision: { weights: "fp16", activations: "bf16", kvCache: "fp32" },
      parallelism: { tensor: 2, sequenceParallel: true },
    },
  ],
  stack: inFolder("stack"),
  result: [JSON.parse(JSON.stringify(simulate(scenario()))) as Data],
};

const ajv = new Ajv2020({ strict: false, allErrors: true });
const KINDS = Object.keys(FILES) as SchemaKind[];
const validators = Object.fromEntries(KINDS.map((kind) => [kind, ajv.compile(jsonSchema(kind))])) as Record<
  SchemaKind,
  ValidateFunction
>;

/** Values at the edge of what some field takes, and of every type. */
const value = fc.oneof(
  fc.constantFrom<unknown>(
    ...[0, 1, 2, -1, 0.5, 1.5, 1e9, 1e9 + 1, 1e13, 1e30, 1.1e30, 1e40, 1e-30, 1e-31, 1e-6, 1e-7, 10, 30, 31],
    ...[
      "",
      "x",
      "fp16",
      "eager",
      "graph",
      "decode",
      "row",
      "row:a",
      "row:",
      "x".repeat(2000),
      "x".repeat(2001),
    ],
    ...[null, true, false, [], {}, [1], [""], ["row"], { value: 1 }],
  ),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ maxLength: 6 }),
);

const mutation = fc.record({
  at: fc.nat(1e6),
  kind: fc.constantFrom("replace", "replace", "drop", "add", "repeat"),
  value,
});

type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutate(data: Data, { at, kind, value: put }: Mutation): void {
  const places: [Data, string][] = [];
  const walk = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    for (const key of Object.keys(node)) {
      places.push([node as Data, key]);
      walk((node as Data)[key]);
    }
  };
  walk(data);
  if (places.length === 0) return;
  const [node, key] = places[at % places.length]!;
  if (kind === "repeat" && Array.isArray(node)) node.push(...structuredClone(node));
  else if (kind === "drop" && !Array.isArray(node)) delete node[key];
  else if (kind === "add" && !Array.isArray(node)) node[`${key}s`] = put;
  else node[key] = structuredClone(put);
}

const broken = fc
  .record({
    kind: fc.constantFrom(...KINDS),
    which: fc.nat(),
    changes: fc.array(mutation, { minLength: 1, maxLength: 3 }),
  })
  .map(({ kind, which, changes }) => {
    const files = FILES[kind];
    const data = structuredClone(files[which % files.length]!);
    for (const change of changes) mutate(data, change);
    return { kind, data };
  });

/** A printed result holds every default of its scenario; zod, reading one, would fill them in. */
const isNoDefault = ({ keyword, instancePath }: ErrorObject): boolean =>
  !(keyword === "required" && instancePath.startsWith("/scenario"));

/** The shipped schemas leave out that a whole number must be one that a double holds exactly. */
const isHuge = (issue: z.core.$ZodIssue): boolean =>
  issue.code === "too_big" && issue.maximum === Number.MAX_SAFE_INTEGER;

describe("zod and the JSON Schema", () => {
  test.each(KINDS)("both take every %s as it is", (kind) => {
    for (const data of FILES[kind]) {
      expect((SCHEMAS[kind] as z.ZodType).safeParse(data).error).toBeUndefined();
      expect(validators[kind](data)).toBe(true);
    }
  });

  const DRAWN = runs(600, 4000);

  test("agree on hundreds or thousands of broken files, but for fields that depend on each other", () => {
    const seen = { valid: 0, invalid: 0, dependent: 0 };
    fc.assert(
      fc.property(broken, ({ kind, data }) => {
        const zod = (SCHEMAS[kind] as z.ZodType).safeParse(data);
        const shipped = validators[kind](data);
        if (zod.success) expect((validators[kind].errors ?? []).filter(isNoDefault)).toEqual([]);
        else if (shipped) {
          const others = zod.error.issues.filter((issue) => issue.code !== "custom" && !isHuge(issue));
          expect(others).toEqual([]);
          seen.dependent += 1;
        }
        seen[zod.success ? "valid" : "invalid"] += 1;
      }),
      { numRuns: DRAWN, seed: 1 },
    );
    // both sides of the question were asked often
    expect(seen.valid).toBeGreaterThan(DRAWN / 20);
    expect(seen.invalid).toBeGreaterThan(DRAWN / 2);
    expect(seen.dependent).toBeGreaterThan(0);
  });
});

describe("what is said of a broken file", () => {
  test("is one readable line for each mistake, each at its own place", () => {
    fc.assert(
      fc.property(broken, ({ kind, data }) => {
        const { problems = [] } = validate(kind, data);
        for (const line of problems) {
          expect(line).toMatch(/^[^\n]+$/);
          expect(line.length).toBeLessThan(700);
          expect(line).not.toMatch(/undefined|\[object|NaN|expected ,|invalid input/i);
        }
        expect(new Set(problems).size).toBe(problems.length);
      }),
      { numRuns: runs(300, 1500), seed: 2 },
    );
  });

  test("names a place that is in the file, or a key that is missing there", () => {
    fc.assert(
      fc.property(broken, ({ kind, data }) => {
        for (const line of validate(kind, data).problems ?? []) {
          const place = /^([\w$.[\]-]+): /.exec(line)?.[1];
          if (place === undefined) continue;
          const keys = place.replaceAll(/\[(\d+)\]/g, ".$1").split(".");
          let node: unknown = data;
          for (const key of keys.slice(0, -1)) node = (node as Data | undefined)?.[key];
          expect(typeof node).toBe("object");
        }
      }),
      { numRuns: runs(200, 1000), seed: 3 },
    );
  });
});

describe("a valid file", () => {
  test("stays what it is when it is read again with its defaults filled in", () => {
    fc.assert(
      fc.property(broken, ({ kind, data }) => {
        const { value: once } = validate(kind, data);
        if (once === undefined) return;
        expect(validate(kind, once).value).toEqual(once);
      }),
      { numRuns: runs(200, 1000), seed: 4 },
    );
  });

  test("is not changed by being read", () => {
    fc.assert(
      fc.property(broken, ({ kind, data }) => {
        const before = JSON.stringify(data);
        validate(kind, data);
        expect(JSON.stringify(data)).toBe(before);
      }),
      { numRuns: 300, seed: 5 },
    );
  });
});
