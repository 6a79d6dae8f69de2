import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { layerOperators } from "../../src/layer/layer.ts";
import { device } from "../../src/roofline/device.ts";
import { kernelTiming } from "../../src/roofline/kernel-time.ts";
import { power, softMaximum } from "../../src/roofline/soft-maximum.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS } from "../../src/schema/vocabulary.ts";
import { layerResult } from "../../src/simulate/layer-result.ts";
import { explain, timingSteps } from "../../src/study/explain.ts";
import { anyScenario, decode, hardware, model, prefill, scenario, train } from "../support/scenarios.ts";

const DEVICES = ["h100-sxm", "h200-sxm", "a100-sxm-80gb", "b200"].map(hardware);
const WORKLOADS = [prefill(1, 4096), prefill(2, 100, 300), decode(1, 512), decode(64, 4096), train(2, 512)];

/** Every kind of kernel there is, on calibrated devices and one that is not. */
const SCENARIOS = DEVICES.flatMap((one) =>
  WORKLOADS.flatMap((workload, index) =>
    NORM_IMPLEMENTATIONS.map((implementation, which) =>
      scenario({
        hardware: one,
        workload,
        model: model((index + which) % 2 === 0 ? "llama-3-8b" : "bert-large"),
        normalization: { kind: NORM_KINDS[which % 2]!, implementation },
        kernels: {
          pointwise: which % 2 === 0 ? "eager" : "fused",
          attention: which % 3 === 0 ? "materialized" : "flash",
        },
        parallelism: { tensor: which % 3 === 1 ? 2 : 1, sequenceParallel: false },
      }),
    ),
  ),
);

/** What a reader gets who computes the printed line. */
const evaluate = (expression: string): unknown =>
  new Function("softMaximum", "power", `return ${expression};`)(softMaximum, power);

describe("the formulas of a timing law", () => {
  test("run as the law itself does, to the last bit", () => {
    for (const one of SCENARIOS) {
      const target = device(one.hardware);
      for (const { kernels } of layerOperators(one))
        for (const kernel of kernels)
          for (const traffic of [
            { hbmBytes: 1e6, l2Bytes: 0 },
            { hbmBytes: 0, l2Bytes: 3e5 },
          ])
            expect(timingSteps(kernel, traffic, target).result).toStrictEqual(
              kernelTiming(kernel, traffic, target),
            );
    }
  });

  test("give, evaluated as printed with the values put in, the value beside them", () => {
    const seen = new Set<string>();
    for (const one of SCENARIOS)
      for (const { kernels } of explain(one, undefined).operators)
        for (const { steps } of kernels)
          for (const { formula, substituted, value } of steps) {
            seen.add(formula);
            expect(evaluate(substituted)).toBe(value);
          }
    // all laws were there
    expect(seen.size).toBeGreaterThan(60);
  });

  test("name each parameter of a calibrated device with its origin", () => {
    const { operators } = explain(scenario(), "ffn-norm");
    const operands = operators[0]!.kernels[0]!.steps.flatMap((step) => step.operands);
    const bandwidth = operands.find(({ name }) => name === "device.hbmBytesPerSecond");
    expect(bandwidth).toMatchObject({ value: 3.35e12, source: expect.stringContaining("data sheet") });
    const fraction = operands.find(({ name }) => name === "c.memory.rowPerBlockFraction");
    expect(fraction?.source).toMatch(/^measured: measurements\/h100-sxm/);
  });
});

describe("an explanation", () => {
  test("adds up to what the result says, for any scenario", () => {
    fc.assert(
      fc.property(anyScenario, (one) => {
        const { operators } = layerResult(one);
        explain(one, undefined).operators.forEach((explained, index) => {
          const { seconds, flops, hbmReadBytes, hbmWriteBytes } = operators[index]!;
          const sum = (value: (kernel: (typeof explained.kernels)[number]) => number): number =>
            explained.kernels.reduce((total, kernel) => total + value(kernel), 0);
          const step = (name: string) => (kernel: (typeof explained.kernels)[number]) =>
            kernel.steps.find((one) => one.name === name)?.value ?? 0;
          expect(sum(({ seconds: alone }) => alone) + explained.launchSeconds).toBeCloseTo(seconds, 15);
          expect(sum(step("flops"))).toBeCloseTo(flops, -Math.floor(Math.log10(flops + 1)) + 9);
          expect(sum(step("hbmReadBytes")) / Math.max(1, hbmReadBytes)).toBeCloseTo(
            hbmReadBytes > 0 ? 1 : 0,
            9,
          );
          expect(sum(step("hbmWriteBytes")) / Math.max(1, hbmWriteBytes)).toBeCloseTo(
            hbmWriteBytes > 0 ? 1 : 0,
            9,
          );
        });
      }),
      { numRuns: 60 },
    );
  });

  test("of one operator is that part of the whole", () => {
    const whole = explain(scenario(), undefined).operators;
    const one = explain(scenario(), "rope").operators;
    expect(one).toEqual(whole.filter(({ name }) => name === "rope"));
    expect(one[0]?.kernels).toHaveLength(10);
  });
});
