import { describe, expect, test } from "vitest";
import type * as z from "zod";
import { problemLines } from "../../src/io/problems.ts";
import { MeasurementSchema } from "../../src/schema/measurement.ts";
import {
  AMOUNT,
  amountUpTo,
  anyText,
  COUNT,
  COUNT_OR_ZERO,
  DIFFERENCE,
  type FieldKind,
  FLAG,
  list,
  OBJECT,
  oneOf,
  optional,
  put,
  SECONDS,
  TEXT,
  withGood,
} from "../support/fields.ts";

const problems = (row: unknown): string[] => {
  const { error } = MeasurementSchema.safeParse(row);
  return error === undefined ? [] : problemLines(error, row, MeasurementSchema as z.ZodType);
};

const OPERATOR = {
  implementation: "x",
  dtype: "bf16",
  mode: "eager",
  warmSeconds: 1e-6,
  warmSpread: [1e-6, 2e-6],
  coldSeconds: 1e-6,
  coldSpread: [-1e-6, 2e-6],
  layerSeconds: 1e-6,
  layerSpread: [-1e-6, 2e-6],
};
const STATE = { smClockHz: 1, memoryClockHz: null, powerWatts: 700, temperatureCelsius: null };
const SHAPE = {
  hidden: 1,
  heads: 2,
  kvHeads: 1,
  headDim: 4,
  ffn: 5,
  gated: true,
  bias: "none",
  positions: "rope",
  causal: true,
};

/** One row of every kind, with everything that it may hold. */
const ROWS: Readonly<Record<string, object>> = {
  environment: {
    kind: "environment",
    schemaVersion: 1,
    gpu: "H100",
    computeUnits: 132,
    l2Bytes: 50e6,
    memoryBytes: 80e9,
    driver: null,
    torch: "2.9",
    cuda: "12.8",
    rocm: null,
    triton: "3.5",
    python: "3.12",
    date: "2026-01-01",
    before: STATE,
    emptyKernelWarmSeconds: 1e-6,
    emptyKernelColdSeconds: 1e-6,
  },
  "environment-after": { kind: "environment-after", after: STATE, elapsedSeconds: 60, skipped: ["a", "b"] },
  copy: { kind: "copy", ...OPERATOR, readBytes: 1, writeBytes: 2 },
  gemm: { kind: "gemm", ...OPERATOR, m: 1, n: 2, k: 3, role: "forward" },
  norm: { kind: "norm", ...OPERATOR, rows: 1, hidden: 2 },
  pointwise: { kind: "pointwise", ...OPERATOR, rows: 1, columns: 2 },
  attention: {
    kind: "attention",
    ...OPERATOR,
    batch: 1,
    queries: 2,
    keys: 3,
    heads: 4,
    kvHeads: 5,
    headDim: 6,
    causal: true,
    direction: "forward",
  },
  layer: {
    kind: "layer",
    model: "m",
    shape: SHAPE,
    phase: "decode",
    batch: 1,
    sequence: 1,
    context: 0,
    dtype: "bf16",
    runtime: "graph",
    pointwise: "eager",
    layers: 1,
    seconds: { none: 1, "layernorm.native": 2 },
    spread: { none: [1, 2] },
    added: { none: -1 },
    addedSpread: { none: [-1, 1] },
  },
  "norm-counters": {
    kind: "norm-counters",
    implementation: "x",
    dtype: "bf16",
    rows: 1,
    hidden: 2,
    cache: "cold",
    kernels: [{ name: "k", readBytes: 1, writeBytes: 2, l2Bytes: 3 }],
  },
};

const nullable = (kind: FieldKind): FieldKind => ({
  good: [...kind.good, null],
  bad: kind.bad.filter(([value]) => value !== null),
});
/** Any finite number. */
const NUMBER: FieldKind = {
  good: [-1, 0, 1e12],
  bad: [
    ["1", 'expected a number, got "1"'],
    [true, "expected a number, got true"],
    [undefined, "expected a number, got nothing"],
  ],
};
/** The kind of the lists' elements is in the tests of pairs below. */
const PAIR: FieldKind = optional({ ...list(0), good: [] });

const COMMON: readonly (readonly [string, FieldKind])[] = [
  ["implementation", TEXT],
  ["dtype", TEXT],
  ["mode", optional(oneOf("eager"))],
  ["warmSeconds", optional(SECONDS)],
  ["warmSpread", PAIR],
  ["coldSeconds", optional(DIFFERENCE)],
  ["coldSpread", PAIR],
  ["layerSeconds", optional(DIFFERENCE)],
  ["layerSpread", PAIR],
];

const FIELDS: Readonly<Record<string, readonly (readonly [string, FieldKind])[]>> = {
  environment: [
    ["schemaVersion", withGood({ good: [], bad: [[2, "expected 1, got 2"]] }, 1)],
    ["gpu", TEXT],
    ["computeUnits", COUNT],
    ["l2Bytes", COUNT],
    ["driver", optional(nullable(anyText()))],
    ["torch", TEXT],
    ["cuda", nullable(anyText())],
    ["rocm", optional(nullable(anyText()))],
    ["triton", optional(nullable(anyText()))],
    ["python", optional(TEXT)],
    ["date", TEXT],
    ["before", optional(OBJECT)],
    ["before.smClockHz", nullable(NUMBER)],
    ["before.memoryClockHz", nullable(NUMBER)],
    ["before.powerWatts", nullable(NUMBER)],
    ["before.temperatureCelsius", nullable(NUMBER)],
    ["emptyKernelWarmSeconds", optional(SECONDS)],
    ["emptyKernelColdSeconds", optional(SECONDS)],
  ],
  "environment-after": [
    ["after", OBJECT],
    ["after.powerWatts", nullable(NUMBER)],
    ["elapsedSeconds", SECONDS],
    ["skipped", list(0)],
    ["skipped.1", anyText()],
  ],
  copy: [...COMMON, ["readBytes", amountUpTo(1e13)], ["writeBytes", amountUpTo(1e13)]],
  gemm: [
    ...COMMON,
    ["m", COUNT],
    ["n", COUNT],
    ["k", COUNT],
    ["role", oneOf("forward", "gradInput", "gradWeight")],
  ],
  norm: [...COMMON, ["rows", COUNT], ["hidden", COUNT]],
  pointwise: [...COMMON, ["rows", COUNT], ["columns", COUNT]],
  attention: [
    ...COMMON,
    ...["batch", "queries", "keys", "heads", "kvHeads", "headDim"].map((name) => [name, COUNT] as const),
    ["valueDim", optional(COUNT)],
    ["causal", FLAG],
    ["direction", oneOf("forward", "backward")],
  ],
  layer: [
    ["model", TEXT],
    ["shape", OBJECT],
    ...["hidden", "heads", "kvHeads", "headDim", "ffn"].map((name) => [`shape.${name}`, COUNT] as const),
    ["shape.gated", FLAG],
    ["shape.bias", oneOf("none", "qkv", "all")],
    ["shape.positions", oneOf("rope", "learned", "none")],
    ["shape.causal", optional(FLAG)],
    ["phase", oneOf("prefill", "decode", "train")],
    ["batch", COUNT],
    ["sequence", COUNT],
    ["context", COUNT_OR_ZERO],
    ["dtype", TEXT],
    ["runtime", oneOf("graph", "eager")],
    ["pointwise", oneOf("eager", "fused")],
    ["layers", optional(COUNT)],
    ["seconds", OBJECT],
    ["seconds.none", optional(SECONDS)],
    ["spread", optional(OBJECT)],
    ["added", optional(OBJECT)],
    ["added.none", optional(DIFFERENCE)],
    ["addedSpread", optional(OBJECT)],
  ],
  "norm-counters": [
    ["implementation", TEXT],
    ["dtype", TEXT],
    ["rows", COUNT],
    ["hidden", COUNT],
    ["cache", oneOf("cold", "warm")],
    ["kernels", list(0)],
    ["kernels.0", OBJECT],
    ["kernels.0.name", TEXT],
    ["kernels.0.readBytes", AMOUNT],
    ["kernels.0.writeBytes", AMOUNT],
    ["kernels.0.l2Bytes", AMOUNT],
  ],
};

const ALL = Object.entries(FIELDS).flatMap(([kind, fields]) =>
  fields.map(([path, field]) => ({ kind, path, field })),
);
const named = (path: string): string => path.replaceAll(/\.(\d+)/g, "[$1]");

describe.each(Object.keys(ROWS))("a row of %s", (kind) => {
  test("is valid with everything that it may hold", () => {
    expect(problems(ROWS[kind])).toEqual([]);
  });

  test("may hold nothing else", () => {
    const [found, ...more] = problems({ ...ROWS[kind], surprisingly: 1 });
    expect(found).toMatch(/^surprisingly: unknown key/);
    expect(more).toEqual([]);
  });
});

describe.each(ALL)("$kind: $path", ({ kind, path, field }) => {
  test("takes what it should and refuses everything else with one line", () => {
    for (const value of field.good) expect(problems(put(ROWS[kind], path, value))).toEqual([]);
    for (const [value, message] of field.bad)
      expect(problems(put(ROWS[kind], path, value))).toEqual([`${named(path)}: ${message}`]);
  });
});

describe("rows of one shape", () => {
  test.each([
    ["copy", ["fill", "read"]],
    ["norm", ["norm-backward"]],
    ["pointwise", ["softmax"]],
  ])("of %s may also be %j", (kind, others) => {
    for (const other of others) expect(problems({ ...ROWS[kind], kind: other })).toEqual([]);
  });

  test("of an unknown kind are refused by that", () => {
    const [found, ...more] = problems({ ...ROWS["gemm"], kind: "gem" });
    expect(found).toMatch(
      /^kind: expected "environment", .* or "framework-kernel", got "gem" \(did you mean "gemm"\?\)$/,
    );
    expect(more).toEqual([]);
    expect(problems({ m: 1 })[0]).toMatch(/^kind: expected "environment", .*, got nothing$/);
    expect(problems([])).toEqual(["expected an object, got []"]);
  });
});

describe("a spread", () => {
  test.each([
    [[1, 2], 0],
    [[1], 1],
    [[1, 2, 3], 1],
    [[0, 1], 1],
    [["1", 2], 1],
  ])("of %j has %d mistakes", (spread, mistakes) => {
    expect(problems({ ...ROWS["gemm"], warmSpread: spread })).toHaveLength(mistakes);
    expect(problems({ ...ROWS["layer"], spread: { none: spread } })).toHaveLength(mistakes);
  });

  test("of differences may be negative", () => {
    expect(problems({ ...ROWS["gemm"], coldSpread: [-0.5, -0.25] })).toEqual([]);
    expect(problems({ ...ROWS["layer"], addedSpread: { none: [-1.5, 0] } })[0]).toMatch(
      /^addedSpread\.none\[0\]: expected a number of at least -1, got -1\.5$/,
    );
  });
});

describe("what a row leaves out", () => {
  test("of a layer is one layer, causal", () => {
    const { layers: _, ...rest } = ROWS["layer"] as { layers: number };
    const { causal: __, ...shape } = SHAPE;
    expect(MeasurementSchema.parse({ ...rest, shape })).toMatchObject({ layers: 1, shape: { causal: true } });
  });
});

describe("a measured layer with experts", () => {
  const withExperts = (perToken: number) => ({
    ...ROWS["layer"]!,
    shape: { ...(ROWS["layer"] as { shape: object }).shape, experts: { count: 8, perToken, ffn: 64 } },
  });

  test("sends a token to no more of them than there are", () => {
    expect(problems(withExperts(8))).toEqual([]);
    expect(problems(withExperts(9))).toEqual(["shape.experts.perToken: expected at most experts.count"]);
  });
});
