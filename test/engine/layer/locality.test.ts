import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Operator, readBytes, sumOf, writeBytes } from "../../../src/engine/layer/kernel.ts";
import { layerOperators } from "../../../src/engine/layer/layer.ts";
import type { Scenario } from "../../../src/schema/scenario.ts";
import { tinyScenario, tinyScenarioIn } from "../../support/layers.ts";

/** Laws about what a change of the scenario may touch, and what it must leave alone. */

type Change = (given: Scenario) => Scenario;

const law = (check: (given: Scenario) => void, any: fc.Arbitrary<Scenario> = tinyScenario): void =>
  fc.assert(fc.property(any, check), { numRuns: 150, seed: 4 });

const figures = ({ class: kind, kernels }: Operator) => ({
  kind,
  kernels: kernels.map((kernel) => ({ ...kernel, name: "" })),
});

/** Names of operators that came, went, or do something else. */
function touched(before: Scenario, after: Scenario): string[] {
  const [old, young] = [before, after].map(
    (given) => new Map(layerOperators(given).map((operator) => [operator.name, figures(operator)])),
  ) as [Map<string, object>, Map<string, object>];
  const names = new Set([...old.keys(), ...young.keys()]);
  return [...names].filter((name) => JSON.stringify(old.get(name)) !== JSON.stringify(young.get(name)));
}

const model =
  (changes: Partial<Scenario["model"]>): Change =>
  (given) => ({ ...given, model: { ...given.model, ...changes } });
const kernels =
  (changes: Partial<Scenario["kernels"]>): Change =>
  (given) => ({ ...given, kernels: { ...given.kernels, ...changes } });
const precision =
  (changes: Partial<Scenario["precision"]>): Change =>
  (given) => ({ ...given, precision: { ...given.precision, ...changes } });

/** [what is set to one value, and to another, the operators that may notice] */
const CHANGES: readonly [string, Change, Change, RegExp][] = [
  [
    "the kind of norm",
    (given) => ({ ...given, normalization: { ...given.normalization, kind: "layernorm" } }),
    (given) => ({ ...given, normalization: { ...given.normalization, kind: "rmsnorm" } }),
    /-norm(-backward)?$/,
  ],
  [
    "the norm's implementation",
    (given) => ({ ...given, normalization: { ...given.normalization, implementation: "residual-fused" } }),
    (given) => ({ ...given, normalization: { ...given.normalization, implementation: "eager" } }),
    /-norm(-backward)?$|-residual$/,
  ],
  // the projection's output has another name where a norm keeps it
  [
    "qkNorm",
    model({ qkNorm: false }),
    model({ qkNorm: true }),
    /^((query|key)-norm|qkv-projection$|qkv-join-backward$)/,
  ],
  [
    "the pointwise kernels",
    kernels({ pointwise: "eager" }),
    kernels({ pointwise: "fused" }),
    /^(rope|activation)/,
  ],
  [
    "the attention kernels",
    kernels({ attention: "flash" }),
    kernels({ attention: "materialized" }),
    /^(attention|attention-scores|softmax|attention-context)(-backward)?$/,
  ],
  ["the causal mask", model({ causal: false }), model({ causal: true }), /^attention(-backward)?$/],
  ["the activation", model({ activation: "silu" }), model({ activation: "gelu" }), /^activation/],
  [
    "gating",
    model({ gated: false }),
    model({ gated: true }),
    /^(activation|up-projection|gate-up-projection)/,
  ],
  ["the FFN's width", model({ ffn: 4 }), model({ ffn: 8 }), /^(activation|(gate-)?up-projection|down-)/],
  ["biases", model({ bias: "none" }), model({ bias: "all" }), /-projection(-backward)?$/],
  ["the bias of qkv", model({ bias: "none" }), model({ bias: "qkv" }), /^qkv-projection/],
  [
    "positions",
    model({ positions: "rope" }),
    model({ positions: "learned" }),
    // queries and keys are read where RoPE has left them, or where their norms have
    /^(rope|kv-cache-write|attention|attention-scores|attention-context|(query|key)-norm|qkv-projection$|qkv-join-backward$)/,
  ],
  [
    "the type of the cache",
    precision({ kvCache: "fp32" }),
    precision({ kvCache: "bf16" }),
    /^(kv-cache-write|attention|attention-scores|attention-context)$/,
  ],
  [
    "the type of the weights",
    precision({ weights: "fp32" }),
    precision({ weights: "fp16" }),
    /-(projection|norm)(-backward)?$/,
  ],
  ["the vocabulary", model({ vocabulary: 7 }), model({ vocabulary: 70_000 }), /^$/],
  ["the number of layers", model({ layers: 1 }), model({ layers: 99 }), /^$/],
  [
    "the runtime",
    (given) => ({ ...given, runtime: "graph" }),
    (given) => ({ ...given, runtime: "eager" }),
    /^$/,
  ],
  [
    "the model's own norm",
    model({ norm: "layernorm" }),
    model({ norm: "rmsnorm", name: "other", source: "other" }),
    /^$/,
  ],
];

describe.each(CHANGES)("%s", (_, one, other, may) => {
  test("changes no operator that has nothing to do with it", () => {
    law((given) => {
      const own = touched(one(given), other(given)).filter((name) => !may.test(name));
      expect(own).toEqual([]);
    });
  });
});

describe.each(CHANGES.filter(([, , , may]) => may.source !== "^$"))("%s", (_, one, other) => {
  test("changes something somewhere", () => {
    const seen = new Set<string>();
    law((given) => {
      for (const name of touched(one(given), other(given))) seen.add(name);
    });
    expect(seen.size).toBeGreaterThan(0);
  });
});

const flops = (operators: readonly Operator[]): number =>
  sumOf(operators, (operator) => sumOf(operator.kernels, (kernel) => kernel.flops));
const bytes = (operators: readonly Operator[]): number =>
  sumOf(operators, (operator) => sumOf(operator.kernels, (kernel) => readBytes(kernel) + writeBytes(kernel)));
const weightBytes = (operators: readonly Operator[]): number =>
  sumOf(
    operators.filter(({ name }) => name.endsWith("-projection")),
    (operator) => sumOf(operator.kernels, (kernel) => kernel.streamedBytes),
  );

const single: Change = (given) => ({ ...given, parallelism: { tensor: 1, sequenceParallel: false } });
const sequences = (given: Scenario, factor: number): Scenario => ({
  ...given,
  workload: { ...given.workload, batch: factor * given.workload.batch },
});
const ofClass = (given: Scenario, ...classes: Operator["class"][]): Operator[] =>
  layerOperators(given).filter((operator) => classes.includes(operator.class));

describe("more sequences", () => {
  test("multiply every operator's FLOPs", () => {
    law((given) => {
      const [before, after] = [layerOperators(given), layerOperators(sequences(given, 3))];
      before.forEach((operator, index) => {
        // a lone token's activation is the same work in other kernels
        expect(flops([after[index]!])).toBeCloseTo(3 * flops([operator]), 6);
      });
    });
  });

  test("read the weights of the projections no more often", () => {
    law((given) => {
      expect(weightBytes(layerOperators(sequences(given, 3)))).toBe(weightBytes(layerOperators(given)));
    });
  });

  test("never move fewer bytes", () => {
    law((given) => {
      expect(bytes(layerOperators(sequences(given, 2)))).toBeGreaterThan(bytes(layerOperators(given)));
    });
  });
});

describe("precision", () => {
  const all = (type: "fp32" | "bf16" | "fp16" | "tf32") =>
    precision({ weights: type, activations: type, kvCache: type });

  test("of equal width gives equal bytes", () => {
    law((given) => {
      expect(bytes(layerOperators(all("fp16")(given)))).toBe(bytes(layerOperators(all("bf16")(given))));
      expect(bytes(layerOperators(all("tf32")(given)))).toBe(bytes(layerOperators(all("fp32")(given))));
    });
  });

  test("never changes a FLOP", () => {
    law((given) => {
      expect(flops(layerOperators(all("fp32")(given)))).toBe(flops(layerOperators(all("bf16")(given))));
    });
  });

  test("of twice the width doubles the bytes of whatever keeps nothing in fp32", () => {
    law((given) => {
      const [half, full] = [all("bf16")(given), all("fp32")(given)].map((typed) =>
        ofClass(typed, "matmul", "pointwise", "collective"),
      ) as [Operator[], Operator[]];
      half.forEach((operator, index) => {
        expect(bytes([full[index]!])).toBeCloseTo(2 * bytes([operator]), 6);
      });
    });
  });
});

describe("a group of GPUs", () => {
  const divided = tinyScenario.filter(({ parallelism }) => parallelism.tensor > 1);
  const matmuls = (given: Scenario): number =>
    flops(layerOperators(given).filter(({ name }) => /^(output|up|gate-up|down)-projection$/.test(name)));

  test("shares the multiply-adds of every projection but the copies of key heads", () => {
    law((given) => {
      const bare = model({ bias: "none" })(given);
      expect(bare.parallelism.tensor * matmuls(bare)).toBe(matmuls(single(bare)));
    }, divided);
  });

  test("shares the attention itself", () => {
    law((given) => {
      const own = (one: Scenario): number =>
        flops(layerOperators(one).filter(({ name }) => /^(attention|attention-scores|softmax)$/.test(name)));
      expect(given.parallelism.tensor * own(given)).toBe(own(single(given)));
    }, divided);
  });

  test("exchanges nothing when it is one GPU", () => {
    law((given) => {
      expect(ofClass(single(given), "collective")).toEqual([]);
    });
  });

  test("without sequence parallelism repeats norms of the hidden width and residual adds on every GPU", () => {
    law((given) => {
      const repeated = (one: Scenario) =>
        layerOperators({
          ...one,
          parallelism: { ...one.parallelism, sequenceParallel: false },
        }).filter(({ name }) => /^(attention|ffn|post-\w+)-(norm|residual)/.test(name));
      expect(JSON.stringify(repeated(given))).toBe(JSON.stringify(repeated(single(given))));
    }, divided);
  });

  test("with sequence parallelism divides their rows by its size", () => {
    law(
      (given) => {
        // side by side the blocks' outputs meet before the exchange, when every rank still has every token
        const adds = (one: Scenario): number =>
          flops(
            layerOperators(one).filter(
              ({ name }) =>
                name === "ffn-residual" ||
                (name === "attention-residual" && !one.model.normPlacement.startsWith("parallel")),
            ),
          );
        expect(given.parallelism.tensor * adds(given)).toBe(adds(single(given)));
      },
      divided.filter(({ parallelism }) => parallelism.sequenceParallel),
    );
  });
});

describe("training", () => {
  const training = tinyScenarioIn("train");

  test("runs the prefill's operators first, flash attention with its statistics kept", () => {
    law((given) => {
      const forward = layerOperators({ ...given, workload: { ...given.workload, phase: "prefill" } });
      const all = layerOperators(given);
      forward.forEach((operator, index) => {
        if (operator.name === "attention") expect(bytes([all[index]!])).toBeGreaterThan(bytes([operator]));
        else expect(all[index]).toEqual(operator);
      });
    }, training);
  });

  test("names every backward operator after a forward one, but for the join of the gradients", () => {
    law((given) => {
      // a norm that takes the residual add along still has the add's gradient
      const plain = {
        ...given,
        normalization: { ...given.normalization, implementation: "native" as const },
      };
      const names = layerOperators(plain).map(({ name }) => name);
      const forward = names.filter((name) => !name.endsWith("-backward"));
      const orphans = names
        .filter((name) => name.endsWith("-backward"))
        .map((name) => name.slice(0, -"-backward".length))
        .filter((name) => !forward.includes(name) && !/-(all-gather|all-reduce|reduce-scatter)$/.test(name));
      expect(orphans).toEqual(["qkv-join"]);
    }, training);
  });

  test("costs twice the forward's FLOPs in gradients of the projections", () => {
    law((given) => {
      const bare = layerOperators(model({ bias: "none" })(given));
      const projections = bare.filter(({ name }) => name.endsWith("-projection"));
      const gradients = bare.filter(({ name }) => name.endsWith("-projection-backward"));
      expect(flops(gradients)).toBe(2 * flops(projections));
    }, training);
  });

  test("writes a gradient for every weight that the forward pass reads", () => {
    law((given) => {
      const operators = layerOperators(given);
      const gradients = operators
        .filter(({ name }) => name.endsWith("-projection-backward"))
        .flatMap((operator) => operator.kernels)
        .flatMap((kernel) => kernel.writes)
        .filter(({ tensor }) => /^gradient of .* (weight|bias)$/.test(tensor));
      expect(sumOf(gradients, (write) => write.bytes)).toBe(weightBytes(operators));
    }, training);
  });
});

describe("the intermediate tensors of a norm", () => {
  const isNorm = ({ name, class: kind }: Operator): boolean =>
    kind === "normalization" && !name.endsWith("-backward");

  test("are written by one of its kernels before another reads them", () => {
    law((given) => {
      for (const norm of layerOperators(given).filter(isNorm)) {
        const written = new Set<string>();
        for (const kernel of norm.kernels) {
          const own = kernel.reads.filter(({ tensor }) => tensor.startsWith(`${norm.name} `));
          expect(own.filter(({ tensor }) => !written.has(tensor))).toEqual([]);
          for (const { tensor } of kernel.writes) written.add(tensor);
        }
      }
    });
  });

  test("are as large where they are read as where they were written", () => {
    law((given) => {
      for (const norm of layerOperators(given).filter(isNorm)) {
        const sizes = new Map<string, number>();
        for (const kernel of norm.kernels) {
          for (const read of kernel.reads)
            if (read.tensor.startsWith(`${norm.name} `)) expect(sizes.get(read.tensor)).toBe(read.bytes);
          for (const write of kernel.writes) sizes.set(write.tensor, write.bytes);
        }
      }
    });
  });
});
