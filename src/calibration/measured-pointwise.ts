import type { PointwiseAccess } from "../engine/layer/kernel.ts";
import { pointwise } from "../engine/layer/pointwise.ts";
import type { MeasuredKind } from "../schema/measurement.ts";
import type { MeasuredCase } from "./measured-case.ts";

/** Elements read and written per element of the output, as tools/measure_gpu.py calls each kernel. */
interface PointwiseCase {
  readonly access: PointwiseAccess;
  /** of a single row, whose operands are contiguous; default: the same */
  readonly accessOfOneRow?: PointwiseAccess;
  /** read from the tensor that the kernel before it wrote */
  readonly fresh: number;
  /** read from memory */
  readonly old?: number;
  /** 4 where the kernel reads or writes fp32 whatever the row's type */
  readonly readBytes?: number;
  readonly writtenBytes?: number;
  /** writes over its input */
  readonly inPlace?: boolean;
}

const CASES: Readonly<Record<string, PointwiseCase>> = {
  add: { access: "vectorized", fresh: 1, old: 1 },
  mul: { access: "vectorized", fresh: 2 },
  bias: { access: "unrolled", accessOfOneRow: "vectorized", fresh: 1 },
  silu: { access: "silu", fresh: 1 },
  gelu: { access: "gelu", fresh: 1 },
  relu: { access: "vectorized", fresh: 1 },
  "silu-chunk": { access: "strided", accessOfOneRow: "silu", fresh: 1 },
  "mul-chunk": { access: "strided", accessOfOneRow: "vectorized", fresh: 2 },
  "swiglu-fused": { access: "silu", fresh: 2 },
  "multiply-broadcast": { access: "strided", fresh: 1 },
  "multiply-broadcast-contiguous": { access: "strided", fresh: 1 },
  "negate-half": { access: "strided", fresh: 1 },
  "concatenate-halves": { access: "concatenate", fresh: 1 },
  "add-transposed": { access: "transposed", accessOfOneRow: "vectorized", fresh: 2 },
  "rope-fused": { access: "vectorized", fresh: 1, inPlace: true },
  "cast-to-fp32": { access: "unrolled", fresh: 1, writtenBytes: 4 },
  "cast-to-bf16": { access: "vectorized", fresh: 1, readBytes: 4 },
  "static-fp8-quantization": { access: "vectorized", fresh: 1, writtenBytes: 1 },
  "kv-cache-copy": { access: "strided", fresh: 1 },
};

export function measuredPointwise(
  row: MeasuredKind<"pointwise" | "softmax">,
  bytes: number,
  freshTensor: string,
): MeasuredCase | undefined {
  const found = Object.hasOwn(CASES, row.implementation) ? CASES[row.implementation] : undefined;
  if (found === undefined) return undefined;
  const elements = row.rows * row.columns;
  const kernel = pointwise(
    row.implementation,
    (row.rows === 1 ? found.accessOfOneRow : undefined) ?? found.access,
    elements,
    1,
    [{ tensor: freshTensor, bytes: found.fresh * elements * (found.readBytes ?? bytes) }],
    [{ tensor: found.inPlace ? freshTensor : "output", bytes: elements * (found.writtenBytes ?? bytes) }],
    (found.old ?? 0) * elements * bytes,
  );
  return { kernels: [kernel], justWritten: [freshTensor] };
}
