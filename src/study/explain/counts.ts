import type { Device } from "../../engine/device/device.ts";
import { rereadBytes } from "../../engine/device/norm-row-per-block.ts";
import type { Kernel } from "../../engine/layer/kernel.ts";
import { readBytes, writeBytes } from "../../engine/layer/kernel.ts";
import { type Step, step, sumStep } from "./step.ts";

/** What a kernel's FLOPs are made of; a test holds every product against the count of the layer. */
export function flopSteps({ flops, work }: Kernel): Step[] {
  const each = (amount: number): number => (amount === 0 ? 0 : flops / amount);
  switch (work.kind) {
    case "matmul": {
      const { m, n, k, products } = work;
      const sizes = [
        ["m", m],
        ["n", n],
        ["k", k],
        ["products", products],
      ] as const;
      const bias = flops - 2 * m * n * k * products;
      return [step("flops", "2 * $0 * $1 * $2 * $3 + $4", flops, [...sizes, ["bias", bias]])];
    }
    case "attention":
    case "decode-attention": {
      const { keyDim, valueDim } = work;
      // forward the scores and the weighted values, backward three products as wide as a key and two as a value
      const [keys, values] = work.kind === "attention" && work.direction === "backward" ? [3, 2] : [1, 1];
      return [
        step("flops", "2 * $0 * ($1 * $2 + $3 * $4)", flops, [
          ["pairs", each(2 * (keys * keyDim + values * valueDim))],
          ["keyProducts", keys],
          ["keyDim", keyDim],
          ["valueProducts", values],
          ["valueDim", valueDim],
        ]),
      ];
    }
    case "pointwise":
    case "softmax":
      return [
        step("flops", "$0 * $1", flops, [
          ["flopsPerElement", each(work.elements)],
          ["elements", work.elements],
        ]),
      ];
    case "collective":
    case "selection":
      return [];
    default:
      return [
        step("flops", "$0 * $1 * $2", flops, [
          ["flopsPerElement", each(work.rows * work.columns)],
          ["rows", work.rows],
          ["columns", work.columns],
        ]),
      ];
  }
}

/** The bytes that the result shows: every tensor once, and what is read a second time. */
export function byteSteps(kernel: Kernel, target: Device): Step[] {
  const again = rereadBytes(kernel.work, target);
  const read = [
    ...kernel.reads.map(({ tensor, bytes }) => [tensor, bytes] as const),
    ["streamed (weights, tables, cache)", kernel.streamedBytes] as const,
    ["read again", again] as const,
  ].filter(([, bytes]) => bytes > 0);
  const written = kernel.writes.map(({ tensor, bytes }) => [tensor, bytes] as const);
  return [
    ...(read.length > 0 ? [sumStep("hbmReadBytes", readBytes(kernel) + again, read)] : []),
    ...(written.length > 0 ? [sumStep("hbmWriteBytes", writeBytes(kernel), written)] : []),
  ];
}
