import { describe, expect, test } from "vitest";
import { measuredCase } from "../../src/calibration/measured-kernels.ts";
import type { Kernel } from "../../src/engine/layer/kernel.ts";
import type { Measurement } from "../../src/schema/measurement.ts";
import { row } from "../support/rows.ts";

/** What was measured as the kernels that a layer runs: their tensors, and which of them were just written. */

const caseOf = (given: Measurement) => {
  const found = measuredCase(given);
  if (found === undefined) throw new Error("nothing was measured");
  return found;
};

const FRESH = caseOf(row("copy")).justWritten[0]!;

const tensors = ({ reads, writes }: Kernel): [string[], string[]] => [
  reads.map(({ tensor }) => tensor),
  writes.map(({ tensor }) => tensor),
];

describe("a measured", () => {
  test("copy reads what was just written", () => {
    const { kernels, justWritten } = caseOf(row("copy", { readBytes: 3, writeBytes: 5 }));
    expect(justWritten).toEqual([FRESH]);
    expect(kernels).toEqual([
      {
        name: "copy",
        flops: 0,
        reads: [{ tensor: FRESH, bytes: 3 }],
        writes: [{ tensor: "output", bytes: 5 }],
        streamedBytes: 0,
        work: { kind: "pointwise", access: "vectorized", elements: 0 },
      },
    ]);
  });

  test("softmax reads its scores and writes as many", () => {
    expect(caseOf(row("softmax", { rows: 3, columns: 5 }))).toEqual({
      justWritten: [FRESH],
      kernels: [
        {
          name: "softmax",
          flops: 0,
          reads: [{ tensor: FRESH, bytes: 30 }],
          writes: [{ tensor: "output", bytes: 30 }],
          streamedBytes: 0,
          work: { kind: "softmax", elements: 15, columns: 5 },
        },
      ],
    });
  });

  test.each([
    ["add", "output"],
    ["silu", "output"],
    ["rope-fused", FRESH],
  ])("%s reads what was just written and writes %s", (implementation, written) => {
    const { kernels, justWritten } = caseOf(row("pointwise", { implementation }));
    expect(justWritten).toEqual([FRESH]);
    expect(kernels.map(tensors)).toEqual([[[FRESH], [written]]]);
  });

  test.each(["top-k", "sort"] as const)("%s reads four bytes an element", (step) => {
    expect(caseOf(row("selection", { step, elements: 7 }))).toEqual({
      justWritten: [FRESH],
      kernels: [
        {
          name: step,
          flops: 0,
          reads: [{ tensor: FRESH, bytes: 28 }],
          writes: [],
          streamedBytes: 0,
          work: { kind: "selection", step, elements: 7 },
        },
      ],
    });
  });

  test("launch of experts has their weights and the rows that reach them", () => {
    const given = row("grouped-gemm", { tokens: 6, experts: 9, perToken: 2, touched: 4, n: 5, k: 7 });
    const { kernels, justWritten } = caseOf(given);
    expect(justWritten).toEqual([FRESH]);
    expect(kernels).toHaveLength(1);
    expect(kernels[0]).toMatchObject({
      flops: 2 * 12 * 5 * 7,
      reads: [{ tensor: FRESH, bytes: 12 * 7 * 2 }],
      writes: [{ bytes: 12 * 5 * 2 }],
      streamedBytes: 4 * 5 * 7 * 2,
      work: { kind: "matmul", m: 3, n: 5, k: 7, products: 4, grouped: true, gradient: false },
    });
  });

  test("quantization reads two bytes an element and writes one, and a scale a row", () => {
    const { kernels, justWritten } = caseOf(row("quantize", { rows: 3, columns: 5 }));
    expect(justWritten).toEqual([FRESH]);
    expect(kernels.map(({ work }) => work)).toEqual([{ kind: "quantize", rows: 3, columns: 5 }]);
    expect(kernels[0]!.reads).toEqual([{ tensor: FRESH, bytes: 30 }]);
    // a scale of four bytes a row beside them
    expect(kernels[0]!.writes.map(({ bytes }) => bytes)).toEqual([15 + 3 * 4]);
    expect(tensors(kernels[0]!)[1]).not.toContain("");
  });

  test.each(["all-reduce", "all-gather", "reduce-scatter", "all-to-all"] as const)(
    "%s finds nothing in the L2: it is timed in a row of its own kind",
    (operation) => {
      const given = row("collective", { operation, ranks: 4, messageBytes: 100 });
      const { kernels, justWritten } = caseOf(given);
      expect(justWritten).toEqual([]);
      expect(kernels.map(({ work }) => work)).toEqual([
        { kind: "collective", operation, ranks: 4, messageBytes: 100, algorithm: "nccl" },
      ]);
      const [[read], [write]] = tensors(kernels[0]!);
      expect([read, write]).toEqual([FRESH, "output"]);
    },
  );

  test.each([
    ["forward", 2 * 3 * 7, 7 * 5 * 2],
    ["gradInput", 2 * 3 * 5, 7 * 5 * 2],
    ["gradWeight", 2 * 3 * (5 + 7), 0],
  ] as const)("matmul of the %s finds its inputs just written", (role, read, streamed) => {
    const { kernels, justWritten } = caseOf(row("gemm", { role, m: 3, n: 5, k: 7 }));
    expect(justWritten).toEqual([FRESH, "gradient of output"]);
    const [kernel, ...more] = kernels;
    expect(more).toEqual([]);
    expect(kernel!.reads.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(read);
    expect(kernel!.streamedBytes).toBe(streamed);
    for (const { tensor } of kernel!.reads) expect(justWritten).toContain(tensor);
  });

  test("norm reads what the kernel before it wrote, with a residual add its branch", () => {
    const plain = caseOf(row("norm", { implementation: "rmsnorm.native", rows: 3, hidden: 5 }));
    expect(plain.justWritten).toEqual([FRESH]);
    expect(plain.kernels.map(tensors)).toEqual([[[FRESH], ["output"]]]);
    const added = caseOf(row("norm", { implementation: "rmsnorm.residual-fused", rows: 3, hidden: 5 }));
    expect(added.justWritten).toEqual([FRESH]);
    expect(added.kernels.map(tensors)).toEqual([
      [
        [FRESH, "residual stream"],
        ["residual sum", "output"],
      ],
    ]);
    expect(added.kernels[0]!.writes.map(({ bytes }) => bytes)).toEqual([30, 30]);
  });

  test.each(["native", "fused", "eager"])("backward of a norm (%s) finds all that it reads", (by) => {
    const { kernels, justWritten } = caseOf(row("norm-backward", { implementation: `layernorm.${by}` }));
    expect(justWritten[0]).toBe(FRESH);
    const read = kernels.flatMap((kernel) => tensors(kernel)[0]);
    expect([...justWritten.slice(1)]).toEqual(read);
    expect(read).toContain("gradient of output");
  });

  test.each([
    ["forward", 4, ["queries rotated", "keys rotated", "qkv values"]],
    ["decode", 1, ["queries rotated", "keys rotated", "qkv values"]],
    ["backward", 4, undefined],
  ] as const)("attention (%s) finds all that it reads", (direction, queries, reads) => {
    const given = row("attention", {
      ...{ batch: 2, queries, keys: 4, heads: 6, kvHeads: 2, headDim: 64 },
      direction: direction === "backward" ? "backward" : "forward",
    });
    const { kernels, justWritten } = caseOf(given);
    expect(justWritten).toEqual(kernels.flatMap((kernel) => tensors(kernel)[0]));
    if (reads !== undefined) expect(justWritten).toEqual(reads);
    // only a training step keeps its statistics, and no inference runs a backward pass
    expect(kernels.map(({ name }) => name).some((name) => name.includes("gradient"))).toBe(
      direction === "backward",
    );
  });
});
