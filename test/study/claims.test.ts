import { describe, expect, test } from "vitest";
import type { Claim, Claims } from "../../src/schema/claims.ts";
import { ClaimsSchema } from "../../src/schema/claims.ts";
import { ExplanationSchema } from "../../src/schema/explanation.ts";
import type { Sensitivity } from "../../src/schema/sensitivity.ts";
import { SensitivitySchema } from "../../src/schema/sensitivity.ts";
import type { Solution } from "../../src/schema/solution.ts";
import { SolutionSchema } from "../../src/schema/solution.ts";
import { json } from "../support/command.ts";

const claim = ({ claims }: Claims, id: Claim["id"]): Claim => claims.find((one) => one.id === id)!;
const value = (of: Claim, name: string): number => of.values.find((one) => one.name === name)!.value;

/** Answers take a while: each line is asked once. */
const asked = new Map<string, Promise<Claims>>();
function claimsOf(line: string): Promise<Claims> {
  const answer = asked.get(line) ?? json<Claims>(line);
  asked.set(line, answer);
  return answer;
}

describe("the article's claims", () => {
  test("about one 70B layer on H100: no quarter of the runtime, and nothing that RMSNorm gives back", async () => {
    const found = await claimsOf("claims --json");
    expect(ClaimsSchema.safeParse(found).error).toBeUndefined();
    expect(found.claims.map(({ id }) => id)).toEqual([
      "flop-share",
      "runtime-share",
      "rmsnorm-saving",
      "memory-bound",
      "multiple-passes",
      "utilization",
      "cost",
      "convergence",
    ]);
    expect(claim(found, "runtime-share").verdict).toBe("does not hold");
    expect(claim(found, "rmsnorm-saving").verdict).toBe("does not hold");
    expect(claim(found, "convergence").verdict).toBe("outside this model");
    expect(value(claim(found, "runtime-share"), "share of runtime")).toBeLessThan(0.02);
    const price = claim(found, "cost").values.filter(({ unit }) => unit === "usd");
    expect(price).toHaveLength(3);
  });

  test("hold for op-by-op norms on a small layer, where solving finds the width", async () => {
    const wide = await claimsOf("claims --json --norm layernorm:eager");
    const place = claim(wide, "runtime-share").places[0]!;
    expect(place).toMatchObject({ norm: "layernorm:eager", target: 0.25 });
    const edge = place.crossings[0]!;
    expect(edge.direction).toBe("falling");
    const small = await claimsOf(`claims --json --norm layernorm:eager --hidden ${edge.value - 64}`);
    expect(claim(small, "runtime-share").verdict).toBe("holds");
    expect(value(claim(small, "runtime-share"), "share of runtime")).toBeCloseTo(edge.before, 12);
  });

  test("about BERT-large on V100, where the figures come from: a quarter for op-by-op norms", async () => {
    const found = await claimsOf("claims bert-large-train-v100 --json");
    expect(claim(found, "runtime-share")).toMatchObject({
      verdict: "holds only if",
      condition: "LayerNorm runs op by op",
    });
    expect(value(claim(found, "runtime-share"), "as op-by-op LayerNorm")).toBeGreaterThan(0.2);
    expect(claim(found, "flop-share").verdict).toBe("holds only if");
  });

  test("decode waits for memory, prefill for arithmetic", async () => {
    const decode = await claimsOf("claims llama-3-70b-decode-h100 --json");
    expect(claim(decode, "memory-bound").verdict).toBe("holds");
    const prefill = await claimsOf("claims --json");
    expect(claim(prefill, "memory-bound").verdict).toBe("holds only if");
  });

  test("a layer that waits for the host or for other GPUs is not limited by bandwidth", async () => {
    for (const flags of ["llama-3-8b-huggingface-eager-h100", "--tensor-parallel 64"]) {
      const waits = claim(await claimsOf(`claims ${flags} --json`), "memory-bound");
      expect(waits.verdict).toBe("holds only if");
      expect(waits.condition).toMatch(/waits for the host, or for other GPUs/);
      expect(value(waits, "by the host or other GPUs")).toBeGreaterThan(0.5);
    }
    const alone = claim(await claimsOf("claims llama-3-70b-decode-h100 --json"), "memory-bound");
    expect(alone.values.map(({ name }) => name)).not.toContain("by the host or other GPUs");
  });

  test("the backward pass makes no forward kernel read twice", async () => {
    const training = claim(await claimsOf("claims llama-3-70b-train-h100 --json"), "multiple-passes");
    const prefill = claim(await claimsOf("claims --json"), "multiple-passes");
    expect(training.verdict).toBe("holds only if");
    expect(training.values).toEqual(prefill.values);
  });

  test("textbook kernels make several passes, RMSNorm one fewer", async () => {
    const found = await claimsOf("claims --json --norm layernorm:textbook");
    const passes = claim(found, "multiple-passes");
    expect(passes.verdict).toBe("holds");
    expect(value(passes, "LayerNorm's bytes over one read and one write")).toBeCloseTo(2, 2);
    expect(value(passes, "of its bytes that RMSNorm saves")).toBeCloseTo(0.25, 3);
  });

  test("cost what the user pays", async () => {
    const usd = async (flags: string): Promise<number> =>
      value(claim(await claimsOf(`claims --json ${flags}`), "cost"), "$ per million tokens with LayerNorm");
    expect(await usd("--gpu-hour-usd 4")).toBeCloseTo(2 * (await usd("--gpu-hour-usd 2")), 12);
  });
});

describe("solve", () => {
  test("agrees with run on both sides of a crossing", async () => {
    const found = await json<Solution>(
      "solve --json --target normalization.shareOfTime=25% --vary hidden --norm layernorm:eager",
    );
    expect(SolutionSchema.safeParse(found).error).toBeUndefined();
    const { before, after } = found.crossings[0]!;
    for (const side of [before, after]) {
      const result = await json<{ normalization: { shareOfTime: number } }>(
        `run --json --norm layernorm:eager --hidden ${side.parameter}`,
      );
      expect(result.normalization.shareOfTime).toBe(side.field);
    }
  });

  test("says never, and what comes nearest", async () => {
    const found = await json<Solution>("solve --json --target normalization.shareOfTime=0.9 --vary batch");
    expect(found.crossings).toEqual([]);
    expect(found.nearest?.field).toBeLessThan(0.9);
  });

  test("keeps whole numbers whole and skips degrees that do not divide the heads", async () => {
    const found = await json<Solution>("solve --json --target layer.seconds=0.003 --vary tensor-parallel");
    for (const { before, after } of found.crossings)
      for (const { parameter } of [before, after]) expect(64 % parameter).toBe(0);
  });

  test("varies real numbers of the hardware", async () => {
    const found = await json<Solution>(
      "solve llama-3-70b-decode-h100 --json --target layer.seconds=0.0005 --vary hbm-bandwidth",
    );
    expect(found.range.step).toBeNull();
    expect(found.crossings[0]?.after.field).toBeCloseTo(0.0005, 9);
  });
});

describe("sensitivity", () => {
  test("is sorted by the effect on the share, with the profile's error beside it", async () => {
    const found = await json<Sensitivity>("sensitivity llama-3-70b-decode-h100 --json");
    expect(SensitivitySchema.safeParse(found).error).toBeUndefined();
    const sizes = found.effects.map(({ shareOfTimeChange }) => Math.abs(shareOfTimeChange!));
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    expect(found.band?.layerError).toBeGreaterThan(0);
  });

  test("moves what it says: 10% more bandwidth is what --set gives", async () => {
    const found = await json<Sensitivity>("sensitivity llama-3-70b-decode-h100 --json");
    const bandwidth = found.effects.find(({ parameter }) => parameter === "hardware.hbmBytesPerSecond")!;
    const moved = await json<{ normalization: { shareOfTime: number } }>(
      `run llama-3-70b-decode-h100 --json --set hardware.hbmBytesPerSecond=${bandwidth.movedTo}`,
    );
    expect(bandwidth.shareOfTimeChange).toBeCloseTo(
      moved.normalization.shareOfTime! - found.shareOfTime!,
      12,
    );
  });

  test("has no error band where nobody measured", async () => {
    expect(
      (await json<Sensitivity>("sensitivity --hardware test/support/datasheet/b200.json --json")).band,
    ).toBeNull();
  });
});

test("explain prints what its schema says", async () => {
  const found = await json<unknown>("explain llama-3-70b-decode-h100 attention --json");
  expect(ExplanationSchema.safeParse(found).error).toBeUndefined();
});
