import * as z from "zod";

/** Bytes of one stored element. */
export const BYTES_PER_ELEMENT = {
  fp32: 4,
  tf32: 4,
  fp16: 2,
  bf16: 2,
} as const;

export const DATA_TYPES = [
  "fp32",
  "tf32",
  "fp16",
  "bf16",
] as const satisfies (keyof typeof BYTES_PER_ELEMENT)[];

export const DataTypeSchema = z.enum(DATA_TYPES);

export type DataType = z.infer<typeof DataTypeSchema>;
