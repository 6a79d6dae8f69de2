import { describe, expect, test } from "vitest";
import { simulate } from "../../../src/engine/simulate.ts";
import { sentence, undecided, verdicts } from "../../../src/report/text/headline.ts";
import {
  articleText,
  calibrationText,
  costText,
  layerFacts,
  typicalErrorText,
  wholeModelText,
} from "../../../src/report/text/run-facts.ts";
import type { Result } from "../../../src/schema/result.ts";
import { datasheet, hardware, scenario, train } from "../../support/scenarios.ts";

const BASE = simulate(scenario());
/** The result with another layer time and other savings. */
const withSaving = (savedShareOfTime: number, error?: number): Result => ({
  ...BASE,
  alternatives: BASE.alternatives.map(({ errorShareOfTime: _, resolved: __, ...one }) => ({
    ...one,
    savedSeconds: savedShareOfTime * 0.01,
    savedShareOfTime,
    ...(error === undefined ? {} : { errorShareOfTime: error, resolved: Math.abs(savedShareOfTime) > error }),
  })),
});

describe("the headline", () => {
  test("says normalization's share of FLOPs and of time, and both times", () => {
    const normalization = { ...BASE.normalization, shareOfFlops: 0.0017, shareOfTime: 0.255, seconds: 1e-3 };
    const layer = { ...BASE.layer, seconds: 4e-3 };
    expect(sentence({ ...BASE, normalization, layer })).toBe(
      "Normalization is 0.17% of FLOPs and 25.5% of runtime (1.00 ms of 4.00 ms).",
    );
  });

  test.each([
    [0.25, "saves", "25.0%", "2.50 ms"],
    [0.0005, "saves", "0.05%", "5.00 µs"],
    [0.000_49, "changes nothing measurable", "0.05%", "4.90 µs"],
    [0, "changes nothing measurable", "0%", "0 s"],
    [-0.000_49, "changes nothing measurable", "0.05%", "4.90 µs"],
    [-0.0005, "costs", "0.05%", "5.00 µs"],
    [-0.5, "costs", "50.0%", "5.00 ms"],
  ])("a share of %d saved %s", (saved, verb, share, time) => {
    for (const verdict of verdicts(withSaving(saved))) expect(verdict).toMatchObject({ verb, share, time });
  });

  test.each([
    [0.0009, 0.0039, "cannot be told from zero", "0.09% ± 0.39", "0.09% ± 0.39: cannot be told from zero"],
    [-0.0009, 0.0039, "cannot be told from zero", "-0.09% ± 0.39", "-0.09% ± 0.39: cannot be told from zero"],
    [0.0039, 0.0039, "cannot be told from zero", "0.39% ± 0.39", "0.39% ± 0.39: cannot be told from zero"],
    [0.0002, 0.0001, "saves", "0.02% ± 0.01", undefined],
    [-0.074, 0.016, "costs", "7.4% ± 1.6", undefined],
  ])("a share of %d saved, by a typical error of %d, %s", (saved, error, verb, share, text) => {
    for (const verdict of verdicts(withSaving(saved, error))) {
      expect(verdict).toMatchObject({ verb, share });
      expect(undecided(verdict)).toBe(text);
    }
  });

  test("tells the changes apart", () => {
    expect(verdicts(BASE).map(({ change }) => change)).toEqual([
      "RMSNorm instead of LayerNorm, native kernels",
      "RMSNorm by a better kernel (fused, one pass)",
      "RMSNorm with the residual add fused in",
      "RMSNorm op by op, as Hugging Face runs it",
    ]);
    const rms = simulate(scenario({ normalization: { kind: "rmsnorm", implementation: "eager" } }));
    expect(verdicts(rms).map(({ change }) => change)).toEqual([
      "LayerNorm instead of RMSNorm, eager kernels",
      "RMSNorm by a better kernel (fused, one pass)",
      "RMSNorm with the residual add fused in",
    ]);
  });
});

describe("the facts", () => {
  const facts = layerFacts(BASE);

  test("begin with what was given", () => {
    expect(facts[0]).toBe("Given: native LayerNorm, op-by-op RoPE and activation, flash attention.");
  });

  test("share the layer's time out among its bounds, the largest first", () => {
    const shares = [...facts[1]!.matchAll(/(\w+) ([\d.]+)%/g)].map(([, , share]) => Number(share));
    expect(shares.reduce((a, b) => a + b)).toBeCloseTo(100, 0);
    expect(shares).toEqual([...shares].sort((a, b) => b - a));
    for (const { bound } of BASE.operators) expect(facts[1]).toContain(bound);
  });

  test("name the corner of the roofline: 989.4 TFLOP/s over 3.35 TB/s", () => {
    expect(facts[2]).toMatch(/^Ridge point: 295 FLOP\/B \(bf16 989 TFLOP\/s over 3\.35 TB\/s\)/);
    const { flops, hbmBytes } = BASE.layer;
    expect(facts[2]).toContain(`has ${Math.round(flops / hbmBytes)} FLOP/B`);
  });

  test("fall back on the vector units where the type has no rate", () => {
    const { bf16: _, ...peaks } = BASE.scenario.hardware.peakFlopsPerSecond;
    const bare = { ...BASE.scenario.hardware, peakFlopsPerSecond: peaks };
    const text = layerFacts({ ...BASE, scenario: { ...BASE.scenario, hardware: bare } })[2];
    expect(text).toMatch(/^Ridge point: 20\.0 FLOP\/B \(bf16 66\.9 TFLOP\/s/);
  });

  test("compare calibrated and ideal time, or say that there is only one", () => {
    expect(facts[3]).toMatch(/Layer .* calibrated, .* by the datasheet's roofline\.$/);
    const ideal = simulate(scenario({ hardware: datasheet("mi300x") }));
    expect(layerFacts(ideal)[3]).toMatch(/^Used: .*\. Layer [\d.]+ ms by the datasheet's roofline\.$/);
  });

  test("of a layer without traffic has no intensity instead of no number", () => {
    const still = { ...BASE, layer: { ...BASE.layer, hbmBytes: 0, seconds: 0 } };
    expect(layerFacts(still).join(" ")).not.toMatch(/NaN|Infinity/);
  });
});

describe("the closing lines", () => {
  test("count the parameters of the calibration by origin, measured ones first", () => {
    const [text] = calibrationText(BASE);
    expect(text).toMatch(
      /^Calibration of NVIDIA H100 SXM5 80 GB: \d+ measured, \d+ published, \d+ transferred parameters\.$/,
    );
    expect(calibrationText(simulate(scenario({ hardware: datasheet("mi300x") })))).toEqual([]);
    const a100 = simulate(scenario({ hardware: hardware("a100-sxm-80gb") }));
    expect(calibrationText(a100)[0]).toMatch(/published|transferred/);
  });

  test("give the typical error where such layers were measured", () => {
    const typicalError = { layer: 0.019, shareOfTime: 0.0062, layers: 1 };
    expect(typicalErrorText({ typicalError, confidence: { layerError: 0.019, basis: "measured" } })).toEqual([
      "Typical error of this profile here: ±1.9% of the layer, ±0.62 points of the share (median over 1 measured layer that it was not fitted on).",
    ]);
    expect(typicalErrorText({ typicalError: null, confidence: { basis: "measured" } })).toEqual([]);
    const ofKernels = { typicalError: null, confidence: { layerError: 0.102, basis: "published" } } as const;
    expect(typicalErrorText(ofKernels)).toEqual([
      "Error of the layer: ±10.2% by the errors of its kernels; the laws rest on figures that others published of this device.",
    ]);
  });

  const STEP: Result["wholeModel"] = {
    layers: 80,
    seconds: 0.938,
    kernelSeconds: 0.936,
    tokensPerSecond: 4365.2,
    tokensPerSecondPerGpu: 4365.2,
    normalization: { seconds: 0.013, shareOfTime: 0.014 },
    embeddingSeconds: 82e-6,
    layersSeconds: 0.937,
    finalNormSeconds: 0,
    headSeconds: 715e-6,
    optimizerSeconds: 0,
    flops: 5.8e14,
    modelFlopsUtilization: 0.63,
    hardwareFlopsUtilization: 0.63,
    parameters: 70e9,
    activeParameters: 69e9,
    gpus: 1,
  };

  test("tell what a step of the whole model takes, and which parts take time", () => {
    expect(wholeModelText({ ...BASE, wholeModel: STEP })).toBe(
      "Llama 3 70B with its 80 layers: time to first token 938 ms, 4365 tokens/s, 63.0% of peak FLOP/s (layers 937 ms, embedding 82.0 µs, output head 715 µs).",
    );
  });

  test("name the GPUs where there are several, the kinds of layers, and the batches of a training step", () => {
    const kinds = [
      { name: "experts", layers: 58, layerSeconds: 1 },
      { name: "dense", layers: 3, layerSeconds: 1 },
    ];
    const text = wholeModelText({
      ...BASE,
      scenario: { ...BASE.scenario, workload: train(1, 4096), training: { gradientAccumulation: 8 } },
      wholeModel: { ...STEP, layers: 61, gpus: 16, kinds, optimizerSeconds: 0.6 },
    });
    expect(text).toContain("with its 61 layers on 16 GPUs: a step takes 938 ms");
    expect(text).toContain("(layers (58 experts, 3 dense) 937 ms");
    expect(text).toMatch(/optimizer 600 ms; 8 batches a step\)\.$/);
  });

  test("say a token's price and energy with what they assume, and nothing of what the profile does not know", () => {
    const gpuHourUsd = { value: 2, source: "a provider" };
    const priced = (cost: Result["cost"]): string[] =>
      costText({
        ...BASE,
        scenario: { ...BASE.scenario, hardware: { ...BASE.scenario.hardware, gpuHourUsd } },
        cost,
      });
    expect(
      priced({
        gpuHourUsd: 2,
        usdPerMillionTokens: 0.12714,
        boardPowerWatts: 700,
        joulesPerToken: 0.16,
        swapped: { kind: "rmsnorm", usdPerMillionTokens: 0.12609, joulesPerToken: 0.159 },
      }),
    ).toEqual([
      "Cost: $0.1271 per million tokens, $0.1261 with RMSNorm (GPUs at $2 an hour: a provider), 0.16 J per token, 0.159 with RMSNorm (at the board's 700 W).",
    ]);
    expect(priced({ boardPowerWatts: 72, joulesPerToken: 3 })).toEqual([
      "Cost: 3 J per token (at the board's 72 W).",
    ]);
    expect(priced({})).toEqual([]);
  });

  test.each([
    [0.0039, "that saves 0.39% of this layer's runtime."],
    [-0.0039, "that costs 0.39% of this layer's runtime."],
    [0, "that saves 0% of this layer's runtime."],
  ])("say what the article's 25%% comes to: %d", (savedShareOfTime, end) => {
    const text = articleText({
      layerNormBytes: 8,
      rmsNormBytes: 6,
      savedShareOfNormBytes: 0.25,
      savedShareOfTime,
    });
    expect(text).toContain("RMSNorm moves 25.0% fewer bytes in the norms themselves");
    expect(text.endsWith(end)).toBe(true);
  });
});
