import * as z from "zod";
import { text } from "./fields.ts";

/** How a kernel walks its data; decides which timing law applies (engine/device/). */
const PASS_KERNELS = [
  "vectorized",
  "unrolled",
  "row-sum",
  "column-sum",
  "row-per-block",
  "row-in-registers",
] as const;

const operand = z
  .string()
  .regex(/^(activation|fp32|row|column|weight|bias|partial)(:[\w .-]{1,40})?$/, {
    error:
      'expected activation, fp32, row, column, weight, bias or partial, optionally with a label (for example "fp32:squares")',
  })
  .describe(
    "A tensor: activation (one element per element of x, in the activations' type), fp32 (the same, 4 bytes), row (one fp32 per row), column (one fp32 per column), weight or bias (one element per column), partial (one fp32 per column for each of up to 128 thread blocks); a label after a colon tells two of one kind apart",
  );

export const PassSchema = z.strictObject({
  name: text.describe("Name of the kernel"),
  kernel: z
    .enum(PASS_KERNELS)
    .default("vectorized")
    .describe(
      "How it walks its data: vectorized or unrolled (element by element), row-sum (one number per row), column-sum (one number per column), row-per-block (a thread block reads its row twice), row-in-registers (a row is read once and kept)",
    ),
  reads: z.array(operand).max(16).describe("Tensors read"),
  writes: z.array(operand).max(16).describe("Tensors written"),
  fixedReadBytes: z
    .number()
    .min(0)
    .max(1e9)
    .default(0)
    .describe("Bytes read whatever the size: code, constants, a reduction's workspace"),
  flopsPerElement: z.number().min(0).max(1000).describe("Floating-point operations per element of x"),
});

export type Pass = z.infer<typeof PassSchema>;
