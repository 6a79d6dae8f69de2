import { readdirSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Device, device } from "../../src/engine/device/device.ts";
import { lawOf } from "../../src/engine/device/kernel-time.ts";
import type { Law } from "../../src/engine/device/law.ts";
import { power, softMaximum, softMaximum4 } from "../../src/engine/device/math.ts";
import { groupedPadding, tilePadding } from "../../src/engine/device/matmul-tiles.ts";
import { threadsPerRow } from "../../src/engine/device/row-sum.ts";
import type { Kernel as EngineKernel } from "../../src/engine/layer/kernel.ts";
import { layerOperators } from "../../src/engine/layer/layer.ts";
import { layerResult } from "../../src/engine/layer-result.ts";
import { CalibrationSchema } from "../../src/schema/calibration.ts";
import { ExplanationSchema } from "../../src/schema/explanation.ts";
import type { Scenario } from "../../src/schema/scenario.ts";
import { ATTENTION_LIBRARIES, NORM_IMPLEMENTATIONS, NORM_KINDS } from "../../src/schema/vocabulary.ts";
import { explain } from "../../src/study/explain/explain.ts";
import { command, json, type RunOptions } from "../support/command.ts";
import {
  anyScenario,
  datasheet,
  decode,
  hardware,
  model,
  prefill,
  scenario,
  train,
} from "../support/scenarios.ts";
import { shippedScenario } from "../support/shipped-scenarios.ts";

const PROFILES = readdirSync("hardware-profiles").map((file) => file.replace(/\.json$/, ""));
const DEVICES = [...["h100-sxm", "h200-sxm", "a100-sxm-80gb"].map(hardware), datasheet("b200")];
const WORKLOADS = [prefill(1, 4096), prefill(2, 100, 300), decode(1, 512), decode(64, 4096), train(2, 512)];

/** Most kinds of kernels, on calibrated devices and one that is not. */
const OF_KINDS = DEVICES.flatMap((one) =>
  WORKLOADS.flatMap((workload, index) =>
    NORM_IMPLEMENTATIONS.map((implementation, which) =>
      scenario({
        hardware: one,
        workload,
        model: model((index + which) % 2 === 0 ? "llama-3-8b" : "bert-large"),
        normalization: { kind: NORM_KINDS[which % 2]!, implementation },
        kernels: {
          pointwise: which % 2 === 0 ? "eager" : "fused",
          attention: which % 3 === 0 ? "materialized" : "flash",
        },
        parallelism: { tensor: which % 3 === 1 ? 2 : 1, sequenceParallel: false },
      }),
    ),
  ),
);

const FLASH = { pointwise: "eager", attention: "flash" } as const;

/** What libraries of attention and of exchanges have laws or lines of their own for. */
const SCENARIOS = [
  ...OF_KINDS,
  ...ATTENTION_LIBRARIES.flatMap((attentionLibrary) =>
    [prefill(1, 16, 8192), decode(4, 4096)].map((workload) =>
      scenario({
        workload,
        model: model("llama-3-8b"),
        kernels: { ...FLASH, attentionLibrary },
        parallelism: { tensor: 4, sequenceParallel: false, allReduce: "one-shot" },
      }),
    ),
  ),
];

/** The functions that formulas call. */
const FUNCTIONS = {
  min: Math.min,
  max: Math.max,
  ceil: Math.ceil,
  floor: Math.floor,
  log2: Math.log2,
  power,
  softMaximum,
  softMaximum4,
  tilePadding,
  groupedPadding,
  threadsPerRow,
};

/** What a reader gets who computes the printed line. */
const evaluate = (expression: string): number =>
  new Function(...Object.keys(FUNCTIONS), `return ${expression};`)(...Object.values(FUNCTIONS));

/** Every line holds; relative, as a text may multiply in another order than the code. */
function expectHeld({ formula, substituted, value }: Pick<Step, "formula" | "substituted" | "value">): void {
  const found = evaluate(substituted);
  if (!(Math.abs(found - value) <= 1e-12 * Math.abs(value)))
    throw new Error(`${formula}: ${substituted} is ${found}, not ${value}`);
}

type Explained = ReturnType<typeof explain>;
type Kernel = Explained["operators"][number]["kernels"][number];
type Step = Kernel["steps"][number];

const kernelsOf = (one: Scenario): Kernel[] =>
  explain(one, undefined).operators.flatMap(({ kernels }) => kernels);

function forEveryKernel(look: (kernel: EngineKernel, target: Device) => void): void {
  for (const one of [...SCENARIOS, ...fc.sample(shippedScenario, { numRuns: 100, seed: 1 })])
    for (const { kernels } of layerOperators(one))
      for (const kernel of kernels) look(kernel, device(one.hardware));
}

const KERNEL_NUMBERS = ["flops", "hbmReadBytes", "hbmWriteBytes"];

/** Names in a formula that are no paths and no functions. */
const plainNames = (formula: string): string[] => formula.match(/(?<![\w.])[A-Za-z_]\w*(?![\w.(])/g) ?? [];

describe("the formulas of a timing law", () => {
  test("give, evaluated as printed with the values put in, the value beside them", () => {
    const seen = new Set<string>();
    for (const one of SCENARIOS)
      for (const { steps } of kernelsOf(one))
        for (const step of steps) {
          seen.add(step.formula);
          expectHeld(step);
        }
    // all laws were there
    expect(seen.size).toBeGreaterThan(60);
  });

  test("hold for any layer, of any shipped model on any shipped device too", () => {
    fc.assert(
      fc.property(fc.oneof(anyScenario, shippedScenario), (one) => {
        for (const { steps } of kernelsOf(one)) steps.forEach(expectHeld);
      }),
      { numRuns: 200 },
    );
  });

  test("end in the kernel's time, of which they have every term", () => {
    for (const one of SCENARIOS)
      for (const { steps, seconds, terms } of kernelsOf(one)) {
        expect(steps.at(-1)).toMatchObject({ name: "seconds", value: seconds });
        for (const [name, value] of Object.entries(terms).filter(([, value]) => value > 0))
          expect(steps.find((step) => step.name === name)?.value).toBe(value);
      }
  });

  test("name nothing but lines above them, the kernel's sizes, constants and paths, each once", () => {
    forEveryKernel((kernel, target) => {
      const { constants = {}, formula } = lawOf(kernel.work, target);
      const known = new Set([...Object.keys({ ...kernel.work, ...constants }), ...KERNEL_NUMBERS]);
      for (const [name, text] of formula(kernel.work, target)) {
        expect(plainNames(text).filter((one) => !known.has(one))).toEqual([]);
        expect(known).not.toContain(name);
        known.add(name);
      }
    });
  });

  test("have a line for every figure of their law", () => {
    const unexplained = new Map<Law, Set<string>>();
    forEveryKernel((kernel, target) => {
      const law = lawOf(kernel.work, target);
      const left = unexplained.get(law) ?? new Set<string>();
      if (!unexplained.has(law))
        law.time(kernel, { hbmBytes: 1e6, l2Bytes: 0 }, target, (figures) => {
          for (const name of Object.keys(figures)) left.add(name);
        });
      for (const [name] of law.formula(kernel.work, target)) left.delete(name);
      unexplained.set(law, left);
    });
    // one of each kind, the fused norm's backward, and the datasheet's roofline
    expect(unexplained.size).toBe(15);
    expect([...unexplained.values()].flatMap((left) => [...left])).toEqual([]);
  });

  test.each(["", "--phase decode --model mixtral-8x7b --norm rmsnorm:eager"])(
    "call only functions that the table explains, or everybody knows: %s",
    async (flags) => {
      const { stdout } = await command(["explain", ...flags.split(" ").filter(Boolean)], { columns: 400 });
      const called = [...new Set([...stdout.matchAll(/([a-z]\w*)\(/g)].map(([, name]) => name!))];
      for (const name of called.filter((one) => !(one in Math)))
        expect(stdout).toMatch(new RegExp(`\\b${name}\\([^)]*\\) is `));
      expect(called.length).toBeGreaterThan(3);
    },
  );

  test("have a value for a link that the profile says nothing of", () => {
    const { linkBytesPerSecond: _, ...unlinked } = hardware("h100-sxm");
    const one = scenario({ hardware: unlinked, parallelism: { tensor: 8, sequenceParallel: false } });
    const explained = explain(one, "attention-all-reduce");
    const { steps } = explained.operators[0]!.kernels[0]!;
    steps.forEach(expectHeld);
    const link = steps
      .flatMap(({ operands }) => operands)
      .find(({ name }) => name === "hardware.linkBytesPerSecond");
    expect(link).toMatchObject({
      value: 1e30,
      source: "not given: taken to be so fast that it takes no time",
    });
    expect(() => ExplanationSchema.parse(explained)).not.toThrow();
  });

  test("name each parameter of a calibrated device with its origin", () => {
    const { operators } = explain(scenario(), "ffn-norm");
    const operands = operators[0]!.kernels[0]!.steps.flatMap((step) => step.operands);
    const bandwidth = operands.find(({ name }) => name === "hardware.hbmBytesPerSecond");
    expect(bandwidth).toMatchObject({ value: 3.35e12, source: expect.stringContaining("data sheet") });
    const fraction = operands.find(({ name }) => name === "memory.rowPerBlockFraction");
    expect(fraction?.source).toMatch(
      /^measured: measurements\/h100-sxm\/measured\.jsonl \(norm native: \d+ rows, median error [\d.]+%\)$/,
    );
  });
});

const operandsOf = ({ operators, totals }: Explained) =>
  [...operators.flatMap(({ kernels }) => kernels.flatMap(({ steps }) => steps)), ...totals].flatMap(
    ({ operands }) => operands,
  );

/** Paths into the hardware and its calibration. */
const OF_HARDWARE = new RegExp(`^(hardware|${Object.keys(CalibrationSchema.shape).join("|")})\\.`);

describe("a number of the hardware", () => {
  test("has a source, on every device, in every scenario", () => {
    const unsaid = new Set<string>();
    let said = 0;
    for (const one of SCENARIOS)
      for (const { name, source = "" } of operandsOf(explain(one, undefined))) {
        if (!OF_HARDWARE.test(name)) continue;
        if (source === "") unsaid.add(`${one.hardware.name}: ${name}`);
        else said += 1;
      }
    expect([...unsaid]).toEqual([]);
    expect(said).toBeGreaterThan(10_000);
  });

  test.each(PROFILES)("has a source on %s, in every phase, and in totals too", (name) => {
    const device = hardware(name);
    const precision = device.peakFlopsPerSecond.bf16 === undefined ? "fp16" : "bf16";
    const types = { weights: precision, activations: precision, kvCache: precision } as const;
    for (const workload of WORKLOADS) {
      const found = operandsOf(
        explain(scenario({ hardware: device, workload, precision: types }), undefined),
      );
      const bare = found.filter(({ name, source = "" }) => OF_HARDWARE.test(name) && source === "");
      expect(bare.map(({ name }) => name)).toEqual([]);
      expect(found.some(({ name }) => name.endsWith("hbmBytesPerSecond"))).toBe(true);
    }
  });

  test("that was typed is said to be typed, and no other is", () => {
    const changed = [
      "hardware.hbmBytesPerSecond",
      "hardware.calibration.rowPerBlock.softness.value",
      "workload.batch",
    ];
    const readFrom = { scenario: "a.json", model: "b.json", hardware: "c.json", changed };
    const typed = operandsOf(explain(scenario(), "ffn-norm", readFrom)).filter(
      ({ source }) => source === "set on the command line",
    );
    expect([...new Set(typed.map(({ name }) => name))].sort()).toEqual([
      "hardware.hbmBytesPerSecond",
      "rowPerBlock.softness",
    ]);
  });

  test("that the price of an hour is, is the profile's or as given", async () => {
    const source = async (line: string) => {
      const found = operandsOf(await json<Explained>(`explain ${line} --json`));
      return found.find(({ name }) => name === "hardware.gpuHourUsd")?.source;
    };
    expect(await source("")).toBe(hardware("h100-sxm").gpuHourUsd?.source);
    expect(await source("--gpu-hour-usd 4")).toBe("set on the command line");
  });
});

describe("the totals of an explanation", () => {
  test("are the result's fields, and come out of the printed formula to the last bit", () => {
    fc.assert(
      fc.property(anyScenario, (one) => {
        const result = layerResult(one) as unknown as Record<string, Record<string, number>>;
        for (const { name, substituted, value } of explain(one, undefined).totals) {
          const [part, field] = name.split(".") as [string, string];
          expect(value).toBe(result[part]![field]);
          expect(evaluate(substituted)).toBe(value);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("reach from operators to money, and are left out where one operator is asked for", () => {
    const names = explain(scenario(), undefined).totals.map(({ name }) => name);
    for (const name of [
      "layer.seconds",
      "normalization.shareOfTime",
      "wholeModel.tokensPerSecond",
      "cost.usdPerMillionTokens",
    ])
      expect(names).toContain(name);
    expect(explain(scenario(), "rope").totals).toEqual([]);
  });

  test("do not add up layers that run on several stages at once", () => {
    const staged = scenario({ parallelism: { tensor: 1, sequenceParallel: false, pipeline: 4 } });
    const names = explain(staged, undefined).totals.map(({ name }) => name);
    expect(names).toContain("layer.seconds");
    expect(names).not.toContain("wholeModel.seconds");
  });
});

describe("the files behind an explanation", () => {
  const readFrom = async (line: string, options?: RunOptions) =>
    (await json<Explained>(`explain ${line} --json`, options)).readFrom;

  test("are those that were read, and what flags changed after that", async () => {
    expect(await readFrom("llama-3-70b-decode-h100 ffn-norm")).toEqual({
      scenario: "scenarios/llama-3-70b-decode-h100.json",
      model: "models/llama-3-70b.json",
      hardware: "hardware-profiles/h100-sxm.json",
      changed: [],
    });
    expect(
      await readFrom(
        "--model gpt2-xl --hardware ./hardware-profiles/l4.json --batch 2 --set precision.kvCache=fp16",
      ),
    ).toMatchObject({
      model: "models/gpt2-xl.json",
      hardware: "./hardware-profiles/l4.json",
      changed: ["workload.batch", "precision.kvCache"],
    });
  });

  test("are the scenario's own where it holds a part itself", async () => {
    const stdin = JSON.stringify({ ...scenario(), hardware: "l4", precision: {} });
    expect(await readFrom("-", { stdin })).toEqual({
      scenario: "standard input",
      model: "standard input",
      hardware: "hardware-profiles/l4.json",
      changed: [],
    });
  });

  test("stand below the table, with where the model's sizes are from", async () => {
    const { stdout } = await command(["explain", "ffn-norm", "--batch", "2"], { columns: 400 });
    expect(stdout).toContain(`(models/llama-3-70b.json): ${model("llama-3-70b").source}.`);
    expect(stdout).toContain("(hardware-profiles/h100-sxm.json)");
    expect(stdout).toContain("Changed by flags: workload.batch.");
  });
});

describe("an explanation", () => {
  test("adds up to what the result says, for any scenario", () => {
    fc.assert(
      fc.property(anyScenario, (one) => {
        const { operators } = layerResult(one);
        explain(one, undefined).operators.forEach((explained, index) => {
          const { seconds, flops, hbmReadBytes, hbmWriteBytes } = operators[index]!;
          const sum = (value: (kernel: (typeof explained.kernels)[number]) => number): number =>
            explained.kernels.reduce((total, kernel) => total + value(kernel), 0);
          const step = (name: string) => (kernel: (typeof explained.kernels)[number]) =>
            kernel.steps.find((one) => one.name === name)?.value ?? 0;
          expect(sum(({ seconds: alone }) => alone) + explained.launchSeconds).toBeCloseTo(seconds, 15);
          expect(sum(step("flops"))).toBeCloseTo(flops, -Math.floor(Math.log10(flops + 1)) + 9);
          expect(sum(step("hbmReadBytes")) / Math.max(1, hbmReadBytes)).toBeCloseTo(
            hbmReadBytes > 0 ? 1 : 0,
            9,
          );
          expect(sum(step("hbmWriteBytes")) / Math.max(1, hbmWriteBytes)).toBeCloseTo(
            hbmWriteBytes > 0 ? 1 : 0,
            9,
          );
        });
      }),
      { numRuns: 60 },
    );
  });

  test("of one operator is that part of the whole", () => {
    const whole = explain(scenario(), undefined).operators;
    const one = explain(scenario(), "rope").operators;
    expect(one).toEqual(whole.filter(({ name }) => name === "rope"));
    expect(one[0]?.kernels).toHaveLength(10);
  });
});
