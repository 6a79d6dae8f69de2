import { describe, expect, test } from "vitest";
import {
  importModel,
  layerSimulator,
  parseHardware,
  parseModel,
  parseScenario,
  ResultSchema,
  resolveScenario,
  type Scenario,
  scenarioOf,
  simulate,
  UserError,
} from "../src/index.ts";
import { put } from "./support/fields.ts";
import { hardware, model, scenario } from "./support/scenarios.ts";

const GIVEN = scenario();

/** What a program finds in the error that a call throws. */
function problemsOf(call: () => unknown): readonly string[] {
  try {
    call();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    expect(error.message).toBe("not a valid scenario");
    return error.problems;
  }
  return [];
}

const COMPUTING: readonly (readonly [string, (given: Scenario) => unknown])[] = [
  ["simulate", simulate],
  ["layerSimulator", layerSimulator()],
];

/** Paths of all numbers outside the calibration, which are many and alike. */
function numbersIn(value: unknown, path = ""): string[] {
  if (typeof value === "number") return [path];
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, inner]) => numbersIn(inner, path ? `${path}.${key}` : key));
}
const NUMBERS = [
  ...numbersIn({ ...GIVEN, hardware: { ...GIVEN.hardware, calibration: undefined, validation: undefined } }),
  "hardware.calibration.matmul.peakFraction.value",
].filter((path) => !path.includes("crossValidation"));

describe.each(COMPUTING)("%s of a library", (_, compute) => {
  test("refuses a batch of -3 by its name", () => {
    expect(problemsOf(() => compute(put(GIVEN, "workload.batch", -3) as Scenario))).toEqual([
      "workload.batch: expected a whole number of at least 1, got -3",
    ]);
  });

  test.each(NUMBERS)("refuses a %s that is no number, negative, infinite or missing", (path) => {
    for (const wrong of [Number.NaN, -3, Number.POSITIVE_INFINITY, "8", null]) {
      const [problem, ...more] = problemsOf(() => compute(put(GIVEN, path, wrong) as Scenario));
      expect(more).toEqual([]);
      expect(problem?.startsWith(`${path}: expected `), `${path} ${wrong}: ${problem}`).toBe(true);
    }
  });

  test("names all that is wrong at once, and what only shows where valid parts meet", () => {
    const twice = put(put(GIVEN, "workload.batch", 0), "model.heads", 0.5) as Scenario;
    expect(problemsOf(() => compute(twice))).toHaveLength(2);
    expect(problemsOf(() => compute(put(GIVEN, "parallelism.tensor", 3) as Scenario))).toContain(
      "parallelism.tensor: expected a divisor of the model's heads (64), got 3",
    );
  });

  test.each([undefined, null, 3, "llama-3-70b", [], {}])("refuses %j", (given) => {
    expect(problemsOf(() => compute(given as unknown as Scenario))).not.toEqual([]);
  });
});

describe("a library", () => {
  test("computes of a valid scenario what the engine does", () => {
    const result = simulate(GIVEN);
    expect(ResultSchema.safeParse(result).success).toBe(true);
    expect(result.scenario).toEqual(GIVEN);
    expect(layerSimulator()(GIVEN).layer()).toEqual(result.layer);
  });

  test("gives two scenarios figures of their own", () => {
    const figuresOf = layerSimulator();
    const [one, other] = [
      figuresOf(GIVEN),
      figuresOf(scenario({ workload: { ...GIVEN.workload, batch: 2 } })),
    ];
    expect(one).not.toBe(other);
    expect(one.layer().seconds).toBeLessThan(other.layer().seconds);
  });

  test("answers with problems where it parses", () => {
    const file = { model: "a", hardware: "b", workload: { phase: "decode" as const, batch: -3 } };
    const problem = "workload.batch: expected a whole number of at least 1, got -3";
    expect(parseScenario(file).problems).toEqual([problem]);
    const parts = { model: model("llama-3-8b"), hardware: hardware("h100-sxm") };
    expect(scenarioOf({ ...file, ...parts }).problems).toEqual([problem]);
    const { value: valid } = parseScenario({ ...file, workload: { phase: "decode" } });
    const wrong = { ...valid!, workload: { ...valid!.workload, batch: -3 } };
    expect(resolveScenario(wrong, parts.model, parts.hardware).problems).toEqual([problem]);
    expect(resolveScenario(valid!, parts.model, parts.hardware).scenario).toBeDefined();
    expect(resolveScenario(valid!, { ...parts.model, heads: Number.NaN }, parts.hardware).problems).toEqual([
      "model.heads: expected a number, got NaN",
    ]);
  });

  test.each([undefined, null, 3, "llama", []])("parses %j into problems", (data) => {
    for (const parse of [parseModel, parseHardware, parseScenario, scenarioOf])
      expect(parse(data).problems).toHaveLength(1);
    const origin = { name: "a model", source: "a test" };
    expect(importModel(data as never, origin).problems).toEqual([
      expect.stringMatching(/^expected an object, got /),
    ]);
  });
});
