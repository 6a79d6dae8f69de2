import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sumOf } from "../src/engine/layer/kernel.ts";
import { layerResult } from "../src/engine/layer-result.ts";
import { simulate } from "../src/engine/simulate.ts";
import type { Result } from "../src/schema/result.ts";
import type { Scenario } from "../src/schema/scenario.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS } from "../src/schema/vocabulary.ts";
import { anyScenario, hardware } from "./support/scenarios.ts";

const check = (law: (scenario: Scenario) => void, runs = 150): void =>
  fc.assert(fc.property(anyScenario, law), { numRuns: runs, seed: 7 });

const ideal = (scenario: Scenario): Scenario => {
  const { calibration: _, ...datasheet } = scenario.hardware;
  return { ...scenario, hardware: datasheet };
};

function everyNumber(value: unknown, visit: (number: number, path: string) => void, path = ""): void {
  if (typeof value === "number") visit(value, path);
  else if (typeof value === "object" && value !== null)
    for (const [key, child] of Object.entries(value)) everyNumber(child, visit, `${path}.${key}`);
}

describe("for any layer", () => {
  test("every number of a result is finite", () => {
    check((scenario) => {
      everyNumber(simulate(scenario), (number, path) => {
        if (!Number.isFinite(number)) throw new Error(`${path} is ${number}`);
      });
    }, 60);
  });

  test("operators add up to the layer: time, FLOPs, bytes, kernels, ideal time", () => {
    check((scenario) => {
      const { layer, operators } = layerResult(scenario);
      const total = (value: (operator: Result["operators"][number]) => number): number =>
        sumOf(operators, value);
      expect(total((o) => o.seconds)).toBe(layer.seconds);
      expect(total((o) => o.idealSeconds)).toBe(layer.idealSeconds);
      expect(total((o) => o.flops)).toBe(layer.flops);
      expect(total((o) => o.hbmReadBytes + o.hbmWriteBytes)).toBe(layer.hbmBytes);
      expect(total((o) => o.kernels)).toBe(layer.kernels);
      expect(total((o) => o.shareOfTime ?? o.seconds / layer.seconds)).toBeCloseTo(1, 9);
    });
  });

  test("nothing runs above a roof: utilizations stay at most one", () => {
    check((scenario) => {
      const { layer } = layerResult(ideal(scenario));
      expect(layer.bandwidthUtilization).toBeLessThanOrEqual(1 + 1e-9);
      const calibrated = layerResult(scenario).layer;
      expect(calibrated.modelFlopsUtilization).toBeLessThanOrEqual(1);
    });
  });

  test("without a calibration, time is ideal time", () => {
    check((scenario) => {
      const { layer, operators } = layerResult(ideal(scenario));
      expect(layer.seconds).toBe(layer.idealSeconds);
      for (const operator of operators) expect(operator.seconds).toBe(operator.idealSeconds);
    });
  });

  test("RMSNorm never moves more bytes or does more FLOPs than LayerNorm with the same kernels", () => {
    check((scenario) => {
      const norm = (kind: "layernorm" | "rmsnorm") =>
        layerResult(ideal({ ...scenario, normalization: { ...scenario.normalization, kind } })).normalization;
      expect(norm("rmsnorm").hbmBytes).toBeLessThanOrEqual(norm("layernorm").hbmBytes);
      expect(norm("rmsnorm").flops).toBeLessThanOrEqual(norm("layernorm").flops);
    });
  });

  test("more tokens never take less time", () => {
    check((scenario) => {
      const { workload } = scenario;
      const more = { ...scenario, workload: { ...workload, batch: 2 * workload.batch } };
      expect(layerResult(ideal(more)).layer.seconds).toBeGreaterThanOrEqual(
        layerResult(ideal(scenario)).layer.seconds,
      );
    });
  });

  test("FLOPs scale exactly with sequences", () => {
    check((scenario) => {
      const { workload } = scenario;
      const thrice = { ...scenario, workload: { ...workload, batch: 3 * workload.batch } };
      expect(layerResult(thrice).layer.flops).toBe(3 * layerResult(scenario).layer.flops);
    });
  });

  test("faster memory never makes a layer slower", () => {
    check((scenario) => {
      const faster = {
        ...scenario,
        hardware: { ...scenario.hardware, hbmBytesPerSecond: 1.5 * scenario.hardware.hbmBytesPerSecond },
      };
      expect(layerResult(faster).layer.seconds).toBeLessThanOrEqual(
        layerResult(scenario).layer.seconds * (1 + 1e-12),
      );
    });
  });

  test("the same scenario gives the same result, and is left as it was", () => {
    check((scenario) => {
      const before = JSON.stringify(scenario);
      expect(JSON.stringify(simulate(scenario))).toBe(JSON.stringify(simulate(scenario)));
      expect(JSON.stringify(scenario)).toBe(before);
    }, 30);
  });

  test("the alternative that equals the scenario saves nothing, and every saving is the difference", () => {
    check((scenario) => {
      const { alternatives, layer } = simulate(scenario);
      expect(alternatives).toHaveLength(NORM_KINDS.length * NORM_IMPLEMENTATIONS.length);
      for (const alternative of alternatives) {
        expect(alternative.savedSeconds).toBe(
          alternative.layerSeconds === null ? null : layer.seconds - alternative.layerSeconds,
        );
        const same =
          alternative.kind === scenario.normalization.kind &&
          alternative.implementation === scenario.normalization.implementation;
        if (same) expect(alternative.savedSeconds).toBe(alternative.layerSeconds === null ? null : 0);
      }
    }, 60);
  });

  test("an alternative's classes add up to its layer, and its norms to what they take of it", () => {
    check((scenario) => {
      for (const { layerSeconds, normalizationSeconds, secondsByClass } of simulate(scenario).alternatives) {
        if (secondsByClass === null) {
          expect([layerSeconds, normalizationSeconds]).toEqual([null, null]);
          continue;
        }
        const sum = Object.values(secondsByClass).reduce((total, seconds) => total + seconds, 0);
        expect(sum / layerSeconds!).toBeCloseTo(1, 12);
        expect(secondsByClass.normalization).toBe(normalizationSeconds);
      }
    }, 60);
  });

  test("an eager host only ever adds time to the same kernels on the device", () => {
    check((scenario) => {
      if (scenario.hardware.calibration === undefined) return;
      const withRuntime = (runtime: "graph" | "eager"): number =>
        layerResult({ ...scenario, runtime }).layer.seconds;
      const start = scenario.hardware.calibration.launch.graphStartSeconds.value;
      expect(withRuntime("eager")).toBeGreaterThanOrEqual(withRuntime("graph") - start);
    });
  });
});

describe("calibrated time", () => {
  test.each(["h100-sxm", "h200-sxm"])("is never below the datasheet's memory time on %s", (name) => {
    check((scenario) => {
      const given = { ...scenario, hardware: hardware(name), runtime: "graph" as const };
      const { operators } = layerResult(given);
      // the L2 may serve a kernel's bytes faster than HBM, but weights and large tensors come from HBM
      for (const operator of operators.filter((candidate) => candidate.hbmReadBytes > 1e9))
        expect(operator.seconds).toBeGreaterThan(
          0.9 * (operator.hbmReadBytes / given.hardware.hbmBytesPerSecond),
        );
    });
  });
});
