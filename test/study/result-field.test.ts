import { describe, expect, test } from "vitest";
import { getPath } from "../../src/ask/set-path.ts";
import { simulate } from "../../src/engine/simulate.ts";
import { answersOf } from "../../src/study/answers.ts";
import { answersFor } from "../../src/study/answers-for.ts";
import { FIELD_NAMES, parseField } from "../../src/study/result-field.ts";
import { decode, model, scenario } from "../support/scenarios.ts";

const SCENARIOS = [
  scenario(),
  scenario({ workload: decode(8, 2048), normalization: { kind: "rmsnorm", implementation: "eager" } }),
  scenario({ model: model("bert-large"), runtime: "eager" }),
];
const value = (name: string, of = SCENARIOS[0]!): number | null | undefined =>
  parseField(name).field?.read(answersOf(simulate(of)));

describe("a field of the result", () => {
  test.each(FIELD_NAMES)(
    "%s reads the same from a result and from a simulator that computes no more",
    (name) => {
      const { field } = parseField(name);
      for (const one of SCENARIOS) {
        const read = field!.read(answersOf(simulate(one)));
        expect(field!.read(answersFor(one))).toBe(read);
        // nobody has measured how far savings of each of these are off
        if (!name.endsWith("errorShareOfTime")) expect(read).toEqual(expect.any(Number));
      }
    },
  );

  test.each(
    FIELD_NAMES.filter(
      (name) =>
        /^(layer|normalization|statistical|wholeModel)\./.test(name) ||
        name.startsWith("statisticalNormalization."),
    ),
  )("%s is the path in the JSON", (name) =>
    expect(value(name)).toBe(getPath(simulate(SCENARIOS[0]!), name.split("."))),
  );

  test("of an operator goes by name or place", () => {
    const { operators } = simulate(SCENARIOS[0]!);
    expect(value("operators.rope.seconds")).toBe(operators.find(({ name }) => name === "rope")!.seconds);
    expect(value("operators.0.flops")).toBe(operators[0]!.flops);
    expect(value("operators.query-norm.seconds")).toBeUndefined();
    expect(value("operators.99.seconds")).toBeUndefined();
  });

  test("of an alternative goes by norm or place", () => {
    const { alternatives } = simulate(SCENARIOS[0]!);
    const fused = alternatives.find((one) => one.kind === "rmsnorm" && one.implementation === "fused")!;
    expect(value("alternatives.rmsnorm:fused.savedSeconds")).toBe(fused.savedSeconds);
    expect(value("alternatives.3.layerSeconds")).toBe(alternatives[3]!.layerSeconds);
  });

  test("saving of the same kernels is not known for passes of one's own", () => {
    const passes = [
      {
        name: "one",
        kernel: "row-in-registers",
        reads: ["activation"],
        writes: ["activation"],
        fixedReadBytes: 0,
        flopsPerElement: 7,
      },
    ] as const;
    const own = scenario({
      normalization: {
        kind: "layernorm",
        implementation: passes.map((pass) => ({ ...pass, reads: [...pass.reads], writes: [...pass.writes] })),
      },
    });
    expect(value("rmsnormSavesShareOfTime", own)).toBeUndefined();
    expect(value("eagerRmsnormSavesShareOfTime", own)).toBeLessThan(0);
  });

  test.each([
    "",
    "layer",
    "layer.second",
    "operators.rope",
    "operators.rope.bound",
    "alternatives.rmsnorm.savedSeconds",
    "alternatives.rmsnorm:none.savedSeconds",
    "__proto__.x",
    "layer.constructor",
    "warnings.0",
    "scenario.workload.batch",
  ])("%s is none, and the answer says what there is", (name) =>
    expect(parseField(name).problem).toMatch(/has no number/),
  );

  test("that is nearly right gets the right one suggested", () => {
    expect(parseField("normalisation.shareOfTime").problem).toContain('"normalization.shareOfTime"');
  });
});
