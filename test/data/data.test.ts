import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type * as z from "zod";
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
  /** Gemma 2 chooses the width of its heads apart from that of the residual stream. */
  const HEADS_APART = { "gemma-2-9b": 4096, "gemma-2-27b": 4096 } as Record<string, number>;

  it.each(models)("%s has heads that add up to its width, but for those known not to", (name, model) => {
    expect(model.heads * model.headDim).toBe(HEADS_APART[name] ?? model.hidden);
  });

  it.each(models)("%s has a feed-forward block of 4 times its width unless it is gated", (_, model) => {
    if (!model.gated) expect(model.ffn).toBe(4 * model.hidden);
    expect(model.ffn / model.hidden).toBeGreaterThan(2);
    expect(model.ffn / model.hidden).toBeLessThanOrEqual(8);
  });

  it.each(models)("%s turns an even number of elements of each head, and only with rope", (_, model) => {
    if (model.positions !== "rope") expect(model.rotaryDim).toBeUndefined();
    expect((model.rotaryDim ?? model.headDim) % 2).toBe(0);
  });

  it("turns a quarter of each head in Pythia (rotary_pct 0.25) and normalizes queries and keys in Qwen3", () => {
    const pythia = modelNamed.get("pythia-12b")!;
    expect(pythia.rotaryDim).toBe(pythia.headDim / 4);
    expect(models.filter(([, { qkNorm }]) => qkNorm).map(([name]) => name)).toEqual(["qwen3-8b"]);
  });

  it("has 855,654,400 weights in a Llama-3-70B layer", () => {
    expect(layerParameters(modelNamed.get("llama-3-70b")!)).toBe(855_654_400);
  });
});

/** Weights, biases and norms of one layer. */
function layerParameters(model: Model): number {
  const { hidden, heads, kvHeads, headDim, ffn, gated, bias } = model;
  const queries = heads * headDim;
  const qkv = queries + 2 * kvHeads * headDim;
  const matrices = hidden * qkv + queries * hidden + (gated ? 3 : 2) * hidden * ffn;
  const qkvBias = bias === "none" ? 0 : qkv;
  const otherBias = bias === "all" ? hidden + (gated ? 2 : 1) * ffn + hidden : 0;
  const norms = (model.normPlacement === "sandwich" ? 4 : 2) * normParameters(model);
  return matrices + qkvBias + otherBias + norms + (model.qkNorm ? 2 * headDim : 0);
}

const normParameters = ({ norm, hidden }: Model): number => (norm === "layernorm" ? 2 : 1) * hidden;

interface PublishedSize {
  readonly parameters: number;
  /** true: the count is published to the last parameter */
  readonly exact: boolean;
  /** true: the output projection is the token embedding */
  readonly tied: boolean;
  /** rows of learned position and segment embeddings, which are no part of a model file */
  readonly otherEmbeddingRows?: number;
  /** what stands outside layers and embeddings and is no norm */
  readonly otherParameters?: number;
  readonly source: string;
}

const exactly = (parameters: number, tied: boolean, source: string): PublishedSize => ({
  parameters,
  exact: true,
  tied,
  source,
});

const PUBLISHED_SIZES: Record<string, PublishedSize> = {
  "llama-3-70b": exactly(70_553_706_496, false, "safetensors total on Hugging Face, quoted by several tools"),
  "llama-3-8b": exactly(8_030_261_248, false, "safetensors total on Hugging Face, quoted by several tools"),
  "llama-3.2-1b": exactly(
    1_235_814_400,
    true,
    "general.parameter_count of its GGUF files; tied in config.json",
  ),
  "llama-2-70b": exactly(68_976_648_192, false, "HELM's table of model sizes; AuroraGPT performance study"),
  "mistral-large-2": exactly(122_610_069_504, false, "one published table of model sizes; card: 123B"),
  "qwen2.5-72b": exactly(72_706_203_648, false, "KerasHub presets; card: 72.7B"),
  "qwen2.5-7b": exactly(7_615_616_512, false, "general.parameter_count of its GGUF files; card: 7.61B"),
  "gemma-2-27b": exactly(27_227_128_320, true, "KerasHub presets"),
  "gemma-2-9b": exactly(9_241_705_984, true, "KerasHub presets"),
  "qwen3-8b": exactly(8_190_735_360, false, "safetensors total on Hugging Face; card: 8.2B"),
  "gpt3-175b": {
    parameters: 174.6e9,
    exact: false,
    tied: true,
    otherEmbeddingRows: 2048,
    source: "Brown et al. 2020, table D.1 (174,600 M; recalled, not verified); table 2.1: 175.0B, verified",
  },
  "gpt2-xl": { ...exactly(1_557_611_200, true, "KerasHub presets"), otherEmbeddingRows: 1024 },
  "opt-30b": {
    parameters: 29.97e9,
    exact: false,
    tied: true,
    // Hugging Face's OPT keeps two rows more than its 2048 positions
    otherEmbeddingRows: 2050,
    source: "29.97 B recalled, not verified; Zhang et al. 2022 (arXiv 2205.01068) and the card: 30B",
  },
  "pythia-12b": exactly(11_846_072_320, false, "model card of EleutherAI/pythia-12b"),
  "bert-large": {
    ...exactly(335_141_888, true, "KerasHub presets; BertModel of Hugging Face, pooler included"),
    otherEmbeddingRows: 512 + 2,
    otherParameters: 1024 * 1024 + 1024,
  },
};

function modelParameters(model: Model, size: PublishedSize): number {
  const embeddings = (size.tied ? 1 : 2) * model.vocabulary + (size.otherEmbeddingRows ?? 0);
  // one norm outside the layers: behind the last, or behind the embeddings in a post-norm model
  const outside = normParameters(model) + (size.otherParameters ?? 0);
  return model.layers * layerParameters(model) + embeddings * model.hidden + outside;
}

describe("a model's published size", () => {
  it("is known for every model", () => {
    expect(Object.keys(PUBLISHED_SIZES).sort()).toEqual(models.map(([name]) => name).sort());
  });

  it.each(Object.entries(PUBLISHED_SIZES))("follows from the file of %s", (name, size) => {
    const computed = modelParameters(modelNamed.get(name)!, size);
    if (size.exact) expect(computed).toBe(size.parameters);
    expect(Math.abs(computed / size.parameters - 1)).toBeLessThan(0.005);
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
    const paths = numericPaths(profile);
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

  it.each(profiles)("%s halves the type's width for at most twice the rate", (_, profile) => {
    const { fp32Vector, tf32, fp16, bf16, fp8, fp4 } = profile.peakFlopsPerSecond;
    if (bf16 !== undefined) expect(bf16).toBe(fp16);
    const rates = [tf32, fp16, fp8, fp4].filter((rate) => rate !== undefined);
    expect(rates[0]! / fp32Vector).toBeGreaterThanOrEqual(1);
    for (const [index, rate] of rates.slice(1).entries()) {
      expect(rate / rates[index]!).toBeCloseTo(2, 1);
    }
  });

  /** Dense fp16 FLOPs of one unit in one clock: a figure with sparsity would be twice as high. */
  const FLOPS_PER_UNIT_AND_CLOCK: Record<string, number> = {
    "v100-sxm2-32gb": 1024,
    "a100-sxm-40gb": 2048,
    "a100-sxm-80gb": 2048,
    "h100-pcie": 4096,
    "h100-sxm": 4096,
    "h200-sxm": 4096,
    b200: 8192,
    l4: 1024,
    l40s: 1024,
    "rtx-4090": 512,
    mi300x: 2048,
  };

  it.each(profiles)("%s reaches its peak with its units at its clock, within 10%", (name, profile) => {
    const perUnitAndClock = profile.peakFlopsPerSecond.fp16! / profile.computeUnits / profile.boostClockHz!;
    expect(Math.abs(perUnitAndClock / FLOPS_PER_UNIT_AND_CLOCK[name]! - 1)).toBeLessThan(0.1);
  });

  it.each(profiles)("%s has the memory, cache, link and power of a GPU", (name, profile) => {
    const gigabytesInName = /(\d+) GB/.exec(profile.name)?.[1];
    expect(profile.hbmBytes, name).toBe(Number(gigabytesInName) * 1e9);
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
