import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { simulate } from "../../src/engine/simulate.ts";
import type { Result } from "../../src/schema/result.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS } from "../../src/schema/vocabulary.ts";
import { answersOf } from "../../src/study/answers.ts";
import { IVANOV_2021, isIvanovWorkload, ivanovClasses } from "../../src/study/operator-classes.ts";
import { savingOfGiven, savingShare } from "../../src/study/result-field.ts";
import { alternative, swaps } from "../../src/study/savings.ts";
import { textbookReading } from "../../src/study/textbook.ts";
import { anyScenario, hardware, model, prefill, scenario, train } from "../support/scenarios.ts";

const KINDS = fc.constantFrom(...NORM_KINDS);
const IMPLEMENTATIONS = fc.constantFrom(...NORM_IMPLEMENTATIONS);

/** A result whose alternatives take times that are easy to tell apart: tens for the kind, ones for the kernels. */
function resultWith(normalization: Result["scenario"]["normalization"], layerSeconds = 100): Result {
  const made = simulate(scenario({ normalization }));
  const alternatives = NORM_KINDS.flatMap((kind, tens) =>
    NORM_IMPLEMENTATIONS.map((implementation, ones) => {
      const seconds = layerSeconds + 10 * tens + ones;
      return {
        kind,
        implementation,
        layerSeconds: seconds,
        normalizationSeconds: 1,
        savedSeconds: layerSeconds - seconds,
        savedShareOfTime: (layerSeconds - seconds) / layerSeconds,
        savedActivationBytes: 0,
        secondsByClass: { normalization: seconds },
        normalizationForwardHbmBytes: 0,
      };
    }),
  );
  return { ...made, alternatives };
}

/** The same, but every other norm is faster than the one given. */
function fasterOthers(normalization: Result["scenario"]["normalization"]): Result {
  const result = resultWith(normalization);
  return { ...result, alternatives: result.alternatives.map((one) => ({ ...one, savedSeconds: 1 })) };
}

const texts = (result: Result): string[] =>
  swaps(result).map(({ question, kind, implementation }) => `${question}: ${kind} ${implementation}`);

describe("what a switch to RMSNorm may mean", () => {
  test.each<["layernorm" | "rmsnorm", (typeof NORM_IMPLEMENTATIONS)[number], string[]]>([
    [
      "layernorm",
      "native",
      [
        "other-kind: rmsnorm native",
        "better-kernel: rmsnorm fused",
        "residual-fused: rmsnorm residual-fused",
        "eager: rmsnorm eager",
      ],
    ],
    [
      "layernorm",
      "fused",
      ["other-kind: rmsnorm fused", "residual-fused: rmsnorm residual-fused", "eager: rmsnorm eager"],
    ],
    [
      "layernorm",
      "residual-fused",
      ["other-kind: rmsnorm residual-fused", "better-kernel: rmsnorm fused", "eager: rmsnorm eager"],
    ],
    [
      "layernorm",
      "eager",
      ["other-kind: rmsnorm eager", "better-kernel: rmsnorm fused", "residual-fused: rmsnorm residual-fused"],
    ],
    [
      "rmsnorm",
      "native",
      [
        "other-kind: layernorm native",
        "better-kernel: rmsnorm fused",
        "residual-fused: rmsnorm residual-fused",
        "eager: rmsnorm eager",
      ],
    ],
    [
      "rmsnorm",
      "fused",
      ["other-kind: layernorm fused", "residual-fused: rmsnorm residual-fused", "eager: rmsnorm eager"],
    ],
    [
      "rmsnorm",
      "eager",
      [
        "other-kind: layernorm eager",
        "better-kernel: rmsnorm fused",
        "residual-fused: rmsnorm residual-fused",
      ],
    ],
  ])("for %s %s", (kind, implementation, expected) => {
    expect(texts(fasterOthers({ kind, implementation }))).toEqual(expected);
  });

  test("calls no kernel better that is slower here", () => {
    const result = resultWith({ kind: "layernorm", implementation: "native" });
    const slower = result.alternatives.map((one) =>
      one.implementation === "fused" ? { ...one, savedSeconds: -1 } : one,
    );
    expect(texts({ ...result, alternatives: slower }).join()).not.toContain("better-kernel");
  });

  test("for passes of one's own leaves out the same kernels", () => {
    const pass = {
      name: "all",
      kernel: "vectorized",
      reads: ["activation"],
      writes: ["activation"],
      fixedReadBytes: 0,
      flopsPerElement: 1,
    } as const;
    const own = [{ ...pass, reads: [...pass.reads], writes: [...pass.writes] }];
    expect(texts(fasterOthers({ kind: "layernorm", implementation: own }))).toEqual([
      "better-kernel: rmsnorm fused",
      "residual-fused: rmsnorm residual-fused",
      "eager: rmsnorm eager",
    ]);
  });

  test("never repeats itself nor names what the scenario has, and takes its figures from the alternatives", () => {
    fc.assert(
      fc.property(KINDS, IMPLEMENTATIONS, (kind, implementation) => {
        const result = resultWith({ kind, implementation });
        const found = swaps(result);
        const names = found.map((swap) => `${swap.kind} ${swap.implementation}`);
        expect(new Set(names).size).toBe(names.length);
        expect(names).not.toContain(`${kind} ${implementation}`);
        for (const swap of found) {
          const other = alternative(result, swap.kind, swap.implementation)!;
          expect(swap.savedSeconds).toBe(other.savedSeconds);
          expect(swap.savedShareOfTime).toBe(other.savedShareOfTime);
        }
      }),
      { numRuns: 24 },
    );
  });
});

describe("what RMSNorm saves against LayerNorm", () => {
  test("is of the layer with LayerNorm, whichever of the two the scenario has", () => {
    for (const kind of NORM_KINDS) {
      const answers = answersOf(resultWith({ kind, implementation: "native" }));
      // 102 with native LayerNorm, 112 with native RMSNorm, 111 with eager
      expect(savingShare(answers, "native", "native")).toBeCloseTo(-10 / 102, 12);
      expect(savingShare(answers, "native", "eager")).toBeCloseTo(-9 / 102, 12);
      expect(savingShare(answers, "eager", "native")).toBeCloseTo(-11 / 101, 12);
      expect(savingOfGiven(answers)).toBeCloseTo(-10 / 102, 12);
      expect(savingOfGiven(answers, "fused")).toBeCloseTo(-11 / 102, 12);
    }
  });

  test("of a layer that takes no time is nothing", () => {
    const result = resultWith({ kind: "layernorm", implementation: "native" });
    const still = {
      ...result,
      alternatives: result.alternatives.map((one) => ({ ...one, layerSeconds: 0 })),
    };
    expect(savingShare(answersOf(still), "native", "native")).toBe(0);
  });
});

describe("an alternative", () => {
  test("is found by kind and kernels", () => {
    const result = resultWith({ kind: "layernorm", implementation: "native" });
    expect(alternative(result, "rmsnorm", "fused")?.layerSeconds).toBe(113);
    expect(alternative({ ...result, alternatives: [] }, "rmsnorm", "fused")).toBeUndefined();
  });
});

describe("the textbook reading of 25%", () => {
  test("is 4 of 8 passes against 3 of 6: exactly a quarter of the traffic, but for parameters and row sums", () => {
    const { layerNormBytes, rmsNormBytes, savedShareOfNormBytes } = textbookReading(simulate(scenario()));
    const elements = 4096 * 8192;
    // three reads and one write of two bytes; statistics of four bytes a row and parameters on top
    const parameters = 8192 * 2;
    expect(layerNormBytes).toBe(2 * (8 * elements + 5 * 4096 * 4 + 2 * parameters));
    expect(rmsNormBytes).toBe(2 * (6 * elements + 2 * 4096 * 4 + parameters));
    expect(savedShareOfNormBytes).toBe(1 - rmsNormBytes / layerNormBytes);
    expect(savedShareOfNormBytes).toBeCloseTo(0.25, 3);
  });

  test("counts the forward norms only, also in training", () => {
    const forward = textbookReading(simulate(scenario({ workload: prefill(1, 1024) })));
    const training = textbookReading(simulate(scenario({ workload: train(1, 1024) })));
    expect(training.layerNormBytes).toBe(forward.layerNormBytes);
    expect(training.rmsNormBytes).toBe(forward.rmsNormBytes);
  });

  test("counts no norm twice that the backward pass runs again", () => {
    const forward = textbookReading(simulate(scenario({ workload: prefill(1, 1024) })));
    const training = { gradientAccumulation: 1, recomputation: "full" } as const;
    const again = textbookReading(simulate({ ...scenario({ workload: train(1, 1024) }), training }));
    expect(again.layerNormBytes).toBe(forward.layerNormBytes);
  });

  test("of the runtime is what textbook RMSNorm saves against textbook LayerNorm", () => {
    const result = simulate(scenario());
    const seconds = (kind: "layernorm" | "rmsnorm") => alternative(result, kind, "textbook")!.layerSeconds!;
    expect(textbookReading(result).savedShareOfTime).toBeCloseTo(
      (seconds("layernorm") - seconds("rmsnorm")) / seconds("layernorm"),
      12,
    );
  });

  test("does not depend on the norm that the scenario has", () => {
    const readings = NORM_KINDS.flatMap((kind) =>
      NORM_IMPLEMENTATIONS.map((implementation) =>
        textbookReading(simulate(scenario({ normalization: { kind, implementation } }))),
      ),
    );
    for (const reading of readings) expect(reading).toEqual(readings[0]);
  });

  test("holds for the norms' own traffic on any layer of more than a few columns", () => {
    fc.assert(
      fc.property(anyScenario, (given) => {
        const { savedShareOfNormBytes } = textbookReading(simulate(given));
        expect(savedShareOfNormBytes).toBeGreaterThan(0.2);
        expect(savedShareOfNormBytes).toBeLessThan(0.42);
      }),
      { numRuns: 40, seed: 1 },
    );
  });
});

describe("the classes of Ivanov et al.", () => {
  test("of the paper add up to the whole", () => {
    for (const key of ["shareOfFlops", "shareOfTime"] as const)
      expect(IVANOV_2021.reduce((sum, one) => sum + one[key]!, 0)).toBeCloseTo(1, 9);
  });

  test("of any layer have the paper's names and add up to the whole", () => {
    fc.assert(
      fc.property(anyScenario, (given) => {
        const classes = ivanovClasses(simulate(given));
        expect(classes.map(({ name }) => name)).toEqual(IVANOV_2021.map(({ name }) => name));
        const isTimed = given.hardware.calibration !== undefined;
        for (const key of isTimed
          ? (["shareOfFlops", "shareOfTime"] as const)
          : (["shareOfFlops"] as const)) {
          expect(classes.reduce((sum, one) => sum + one[key]!, 0)).toBeCloseTo(1, 9);
          for (const one of classes) expect(one[key]).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 40, seed: 2 },
    );
  });

  test("put softmax and norms together and everything else but matmuls apart", () => {
    const result = simulate(
      scenario({
        model: model("bert-large"),
        hardware: hardware("v100-sxm2-32gb"),
        precision: { weights: "fp16", activations: "fp16", kvCache: "fp16" },
        workload: train(8, 512),
        kernels: { pointwise: "eager", attention: "materialized" },
      }),
    );
    const sum = (test: (operator: Result["operators"][number]) => boolean): number =>
      result.operators.filter(test).reduce((total, { seconds }) => total + seconds, 0) / result.layer.seconds;
    const [contraction, statistical, elementwise] = ivanovClasses(result);
    expect(contraction?.shareOfTime).toBeCloseTo(
      sum((operator) => operator.class === "matmul"),
      9,
    );
    expect(statistical?.shareOfTime).toBeCloseTo(
      sum(({ name }) => /norm|softmax/.test(name)),
      9,
    );
    expect(elementwise?.shareOfTime).toBeCloseTo(
      sum((operator) => operator.class !== "matmul" && !/norm|softmax/.test(operator.name)),
      9,
    );
  });

  test.each([
    [{}, true],
    [{ model: { ...model("bert-large"), causal: true } }, false],
    [{ workload: prefill(8, 512) }, false],
    [{ kernels: { pointwise: "eager", attention: "flash" } as const }, false],
  ])("stand beside a workload like the paper's: %# %s", (changes, expected) => {
    const given = scenario({
      model: model("bert-large"),
      workload: train(8, 512),
      kernels: { pointwise: "eager", attention: "materialized" },
      ...changes,
    });
    expect(isIvanovWorkload(simulate(given))).toBe(expected);
  });
});
