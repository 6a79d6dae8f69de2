import { readdirSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { layerResult } from "../src/engine/layer-result.ts";
import { simulate } from "../src/engine/simulate.ts";
import type { Scenario } from "../src/schema/scenario.ts";
import { scenarioProblems } from "../src/schema/scenario-rules.ts";
import { explain } from "../src/study/explain/explain.ts";
import { decode, hardware, model, prefill, scenario, train } from "./support/scenarios.ts";

/** Laws over every architecture that is shipped, in every type, on several GPUs, and in all three phases. */
const MODELS = readdirSync("models").map((file) => file.replace(/\.json$/, ""));
const DEVICES = ["h100-sxm", "h200-sxm", "v100-sxm2-32gb", "b200"].map(hardware);
const size = (max: number) => fc.integer({ min: 1, max });

const any: fc.Arbitrary<Scenario> = fc
  .record({
    model: fc.constantFrom(...MODELS).map(model),
    hardware: fc.constantFrom(...DEVICES),
    workload: fc.oneof(
      fc.tuple(size(64), fc.nat(9000)).map(([batch, context]) => decode(batch, context)),
      fc
        .tuple(size(4), size(5000), fc.nat(5000))
        .map(([batch, tokens, context]) => prefill(batch, tokens, context)),
      fc.tuple(size(4), size(2048)).map(([batch, tokens]) => train(batch, tokens)),
    ),
    precision: fc.record({
      weights: fc.constantFrom("fp16", "bf16", "fp8", "int8", "int4", "fp4"),
      activations: fc.constantFrom("fp16", "bf16", "fp8", "int8", "fp4"),
      kvCache: fc.constantFrom("bf16", "fp8"),
    }),
    normalization: fc.record({
      kind: fc.constantFrom("layernorm", "rmsnorm"),
      implementation: fc.constantFrom("eager", "native", "fused", "residual-fused", "folded"),
    }),
    kernels: fc.record({
      pointwise: fc.constantFrom("eager", "fused"),
      attention: fc.constantFrom("flash", "materialized"),
      quantization: fc.constantFrom("separate", "fused"),
    }),
    runtime: fc.constantFrom("graph", "eager"),
    parallelism: fc.record({
      tensor: fc.constantFrom(1, 2, 4, 8),
      sequenceParallel: fc.boolean(),
      expert: fc.constantFrom(1, 1, 2, 8),
      pipeline: fc.constantFrom(1, 4),
    }),
    training: fc.record({
      recomputation: fc.constantFrom("none", "selective", "full"),
      gradientAccumulation: fc.constantFrom(1, 4),
    }),
  })
  .filter((given) => scenarioProblems(given as Scenario).length === 0) as fc.Arbitrary<Scenario>;

const law = (check: (given: Scenario) => void, runs = 120): void =>
  fc.assert(fc.property(any, check), { numRuns: runs, seed: 11 });

function eachNumber(value: unknown, visit: (number: number, path: string) => void, path = ""): void {
  if (typeof value === "number") visit(value, path);
  else if (typeof value === "object" && value !== null)
    for (const [key, child] of Object.entries(value)) eachNumber(child, visit, `${path}.${key}`);
}

describe("for any shipped model, type and number of GPUs", () => {
  test("every number is finite, and only savings are negative", () => {
    law((given) => {
      eachNumber(simulate(given), (number, path) => {
        if (!Number.isFinite(number)) throw new Error(`${path} is ${number}`);
        if (number < 0 && !path.includes("saved")) throw new Error(`${path} is ${number}`);
      });
    }, 60);
  });

  test("shares add up to 1, and no layer is faster than its datasheet allows", () => {
    law((given) => {
      const { layer, operators } = layerResult(given);
      const shares = operators.reduce(
        (sum, { shareOfTime, seconds }) => sum + (shareOfTime ?? seconds / layer.seconds),
        0,
      );
      expect(shares).toBeCloseTo(1, 9);
      expect(layer.modelFlopsUtilization).toBeLessThanOrEqual(1);
    });
  });

  test("RMSNorm never moves more bytes than LayerNorm of the same implementation", () => {
    law((given) => {
      const of = (kind: "layernorm" | "rmsnorm") =>
        layerResult({ ...given, normalization: { ...given.normalization, kind } }).normalization.hbmBytes;
      expect(of("rmsnorm")).toBeLessThanOrEqual(of("layernorm") * (1 + 1e-12));
    });
  });

  test("full recomputation adds the forward pass once more, and keeps less", () => {
    law((given) => {
      if (given.workload.phase !== "train") return;
      const of = (recomputation: "none" | "full") =>
        layerResult({ ...given, training: { ...given.training, recomputation } });
      const [none, full] = [of("none"), of("full")];
      const forward = none.operators
        .filter(({ name }) => !name.endsWith("-backward"))
        .reduce((sum, { flops }) => sum + flops, 0);
      expect(full.layer.flops / (none.layer.flops + forward)).toBeCloseTo(1, 9);
      expect(full.layer.savedActivationBytes).toBeLessThan(none.layer.savedActivationBytes);
      expect(full.layer.seconds).toBeGreaterThan(none.layer.seconds);
    });
  });

  test("a window never costs FLOPs, bytes or time", () => {
    law((given) => {
      if (given.model.slidingWindow === undefined) return;
      const { slidingWindow: _, layerKinds: __, ...open } = given.model;
      const windowed = layerResult({ ...given, model: { ...open, slidingWindow: 64 } }).layer;
      const whole = layerResult({ ...given, model: open }).layer;
      expect(windowed.flops).toBeLessThanOrEqual(whole.flops);
      expect(windowed.hbmBytes).toBeLessThanOrEqual(whole.hbmBytes);
      expect(windowed.seconds).toBeLessThanOrEqual(whole.seconds * (1 + 1e-9));
    }, 300);
  });

  test("narrower weights never move more bytes", () => {
    law((given) => {
      if (given.workload.phase === "train") return;
      const of = (weights: "bf16" | "fp8" | "int4") =>
        layerResult({ ...given, precision: { ...given.precision, activations: "bf16", weights } }).layer
          .hbmBytes;
      if (given.hardware.peakFlopsPerSecond.bf16 === undefined) return;
      expect(of("fp8")).toBeLessThan(of("bf16"));
      expect(of("int4")).toBeLessThan(of("fp8"));
    });
  });
});

describe("a tensor-parallel group", () => {
  const of = (tensor: number, changes: object = {}) =>
    layerResult(scenario({ ...changes, parallelism: { tensor, sequenceParallel: false } }));

  test.each([
    ["prefill", prefill(1, 4096)],
    ["decode", decode(16, 2048)],
  ])("in %s leaves the norms as they are, so that their share rises", (_, workload) => {
    const results = [1, 2, 4, 8].map((tensor) => of(tensor, { workload }));
    for (const { normalization } of results)
      expect(normalization.flops).toBe(results[0]!.normalization.flops);
    const shares = results.map(({ normalization }) => normalization.shareOfTime!);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares[3]).toBeGreaterThan(2 * shares[0]!);
  });

  test("whose norms are split too spends less time in them", () => {
    const split = layerResult(scenario({ parallelism: { tensor: 8, sequenceParallel: true } }));
    expect(split.normalization.seconds).toBeLessThan(of(8).normalization.seconds! / 4);
  });
});

describe.each(MODELS)("%s", (name) => {
  const phases = [prefill(1, 512), decode(4, 1024), train(1, 256)];

  test.each(["h100-sxm", "h200-sxm"])("runs in every phase on %s", (device) => {
    for (const workload of phases) {
      const { layer, wholeModel } = simulate(
        scenario({ model: model(name), hardware: hardware(device), workload }),
      );
      expect(layer.seconds).toBeGreaterThan(1e-5);
      expect(wholeModel.tokensPerSecond).toBeGreaterThan(1);
    }
  });

  test("is explained kernel by kernel, as it was timed", () => {
    const given = scenario({ model: model(name), workload: decode(4, 1024) });
    const { operators } = explain(given, undefined);
    expect(operators.map((operator) => operator.name)).toEqual(
      layerResult(given).operators.map((operator) => operator.name),
    );
    for (const { kernels } of operators)
      for (const { steps, seconds } of kernels) {
        const timed = steps.findLast((step) => step.name === "seconds");
        expect(timed?.value).toBe(seconds);
      }
  });
});
