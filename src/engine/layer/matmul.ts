import type { DataType } from "../../schema/vocabulary.ts";
import { type GradientNames, gradientOf } from "./gradients.ts";
import type { Access, Kernel, Operator } from "./kernel.ts";
import { narrowTensor, quantization } from "./quantization.ts";

/**
 * y[m, n] = x[m, k] W[n, k]^T: 2mnk FLOPs; W and the bias are streamed from HBM. A bias is added in the epilogue.
 * Bytes are compulsory ones: large matmuls read their operands several times, but they wait for the tensor cores.
 */
export interface Projection {
  readonly name: string;
  /** rows of each product; on average where they are grouped */
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** products with weights of their own that run in one launch: experts, or heads */
  readonly products: number;
  /** true: experts, whose numbers of rows differ */
  readonly grouped: boolean;
  readonly bias: boolean;
  readonly input: string;
  /** true: the input is quantized by a kernel of its own before */
  readonly quantize: boolean;
  readonly output: string;
  /** true: rows of its output do not start at 16 bytes */
  readonly misaligned?: boolean;
  /** the tensors that the output's columns belong to, where others read them apart */
  readonly parts?: readonly { readonly tensor: string; readonly columns: number }[] | undefined;
}

export interface MatmulTypes {
  readonly dataType: DataType;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly weightBytes: number;
}

const tensor = (name: string, elements: number, bytes: number): Access => ({
  tensor: name,
  bytes: elements * bytes,
});

/** The forward operators of a projection: its matmul, behind the quantization of its input where that is its own. */
export function project(p: Projection, types: MatmulTypes): readonly Operator[] {
  const operator: Operator = { name: p.name, class: "matmul", kernels: [projectionForward(p, types)] };
  if (!p.quantize) return [operator];
  const bytes = { wideBytes: types.outputBytes, narrowBytes: types.inputBytes };
  return [quantization(p.name, p.input, { rows: p.m * p.products, columns: p.k }, bytes), operator];
}

export function projectionForward(p: Projection, types: MatmulTypes): Kernel {
  const { m, n, k, products, grouped } = p;
  const rows = m * products;
  return {
    name: grouped ? "grouped matmul" : "matmul",
    flops: 2 * rows * n * k + (p.bias ? rows * n : 0),
    reads: [tensor(p.quantize ? narrowTensor(p.input) : p.input, rows * k, types.inputBytes)],
    writes: p.parts
      ? p.parts.map((part) => tensor(part.tensor, rows * part.columns, types.outputBytes))
      : [tensor(p.output, rows * n, types.outputBytes)],
    streamedBytes: products * (n * k + (p.bias ? n : 0)) * types.weightBytes,
    work: {
      kind: "matmul",
      m,
      n,
      k,
      products,
      grouped,
      gradient: false,
      dataType: types.dataType,
      ...misalignedOnly(p),
    },
  };
}

const misalignedOnly = ({ misaligned }: Projection) => (misaligned ? { misaligned } : {});

/**
 * dW[n, k] = dy^T x, dx[m, k] = dy W, db[n] = sum of dy over rows: each gradient costs what the forward matmul does.
 * In the order of torch's autograd: with a bias (addmm) the input's gradient comes first.
 */
export function projectionBackward(p: Projection, types: MatmulTypes, names: GradientNames = {}): Kernel[] {
  const { m, n, k, products, grouped } = p;
  const rows = m * products;
  const outputGradient = tensor(names.ofOutput ?? gradientOf(p.output), rows * n, types.outputBytes);
  const work = {
    kind: "matmul",
    products,
    grouped,
    gradient: true,
    dataType: types.dataType,
    ...misalignedOnly(p),
  } as const;
  const weightGradient: Kernel = {
    name: "weight gradient",
    flops: 2 * rows * n * k,
    reads: [outputGradient, tensor(p.input, rows * k, types.inputBytes)],
    writes: [tensor(gradientOf(`${p.name} weight`), products * n * k, types.weightBytes)],
    streamedBytes: 0,
    work: { ...work, m: n, n: k, k: m },
  };
  const inputGradient: Kernel = {
    name: "input gradient",
    flops: 2 * rows * n * k,
    reads: [outputGradient],
    writes: [tensor(names.ofInput ?? gradientOf(p.input), rows * k, types.inputBytes)],
    streamedBytes: products * n * k * types.weightBytes,
    work: { ...work, m, n: k, k: n },
  };
  const biasGradient: Kernel = {
    name: "bias gradient",
    flops: rows * n,
    reads: [outputGradient],
    writes: [tensor(gradientOf(`${p.name} bias`), products * n, types.weightBytes)],
    streamedBytes: 0,
    work: { kind: "column-sum", rows: m, columns: products * n },
  };
  return p.bias ? [inputGradient, weightGradient, biasGradient] : [weightGradient, inputGradient];
}
