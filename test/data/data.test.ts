import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type * as z from "zod";
import { parameterCounts } from "../../src/engine/model/parameters.ts";
import { HardwareSchema } from "../../src/schema/hardware.ts";
import { type Model, ModelSchema } from "../../src/schema/model.ts";
import { ScenarioFileSchema } from "../../src/schema/scenario.ts";

const root = new URL("../../", import.meta.url);

interface DataFile {
  readonly file: string;
  readonly name: string;
  readonly content: unknown;
}

function filesIn(folder: string): DataFile[] {
  return readdirSync(new URL(folder, root))
    .filter((file) => file.endsWith(".json"))
    .map((file) => ({
      file: `${folder}/${file}`,
      name: file.slice(0, -".json".length),
      content: JSON.parse(readFileSync(new URL(`${folder}/${file}`, root), "utf8")),
    }));
}

/** Those that do not parse are left out: the test of parsing names them. */
function parsed<S extends z.ZodType>(files: DataFile[], schema: S): [string, z.infer<S>][] {
  return files.flatMap(({ name, content }) => {
    const result = schema.safeParse(content);
    return result.success ? [[name, result.data] as [string, z.infer<S>]] : [];
  });
}

const modelFiles = filesIn("models");
const profileFiles = filesIn("hardware-profiles");
const scenarioFiles = filesIn("scenarios");
const models = parsed(modelFiles, ModelSchema);
const profiles = parsed(profileFiles, HardwareSchema);
const scenarios = parsed(scenarioFiles, ScenarioFileSchema);
const modelNamed = new Map(models);
const profileNamed = new Map(profiles);

describe.each([
  { folder: "models", schemaName: "model", files: modelFiles, schema: ModelSchema },
  { folder: "hardware-profiles", schemaName: "hardware", files: profileFiles, schema: HardwareSchema },
  { folder: "scenarios", schemaName: "scenario", files: scenarioFiles, schema: ScenarioFileSchema },
])("every file in $folder", ({ schemaName, files, schema }) => {
  it("is there to be read", () => {
    expect(files.length).toBeGreaterThan(0);
  });

  it.each(files)("parses: $file", ({ content }) => {
    expect(schema.safeParse(content).error?.issues).toBeUndefined();
  });

  it.each(files)("has a lower-case name of words joined by hyphens: $file", ({ name }) => {
    expect(name).toMatch(/^[a-z0-9]+([.-][a-z0-9]+)*$/);
  });

  it.each(files)("names its JSON Schema first: $file", ({ content }) => {
    expect(Object.entries(content as object)[0]).toEqual(["$schema", `../schemas/${schemaName}.schema.json`]);
  });
});

it("gives no two models and no two profiles the same name in reports", () => {
  for (const files of [models, profiles]) {
    const names = files.map(([, { name }]) => name);
    expect(new Set(names).size).toBe(names.length);
  }
});

describe("a model", () => {
  /** Heads whose width was chosen apart from that of the residual stream. */
  const HEADS_APART: Readonly<Record<string, number>> = {
    "deepseek-v3": 16384,
    "gemma-2-9b": 4096,
    "gemma-2-27b": 4096,
    "gemma-3-27b": 4096,
    "gemma-7b": 4096,
    "gpt-oss-20b": 4096,
    "gpt-oss-120b": 4096,
    "qwen3-32b": 8192,
    "qwen3-30b-a3b": 4096,
  };

  it.each(models)("%s has heads that add up to its width, but for those known not to", (name, model) => {
    expect(model.heads * model.headDim).toBe(HEADS_APART[name] ?? model.hidden);
  });

  it.each(models)("%s has a feed-forward block of 4 times its width unless it is gated", (_, model) => {
    if (!model.gated) expect(model.ffn).toBe(4 * model.hidden);
    // an expert may be as narrow as the model
    expect(model.ffn / model.hidden).toBeGreaterThan(model.experts === undefined ? 2 : 0.99);
    expect(model.ffn / model.hidden).toBeLessThanOrEqual(8);
  });

  it.each(models)("%s turns an even number of elements of each head, and only with rope", (_, model) => {
    if (model.positions !== "rope") expect(model.rotaryDim).toBeUndefined();
    expect((model.rotaryDim ?? model.headDim) % 2).toBe(0);
  });

  it.each(models)("%s has rows of learned positions if its positions are learned", (_, model) => {
    expect(model.positionRows !== undefined).toBe(model.positions === "learned");
  });

  it("turns a quarter of each head in GPT-NeoX and Pythia (rotary_pct 0.25)", () => {
    for (const name of ["pythia-12b", "gpt-neox-20b"]) {
      const model = modelNamed.get(name)!;
      expect(model.rotaryDim).toBe(model.headDim / 4);
    }
    expect(models.filter(([, { rotaryDim }]) => rotaryDim !== undefined)).toHaveLength(2);
  });

  it("normalizes queries and keys in Qwen3, Gemma 3 and OLMo 2", () => {
    expect(models.filter(([, { qkNorm }]) => qkNorm).map(([name]) => name)).toEqual([
      "gemma-3-27b",
      "olmo-2-7b",
      "qwen3-30b-a3b",
      "qwen3-32b",
      "qwen3-8b",
    ]);
  });

  it("has 855,654,400 weights in a Llama-3-70B layer", () => {
    expect(layerParameters(modelNamed.get("llama-3-70b")!)).toBe(855_654_400);
  });
});

type Kind = NonNullable<Model["layerKinds"]>[number];

/** Rows and columns of a tensor; a vector has one row. */
type Shape = readonly [rows: number, columns: number];

/** Tensors of one layer as a checkpoint holds them: weights, biases and norms. */
function layerTensors(model: Model, kind?: Kind): Shape[] {
  const tensors = [...attentionTensors(model), ...feedForwardTensors(model, kind)];
  const norms = { pre: 2, post: 2, branch: 2, sandwich: 4, parallel: 2, "parallel-shared": 1 };
  for (let i = 0; i < norms[model.normPlacement]; i++) tensors.push(...normTensors(model, model.hidden));
  return tensors;
}

const vectors = (lengths: readonly number[]): Shape[] => lengths.map((length) => [1, length]);

function attentionTensors(model: Model): Shape[] {
  const { hidden, heads, kvHeads, headDim, bias, latentAttention: latent } = model;
  const output: Shape[] = [[hidden, heads * headDim]];
  if (bias === "attention" || bias === "all") output.push([1, hidden]);
  if (latent !== undefined) {
    const { queryRank, keyValueRank, nopeDim, ropeDim } = latent;
    const q = heads * (nopeDim + ropeDim);
    const queries: Shape[] =
      queryRank === undefined
        ? [[q, hidden]]
        : [[queryRank, hidden], ...normTensors(model, queryRank), [q, queryRank]];
    return [
      ...queries,
      [keyValueRank + ropeDim, hidden],
      ...normTensors(model, keyValueRank),
      [heads * nopeDim + heads * headDim, keyValueRank],
      ...output,
    ];
  }
  const widths = [heads * headDim, kvHeads * headDim, kvHeads * headDim];
  const [queries, keys] = model.qkNormSpan === "projection" ? widths : [headDim, headDim];
  return [
    ...widths.map((width): Shape => [width, hidden]),
    ...(bias === "none" ? [] : vectors(widths)),
    ...(model.qkNorm ? [...normTensors(model, queries!), ...normTensors(model, keys!)] : []),
    ...output,
  ];
}

function feedForwardTensors(model: Model, kind: Kind | undefined): Shape[] {
  const { hidden, ffn, experts, bias } = model;
  if (experts === undefined || kind?.feedForward === "dense") return blockTensors(model, ffn);
  const shared = experts.sharedFfn === undefined ? [] : blockTensors(model, experts.sharedFfn);
  return [
    [experts.count, hidden],
    ...(bias === "all" ? vectors([experts.count]) : []),
    ...Array.from({ length: experts.count }, () => blockTensors(model, experts.ffn)).flat(),
    ...shared,
    ...(experts.sharedGate ? vectors([hidden]) : []),
  ];
}

function blockTensors({ hidden, gated, bias }: Model, width: number): Shape[] {
  const up: Shape[] = gated
    ? [
        [width, hidden],
        [width, hidden],
      ]
    : [[width, hidden]];
  const biases = bias === "all" ? vectors([...up.map(() => width), hidden]) : [];
  return [...up, [hidden, width], ...biases];
}

const normTensors = ({ norm }: Model, length: number): Shape[] =>
  vectors(norm === "layernorm" ? [length, length] : [length]);

const elements = (tensors: readonly Shape[]): number =>
  tensors.reduce((total, [rows, columns]) => total + rows * columns, 0);

const layerParameters = (model: Model, kind?: Kind): number => elements(layerTensors(model, kind));

function modelParameters(model: Model): number {
  const { hidden, vocabulary, causal, outputHead = causal, tiedEmbeddings, positionRows, layers } = model;
  const outside: Shape[] = [[vocabulary, hidden]];
  if (outputHead && !tiedEmbeddings) outside.push([vocabulary, hidden]);
  if (positionRows !== undefined) outside.push([positionRows, hidden]);
  if (model.embeddingNorm) outside.push(...normTensors(model, hidden));
  if (model.normPlacement !== "post") outside.push(...normTensors(model, hidden));
  const inLayers =
    model.layerKinds?.reduce((sum, kind) => sum + kind.layers * layerParameters(model, kind), 0) ??
    layers * layerParameters(model);
  return elements(outside) + inLayers;
}

interface PublishedSize {
  readonly parameters: number;
  /** true: the count is published to the last parameter */
  readonly exact: boolean;
  /** parameters in the published count that a model file cannot say; below 0: that the count lacks */
  readonly besides?: number;
  readonly source: string;
}

const exactly = (parameters: number, source: string, besides = 0): PublishedSize => ({
  parameters,
  exact: true,
  besides,
  source,
});

const KERAS = "KerasHub presets";
const GGUF = "general.parameter_count of its GGUF files";

const PUBLISHED_SIZES: Record<string, PublishedSize> = {
  "llama-3-70b": exactly(70_553_706_496, "safetensors total on Hugging Face, quoted by several tools"),
  "llama-3-8b": exactly(8_030_261_248, "safetensors total on Hugging Face, quoted by several tools"),
  "llama-3.2-1b": exactly(1_235_814_400, GGUF),
  "llama-2-70b": exactly(68_976_648_192, "HELM's table of model sizes; AuroraGPT performance study"),
  "mistral-large-2": exactly(122_610_069_504, "one published table of model sizes; card: 123B"),
  "mistral-7b": exactly(7_241_732_096, GGUF),
  "mixtral-8x7b": exactly(46_702_792_704, `${KERAS}; announcement: 46.7B`),
  "qwen2.5-72b": exactly(72_706_203_648, `${KERAS}; card: 72.7B`),
  "qwen2.5-7b": exactly(7_615_616_512, `${GGUF}; card: 7.61B`),
  "qwen1.5-moe-a2.7b": exactly(14_315_784_192, `${KERAS}; card: 14.3B`),
  "gemma-7b": exactly(8_537_680_896, KERAS),
  "gemma-2-27b": exactly(27_227_128_320, KERAS),
  "gemma-2-9b": exactly(9_241_705_984, KERAS),
  // its vocabulary there lacks the 64 rows for placeholders of images
  "gemma-3-27b": exactly(27_009_002_240, `${KERAS}, text model`, -64 * 5376),
  "phi-3-mini": exactly(3_821_079_552, `${KERAS}; card: 3.8B`),
  "qwen3-8b": exactly(8_190_735_360, "safetensors total on Hugging Face; card: 8.2B"),
  "qwen3-32b": exactly(32_762_123_264, `${KERAS}; card: 32.8B`),
  "qwen3-30b-a3b": exactly(30_532_122_624, `${GGUF}; card: 30.5B`),
  "gpt3-175b": {
    parameters: 174.6e9,
    exact: false,
    source: "Brown et al. 2020, table D.1 (174,600 M; recalled, not verified); table 2.1: 175.0B, verified",
  },
  "gpt2-xl": exactly(1_557_611_200, KERAS),
  "opt-30b": {
    parameters: 29.97e9,
    exact: false,
    source: "29.97 B recalled, not verified; Zhang et al. 2022 (arXiv 2205.01068) and the card: 30B",
  },
  "pythia-12b": exactly(11_846_072_320, "model card of EleutherAI/pythia-12b"),
  "gpt-neox-20b": exactly(20_554_567_680, "model card of EleutherAI/gpt-neox-20b"),
  // their files hold the output head too, though it is the token embedding
  "falcon-7b": exactly(7_217_189_760, "a table of model sizes in public code", 65024 * 4544),
  "falcon-40b": exactly(41_835_970_560, "total of its files in a public catalogue", 65024 * 8192),
  "bloom-176b": exactly(176_247_271_424, "safetensors total, in Hugging Face's documentation of the format"),
  "bert-large": exactly(335_141_888, `${KERAS}; BertModel of Hugging Face, pooler included`, 1024 * 1025),
  // KerasHub has 512 rows of positions and none of segments
  "roberta-large": exactly(354_307_072, `${KERAS}; paper: 355M`, -3 * 1024),
  "deepseek-v2-lite": exactly(15_706_484_224, "counted by a public inference program; paper: 15.7B"),
  // the offsets that balance the load of 58 routers
  "deepseek-v3": exactly(671_026_419_200, "audits of its file headers; README: 671B", 58 * 256),
  "olmo-2-7b": exactly(7_298_617_344, "safetensors total on Hugging Face"),
  // attention sinks
  "gpt-oss-20b": exactly(20_914_757_184, `${GGUF}; model card: 20.91B`, 24 * 64),
  "gpt-oss-120b": exactly(116_829_156_672, `${GGUF}; model card: 116.83B`, 36 * 64),
};

describe("a model's published size", () => {
  it("is known for every model", () => {
    expect(Object.keys(PUBLISHED_SIZES).sort()).toEqual(models.map(([name]) => name).sort());
  });

  it.each(Object.entries(PUBLISHED_SIZES))("follows from the file of %s", (name, size) => {
    const computed = modelParameters(modelNamed.get(name)!) + (size.besides ?? 0);
    if (size.exact) expect(computed).toBe(size.parameters);
    expect(Math.abs(computed / size.parameters - 1)).toBeLessThan(0.005);
  });

  it.each(models)("is what the program counts for %s, part by part", (_, model) => {
    const { embedding, outputHead, finalNorm, kinds, total } = parameterCounts(model);
    expect(total).toBe(modelParameters(model));
    expect(kinds.map((kind) => kind.total)).toEqual(
      model.layerKinds?.map((kind) => layerParameters(model, kind)) ?? [layerParameters(model)],
    );
    const layers = kinds.reduce((sum, kind) => sum + kind.layers * kind.total, 0);
    expect(embedding + outputHead + finalNorm + layers).toBe(total);
  });
});

/** Paths of all numbers, such as `peakFlopsPerSecond.bf16`. */
function numericPaths(value: unknown, path = ""): string[] {
  if (typeof value === "number") return [path];
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, inner]) => numericPaths(inner, path ? `${path}.${key}` : key));
}

describe("a hardware profile", () => {
  it.each(profiles)("%s says where each of its numbers comes from, once", (_, profile) => {
    // a price, a calibration and its validations carry their own sources
    const { gpuHourUsd, calibration, crossValidation, validation, ...sourced } = profile;
    const fields = profile.sources.flatMap((source) => source.fields);
    for (const path of numericPaths(sourced)) {
      const covering = fields.filter((field) => path === field || path.startsWith(`${field}.`));
      expect(covering, path).toHaveLength(1);
    }
  });

  it.each(profiles)("%s names no field in its sources that it does not have", (_, profile) => {
    const paths = [...numericPaths(profile), "gpu"];
    for (const field of profile.sources.flatMap((source) => source.fields)) {
      expect(
        paths.some((path) => path === field || path.startsWith(`${field}.`)),
        field,
      ).toBe(true);
    }
  });

  it.each(profiles)("%s becomes compute-bound between 20 and 1000 FLOP a byte", (_, profile) => {
    const ridge = profile.peakFlopsPerSecond.fp16! / profile.hbmBytesPerSecond;
    expect(ridge).toBeGreaterThan(20);
    expect(ridge).toBeLessThan(1000);
  });

  it.each(profiles)("%s halves the type's width for at most twice the rate", (name, profile) => {
    const { fp32Vector, tf32, fp16, bf16, fp8, fp4 } = profile.peakFlopsPerSecond;
    if (bf16 !== undefined) expect(bf16).toBe(fp16);
    if (OWN_FP4[name] !== undefined) expect(fp4! / fp8!).toBeCloseTo(OWN_FP4[name], 1);
    const rates = [tf32, fp16, fp8, ...(OWN_FP4[name] === undefined ? [fp4] : [])].filter(
      (rate) => rate !== undefined,
    );
    expect(rates[0]! / fp32Vector).toBeGreaterThanOrEqual(1);
    for (const [index, rate] of rates.slice(1).entries()) {
      expect(rate / rates[index]!).toBeCloseTo(2, 1);
    }
  });

  /** Blackwell Ultra has more fp4 units than its fp8 rate tells, and GeForce cards half of the rate with fp32 accumulate. */
  const OWN_FP4: Readonly<Record<string, number>> = { b300: 14 / 4.5, gb300: 3, "rtx-5090": 4 };

  /** Dense fp16 FLOPs of one unit in one clock: a figure with sparsity would be twice as high. */
  const FLOPS_PER_UNIT_AND_CLOCK: Record<string, number> = {
    "v100-sxm2-32gb": 1024,
    t4: 1024,
    a10: 1024,
    "a100-pcie": 2048,
    "a100-sxm-40gb": 2048,
    "a100-sxm-80gb": 2048,
    "h100-pcie": 4096,
    "h100-sxm": 4096,
    "h200-sxm": 4096,
    h800: 4096,
    gh200: 4096,
    "h100-nvl": 4096,
    "h200-nvl": 4096,
    // three quarters of the tensor rate are switched off
    h20: 4096 / 4,
    b200: 8192,
    b300: 8192,
    gb200: 8192,
    gb300: 8192,
    l4: 1024,
    l40s: 1024,
    "rtx-4090": 512,
    "rtx-5090": 512,
    "rtx-pro-6000": 1024,
    mi300x: 2048,
    mi325x: 2048,
    mi355x: 4096,
  };

  /** Their cards draw less power: the tensor rates hold at a lower clock than the highest. */
  const SLOWER: Readonly<Record<string, number>> = { "h100-nvl": 1.545e9, "h200-nvl": 1.545e9 };

  it.each(profiles)("%s reaches its peak with its units at its clock, within 10%", (name, profile) => {
    const perUnitAndClock =
      profile.peakFlopsPerSecond.fp16! / profile.computeUnits / (SLOWER[name] ?? profile.boostClockHz!);
    expect(Math.abs(perUnitAndClock / FLOPS_PER_UNIT_AND_CLOCK[name]! - 1)).toBeLessThan(0.1);
  });

  it.each(profiles)("%s has the memory, cache, link and power of a GPU", (name, profile) => {
    const gigabytesInName = /(\d+) GB/.exec(profile.name)?.[1];
    // sold in round gigabytes, it is as many GiB less what ECC and the driver keep
    const gibibytes = profile.hbmBytes / 2 ** 30 / Number(gigabytesInName);
    expect(gibibytes, name).toBeGreaterThan(0.9);
    expect(gibibytes, name).toBeLessThanOrEqual(1);
    expect(profile.l2Bytes).toBeGreaterThan(4e6);
    expect(profile.l2Bytes).toBeLessThan(256e6);
    // reading all of the memory takes between 15 and 100 ms
    expect(profile.hbmBytes / profile.hbmBytesPerSecond).toBeGreaterThan(0.015);
    expect(profile.hbmBytes / profile.hbmBytesPerSecond).toBeLessThan(0.1);
    expect(profile.linkBytesPerSecond!).toBeLessThan(profile.hbmBytesPerSecond);
    expect(profile.boardPowerWatts!).toBeGreaterThan(50);
    expect(profile.boardPowerWatts!).toBeLessThan(1500);
  });
});

describe("a scenario", () => {
  it.each(scenarios)("%s names a model and a profile that exist", (_, scenario) => {
    expect([...modelNamed.keys()]).toContain(scenario.model);
    expect([...profileNamed.keys()]).toContain(scenario.hardware);
  });

  it.each(scenarios)("%s says in one sentence what it is about", (_, scenario) => {
    expect(scenario.description).toMatch(/^[A-Z].{20,}[^.]$/);
    expect(scenario.description).not.toContain("\n");
  });

  it.each(scenarios)("%s computes in a type that its hardware has", (_, { hardware, precision }) => {
    const peaks: Record<string, number | undefined> = profileNamed.get(
      hardware as string,
    )!.peakFlopsPerSecond;
    expect(peaks[precision.activations]).toBeDefined();
  });

  it("differs from every other in more than its description", () => {
    const bodies = scenarios.map(([, { description, ...body }]) => JSON.stringify(body));
    expect(new Set(bodies).size).toBe(bodies.length);
  });

  it("reads the article's 25% as textbook kernels and nothing else", () => {
    const { description: _, ...prefill } = new Map(scenarios).get("llama-3-70b-prefill-h100")!;
    const { description: __, ...paradox } = new Map(scenarios).get("normalization-paradox")!;
    expect(paradox).toEqual({
      ...prefill,
      normalization: { kind: "layernorm", implementation: "textbook" },
    });
  });
});
