import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { dimensions } from "../../../src/engine/layer/dimensions.ts";
import type { Access, Kernel, Operator } from "../../../src/engine/layer/kernel.ts";
import { layerOperators } from "../../../src/engine/layer/layer.ts";
import { matmulTypes, normStyle, wideMatmulTypes } from "../../../src/engine/layer/layout.ts";
import { modelEnds, optimizerStep } from "../../../src/engine/model/model-ends.ts";
import type { Scenario } from "../../../src/schema/scenario.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS, type NormKind } from "../../../src/schema/vocabulary.ts";
import { isUpdating } from "../../support/golden.ts";
import { decode, model, prefill, scenario, train } from "../../support/scenarios.ts";

/**
 * The kernels of some layers: name, FLOPs, the law that times it, the tensors it touches. The file shows each sort of
 * kernel once, where it is met first, to be read and computed by hand; a digest of all lines of a layer holds the others,
 * and every size of the laws. `UPDATE_GOLDEN=1 npm test` writes the file, and all lines to coverage/kernels.txt, to be
 * compared with those of another commit.
 */
const FILE = new URL("../../golden/kernels.txt", import.meta.url);
const ALL_LINES = new URL("../../../coverage/kernels.txt", import.meta.url);

const norm = (kind: NormKind, implementation: Scenario["normalization"]["implementation"]) => ({
  normalization: { kind, implementation },
});
const kernels = (
  pointwise: "eager" | "fused",
  attention: "flash" | "materialized",
  quantization?: "separate" | "fused",
) => ({ kernels: { pointwise, attention, ...(quantization ? { quantization } : {}) } });
const tensor = (ranks: number, sequenceParallel: boolean, expert?: number) => ({
  parallelism: { tensor: ranks, sequenceParallel, ...(expert ? { expert } : {}) },
});
const types = (
  activations: "bf16" | "fp8" | "int8" | "fp4",
  weights: "bf16" | "fp8" | "int4" | "fp4",
  kvCache: "bf16" | "fp8",
) => ({
  precision: { activations, weights, kvCache },
});

const LAYERS: Readonly<Record<string, Partial<Scenario>>> = {
  "BERT, training": {
    model: model("bert-large"),
    workload: train(2, 64),
    ...norm("layernorm", "native"),
    ...kernels("eager", "flash"),
  },
  "BERT, training, scores written, two GPUs": {
    model: model("bert-large"),
    workload: train(2, 64),
    ...norm("layernorm", "eager"),
    ...kernels("fused", "materialized"),
    ...tensor(2, false),
    training: { recomputation: "selective" },
  },
  "Llama 3 8B, training, op by op, split tokens": {
    model: model("llama-3-8b"),
    workload: train(1, 128),
    ...norm("rmsnorm", "eager"),
    ...kernels("eager", "flash"),
    ...tensor(2, true),
  },
  "Llama 3 8B, decode, int4 weights": {
    model: model("llama-3-8b"),
    workload: decode(4, 100),
    ...norm("rmsnorm", "residual-fused"),
    ...kernels("fused", "flash"),
    ...types("bf16", "int4", "fp8"),
  },
  "Llama 3 8B, prefill, fp8, quantization fused": {
    model: model("llama-3-8b"),
    workload: prefill(1, 64, 32),
    ...norm("rmsnorm", "fused"),
    ...kernels("fused", "materialized", "fused"),
    ...types("fp8", "fp8", "bf16"),
  },
  "a layer with ReLU, training": {
    model: { ...model("llama-3-8b"), activation: "relu", gated: false, bias: "all" },
    workload: train(1, 64),
    ...norm("layernorm", "fused"),
    ...kernels("eager", "flash"),
  },
  "one token, op by op, fp4": {
    model: model("llama-3-8b"),
    workload: decode(1, 10),
    ...norm("layernorm", "eager"),
    ...kernels("eager", "flash"),
    ...types("fp4", "fp4", "bf16"),
  },
  "Pythia, training, a quarter of each head turned, split tokens": {
    model: model("pythia-12b"),
    workload: train(1, 256),
    ...norm("layernorm", "fused"),
    ...kernels("eager", "flash"),
    ...tensor(2, true),
  },
  "Qwen 1.5 MoE, training": {
    model: model("qwen1.5-moe-a2.7b"),
    workload: train(1, 64),
    ...norm("rmsnorm", "native"),
    ...kernels("fused", "flash"),
  },
  "Falcon, prefill, side by side, fp8": {
    model: model("falcon-7b"),
    workload: prefill(1, 64),
    ...norm("layernorm", "native"),
    ...kernels("fused", "flash"),
    ...types("fp8", "fp8", "bf16"),
  },
  "OLMo 2, training": {
    model: model("olmo-2-7b"),
    workload: train(1, 64),
    ...norm("rmsnorm", "fused"),
    ...kernels("fused", "flash"),
  },
  "Gemma 2, decode, int8": {
    model: model("gemma-2-9b"),
    workload: decode(2, 5000),
    ...norm("rmsnorm", "native"),
    ...kernels("eager", "materialized"),
    ...types("int8", "fp8", "bf16"),
  },
  "Falcon, training, side by side": {
    model: model("falcon-7b"),
    workload: train(1, 64),
    ...norm("layernorm", "textbook"),
    ...kernels("eager", "flash"),
    ...tensor(1, false),
  },
  "Mixtral, prefill, op by op, experts shared out": {
    model: model("mixtral-8x7b"),
    workload: prefill(1, 64),
    ...norm("rmsnorm", "native"),
    ...kernels("eager", "flash"),
    ...tensor(1, false, 2),
  },
  "Mixtral, training": {
    model: model("mixtral-8x7b"),
    workload: train(1, 64),
    ...norm("rmsnorm", "native"),
    ...kernels("eager", "flash"),
    ...tensor(1, false, 2),
  },
  "DeepSeek V2 lite, training": {
    model: model("deepseek-v2-lite"),
    workload: train(1, 64),
    ...norm("rmsnorm", "fused"),
    ...kernels("fused", "flash"),
  },
  "DeepSeek V2 lite, decode, folded weights": {
    model: model("deepseek-v2-lite"),
    workload: decode(2, 50),
    ...norm("rmsnorm", "folded"),
    ...kernels("eager", "flash"),
  },
};

const accesses = (list: readonly Access[]): string =>
  list.map(({ tensor: name, bytes }) => `${name} ${bytes}`).join(", ") || "nothing";
const workText = ({ kind, ...sizes }: Kernel["work"]): string =>
  [kind, ...Object.entries(sizes).map(([key, value]) => `${key}=${value}`)].join(" ");
const fullLine = ({ name, flops, reads, writes, streamedBytes, work }: Kernel): string =>
  `  ${name}: ${flops} FLOPs; ${workText(work)}; ${streamedBytes} bytes streamed; ${accesses(reads)} -> ${accesses(writes)}`;
const fullText = (operators: readonly Operator[]): string =>
  operators.map((one) => [`${one.name} (${one.class})`, ...one.kernels.map(fullLine)].join("\n")).join("\n");

/** Kernels of one sort: of one name and law, with as many tensors. */
const sortOf = ({ name, work, reads, writes }: Kernel): string =>
  [name, work.kind, reads.length, writes.length].join();

/** What of a law's sizes says nothing here is left out: one product, no gradient. */
const lawText = (work: Kernel["work"]): string =>
  workText(work).replaceAll(/ (products=1|grouped=false|gradient=false|window=Infinity)(?= |$)/g, "");

const columns = (...cells: readonly string[]): string =>
  `  ${cells.map((cell, index) => (index === 2 ? cell.padStart(WIDTHS[index]!) : cell.padEnd(WIDTHS[index] ?? 0))).join("  ")}`.trimEnd();
const WIDTHS = [30, 34, 11];

/** Sorts of kernels that no layer before has: a line of figures each, and one of the bytes of its tensors. */
function newLines(operators: readonly Operator[], seen: Set<string>): string[] {
  return operators.flatMap((operator) =>
    operator.kernels.flatMap((kernel) => {
      if (seen.has(sortOf(kernel))) return [];
      seen.add(sortOf(kernel));
      const { name, flops, streamedBytes, reads, writes, work } = kernel;
      const streamed = streamedBytes === 0 ? "" : ` + streamed ${streamedBytes}`;
      return [
        columns(operator.name, name, String(flops), lawText(work)),
        `      ${accesses(reads)}${streamed} -> ${accesses(writes)}`,
      ];
    }),
  );
}

const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

function section(title: string, operators: readonly Operator[], seen: Set<string>): string {
  const count = operators.reduce((sum, { kernels: own }) => sum + own.length, 0);
  const lines = newLines(operators, seen);
  return [`# ${title}: ${count} kernels, digest ${digestOf(fullText(operators))}`, ...lines, ""].join("\n");
}

function endsOf(changes: Partial<Scenario>): readonly Operator[] {
  const { model: whole, workload, precision, parallelism, normalization } = scenario(changes);
  const d = dimensions(whole, workload.batch, workload.sequence, precision, parallelism);
  const wide = wideMatmulTypes(precision);
  const style = normStyle(normalization, matmulTypes(precision), wide);
  const { embedding, finalNorm, head } = modelEnds(whole, workload.phase, d, style, wide);
  return [...embedding, ...finalNorm, ...head];
}

const ENDS: Readonly<Record<string, Partial<Scenario>>> = {
  "ends of BERT, training, two GPUs": {
    model: model("bert-large"),
    workload: train(2, 64),
    ...norm("layernorm", "native"),
    ...tensor(2, false),
  },
  "ends of Llama 3 8B, training, split tokens": {
    model: model("llama-3-8b"),
    workload: train(1, 64),
    ...norm("rmsnorm", "fused"),
    ...tensor(2, true),
  },
  "ends of Llama 3 8B, decode, two GPUs": {
    model: model("llama-3-8b"),
    workload: decode(4, 10),
    ...norm("rmsnorm", "native"),
    ...tensor(2, false),
  },
};

/** The norms of a layer in every implementation, forward and backward. */
const norms = (): readonly Operator[] =>
  NORM_KINDS.flatMap((kind) =>
    NORM_IMPLEMENTATIONS.flatMap((implementation) =>
      layerOperators(
        scenario({ model: model("llama-3-8b"), workload: train(1, 256), ...norm(kind, implementation) }),
      ).filter(({ name }) => name.startsWith("ffn-norm")),
    ),
  );

test("the kernels of layers are those of the file", () => {
  const parts: readonly (readonly [string, readonly Operator[]])[] = [
    ...Object.entries(LAYERS).map(([name, changes]) => [name, layerOperators(scenario(changes))] as const),
    ...Object.entries(ENDS).map(([name, changes]) => [name, endsOf(changes)] as const),
    ["norms", norms()],
    ["AdamW", optimizerStep(1000, 2, "adamw")],
    ["no optimizer", optimizerStep(1000, 2, "none")],
  ];
  const seen = new Set<string>();
  const text = [
    columns("operator", "kernel", "FLOPs", "law and its sizes"),
    "      bytes of the tensors read -> written",
    "",
    ...parts.map(([name, operators]) => section(name, operators, seen)),
  ].join("\n");
  if (isUpdating()) {
    writeFileSync(FILE, text);
    mkdirSync(new URL(".", ALL_LINES), { recursive: true });
    writeFileSync(
      ALL_LINES,
      parts.map(([name, operators]) => `# ${name}\n${fullText(operators)}\n`).join("\n"),
    );
  }
  expect(text).toBe(readFileSync(FILE, "utf8"));
});
