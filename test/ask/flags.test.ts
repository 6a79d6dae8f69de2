import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type FlagName, isTaken, WHAT_IF_FLAGS } from "../../src/ask/flags.ts";
import { isAbout } from "../../src/ask/problems.ts";
import { getPath } from "../../src/ask/set-path.ts";
import { applyWhatIf } from "../../src/ask/what-if.ts";
import { validate } from "../../src/io/validate.ts";
import type { Result } from "../../src/schema/result.ts";
import type { LoadedFile } from "../../src/schema/scenario.ts";
import { DATA_TYPES, NORM_IMPLEMENTATIONS, NORM_KINDS, PHASES } from "../../src/schema/vocabulary.ts";
import { json } from "../support/command.ts";
import { scenario } from "../support/scenarios.ts";

/** [flag, a value that differs from the default scenario's, where it is in the resolved scenario, what is there] */
const FLAGS: Readonly<Record<FlagName, readonly [string, string, unknown]>> = {
  model: ["llama-3-8b", "model.name", "Llama 3 8B"],
  hardware: ["h200-sxm", "hardware.name", "NVIDIA H200 SXM 141 GB"],
  stack: ["transformers", "kernels.cache", "concatenated"],
  phase: ["decode", "workload.phase", "decode"],
  batch: ["3", "workload.batch", 3],
  sequence: ["7", "workload.sequence", 7],
  context: ["5", "workload.context", 5],
  hidden: ["4096", "model.hidden", 4096],
  layers: ["5", "model.layers", 5],
  ffn: ["1024", "model.ffn", 1024],
  heads: ["32", "model.heads", 32],
  "kv-heads": ["4", "model.kvHeads", 4],
  norm: ["layernorm:fused", "normalization.implementation", "fused"],
  pointwise: ["fused", "kernels.pointwise", "fused"],
  attention: ["materialized", "kernels.attention", "materialized"],
  runtime: ["eager", "runtime", "eager"],
  precision: ["fp16", "precision.weights", "fp16"],
  "tensor-parallel": ["8", "parallelism.tensor", 8],
  "expert-parallel": ["1", "parallelism.expert", 1],
  pipeline: ["4", "parallelism.pipeline", 4],
  "layer-kind": ["", "layerKind", undefined],
  "gpu-hour-usd": ["2.5", "hardware.gpuHourUsd.value", 2.5],
  "sequence-parallel": ["", "parallelism.sequenceParallel", true],
};

/** A dense model has no kinds of layers, and a switch no wrong value: those flags have tests of their own. */
const OF_ANY_MODEL = Object.entries(FLAGS).filter(([, [value]]) => value !== "");

describe("--layer-kind", () => {
  test("reports another kind of the model's layers", async () => {
    const of = (kind: string) => json<Result>(`run --model deepseek-v3 --layer-kind ${kind} --json`);
    const [experts, dense] = [await of("experts"), await of("dense")];
    const names = (result: Result) => result.operators.map(({ name }) => name);
    expect(names(experts)).toContain("router");
    expect(names(dense)).not.toContain("router");
    expect(dense.wholeModel).toEqual(experts.wholeModel);
  });
});

describe("--sequence-parallel", () => {
  test("turns its field on, over the file and in a report", async () => {
    const { scenario } = await json<Result>("run --tensor-parallel 2 --sequence-parallel --json");
    expect(scenario.parallelism).toEqual({ tensor: 2, sequenceParallel: true });
  });
});

/** Another model has its own kind of norm, another stack its own kernels everywhere. */
const MOVED_ALONG: Readonly<Record<string, readonly string[]>> = {
  model: ["normalization"],
  stack: ["stack", "normalization", "runtime", "training"],
};

describe.each(OF_ANY_MODEL)("--%s", (name, [value, path, expected]) => {
  test("changes its field and what hangs on it, nothing else", async () => {
    const before = await json<Result>("run --json");
    const after = await json<Result>(`run --${name} ${value} --json`);
    const keys = path.split(".");
    expect(getPath(after.scenario, keys)).toEqual(expected);
    expect(getPath(before.scenario, keys)).not.toEqual(expected);
    const moving = [keys[0], "description", ...(MOVED_ALONG[name] ?? [])];
    for (const part of Object.keys(before.scenario).filter((key) => !moving.includes(key)))
      expect(after.scenario[part as keyof typeof after.scenario]).toEqual(
        before.scenario[part as keyof typeof before.scenario],
      );
  });

  test("wins over the scenario file", async () => {
    const base = await json<Result>("show llama-3-70b-prefill-h100 --resolved");
    const { scenario } = await json<Result>(`run - --${name} ${value} --json`, {
      stdin: JSON.stringify(base),
    });
    expect(getPath(scenario, path.split("."))).toEqual(expected);
  });

  test("is named by its flag where its value cannot be", async () => {
    const flag = WHAT_IF_FLAGS.find((one) => one.name === name)!;
    // a price may have cents, and must not be nothing
    const wrong = flag.kind === "words" ? "nosuchthing" : name === "gpu-hour-usd" ? "0" : "1.5";
    await expect(json(`run --${name} ${wrong} --json`)).rejects.toThrow(
      new RegExp(`--${name}|${flag.field}`),
    );
  });
});

describe("the flags", () => {
  test("each have a name of their own and a field of the scenario", () => {
    expect(Object.keys(FLAGS).sort()).toEqual(WHAT_IF_FLAGS.map(({ name }) => name).sort());
    expect(new Set(WHAT_IF_FLAGS.map(({ field }) => field)).size).toBe(WHAT_IF_FLAGS.length);
    for (const { name, help } of WHAT_IF_FLAGS) {
      expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(help).toMatch(/^[a-zA-Z]/);
    }
  });
});

describe("what a flag takes", () => {
  const file = scenario() as unknown as LoadedFile;
  const WORDS = [...DATA_TYPES, ...NORM_KINDS, ...NORM_IMPLEMENTATIONS, ...PHASES, "flash", "graph", "x"];
  const values: Readonly<Record<"numbers" | "words" | "switch", fc.Arbitrary<unknown>>> = {
    numbers: fc.oneof(
      fc.integer({ min: -2, max: 3 }),
      fc.constantFrom(0.5, 1.5, 1e9, 1e9 + 1, 1e-31, 1e30, 1e31, Number.NaN),
    ),
    // an empty word is refused before anybody asks
    words: fc.oneof(
      fc.constantFrom(...WORDS),
      fc.tuple(fc.constantFrom("", ...WORDS), fc.constantFrom(...WORDS)).map(([a, b]) => `${a}:${b}`),
    ),
    switch: fc.constant(true),
  };
  // names are looked up, a kind of layer is the model's, and other sizes scale with the hidden size
  const OTHERS: readonly string[] = ["model", "hardware", "stack", "layer-kind", "hidden"];

  test.each(WHAT_IF_FLAGS.filter(({ name }) => !OTHERS.includes(name)))(
    "$name: is what the schema takes there",
    (flag) => {
      fc.assert(
        fc.property(values[flag.kind], (value) => {
          const { input } = applyWhatIf(file, { [flag.name]: value }, []);
          const { problems = [] } = validate("scenario", input);
          const own = problems.filter((line) => isAbout(line, flag.field));
          // what the fields of a model have to do with each other is for the rules between fields
          expect(own.filter((line) => !line.includes("divisor")).length === 0).toBe(isTaken(flag, value));
        }),
        { numRuns: 40 },
      );
    },
  );
});
