import type { DataType } from "../schema/precision.ts";
import type { Access, Kernel } from "./kernel.ts";

/**
 * y[m, n] = x[m, k] W[n, k]^T: 2mnk FLOPs; W and the bias are streamed from HBM. A bias is added in the epilogue.
 * Bytes are compulsory ones: large matmuls read their operands several times, but they wait for the tensor cores.
 */
export interface Projection {
  readonly name: string;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly bias: boolean;
  readonly input: string;
  readonly output: string;
}

export interface MatmulTypes {
  readonly dataType: DataType;
  readonly activationBytes: number;
  readonly weightBytes: number;
}

const tensor = (name: string, elements: number, bytes: number): Access => ({
  tensor: name,
  bytes: elements * bytes,
});

export function projectionForward(p: Projection, types: MatmulTypes): Kernel {
  const { m, n, k } = p;
  return {
    name: "matmul",
    flops: 2 * m * n * k + (p.bias ? m * n : 0),
    reads: [tensor(p.input, m * k, types.activationBytes)],
    writes: [tensor(p.output, m * n, types.activationBytes)],
    streamedBytes: (n * k + (p.bias ? n : 0)) * types.weightBytes,
    work: { kind: "matmul", m, n, k, products: 1, gradient: false, dataType: types.dataType },
  };
}

/** dW[n, k] = dy^T x, dx[m, k] = dy W, db[n] = sum of dy over rows: each gradient costs what the forward matmul does. */
export function projectionBackward(p: Projection, types: MatmulTypes): Kernel[] {
  const { m, n, k } = p;
  const outputGradient = tensor(`gradient of ${p.output}`, m * n, types.activationBytes);
  const work = { kind: "matmul", products: 1, gradient: true, dataType: types.dataType } as const;
  const weightGradient: Kernel = {
    name: "weight gradient",
    flops: 2 * m * n * k,
    reads: [outputGradient, tensor(p.input, m * k, types.activationBytes)],
    writes: [tensor(`gradient of ${p.name} weight`, n * k, types.weightBytes)],
    streamedBytes: 0,
    work: { ...work, m: n, n: k, k: m },
  };
  const inputGradient: Kernel = {
    name: "input gradient",
    flops: 2 * m * n * k,
    reads: [outputGradient],
    writes: [tensor(`gradient of ${p.input}`, m * k, types.activationBytes)],
    streamedBytes: n * k * types.weightBytes,
    work: { ...work, m, n: k, k: n },
  };
  const biasGradient: Kernel = {
    name: "bias gradient",
    flops: m * n,
    reads: [outputGradient],
    writes: [tensor(`gradient of ${p.name} bias`, n, types.weightBytes)],
    streamedBytes: 0,
    work: { kind: "column-sum", rows: m, columns: n },
  };
  return p.bias ? [weightGradient, inputGradient, biasGradient] : [weightGradient, inputGradient];
}
