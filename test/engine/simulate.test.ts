import { describe, expect, test } from "vitest";
import { layerResult } from "../../src/engine/layer-result.ts";
import { simulate } from "../../src/engine/simulate.ts";
import { replaceParameters } from "../../src/schema/parameters.ts";
import type { Result } from "../../src/schema/result.ts";
import type { Scenario } from "../../src/schema/scenario.ts";
import { datasheet, decode, hardware, model, prefill, scenario, train } from "../support/scenarios.ts";

describe("the whole model", () => {
  const graphStart = hardware("h100-sxm").calibration!.launch.graphStartSeconds.value;
  const parts = ({ wholeModel: whole }: Result): number =>
    whole.embeddingSeconds + whole.layersSeconds + whole.finalNormSeconds + whole.headSeconds;

  test("launches one graph for embedding, all layers, final norm and head", () => {
    const result = simulate(scenario());
    const { layer, wholeModel } = result;
    expect(wholeModel.layers).toBe(80);
    expect(wholeModel.layersSeconds).toBeCloseTo(80 * layer.seconds - graphStart, 12);
    expect(wholeModel.seconds).toBeCloseTo(parts(result) + graphStart, 12);
    expect(wholeModel.tokensPerSecond).toBeCloseTo(4096 / wholeModel.seconds, 6);
    expect(wholeModel.optimizerSeconds).toBe(0);
  });

  test("starts one training step for all its layers, and ends it with the optimizer", () => {
    const result = simulate(scenario({ workload: train(1, 4096), runtime: "eager" }));
    const step = hardware("h100-sxm").calibration!.host.stepSeconds.value;
    const { wholeModel, layer } = result;
    expect(wholeModel.layersSeconds).toBeCloseTo(80 * layer.seconds - step, 9);
    expect(wholeModel.seconds).toBeCloseTo(parts(result) + step + wholeModel.optimizerSeconds, 9);
    // 28 bytes a parameter at 91% of 3.35 TB/s
    expect(wholeModel.optimizerSeconds).toBeCloseTo((28 * 70.55e9) / (0.911 * 3.35e12), 1);
  });

  test("looks tokens up, multiplies the last token of each sequence alone with the head", () => {
    const at = (sequence: number) => simulate(scenario({ workload: prefill(1, sequence) })).wholeModel;
    expect(at(4096).headSeconds).toBe(at(128).headSeconds);
    expect(at(4096).embeddingSeconds).toBeGreaterThan(10 * at(128).embeddingSeconds);
    expect(at(4096).flops).toBeGreaterThan(2 * 4096 * 68.4e9);
    const trained = simulate(scenario({ workload: train(1, 4096) })).wholeModel;
    expect(trained.headSeconds).toBeGreaterThan(20 * at(4096).headSeconds);
  });

  test("of a model without a head has none, of one that ends in a norm no other norm", () => {
    const { wholeModel } = simulate(scenario({ model: model("bert-large"), workload: prefill(1, 128) }));
    expect(wholeModel.headSeconds).toBe(0);
    expect(wholeModel.finalNormSeconds).toBe(0);
  });

  test("adds up the layers of each kind", () => {
    const { wholeModel, layer } = simulate(scenario({ model: model("deepseek-v3") }));
    const [experts, dense] = wholeModel.kinds!;
    expect(wholeModel.kinds!.map(({ name, layers }) => [name, layers])).toEqual([
      ["experts", 58],
      ["dense", 3],
    ]);
    expect(experts!.layerSeconds).toBeCloseTo(layer.seconds - graphStart / 61, 12);
    expect(wholeModel.layersSeconds).toBeCloseTo(58 * experts!.layerSeconds + 3 * dense!.layerSeconds, 12);
    const other = simulate(scenario({ model: model("deepseek-v3"), layerKind: "dense" }));
    expect(other.layer.seconds - graphStart / 61).toBeCloseTo(dense!.layerSeconds, 12);
    expect(other.wholeModel.layersSeconds).toBeCloseTo(wholeModel.layersSeconds, 12);
  });

  const parallel = (pipeline: number, changes: object = {}) =>
    simulate(scenario({ parallelism: { tensor: 1, sequenceParallel: false, pipeline }, ...changes }))
      .wholeModel;

  test("through stages takes longer alone and serves more tokens, not quite in proportion", () => {
    const [one, four] = [parallel(1), parallel(4)];
    expect(four.gpus).toBe(4);
    expect(four.seconds).toBeGreaterThan(one.seconds);
    expect(four.seconds).toBeLessThan(1.01 * one.seconds);
    expect(four.tokensPerSecond).toBeGreaterThan(3.9 * one.tokensPerSecond);
    expect(four.tokensPerSecond).toBeLessThan(4 * one.tokensPerSecond);
    // 80 layers over 3 stages: the longest has 27
    const three = parallel(3);
    expect(three.tokensPerSecond).toBeLessThan((80 / 27) * one.tokensPerSecond);
  });

  test("in training fills and empties its stages once for all accumulated batches", () => {
    const step = (pipeline: number, gradientAccumulation: number) => {
      const whole = parallel(pipeline, { workload: train(1, 2048), training: { gradientAccumulation } });
      return whole.seconds - whole.optimizerSeconds;
    };
    expect(step(1, 8)).toBeCloseTo(8 * step(1, 1), 9);
    // four batches through four stages: seven times the longest stage
    expect(step(4, 4) / step(4, 1)).toBeCloseTo(7 / 4, 9);
    const { tokensPerSecond, seconds } = parallel(4, {
      workload: train(1, 2048),
      training: { gradientAccumulation: 8 },
    });
    expect(tokensPerSecond).toBeCloseTo((8 * 2048) / seconds, 6);
  });

  test.each([0, 1, 1e15, 1e30])("has layers that take as long where starting a graph takes %d s", (start) => {
    const given = hardware("h100-sxm");
    const calibration = replaceParameters(given.calibration!, (path, parameter) =>
      path === "launch.graphStartSeconds" ? { ...parameter, value: start } : parameter,
    );
    const slow = simulate(scenario({ hardware: { ...given, calibration } }));
    expect(slow.wholeModel.layersSeconds).toBe(simulate(scenario()).wholeModel.layersSeconds);
  });

  test("without a calibration is just its parts", () => {
    const result = simulate(scenario({ hardware: datasheet("mi300x") }));
    expect(result.wholeModel.seconds).toBeCloseTo(parts(result), 12);
    expect(result.wholeModel.layersSeconds).toBeCloseTo(80 * result.layer.seconds, 12);
  });

  test("without an optimizer has no optimizer step", () => {
    const { wholeModel } = simulate(scenario({ workload: train(1, 128), training: { optimizer: "none" } }));
    expect(wholeModel.optimizerSeconds).toBe(0);
  });
});

describe("what a token costs", () => {
  const priced = (changes: object = {}) => {
    const given = { ...hardware("h100-sxm"), gpuHourUsd: { value: 3.6, source: "test" } };
    return simulate(scenario({ hardware: given, ...changes }));
  };

  test("is the price and the power of all GPUs for as long as it takes", () => {
    const { cost, wholeModel } = priced();
    // 3.6 $ an hour are a thousandth of a dollar a second
    expect(cost.usdPerMillionTokens).toBeCloseTo((1e6 * 1e-3) / wholeModel.tokensPerSecond, 9);
    expect(cost.joulesPerToken).toBeCloseTo(700 / wholeModel.tokensPerSecond, 9);
  });

  test("counts every GPU that holds a part of the model", () => {
    const { cost, wholeModel } = priced({
      model: model("mixtral-8x7b"),
      workload: decode(16, 1024),
      parallelism: { tensor: 2, sequenceParallel: false, expert: 4, pipeline: 2 },
    });
    expect(wholeModel.gpus).toBe(16);
    expect(cost.joulesPerToken).toBeCloseTo((16 * 700) / wholeModel.tokensPerSecond, 9);
  });

  test("is told before and after the swap of norms", () => {
    const { cost } = priced();
    const after = priced({ normalization: { kind: "rmsnorm", implementation: "native" } }).cost;
    expect(cost.swapped).toEqual({
      kind: "rmsnorm",
      usdPerMillionTokens: after.usdPerMillionTokens,
      joulesPerToken: after.joulesPerToken,
    });
    expect(after.swapped?.usdPerMillionTokens).toBe(cost.usdPerMillionTokens);
    expect(after.usdPerMillionTokens).toBeLessThan(cost.usdPerMillionTokens!);
  });

  test("is not known without price and power", () => {
    const { gpuHourUsd: _, boardPowerWatts: __, ...bare } = hardware("h100-sxm");
    expect(simulate(scenario({ hardware: bare })).cost).toEqual({ swapped: { kind: "rmsnorm" } });
  });
});

describe("memory", () => {
  const of = (changes: object = {}) => simulate(scenario(changes)).memory;

  test("holds the parameters in their type", () => {
    expect(of().weightBytes).toBe(2 * 70_553_706_496);
    const fp8 = { weights: "fp8", activations: "fp8", kvCache: "bf16" };
    // embedding, head and all norms stay as they are
    const others = 2 * 128_256 * 8192 + (2 * 80 + 1) * 8192;
    expect(of({ precision: fp8 }).weightBytes).toBe(70_553_706_496 + others);
  });

  test("shares out experts over the expert-parallel group, all else over tensor and pipeline", () => {
    const mixtral = model("mixtral-8x7b");
    const parallelism = (changes: object) => ({
      model: mixtral,
      workload: decode(1, 1),
      parallelism: { tensor: 1, sequenceParallel: false, ...changes },
    });
    const whole = of(parallelism({})).weightBytes;
    const experts = 2 * 32 * 8 * 3 * 4096 * 14_336;
    expect(of(parallelism({ expert: 4 })).weightBytes).toBeCloseTo(whole - (3 / 4) * experts, -2);
    // norms and routers are copied
    const copied = 2 * (32 * (2 + 8) + 1) * 4096;
    expect(of(parallelism({ tensor: 2 })).weightBytes).toBe((whole - copied) / 2 + copied);
    // the second of two stages has the head and the last norm
    const ends = 2 * (2 * 32_000 + 1) * 4096;
    expect(of(parallelism({ pipeline: 2 })).weightBytes).toBe((whole - ends) / 2 + 2 * (32_000 + 1) * 4096);
    // 32 layers in 5 stages are 7 in the first, which has the embedding
    expect(of(parallelism({ pipeline: 5 })).weightBytes).toBe(((whole - ends) * 7) / 32 + 2 * 32_000 * 4096);
  });

  test.each([
    ["llama-3-70b", 327_680],
    // 576 elements a layer: the latent and the one turned key
    ["deepseek-v3", 2 * 576 * 61],
  ])("caches %s's keys and values in %d bytes a token", (name, bytes) => {
    expect(of({ model: model(name), workload: decode(3, 1000) }).kvCacheBytes).toBe(3 * 1000 * bytes);
  });

  test("caches no more than the window in layers that have one", () => {
    const gemma = model("gemma-2-9b");
    const perToken = 2 * 2 * 8 * 256;
    const bytes = of({ model: gemma, workload: decode(1, 10_000) }).kvCacheBytes;
    expect(bytes).toBe(perToken * (21 * 4096 + 21 * 10_000));
  });

  test("has room for the largest kernel: in training of a small model that of the logits' loss", () => {
    const small = {
      model: model("llama-3.2-1b"),
      workload: train(1, 128),
      training: { recomputation: "full" },
    };
    const { memory, layer } = simulate(scenario(small as never));
    const loss = 128 * 128_256 * (2 + 4);
    expect(memory.activationBytes).toBe(16 * layer.savedActivationBytes + loss);
  });

  test("is the same whichever kind of layer is reported", () => {
    const kinds = ["experts", "dense"].map((layerKind) =>
      of({ model: model("deepseek-v3"), workload: train(1, 512), layerKind }),
    );
    expect(kinds[0]).toEqual(kinds[1]);
  });

  test("of a training step keeps gradients, master weights and moments: 14 bytes a parameter beside its 2", () => {
    const { weightBytes, optimizerBytes, kvCacheBytes } = of({ workload: train(1, 128) });
    expect(optimizerBytes).toBeCloseTo(7 * weightBytes, -3);
    expect(kvCacheBytes).toBe(0);
  });

  test("keeps more for the backward pass of op-by-op norms, and with recomputation little of any", () => {
    const saved = (implementation: string, recomputation: string) =>
      simulate(
        scenario({
          workload: train(1, 2048),
          normalization: { kind: "rmsnorm", implementation } as never,
          training: { recomputation } as never,
        }),
      ).layer.savedActivationBytes;
    expect(saved("eager", "none")).toBeGreaterThan(1.1 * saved("native", "none"));
    expect(saved("fused", "none")).toBe(saved("native", "none"));
    // the layer's input alone, beside a number a row
    expect(saved("native", "full") / (2048 * 8192 * 2)).toBeCloseTo(1, 3);
    expect(simulate(scenario()).layer.savedActivationBytes).toBe(0);
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
    expect(about(/gradients and optimizer 988 GB/, scenario({ workload: train(1, 128) }))).toBe(true);
  });

  /** [model, device, batch, context] at the edge: weights and cache come to within 1% of what the driver reports. */
  test.each([
    ["llama-3-70b", "h200-sxm", 1, 27_000, true],
    ["llama-3-70b", "h200-sxm", 1, 28_000, false],
    ["llama-3-8b", "h100-sxm", 64, 8200, true],
    ["llama-3-8b", "h100-sxm", 64, 8230, false],
    ["llama-3-8b", "a100-sxm-40gb", 8, 25_000, true],
    ["llama-3-8b", "a100-sxm-40gb", 8, 25_100, false],
    ["llama-3-8b", "mi300x", 128, 11_300, true],
    ["llama-3-8b", "mi300x", 128, 11_400, false],
  ] as const)(
    "say of %s on %s with %d sequences of %d tokens that it fits: %s",
    (name, device, batch, context, fits) => {
      const given = scenario({
        model: model(name),
        hardware: hardware(device),
        workload: decode(batch, context),
      });
      const { totalBytes, deviceBytes } = simulate(given).memory;
      expect(Math.abs(totalBytes / deviceBytes - 1)).toBeLessThan(0.01);
      expect(about(/do not fit/, given)).toBe(!fits);
    },
  );

  test("tell what is needed from what is there, however near they are", () => {
    const { memory } = simulate(scenario());
    const missing = (bytes: number) =>
      scenario({ hardware: { ...hardware("h100-sxm"), hbmBytes: memory.totalBytes - bytes } });
    expect(about(/would hold \d+ GB \(.*\) and has \d+ GB;/, missing(5e9))).toBe(true);
    for (const bytes of [1e9, 1e8, 1e3, 1]) {
      const [text] = simulate(missing(bytes)).warnings.filter((warning) => /do not fit/.test(warning));
      const [, needed, held] = /would hold ([\d.]+) GB .* and has ([\d.]+) GB/.exec(text!)!;
      expect(Number(needed)).toBeGreaterThan(Number(held));
    }
    expect(about(/do not fit/, missing(0))).toBe(false);
  });

  test("say that the model itself has the other norm", () => {
    const norm = (kind: "layernorm" | "rmsnorm") =>
      scenario({ normalization: { kind, implementation: "native" } });
    expect(about(/Llama 3 70B itself has RMSNorm: .* with LayerNorm/, norm("layernorm"))).toBe(true);
    expect(about(/itself has/, norm("rmsnorm"))).toBe(false);
  });

  test("say that a model cannot read so many tokens, or generate them one by one", () => {
    const bert = (workload: Scenario["workload"]) => scenario({ model: model("bert-large"), workload });
    expect(about(/no more than 514 positions: it cannot read 4096 tokens/, bert(prefill(1, 4096)))).toBe(
      true,
    );
    expect(about(/positions/, bert(prefill(1, 512)))).toBe(false);
    expect(about(/positions/, scenario())).toBe(false);
    expect(about(/cannot read 600 tokens/, bert(decode(1, 600)))).toBe(true);
    expect(about(/generates none one by one/, bert(decode(1, 100)))).toBe(true);
    expect(about(/one by one/, scenario({ workload: decode(1, 100) }))).toBe(false);
  });

  test("say that exchanges of more GPUs than a node has are slower", () => {
    const group = (parallelism: Scenario["parallelism"]) =>
      scenario({ model: model("mixtral-8x7b"), parallelism });
    expect(about(/among 16 GPUs/, group({ tensor: 4, sequenceParallel: false, expert: 4 }))).toBe(true);
    expect(about(/among \d+ GPUs/, group({ tensor: 2, sequenceParallel: false, expert: 4 }))).toBe(false);
  });

  test("say what changes nothing", () => {
    const alone = { tensor: 1, sequenceParallel: true };
    expect(about(/one GPU has all/, scenario({ parallelism: alone }))).toBe(true);
    expect(about(/one GPU has all/, scenario({ parallelism: { ...alone, tensor: 2 } }))).toBe(false);
    const training = { recomputation: "full" } as const;
    expect(about(/set of training changes nothing in prefill/, scenario({ training }))).toBe(true);
    expect(about(/changes nothing/, scenario({ training, workload: train(1, 512) }))).toBe(false);
    expect(about(/changes nothing/, scenario({ training: { gradientAccumulation: 4 } }))).toBe(true);
  });

  test("say why a swap can save more time than the norms have", () => {
    const eager = scenario({
      model: model("llama-3-8b"),
      workload: decode(1, 100),
      normalization: { kind: "layernorm", implementation: "eager" },
      runtime: "eager",
    });
    expect(about(/includes its wait for the host/, eager)).toBe(true);
    expect(about(/includes its wait for the host/, { ...eager, runtime: "graph" })).toBe(false);
  });

  test("say that a device without calibration has ideal times only", () => {
    expect(about(/no calibration/, scenario({ hardware: datasheet("b200") }))).toBe(true);
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

describe("utilization", () => {
  const training = (recomputation: "none" | "full") =>
    simulate(scenario({ workload: train(1, 4096), training: { recomputation } }));

  test("of the model leaves out what runs a second time, that of the hardware counts it", () => {
    const [none, full] = [training("none"), training("full")];
    for (const part of ["layer", "wholeModel"] as const) {
      const useful = (result: typeof none) => result[part].modelFlopsUtilization * result[part].seconds;
      expect(useful(full)).toBeCloseTo(useful(none), 9);
      expect(full[part].modelFlopsUtilization).toBeLessThan(none[part].modelFlopsUtilization);
      expect(full[part].hardwareFlopsUtilization).toBeGreaterThan(full[part].modelFlopsUtilization);
      expect(none[part].hardwareFlopsUtilization).toBe(none[part].modelFlopsUtilization);
    }
  });

  test("of the bandwidth is what HBM serves, not what the L2 does", () => {
    const given = scenario({
      model: model("gpt2-xl"),
      workload: decode(8, 1024),
      normalization: { kind: "layernorm", implementation: "eager" },
    });
    const { layer, scenario: resolved } = simulate(given);
    expect(layer.hbmTrafficBytes).toBeLessThan(layer.hbmBytes);
    expect(layer.bandwidthUtilization).toBeCloseTo(
      layer.hbmTrafficBytes / layer.seconds / resolved.hardware.hbmBytesPerSecond,
      12,
    );
  });

  test("of a device without a known L2 counts every byte", () => {
    const { layer } = simulate(scenario({ hardware: datasheet("b200") }));
    expect(layer.hbmTrafficBytes).toBe(layer.hbmBytes);
  });
});

describe("a layer's own seconds", () => {
  test("hold its share of the step's start: all layers together start once", () => {
    const one = simulate(scenario({ workload: decode(1, 100), model: model("gpt2-xl") }));
    const twice = { ...model("gpt2-xl"), layers: 2 * model("gpt2-xl").layers };
    const more = simulate(scenario({ workload: decode(1, 100), model: twice }));
    const { layers } = model("gpt2-xl");
    const graphStart = hardware("h100-sxm").calibration!.launch.graphStartSeconds.value;
    expect(one.layer.seconds - more.layer.seconds).toBeCloseTo(graphStart / layers / 2, 12);
  });
});
