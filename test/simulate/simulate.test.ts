import { describe, expect, test } from "vitest";
import { layerResult } from "../../src/simulate/layer-result.ts";
import { simulate } from "../../src/simulate.ts";
import { decode, hardware, model, scenario, train } from "../support/scenarios.ts";

describe("the whole model", () => {
  test("launches one graph for all its layers", () => {
    const { layer, wholeModel } = simulate(scenario());
    const start = hardware("h100-sxm").calibration!.launch.graphStartSeconds.value;
    expect(wholeModel.layers).toBe(80);
    expect(wholeModel.seconds).toBeCloseTo(80 * (layer.seconds - start) + start, 12);
    expect(wholeModel.tokensPerSecond).toBeCloseTo(4096 / wholeModel.seconds, 6);
  });

  test("starts one training step for all its layers", () => {
    const { layer, wholeModel } = simulate(scenario({ workload: train(1, 4096), runtime: "eager" }));
    const step = hardware("h100-sxm").calibration!.host.stepSeconds.value;
    expect(wholeModel.seconds).toBeCloseTo(80 * (layer.seconds - step) + step, 9);
  });

  test("without a calibration is just its layers", () => {
    const { layer, wholeModel } = simulate(scenario({ hardware: hardware("mi300x") }));
    expect(wholeModel.seconds).toBeCloseTo(80 * layer.seconds, 12);
  });
});

describe("warnings", () => {
  const about = (pattern: RegExp, given = scenario()): boolean =>
    simulate(given).warnings.some((warning) => pattern.test(warning));

  test("say that the weights of a 70B do not fit on one 80 GB card, and that an 8B's do", () => {
    expect(about(/do not fit/)).toBe(true);
    expect(about(/do not fit/, scenario({ model: model("llama-3-8b") }))).toBe(false);
    expect(about(/do not fit/, scenario({ parallelism: { tensor: 4, sequenceParallel: false } }))).toBe(
      false,
    );
  });

  test("say that a device without calibration has ideal times only", () => {
    expect(about(/no calibration/, scenario({ hardware: hardware("b200") }))).toBe(true);
    expect(about(/no calibration/)).toBe(false);
  });

  test("say that exchanges cost nothing without a link rate", () => {
    const { linkBytesPerSecond: _, ...bare } = hardware("h100-sxm");
    const parallel = { tensor: 2, sequenceParallel: false };
    expect(about(/no link rate/, scenario({ hardware: bare, parallelism: parallel }))).toBe(true);
    expect(about(/no link rate/, scenario({ parallelism: parallel }))).toBe(false);
  });

  test("say what stands in for the backward pass of norms that a user describes", () => {
    const passes = [
      {
        name: "all",
        kernel: "row-in-registers" as const,
        reads: ["activation"],
        writes: ["activation"],
        fixedReadBytes: 0,
        flopsPerElement: 4,
      },
    ];
    const own = { kind: "rmsnorm" as const, implementation: passes };
    expect(about(/backward/, scenario({ normalization: own, workload: train(1, 128) }))).toBe(true);
    expect(about(/backward/, scenario({ normalization: own }))).toBe(false);
  });
});

describe("bounds of the default scenarios", () => {
  const boundsOf = (given = scenario()) =>
    Object.fromEntries(layerResult(given).operators.map(({ name, bound }) => [name, bound]));

  test("in prefill matmuls wait for arithmetic, norms and residual adds for memory", () => {
    expect(boundsOf()).toMatchObject({
      "attention-norm": "memory",
      "qkv-projection": "compute",
      attention: "compute",
      "attention-residual": "memory",
      "gate-up-projection": "compute",
    });
  });

  test("in decode matmuls wait for memory, norms for the latency of walking a row", () => {
    expect(boundsOf(scenario({ workload: decode(16, 2048) }))).toMatchObject({
      "attention-norm": "latency",
      "gate-up-projection": "memory",
      attention: "memory",
    });
  });

  test("a small eager layer waits for the host", () => {
    const eager = scenario({ model: model("bert-large"), workload: decode(1, 64), runtime: "eager" });
    expect(boundsOf(eager)["attention-norm"]).toBe("host");
  });
});
