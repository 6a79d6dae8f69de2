import { describe, expect, test } from "vitest";
import { simulate } from "../../src/engine/simulate.ts";
import type { Scenario } from "../../src/schema/scenario.ts";
import type { NormImplementation, NormKind } from "../../src/schema/vocabulary.ts";
import { answersFor } from "../../src/study/answers-for.ts";
import { savingErrorOfGiven } from "../../src/study/result-field.ts";
import { command, words } from "../support/command.ts";
import { datasheet, decode, hardware, prefill, scenario } from "../support/scenarios.ts";

const H100 = hardware("h100-sxm");
const inPrefill = H100.validation!.find(({ phase, runtime }) => phase === "prefill" && runtime === "graph")!;
const DEVICE = {
  ...H100,
  validation: [
    {
      ...inPrefill,
      savings: [
        { between: ["native", "native"] as const, pairs: 9, errorShareOfTime: 0.0039 },
        { between: ["eager", "native"] as const, pairs: 9, errorShareOfTime: 0.016 },
      ].map((one) => ({ ...one, between: [...one.between] as [NormImplementation, NormImplementation] })),
    },
  ],
};
const of = (changes: Partial<Scenario> = {}): Scenario => scenario({ hardware: DEVICE, ...changes });
const to = (given: Scenario, kind: NormKind, implementation: NormImplementation) =>
  simulate(given).alternatives.find((one) => one.kind === kind && one.implementation === implementation)!;

describe("a saving", () => {
  test("has the error of measured pairs with the same kernels, and is resolved where it is larger", () => {
    expect(to(of(), "rmsnorm", "native")).toMatchObject({ errorShareOfTime: 0.0039, resolved: false });
    expect(to(of(), "rmsnorm", "eager")).toMatchObject({ errorShareOfTime: 0.016, resolved: true });
    expect(to(of(), "layernorm", "eager")).toMatchObject({ errorShareOfTime: 0.016, resolved: true });
  });

  test("has none by kernels of which no pair was measured, by the scenario's own, and of other layers", () => {
    for (const one of [
      to(of(), "rmsnorm", "textbook"),
      to(of(), "rmsnorm", "fused"),
      to(of(), "layernorm", "native"),
      to(of({ normalization: { kind: "layernorm", implementation: "folded" } }), "rmsnorm", "native"),
      to(of({ workload: prefill(1, 4096, 4096) }), "rmsnorm", "native"),
      to(of({ workload: decode(1, 2048) }), "rmsnorm", "native"),
      to(of({ hardware: datasheet("b200") }), "rmsnorm", "native"),
    ]) {
      expect(one).not.toHaveProperty("errorShareOfTime");
      expect(one).not.toHaveProperty("resolved");
    }
  });

  test("on a device without measured layers has that of either norm's kernels, nine of ten off by less", () => {
    const given = of({ hardware: hardware("a100-sxm-80gb") });
    const saved = to(given, "rmsnorm", "fused");
    const errorOf = (name: string): number =>
      given.hardware.crossValidation!.find((one) => one.name === name)!.percentile90Error;
    const { layer, normalization } = simulate(given);
    expect(saved.errorShareOfTime).toBeCloseTo(
      Math.hypot(
        errorOf("norm native") * normalization.seconds!,
        errorOf("norm fused") * saved.normalizationSeconds!,
      ) / layer.seconds,
      9,
    );
    expect(to(given, "rmsnorm", "textbook")).toHaveProperty("resolved");
  });

  test("of RMSNorm against LayerNorm has it whichever of them the scenario has", () => {
    const rms = of({ normalization: { kind: "rmsnorm", implementation: "native" } });
    for (const given of [of(), rms]) {
      expect(savingErrorOfGiven(answersFor(given))).toBe(0.0039);
      expect(savingErrorOfGiven(answersFor(given), "eager")).toBe(0.016);
      expect(savingErrorOfGiven(answersFor(given), "fused")).toBeUndefined();
    }
  });
});

const printed = async (line: string): Promise<string> =>
  (await command(words(line))).stdout.replaceAll(/\s+/g, " ");

/** LayerNorm to RMSNorm by torch's kernels in prefill: 0.09% where such savings are off by more. */
describe("a saving within its error", () => {
  const UNRESOLVED = /0\.09% ± 0\.\d\d/;

  test("is said not to be told from zero, wherever savings are spoken of", async () => {
    expect(await printed("run")).toMatch(
      /native kernels 0\.09% ± 0\.\d\d: cannot be told from zero RMSNorm by a better kernel/,
    );
    expect(await printed("run --format md")).toMatch(/0\.09% ± 0\.\d\d: cannot be told from zero/);
    expect(await printed("run --chart")).toMatch(/RMSNorm native \S+ [\d.]+ ms, 0\.09% ± 0\.\d\d/);
    expect(await printed("compare llama-3-70b-prefill-h100")).toMatch(UNRESOLVED);
    expect(await printed("sensitivity")).toMatch(UNRESOLVED);
    expect(await printed("report")).toMatch(/<b>0\.09% ± 0\.\d\d: cannot be told from zero<\/b>/);
  });

  test("is beside its error in the claims that are about savings", async () => {
    const found = (await printed("claims")).match(/typical error of such a saving 0\.\d\d%/g);
    expect(found).toHaveLength(2);
  });

  test("is a target that solve has a note on; larger ones are none", async () => {
    const asked = "solve --vary hidden --range 4096-8192+4096 --target";
    expect(await printed(`${asked} rmsnormSavesShareOfTime=0.1%`)).toMatch(
      /Note: a saving of 0\.10% cannot be told from zero: the typical error of such savings is 0\.\d\d points/,
    );
    expect(await printed(`${asked} alternatives.rmsnorm:native.savedShareOfTime=0.1%`)).toContain(
      "told from",
    );
    expect(await printed(`${asked} rmsnormSavesShareOfTime=20%`)).not.toContain("told from");
    expect(await printed(`${asked} normalization.shareOfTime=0.1%`)).not.toContain("told from");
  });

  test("is not green", async () => {
    const { stdout } = await command(["run"], { color: true });
    const line = stdout.split("\n").find((one) => one.includes("cannot be told from zero"))!;
    expect(line).not.toContain("\u001b[");
  });
});
