import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Operator } from "../../../src/engine/layer/kernel.ts";
import { layerOperators } from "../../../src/engine/layer/layer.ts";
import { type Pass, PassSchema } from "../../../src/schema/normalization.ts";
import { resolveScenario } from "../../../src/schema/resolve.ts";
import { type Scenario, ScenarioFileSchema } from "../../../src/schema/scenario.ts";
import { NORM_KINDS } from "../../../src/schema/vocabulary.ts";
import { compareLayer, counted } from "../../support/compare-layer.ts";
import {
  expertScenario,
  latentScenario,
  narrowScenario,
  PLACEMENTS,
  tinyScenario,
  tinyScenarioIn,
} from "../../support/layers.ts";
import { runs } from "../../support/length.ts";
import { countedLayer } from "../../support/reference-layer.ts";
import { normSteps, walkStep } from "../../support/reference-norms.ts";
import { model, scenario, train } from "../../support/scenarios.ts";

describe.each(PLACEMENTS)("a layer with norms in %s placement", (placement) => {
  test.each([
    ["prefill", 300],
    ["decode", 250],
    ["train", 250],
  ] as const)(
    "in %s has the operators, FLOPs and bytes that walking every element counts",
    (phase, count) => {
      const given = tinyScenarioIn(phase).map((any) => ({
        ...any,
        model: { ...any.model, normPlacement: placement },
      }));
      fc.assert(fc.property(given, compareLayer), { numRuns: runs(count / 10, count), seed: 5 });
    },
  );
});

describe("what is more than one dense bf16 layer", () => {
  test.each([
    ["projections in narrow types", narrowScenario, 300],
    ["experts", expertScenario, 400],
    ["latent attention", latentScenario, 400],
  ] as const)("%s: operators, FLOPs and bytes are what walking every element counts", (_, given, count) => {
    fc.assert(fc.property(given, compareLayer), { numRuns: runs(count / 10, count), seed: 5 });
  });

  test.each(["selective", "full"] as const)("%s recomputation repeats those operators", (recomputation) => {
    const given = tinyScenarioIn("train").map((any) => ({ ...any, training: { recomputation } }));
    fc.assert(fc.property(given, compareLayer), { numRuns: runs(10, 100), seed: 5 });
  });
});

describe("the random layers", () => {
  const sample = fc.sample(tinyScenario, { numRuns: 3200, seed: 3 });

  test("are ones that the simulator accepts", () => {
    for (const given of sample.slice(0, 300)) {
      const file = ScenarioFileSchema.parse(given);
      expect(resolveScenario(file, given.model, given.hardware).problems).toBeUndefined();
    }
  });

  test("hold every operator that a layer can have", () => {
    const names = new Set(sample.flatMap((given) => layerOperators(given).map(({ name }) => name)));
    const forward = [
      ...["attention-norm", "ffn-norm", "post-attention-norm", "post-ffn-norm", "query-norm", "key-norm"],
      ...["qkv-projection", "output-projection", "up-projection", "gate-up-projection", "down-projection"],
      ...["rope", "activation", "attention-residual", "ffn-residual"],
      ...["attention", "attention-scores", "softmax", "attention-context"],
      ...["attention-all-gather", "ffn-all-gather", "attention-reduce-scatter", "ffn-reduce-scatter"],
      ...["attention-all-reduce", "ffn-all-reduce"],
    ];
    const all = [
      ...forward,
      ...forward.map((name) => `${name}-backward`),
      "kv-cache-write",
      "qkv-join-backward",
    ];
    expect([...names].sort()).toEqual(all.sort());
  });

  test("with experts and latents hold every operator that those can have", () => {
    const names = new Set(
      [expertScenario, latentScenario]
        .flatMap((any) => fc.sample(any, { numRuns: 500, seed: 3 }))
        .flatMap((given) => layerOperators(given).map(({ name }) => name)),
    );
    const mixture = [
      ...["router", "expert-selection", "expert-dispatch", "expert-combine"],
      ...["expert-dispatch-all-to-all", "expert-combine-all-to-all"],
      ...["shared-gate-up-projection", "shared-up-projection", "shared-activation", "shared-down-projection"],
      ...["shared-expert-gate", "shared-expert-add"],
    ];
    const latent = [
      ...["query-projection", "query-down-projection", "query-latent-norm", "query-up-projection"],
      ...["kv-down-projection", "kv-latent-norm", "kv-up-projection", "rope-join"],
    ];
    const backwardOnly = [
      ...["router-input", "shared-expert-scale", "shared-gate-input"],
      ...["kv-latent-join", "latent-input"],
    ];
    for (const name of [
      ...[...mixture, ...latent].flatMap((one) => [one, `${one}-backward`]),
      ...backwardOnly.map((one) => `${one}-backward`),
      ...["query-absorption", "value-up-projection", "expert-dispatch-quantize", "kv-up-projection-quantize"],
    ])
      expect(names).toContain(name);
  });

  test("hold every norm at every placement in training", () => {
    const seen = sample
      .filter(({ workload }) => workload.phase === "train")
      .map(({ model, normalization: { kind, implementation } }) =>
        [model.normPlacement, kind, String(implementation)].join(" "),
      );
    expect(new Set(seen).size).toBe(6 * NORM_KINDS.length * 6);
  });
});

describe("more rows than thread blocks that keep partial sums", () => {
  test.each([
    ["layernorm", 127],
    ["layernorm", 128],
    ["rmsnorm", 129],
    ["rmsnorm", 300],
  ] as const)("a fused %s backward of %d rows writes at most 128 rows of them", (kind, rows) => {
    const narrow = { ...model("bert-large"), hidden: 7 };
    const given = scenario({
      model: narrow,
      workload: train(1, rows),
      normalization: { kind, implementation: "fused" },
    });
    const norm = counted(layerOperators(given)).find(({ name }) => name === "ffn-norm-backward");
    const steps = normSteps(kind, "fused", "backward");
    expect(norm?.kernels).toEqual(steps.map((step) => walkStep(step, rows, 7, 2, 2)));
  });
});

/** Operands of passes by the letter of the walking counter. */
const LETTERS = { activation: "a", fp32: "f", row: "r", weight: "w", bias: "w", partial: "p" } as const;
const operand = fc
  .tuple(fc.constantFrom(...Object.keys(LETTERS)), fc.constantFrom("", ":x", ":gradient", ":a b-c.d"))
  .map(([kind, label]) => kind + label);

const anyPass = fc.record({
  name: fc.constantFrom("first", "second"),
  kernel: fc.constantFrom<Pass["kernel"]>(
    "vectorized",
    "unrolled",
    "row-sum",
    "column-sum",
    "row-per-block",
    "row-in-registers",
  ),
  reads: fc.array(operand, { minLength: 1, maxLength: 4 }),
  writes: fc.array(operand, { maxLength: 3 }),
  fixedReadBytes: fc.nat(5000),
  flopsPerElement: fc.nat(20),
});

const letterOf = (name: string): string => LETTERS[name.split(":")[0] as keyof typeof LETTERS];

describe("passes that a user describes", () => {
  test("are counted operand by operand, at every norm of the layer", () => {
    const given = fc.tuple(tinyScenario, fc.array(anyPass, { minLength: 1, maxLength: 4 }));
    fc.assert(
      fc.property(given, ([base, passes]) => {
        const own = { ...base.normalization, implementation: passes.map((pass) => PassSchema.parse(pass)) };
        const operators = layerOperators({ ...base, normalization: own });
        const norms = operators.filter(
          ({ name, class: kind }) => kind === "normalization" && !name.endsWith("-backward"),
        );
        const reference = countedLayer({
          ...base,
          normalization: { ...own, implementation: "native" },
        }).filter(({ name, class: kind }) => kind === "normalization" && !name.endsWith("-backward"));
        expect(norms.map(({ name }) => name)).toEqual(reference.map(({ name }) => name));
        const { tensor, sequenceParallel } = base.parallelism;
        const { batch, sequence } = base.workload;
        const perHead: Record<string, number> = {
          "query-norm": base.model.heads / tensor,
          "key-norm": Math.max(1, base.model.kvHeads / tensor),
        };
        const [activations, weights] = [base.precision.activations, base.precision.weights].map((type) =>
          type.endsWith("32") ? 4 : 2,
        ) as [number, number];
        for (const norm of counted(norms)) {
          const heads = perHead[norm.name];
          const whole = base.model.qkNormSpan === "projection";
          // rows on several GPUs have an exchange before the passes, which the layers of the tests above count
          if (heads !== undefined && whole && tensor > 1) continue;
          const rows =
            heads === undefined
              ? (batch * sequence) / (sequenceParallel ? tensor : 1)
              : batch * sequence * (whole ? 1 : heads);
          const columns = heads === undefined ? base.model.hidden : base.model.headDim * (whole ? heads : 1);
          const expected = passes.map((pass) =>
            walkStep(
              {
                flops: pass.flopsPerElement,
                reads: pass.reads.map(letterOf),
                writes: pass.writes.map(letterOf),
                constantBytes: pass.fixedReadBytes,
              },
              rows,
              columns,
              activations,
              weights,
            ),
          );
          expect(norm.kernels).toEqual(expected);
        }
      }),
      { numRuns: 200, seed: 9 },
    );
  });

  test("in training are followed by the native norm's backward", () => {
    const passes = [PassSchema.parse({ name: "all", reads: ["activation"], writes: [], flopsPerElement: 1 })];
    const own = scenario({
      workload: train(1, 64),
      normalization: { kind: "rmsnorm", implementation: passes },
    });
    const native = scenario({
      workload: train(1, 64),
      normalization: { kind: "rmsnorm", implementation: "native" },
    });
    const backward = (given: Scenario) =>
      layerOperators(given).filter(({ name }) => name.endsWith("norm-backward"));
    expect(backward(own)).toEqual(backward(native));
  });
});

describe("sizes that timing laws read", () => {
  const eachKernel = (visit: (kernel: Operator["kernels"][number], operator: Operator) => void): void =>
    fc.assert(
      fc.property(tinyScenario, (given) => {
        for (const operator of layerOperators(given))
          for (const kernel of operator.kernels) visit(kernel, operator);
      }),
      { numRuns: 150, seed: 2 },
    );

  test("of a matmul multiply to its FLOPs, but for the bias", () => {
    eachKernel(({ flops, work }) => {
      if (work.kind !== "matmul") return;
      const products = 2 * work.products * work.m * work.n * work.k;
      expect([0, work.products * work.m * work.n]).toContain(flops - products);
    });
  });

  test("of an element-wise kernel are the elements of its largest tensor", () => {
    eachKernel(({ reads, writes, work }, operator) => {
      if (work.kind !== "pointwise" || operator.class === "normalization") return;
      // a rotation writes queries and keys apart
      const written = writes.reduce((sum, { bytes }) => sum + bytes, 0);
      const most = Math.max(written, ...reads.map(({ bytes }) => bytes));
      // two or four bytes an element, and the fused gated activation reads or writes both halves as one tensor
      expect(most / work.elements).toBeGreaterThanOrEqual(2 - 1e-9);
      expect(most / work.elements).toBeLessThanOrEqual(8 + 1e-9);
    });
  });

  test("of a softmax are whole rows", () => {
    eachKernel(({ work }) => {
      if (work.kind === "softmax") expect(work.elements % work.columns).toBe(0);
    });
  });

  test("of a norm over rows give back the bytes that its rows hold", () => {
    eachKernel(({ reads, work }) => {
      if (work.kind !== "row-per-block" && work.kind !== "row-in-registers") return;
      const rows = reads.filter(({ tensor }) => !tensor.includes(" sums, "));
      const bytes = rows.reduce((sum, read) => sum + read.bytes, 0);
      expect(work.rowBytes * work.rows).toBeCloseTo(bytes, 6);
    });
  });

  test("of an exchange are the group and the whole tensor", () => {
    eachKernel(({ reads, writes, work }) => {
      if (work.kind !== "collective") return;
      expect(work.ranks).toBeGreaterThan(1);
      const [read, written] = [reads[0]!.bytes, writes[0]!.bytes];
      expect(Math.max(read, written)).toBe(work.messageBytes);
      expect(Math.min(read, written)).toBe(
        work.operation === "all-reduce" ? work.messageBytes : work.messageBytes / work.ranks,
      );
    });
  });
});
