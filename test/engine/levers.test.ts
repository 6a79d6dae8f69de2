import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { layerResult } from "../../src/engine/layer-result.ts";
import { levers } from "../../src/engine/levers.ts";
import type { Scenario } from "../../src/schema/scenario.ts";
import { anyScenario, datasheet, decode, hardware, model, scenario } from "../support/scenarios.ts";

const leversOf = (given: Scenario) => levers(given, layerResult(given));

describe("the levers of a layer", () => {
  test("begin with RoPE and activation where these run op by op: they take more than the norms", () => {
    const [best] = leversOf(scenario()).filter(({ change }) => change !== "--precision fp8");
    expect(best).toMatchObject({ name: "fused RoPE and activation", change: "--pointwise fused" });
    expect(best!.savedShareOfTime).toBeGreaterThan(0.03);
  });

  test("begin with the cache where a framework copies it at every step", () => {
    const given = scenario({
      model: model("llama-3.2-1b"),
      hardware: hardware("h200-sxm"),
      workload: decode(32, 1024),
      kernels: { pointwise: "eager", attention: "flash", cache: "concatenated", projections: "separate" },
    });
    expect(leversOf(given)[0]).toMatchObject({ change: "--set kernels.cache=in-place" });
  });

  test("stand best first, and none changes nothing", () => {
    fc.assert(
      fc.property(anyScenario, (given) => {
        const alone = leversOf(given).filter(({ name }) => name !== "all of these");
        const saved = alone.map(({ savedSeconds }) => savedSeconds);
        expect(saved).toEqual([...saved].sort((a, b) => b - a));
        expect(saved).not.toContain(0);
      }),
      { numRuns: 30 },
    );
  });

  test("together save what the scenario with all of them saves", () => {
    const given = scenario();
    const all = leversOf(given).find(({ name }) => name === "all of these")!;
    expect(all.change).toContain("--pointwise fused");
    expect(all.savedSeconds).toBeGreaterThan(leversOf(given)[0]!.savedSeconds);
  });

  test("are not known where nobody has timed norms", () => {
    expect(leversOf(scenario({ hardware: datasheet("l40s") }))).toEqual([]);
  });
});
