import { describe, expect, test } from "vitest";
import { validate } from "../../src/io/validate.ts";
import { jsonSchema } from "../../src/schema/json-schema.ts";
import type { ScenarioFile } from "../../src/schema/scenario.ts";
import {
  AMOUNT,
  amountUpTo,
  anyText,
  COUNT,
  COUNT_OR_ZERO,
  type FieldKind,
  FLAG,
  list,
  OBJECT,
  oneOf,
  optional,
  put,
  QUANTITY,
  TEXT,
  withGood,
} from "../support/fields.ts";
import { hardware, model } from "../support/scenarios.ts";

type Kind = "model" | "hardware" | "scenario";

const WIDE = ["fp32", "tf32", "fp16", "bf16"] as const;
const IMPLEMENTATIONS = ["textbook", "eager", "native", "fused", "residual-fused", "folded"];
/** The least and the most of a size. */
const PAIR: FieldKind = { ...list(0), good: [[1, 2]] };
/** Defaults fill what is left out of these. */
const defaulted = optional;

const MODEL = { ...model("llama-3-8b"), heads: 8, kvHeads: 1, rotaryDim: 64 };
const EXPERTS = { count: 8, perToken: 1, ffn: 1024 };
const LATENT = { keyValueRank: 512, nopeDim: 128, ropeDim: 64 };
const LAYER_KINDS = [
  { name: "sparse, near", layers: 30 },
  { name: "plain, far", layers: 2, feedForward: "dense", attention: "full" },
];
/** Models that have the parts into which paths lead. */
const MODELS_WITH: Readonly<Record<string, object>> = {
  "experts.": { ...MODEL, experts: EXPERTS },
  "latentAttention.": { ...MODEL, kvHeads: MODEL.heads, latentAttention: LATENT },
  "layerKinds.": { ...MODEL, layers: 32, experts: EXPERTS, slidingWindow: 4096, layerKinds: LAYER_KINDS },
};
const HARDWARE = {
  ...hardware("h100-sxm"),
  peakFlopsPerSecond: { fp32Vector: 1, tf32: 2, fp16: 3, bf16: 4, fp8: 5, fp4: 6 },
};
const PASS = {
  name: "all",
  kernel: "row-per-block",
  reads: ["activation"],
  writes: ["activation"],
  fixedReadBytes: 1,
  flopsPerElement: 4,
};
const SCENARIO = {
  $schema: "../schemas/scenario.schema.json",
  description: "a test",
  model: MODEL,
  hardware: HARDWARE,
  workload: { phase: "prefill", batch: 2, sequence: 128, context: 64 },
  precision: { weights: "bf16", activations: "bf16", kvCache: "bf16" },
  normalization: { kind: "layernorm", implementation: [PASS] },
  kernels: { pointwise: "eager", attention: "flash" },
  runtime: "graph",
  parallelism: { tensor: 1, sequenceParallel: false },
  training: { optimizer: "adamw", gradientAccumulation: 2, recomputation: "none" },
};
const BASES: Readonly<Record<Kind, object>> = { model: MODEL, hardware: HARDWARE, scenario: SCENARIO };

const baseOf = (kind: Kind, path: string): object =>
  Object.entries(MODELS_WITH).find(([part]) => kind === "model" && path.startsWith(part))?.[1] ?? BASES[kind];

/** Every field of every kind of file that users write. */
const FIELDS: Readonly<Record<Kind, readonly (readonly [string, FieldKind])[]>> = {
  model: [
    ["$schema", optional(anyText())],
    ["name", TEXT],
    ["source", TEXT],
    ["layers", COUNT],
    ["hidden", COUNT],
    ["heads", COUNT],
    ["kvHeads", withGood(COUNT, 1, 2, 4, 8)],
    ["headDim", withGood(COUNT, 64, 128, 1e9)],
    ["ffn", COUNT],
    ["gated", FLAG],
    ["activation", oneOf("silu", "gelu", "relu")],
    ["bias", oneOf("none", "qkv", "attention", "all")],
    ["positions", oneOf("rope", "learned", "alibi", "none")],
    ["positionRows", optional(COUNT)],
    ["rotaryDim", optional(withGood(COUNT, 1, 2, 128))],
    ["norm", oneOf("layernorm", "rmsnorm", "dyt")],
    ["normPlacement", oneOf("pre", "post", "branch", "sandwich", "parallel", "parallel-shared")],
    ["qkNorm", FLAG],
    ["qkNormSpan", optional(oneOf("head", "projection"))],
    ["causal", FLAG],
    ["slidingWindow", optional(COUNT)],
    ["chunkedWindow", optional(withGood(FLAG, false))],
    ["experts", optional(OBJECT)],
    ["experts.count", COUNT],
    ["experts.perToken", withGood(COUNT, 1, 2, 8)],
    ["experts.ffn", COUNT],
    ["experts.sharedFfn", optional(COUNT)],
    ["experts.sharedGate", optional(FLAG)],
    ["latentAttention", optional(OBJECT)],
    ["latentAttention.queryRank", optional(COUNT)],
    ["latentAttention.keyValueRank", COUNT],
    ["latentAttention.nopeDim", COUNT],
    ["latentAttention.ropeDim", COUNT],
    ["layerKinds", optional(list(2))],
    ["layerKinds.0", OBJECT],
    ["layerKinds.0.name", TEXT],
    ["layerKinds.0.layers", withGood(COUNT, 30)],
    ["layerKinds.0.feedForward", optional(oneOf("experts", "dense"))],
    ["layerKinds.0.attention", optional(oneOf("window", "full"))],
    ["layerKinds.0.positions", optional(oneOf("none"))],
    ["layerKinds.0.heads", optional(withGood(COUNT, 1, 2, 8))],
    ["layerKinds.0.kvHeads", optional(withGood(COUNT, 1, 2, 8))],
    ["layerKinds.0.headDim", optional(withGood(COUNT, 64, 128, 1e9))],
    ["layerKinds.0.rotaryDim", optional(withGood(COUNT, 1, 2, 128))],
    ["layerKinds.0.ffn", optional(COUNT)],
    ["vocabulary", COUNT],
    ["tiedEmbeddings", optional(FLAG)],
    ["outputHead", optional(FLAG)],
    ["embeddingNorm", optional(FLAG)],
    ["normOffset", optional(FLAG)],
    ["geluNew", optional(FLAG)],
    ["dropout", { good: [0, 0.1, 0.99, undefined], bad: [] }],
  ],
  hardware: [
    ["$schema", optional(anyText())],
    ["name", TEXT],
    ["gpu", optional(TEXT)],
    ["sources", list(1)],
    ["sources.0", OBJECT],
    ["sources.0.fields", list(1)],
    ["sources.0.fields.0", TEXT],
    ["sources.0.source", TEXT],
    ["peakFlopsPerSecond", OBJECT],
    ["peakFlopsPerSecond.fp32Vector", QUANTITY],
    ["peakFlopsPerSecond.tf32", optional(QUANTITY)],
    ["peakFlopsPerSecond.fp16", optional(QUANTITY)],
    ["peakFlopsPerSecond.bf16", optional(QUANTITY)],
    ["peakFlopsPerSecond.int8", optional(QUANTITY)],
    ["peakFlopsPerSecond.fp8", optional(QUANTITY)],
    ["peakFlopsPerSecond.fp4", optional(QUANTITY)],
    ["hbmBytesPerSecond", QUANTITY],
    ["hbmBytes", QUANTITY],
    ["l2Bytes", QUANTITY],
    ["computeUnits", COUNT],
    ["boostClockHz", optional(QUANTITY)],
    ["linkBytesPerSecond", optional(QUANTITY)],
    ["lastLevelBytes", optional(QUANTITY)],
    ["maxClockHz", optional(QUANTITY)],
    ["linkedGpus", optional(COUNT)],
    ["gpusPerNode", optional(COUNT)],
    ["interNodeBytesPerSecond", optional(QUANTITY)],
    ["interNodeLatencySeconds", optional(QUANTITY)],
    ["boardPowerWatts", optional(QUANTITY)],
    ["gpuHourUsd", optional(OBJECT)],
    ["gpuHourUsd.value", QUANTITY],
    ["gpuHourUsd.source", TEXT],
    ["calibration", optional(OBJECT)],
    ["crossValidation", optional(list(0))],
    ["crossValidation.0", OBJECT],
    ["crossValidation.0.name", TEXT],
    ["generator", optional(TEXT)],
    ["crossValidation.0.sizes", COUNT],
    ["crossValidation.0.rows", COUNT],
    ["crossValidation.0.medianError", AMOUNT],
    ["crossValidation.0.percentile90Error", AMOUNT],
    ["crossValidation.0.basis", optional(oneOf("measured", "published", "transferred"))],
    ["validation", optional(list(0))],
    ["validation.0", OBJECT],
    ["validation.0.phase", oneOf("prefill", "decode", "train")],
    ["validation.0.runtime", oneOf("graph", "eager")],
    ["validation.0.layersWith", optional(oneOf("experts", "two GPUs", "fp8"))],
    ["validation.0.layers", COUNT],
    ["validation.0.medianError", AMOUNT],
    ["validation.0.percentile90Error", AMOUNT],
    ["validation.0.shareErrorPoints", AMOUNT],
    ["validation.0.measured", optional(OBJECT)],
    ["validation.0.measured.batch", PAIR],
    ["validation.0.measured.tokens", PAIR],
    ["validation.0.measured.context", PAIR],
    ["validation.0.measured.hidden", PAIR],
    ["validation.0.measured.headDims", list(1)],
    ["validation.0.measured.norms", list(1)],
    ["validation.0.measured.norms.0", TEXT],
    ["validation.0.measured.pointwise", list(1)],
    ["validation.0.measured.pointwise.0", oneOf("eager", "fused")],
    ["validation.0.savings", optional(list(0))],
    ["validation.0.savings.0", OBJECT],
    ["validation.0.savings.0.between", { ...list(0), good: [["eager", "native"]] }],
    ["validation.0.savings.0.pairs", COUNT],
    ["validation.0.savings.0.errorShareOfTime", AMOUNT],
    ["validation.0.source", TEXT],
  ],
  scenario: [
    ["$schema", optional(anyText())],
    ["description", optional(anyText(2000))],
    ["workload", OBJECT],
    ["workload.phase", withGood(oneOf("prefill", "decode", "train"), "prefill")],
    ["workload.batch", defaulted(COUNT)],
    // only decode may leave it out
    ["workload.sequence", { good: COUNT.good, bad: optional(COUNT).bad }],
    ["workload.context", defaulted(COUNT_OR_ZERO)],
    ["precision", defaulted(OBJECT)],
    ["precision.weights", defaulted(oneOf(...WIDE, "fp8", "int8", "fp4", "int4"))],
    ["precision.activations", defaulted(oneOf(...WIDE, "fp8", "int8", "fp4"))],
    ["precision.kvCache", defaulted(oneOf(...WIDE, "fp8", "int8"))],
    ["normalization", defaulted(OBJECT)],
    ["normalization.kind", optional(oneOf("layernorm", "rmsnorm", "dyt"))],
    ["normalization.implementation.0", OBJECT],
    ["normalization.implementation.0.name", TEXT],
    [
      "normalization.implementation.0.kernel",
      defaulted(
        oneOf("vectorized", "unrolled", "row-sum", "column-sum", "row-per-block", "row-in-registers"),
      ),
    ],
    ["normalization.implementation.0.reads", list(0)],
    ["normalization.implementation.0.writes", list(0)],
    ["normalization.implementation.0.fixedReadBytes", defaulted(amountUpTo(1e9))],
    ["normalization.implementation.0.flopsPerElement", amountUpTo(1000)],
    ["kernels", defaulted(OBJECT)],
    ["kernels.pointwise", defaulted(oneOf("eager", "fused"))],
    ["kernels.attention", defaulted(oneOf("flash", "materialized"))],
    ["kernels.attentionLibrary", optional(oneOf("cudnn", "flash", "flashinfer", "triton"))],
    ["kernels.quantization", optional(oneOf("separate", "fused"))],
    ["kernels.projections", optional(oneOf("merged", "separate"))],
    ["kernels.rope", optional(oneOf("contiguous", "transposed"))],
    ["kernels.cache", optional(oneOf("in-place", "concatenated", "static", "paged"))],
    ["kernels.keyValueHeads", optional(oneOf("grouped", "expanded"))],
    ["kernels.mask", optional(oneOf("implicit", "explicit"))],
    ["kernels.gelu", optional(oneOf("one-kernel", "op-by-op"))],
    ["kernels.stepInputs", optional(oneOf("given", "computed"))],
    ["kernels.logits", optional(oneOf("last", "all"))],
    ["kernels.loss", optional(oneOf("fused", "op-by-op"))],
    ["kernels.embeddingGradient", optional(oneOf("rows", "dense"))],
    ["kernels.dropout", optional(oneOf("none", "separate"))],
    ["runtime", defaulted(oneOf("graph", "eager"))],
    ["parallelism", defaulted(OBJECT)],
    ["parallelism.tensor", defaulted(COUNT)],
    ["parallelism.sequenceParallel", defaulted(FLAG)],
    ["parallelism.allReduce", optional(oneOf("nccl", "one-shot"))],
    ["parallelism.expert", optional(COUNT)],
    ["parallelism.pipeline", optional(COUNT)],
    ["training", optional(OBJECT)],
    ["training.optimizer", optional(oneOf("adamw", "none"))],
    ["training.optimizerStates", optional(oneOf("fp32", "weights"))],
    ["training.gradientAccumulation", optional(COUNT)],
    ["training.recomputation", optional(oneOf("none", "selective", "full"))],
    ["layerKind", optional(TEXT)],
  ],
};

const problems = (kind: Kind, data: unknown): readonly string[] => validate(kind, data).problems ?? [];
/** As messages name it: `sources[0].fields`. */
const named = (path: string): string => path.replaceAll(/\.(\d+)/g, "[$1]");
const ALL = (Object.keys(FIELDS) as Kind[]).flatMap((kind) =>
  FIELDS[kind].map(([path, field]) => ({ kind, path, field })),
);

describe.each(ALL)("$kind: $path", ({ kind, path, field }) => {
  test("takes what it should", () => {
    for (const value of field.good) expect(problems(kind, put(baseOf(kind, path), path, value))).toEqual([]);
  });

  test("refuses everything else with one line: the place, what was expected, what is there", () => {
    for (const [value, message] of field.bad) {
      const found = problems(kind, put(baseOf(kind, path), path, value));
      expect(found).toEqual([`${named(path)}: ${message}`]);
    }
  });
});

describe("the table of fields", () => {
  /** Fields of a JSON Schema as dotted paths; lists by their first item. */
  function paths(node: Record<string, unknown>, path = ""): string[] {
    const own = (node["properties"] ?? {}) as Record<string, Record<string, unknown>>;
    const below = (child: Record<string, unknown>, at: string): string[] => [
      ...paths(child, at),
      ...(child["items"] ? paths(child["items"] as Record<string, unknown>, `${at}.0`) : []),
    ];
    return Object.entries(own).flatMap(([key, child]) => {
      const at = path === "" ? key : `${path}.${key}`;
      return [at, ...below(child, at)];
    });
  }

  test.each(["model", "hardware"] as const)("names every field of a %s", (kind) => {
    const listed = new Set(FIELDS[kind].map(([path]) => path));
    const all = paths(jsonSchema(kind) as Record<string, unknown>);
    const calibration = /^calibration\./; // has a test of its own
    expect(all.filter((path) => !listed.has(path) && !calibration.test(path))).toEqual([]);
  });

  test("names every field of a scenario", () => {
    const listed = new Set(FIELDS.scenario.map(([path]) => path));
    const all = paths(jsonSchema("scenario") as Record<string, unknown>);
    const unions = ["model", "hardware", "stack", "normalization.implementation"]; // below
    expect(all.filter((path) => !listed.has(path) && !unions.includes(path))).toEqual([]);
  });
});

describe("unknown keys", () => {
  const OBJECTS: readonly (readonly [Kind, string])[] = [
    ["model", ""],
    ["model", "experts"],
    ["model", "latentAttention"],
    ["model", "layerKinds.0"],
    ["hardware", ""],
    ["hardware", "sources.0"],
    ["hardware", "peakFlopsPerSecond"],
    ["hardware", "gpuHourUsd"],
    ["hardware", "validation.0"],
    ["scenario", ""],
    ["scenario", "model"],
    ["scenario", "hardware"],
    ["scenario", "hardware.peakFlopsPerSecond"],
    ["scenario", "workload"],
    ["scenario", "precision"],
    ["scenario", "normalization"],
    ["scenario", "normalization.implementation.0"],
    ["scenario", "kernels"],
    ["scenario", "parallelism"],
  ];

  test.each(OBJECTS)("of a %s at %j are refused by name, with the keys that are known", (kind, path) => {
    const at = path === "" ? "surprisingly" : `${path}.surprisingly`;
    const [found, ...more] = problems(kind, put(baseOf(kind, at), at, 1));
    expect(more).toEqual([]);
    expect(found).toMatch(/^\S*surprisingly: unknown key \(known: [\w$]+/);
    expect(found?.startsWith(`${named(at)}: `)).toBe(true);
  });

  test.each([
    ["model", "hiden", "hidden"],
    ["model", "kvheads", "kvHeads"],
    ["model", "Causal", "causal"],
    ["hardware", "hbmBytesPerSec", "hbmBytesPerSecond"],
    ["hardware", "peakFlopsPerSecond.fp32", "fp32Vector"],
    ["scenario", "worklod", "workload"],
    ["scenario", "workload.batches", "batch"],
    ["scenario", "kernels.atention", "attention"],
    ["scenario", "normalization.implementation.0.flops", "flopsPerElement"],
  ] as const)("of a %s: %s is probably %s", (kind, path, meant) => {
    const found = problems(kind, put(BASES[kind], path, 1));
    expect(found).toEqual([`${named(path)}: unknown key (did you mean "${meant}"?)`]);
  });
});

describe("what a file leaves out", () => {
  const least = { model: "a", hardware: "b", workload: { phase: "decode" } };

  test("has these defaults", () => {
    expect(validate("scenario", least).value).toEqual({
      ...least,
      workload: { phase: "decode", batch: 1, context: 0 },
      precision: { weights: "bf16", activations: "bf16", kvCache: "bf16" },
      normalization: {},
      kernels: { pointwise: "eager", attention: "flash" },
      runtime: "graph",
      parallelism: { tensor: 1, sequenceParallel: false },
    });
  });

  test("of a part leaves the defaults of the rest", () => {
    const { value } = validate("scenario", {
      ...least,
      precision: { kvCache: "fp16" },
      normalization: { kind: "rmsnorm" },
      kernels: { attention: "materialized" },
      parallelism: { tensor: 4 },
    });
    expect(value).toMatchObject({
      precision: { weights: "bf16", activations: "bf16", kvCache: "fp16" },
      normalization: { kind: "rmsnorm" },
      kernels: { pointwise: "eager", attention: "materialized" },
      parallelism: { tensor: 4, sequenceParallel: false },
    });
  });

  test("of a pass is a vectorized kernel without code of its own", () => {
    const implementation = [{ name: "x", reads: [], writes: [], flopsPerElement: 0 }];
    const { value } = validate("scenario", { ...least, normalization: { implementation } });
    expect((value as ScenarioFile).normalization.implementation).toEqual([
      { ...implementation[0], kernel: "vectorized", fixedReadBytes: 0 },
    ]);
  });

  test.each(["model", "hardware", "workload"])("may not be %s", (part) => {
    expect(problems("scenario", put(least, part, undefined))).toHaveLength(1);
    expect(problems("scenario", put(least, part, undefined))[0]).toMatch(`${part}: expected`);
  });
});

describe("a model or a profile in a scenario", () => {
  test.each(["model", "hardware"] as const)("%s is a name or the object, nothing else", (part) => {
    for (const value of ["a name", "./a/path.json", "x".repeat(2000), BASES[part]])
      expect(problems("scenario", put(SCENARIO, part, value))).toEqual([]);
    for (const [value, shown] of [
      [0, "0"],
      [null, "null"],
      [true, "true"],
      [["a"], '["a"]'],
      [[], "[]"],
    ] as const)
      expect(problems("scenario", put(SCENARIO, part, value))).toEqual([
        `${part}: expected a text or an object, got ${shown}`,
      ]);
    expect(problems("scenario", put(SCENARIO, part, ""))).toEqual([
      `${part}: expected a text of at least 1 character, got ""`,
    ]);
  });

  test("is checked field by field, under its own name", () => {
    const broken = put(put(SCENARIO, "model.heads", 0), "hardware.hbmBytes", "80 GB");
    expect(problems("scenario", broken)).toEqual([
      "model.heads: expected a whole number of at least 1, got 0",
      'hardware.hbmBytes: expected a number, got "80 GB"',
    ]);
  });
});

describe("an implementation", () => {
  const AT = "normalization.implementation";
  const words = `${IMPLEMENTATIONS.slice(0, -1)
    .map((word) => `"${word}"`)
    .join(", ")} or "folded"`;

  test.each(IMPLEMENTATIONS)("may be %s", (word) => {
    expect(problems("scenario", put(SCENARIO, AT, word))).toEqual([]);
  });

  test.each([
    ["fussed", '"fussed" (did you mean "fused"?)'],
    ["residual", '"residual" (did you mean "residual-fused"?)'],
    ["", '""'],
    [0, "0"],
    [null, "null"],
    [{}, "{}"],
  ])("may not be %j", (value, shown) => {
    expect(problems("scenario", put(SCENARIO, AT, value))).toEqual([
      `${AT}: expected ${words} or a list, got ${shown}`,
    ]);
  });

  test("of one's own has between 1 and 64 passes", () => {
    const passes = (count: number) => Array.from({ length: count }, () => PASS);
    expect(problems("scenario", put(SCENARIO, AT, passes(64)))).toEqual([]);
    expect(problems("scenario", put(SCENARIO, AT, []))).toEqual([
      `${AT}: expected a list of at least 1 item, got []`,
    ]);
    const [found, ...more] = problems("scenario", put(SCENARIO, AT, passes(65)));
    expect(found).toMatch(/implementation: expected a list of at most 64 items, got \[.*\.\.\.$/);
    expect(more).toEqual([]);
  });

  test("of one's own names what is wrong with which pass", () => {
    const broken = [PASS, { ...PASS, name: "" }, { ...PASS, flopsPerElement: -1, kernel: "row_sum" }];
    expect(problems("scenario", put(SCENARIO, AT, broken))).toEqual([
      `${AT}[1].name: expected a text of at least 1 character, got ""`,
      `${AT}[2].kernel: expected "vectorized", "unrolled", "row-sum", "column-sum", "row-per-block" or "row-in-registers", got "row_sum" (did you mean "row-sum"?)`,
      `${AT}[2].flopsPerElement: expected a number of at least 0, got -1`,
    ]);
  });
});

describe("an operand of a pass", () => {
  const problemsOf = (operand: unknown): readonly string[] =>
    problems("scenario", put(SCENARIO, "normalization.implementation.0.reads", [operand]));

  test.each([
    ...["activation", "fp32", "row", "column", "weight", "bias", "partial"],
    ...["fp32:squares", "row:mean square", "weight:gradient", "activation:a.b-c_d", `row:${"x".repeat(40)}`],
  ])("may be %s", (operand) => {
    expect(problemsOf(operand)).toEqual([]);
  });

  test.each([
    ...["", "activations", "Activation", "activation:", "fp16", " row", "row ", "row:a:b", "weight/gradient"],
    ...["activation:ü", `row:${"x".repeat(41)}`, "row:\n", "__proto__"],
  ])("may not be %j", (operand) => {
    const [found, ...more] = problemsOf(operand);
    expect(found).toMatch(
      /reads\[0\]: expected activation, fp32, row, column, weight, bias or partial, optionally with a label/,
    );
    expect(more).toEqual([]);
  });

  test("is one of at most 16", () => {
    const reads = (count: number) =>
      put(SCENARIO, "normalization.implementation.0.reads", Array(count).fill("row"));
    expect(problems("scenario", reads(16))).toEqual([]);
    expect(problems("scenario", reads(17))[0]).toMatch(/reads: expected a list of at most 16 items/);
  });
});

describe("fields that depend on each other", () => {
  test.each([
    [8, 1, true],
    [8, 8, true],
    [8, 4, true],
    [8, 3, false],
    [8, 16, false],
    [7, 7, true],
  ])("%d heads and %d KV heads: %s", (heads, kvHeads, fine) => {
    const found = problems("model", { ...MODEL, heads, kvHeads });
    expect(found).toEqual(fine ? [] : [`kvHeads: expected a divisor of heads (${heads}), got ${kvHeads}`]);
  });

  test("RoPE turns at most a whole head", () => {
    expect(problems("model", { ...MODEL, headDim: 128, rotaryDim: 128 })).toEqual([]);
    expect(problems("model", { ...MODEL, headDim: 128, rotaryDim: 130 })).toEqual([
      "rotaryDim: expected at most headDim",
    ]);
  });

  test("a token passes through at most all experts", () => {
    const experts = { ...EXPERTS, perToken: 9 };
    expect(problems("model", { ...MODEL, experts })).toEqual([
      "experts.perToken: expected at most experts.count",
    ]);
  });

  test("with latent attention every head has keys and values of its own", () => {
    expect(problems("model", { ...MODEL, latentAttention: LATENT })).toEqual([
      "kvHeads: expected heads: with latentAttention every head has keys and values of its own",
    ]);
  });

  test.each([
    [{}, []],
    [{ layers: 33 }, ["layerKinds: expected kinds of 33 layers together, got 32"]],
    [
      { experts: undefined, layerKinds: [{ ...LAYER_KINDS[0], feedForward: "experts" }, LAYER_KINDS[1]] },
      ["layerKinds[0].feedForward: expected dense: the model has no experts"],
    ],
    [
      { slidingWindow: undefined, layerKinds: [{ ...LAYER_KINDS[0], attention: "window" }, LAYER_KINDS[1]] },
      ["layerKinds[0].attention: expected full: the model has no slidingWindow"],
    ],
    [
      { layerKinds: LAYER_KINDS.map((kind) => ({ ...kind, name: "twin" })) },
      ["layerKinds[1].name: expected a name of its own"],
    ],
    [
      { layerKinds: [{ name: "alone", layers: 32 }] },
      [expect.stringMatching(/^layerKinds: expected a list of at least 2 items/)],
    ],
  ])("kinds of layers with %j are answered with %j", (changes, expected) => {
    const whole = { ...(MODELS_WITH["layerKinds."] as object), ...changes };
    expect(problems("model", JSON.parse(JSON.stringify(whole)))).toEqual(expected);
  });

  test.each([
    [{ phase: "decode" }, []],
    [{ phase: "decode", sequence: 1, context: 9 }, []],
    [{ phase: "decode", sequence: 2 }, [/^workload\.sequence: expected 1 in decode/]],
    [{ phase: "prefill", sequence: 2, context: 9 }, []],
    [{ phase: "prefill" }, [/^workload\.sequence: expected a whole number of at least 1, got nothing$/]],
    [{ phase: "train", sequence: 2 }, []],
    [{ phase: "train" }, [/^workload\.sequence: expected a whole number/]],
    [{ phase: "train", sequence: 2, context: 1 }, [/^workload\.context: expected 0 in train$/]],
    [{ phase: "train", context: 1 }, [/^workload\.sequence/, /^workload\.context/]],
  ])("a workload of %j is answered with %j", (workload, expected) => {
    const found = problems("scenario", { ...SCENARIO, workload });
    expect(found).toHaveLength(expected.length);
    expected.forEach((pattern, index) => {
      expect(found[index]).toMatch(pattern);
    });
  });

  test("are not asked about a field that is wrong by itself", () => {
    expect(problems("model", { ...MODEL, heads: -1, kvHeads: 3 })).toEqual([
      "heads: expected a whole number of at least 1, got -1",
    ]);
    expect(problems("model", { ...MODEL, heads: "8", kvHeads: 3 })).toHaveLength(1);
  });
});

describe("many mistakes", () => {
  test("are all named, in the order of the schema", () => {
    const broken = { ...MODEL, name: 1, hidden: 0, gated: "no", bias: "some", extra: 1 };
    expect(problems("model", broken).map((line) => line.split(":")[0])).toEqual([
      "name",
      "hidden",
      "gated",
      "bias",
      "extra",
    ]);
  });

  test("of a value that is no object at all are one", () => {
    for (const kind of ["model", "hardware", "scenario"] as const)
      for (const [value, shown] of [
        [[], "[]"],
        ["x", '"x"'],
        [1, "1"],
        [null, "null"],
      ] as const)
        expect(problems(kind, value)).toEqual([`expected an object, got ${shown}`]);
  });

  test("cut what they show to a line's length", () => {
    const found = problems("model", { ...MODEL, hidden: { a: "y".repeat(500) } });
    expect(found[0]!.length).toBeLessThan(120);
    expect(found[0]).toMatch(/\.\.\.$/);
  });
});
