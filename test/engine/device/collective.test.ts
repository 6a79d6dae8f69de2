import { describe, expect, test } from "vitest";
import { bulkFraction } from "../../../src/engine/device/collective.ts";
import { device } from "../../../src/engine/device/device.ts";
import { idealTiming } from "../../../src/engine/device/ideal.ts";
import { kernelTiming } from "../../../src/engine/device/kernel-time.ts";
import { wireBytes } from "../../../src/engine/layer/collective.ts";
import { layerOperators } from "../../../src/engine/layer/layer.ts";
import { layerResult } from "../../../src/engine/layer-result.ts";
import { kernelOf } from "../../support/devices.ts";
import { hardware, scenario } from "../../support/scenarios.ts";

const work = (operation: "all-reduce" | "all-gather" | "reduce-scatter", ranks: number) =>
  ({ kind: "collective", operation, ranks, messageBytes: 800, algorithm: "nccl" }) as const;

describe("bytes on the wire, per rank, around a ring", () => {
  test.each([
    ["all-reduce", 2, 800],
    ["all-reduce", 8, 1400],
    ["all-gather", 8, 700],
    ["reduce-scatter", 8, 700],
    ["reduce-scatter", 2, 400],
  ] as const)("%s of 800 bytes over %d ranks: %d", (operation, ranks, bytes) => {
    expect(wireBytes(work(operation, ranks))).toBe(bytes);
  });
});

describe("an exchange", () => {
  const h100 = device(hardware("h100-sxm"));
  const operators = layerOperators(scenario({ parallelism: { tensor: 8, sequenceParallel: false } }));
  const kernel = operators.find(({ name }) => name === "attention-all-reduce")!.kernels[0]!;
  const wireSeconds = (2 * (7 / 8) * 4096 * 8192 * 2) / 450e9;

  test("takes the wire's time at the link's peak rate when ideal", () => {
    expect(idealTiming(kernel, h100).seconds).toBeCloseTo(wireSeconds, 12);
  });

  test("of a large message takes longer by the link's achieved share and a start when calibrated", () => {
    const { work } = kernel;
    if (work.kind !== "collective") throw new Error("no exchange");
    const p = h100.calibration!.network;
    const { seconds, terms } = kernelTiming(kernel, { hbmBytes: 0, l2Bytes: 0 }, h100);
    const start = p.bulkLatencySeconds + 6 * p.secondsPerRank;
    expect(seconds).toBeCloseTo(start + wireSeconds / bulkFraction(work, p), 12);
    expect(terms.network).toBeGreaterThan(terms.memory);
  });

  test("starts as long as the faster of the two protocols does", () => {
    const small = {
      kind: "collective",
      operation: "all-reduce",
      ranks: 2,
      messageBytes: 1000,
      algorithm: "nccl",
    } as const;
    const p = h100.calibration!.network;
    const networkOf = (messageBytes: number): number =>
      kernelTiming(kernelOf({ ...small, messageBytes }), { hbmBytes: 0, l2Bytes: 0 }, h100).terms.network;
    const { linkBytesPerSecond } = h100;
    // an all-reduce of two sends the message once
    expect(networkOf(1000)).toBeCloseTo(
      p.latencySeconds + 1000 / (linkBytesPerSecond * p.lowLatencyFraction),
      15,
    );
    expect(networkOf(1e9)).toBeCloseTo(
      p.bulkLatencySeconds + 1e9 / (linkBytesPerSecond * bulkFraction(small, p)),
      12,
    );
  });

  test("takes its start and then its bytes where HBM is slower than the wire", () => {
    const p = h100.calibration!.network;
    const bytes = { hbmBytes: 1e12, l2Bytes: 0 };
    const memory = 1e12 / (h100.hbmBytesPerSecond * h100.calibration!.memory.streamingFraction);
    const startOf = (ranks: number, messageBytes: number): number =>
      kernelTiming(
        kernelOf({ kind: "collective", operation: "all-gather", ranks, messageBytes, algorithm: "nccl" }),
        bytes,
        h100,
      ).seconds - memory;
    expect(startOf(2, 1000)).toBeCloseTo(p.latencySeconds, 9);
    expect(startOf(2, 1e9)).toBeCloseTo(p.bulkLatencySeconds, 9);
    expect(startOf(8, 1000)).toBeCloseTo(p.latencySeconds + 0.7 * 6 * p.secondsPerRank, 9);
  });

  test("reaches more of the link the more ranks there are, and never all of it among 64", () => {
    const p = h100.calibration!.network;
    const shares = [2, 4, 8, 16, 64].map((ranks) => bulkFraction({ ranks }, p));
    expect(shares[0]).toBe(p.linkFraction);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBeLessThan(1);
  });

  test("without links in the profile takes no wire time", () => {
    const { linkBytesPerSecond: _, calibration: __, ...bare } = hardware("h100-sxm");
    expect(idealTiming(kernel, device(bare)).terms.network).toBeLessThan(1e-18);
  });

  test("replicated norms take a growing share as tensor parallelism divides the rest; split ones do not", () => {
    const share = (tensor: number, sequenceParallel: boolean): number => {
      const { operators } = layerResult(scenario({ parallelism: { tensor, sequenceParallel } }));
      const without = operators.filter((operator) => operator.class !== "collective");
      const total = without.reduce((sum, operator) => sum + operator.seconds, 0);
      const norms = without.filter((operator) => operator.class === "normalization");
      return norms.reduce((sum, operator) => sum + operator.seconds, 0) / total;
    };
    expect(share(8, false)).toBeGreaterThan(3 * share(1, false));
    expect(share(8, true)).toBeLessThan(2 * share(1, false));
  });
});
