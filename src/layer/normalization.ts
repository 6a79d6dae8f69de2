import type { NormKind } from "../schema/model.ts";
import type { Pass } from "../schema/normalization.ts";
import type { NormImplementation } from "../schema/vocabulary.ts";
import type { Access, Kernel, Operator, Work } from "./kernel.ts";
import { sumOf } from "./kernel.ts";
import { backwardPasses, forwardPasses } from "./normalization-passes.ts";

/** One normalization of the layer: `rows` rows of `columns` elements. */
export interface NormSite {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** tensors of the layer that it reads and writes */
  readonly input: string;
  readonly output: string;
  /** the inputs and the sum of the residual add before it, where that add can be fused in */
  readonly residual?: { readonly branch: string; readonly stream: string };
  /** true when a matmul reads the output, so that the weight can be folded into it */
  readonly beforeMatmul: boolean;
}

export interface NormStyle {
  readonly kind: NormKind;
  readonly implementation: NormImplementation | readonly Pass[];
  readonly activationBytes: number;
  readonly weightBytes: number;
}

/** Thread blocks that each write one row of partial sums: about one a streaming multiprocessor. */
const PARTIAL_ROWS = 128;
const ROW_STATISTIC_BYTES = 4;
const FP32_BYTES = 4;

/** What the style comes to at this site: not every norm has a residual add before it or a matmul behind it. */
function implementationAt(site: NormSite, style: NormStyle): NormImplementation | readonly Pass[] {
  if (style.implementation === "residual-fused" && site.residual === undefined) return "fused";
  if (style.implementation === "folded" && !site.beforeMatmul) return "fused";
  return style.implementation;
}

export const fusesResidual = (site: NormSite, style: NormStyle): boolean =>
  implementationAt(site, style) === "residual-fused";

/** The forward operator of a norm. */
export function normalization(site: NormSite, style: NormStyle): Operator {
  const implementation = implementationAt(site, style);
  const passes =
    typeof implementation === "string" ? forwardPasses(style.kind, implementation) : implementation;
  return normOperator(site, style, site.name, passes, "forward");
}

/** The backward operator: reads the norm's input and the gradient of its output, writes the gradient of its input. */
export function normalizationBackward(site: NormSite, style: NormStyle): Operator {
  const implementation = implementationAt(site, style);
  // passes that the user describes are forward ones; their backward is taken to be torch's
  const passes = backwardPasses(style.kind, typeof implementation === "string" ? implementation : "native");
  return normOperator(
    { ...site, output: `gradient of ${site.input}` },
    style,
    `${site.name}-backward`,
    passes,
    "backward",
  );
}

function normOperator(
  site: NormSite,
  style: NormStyle,
  name: string,
  passes: readonly Pass[],
  direction: Direction,
): Operator {
  return {
    name,
    class: "normalization",
    kernels: passes.map((pass) => passKernel(pass, site, style, direction)),
  };
}

type Direction = "forward" | "backward";

function passKernel(pass: Pass, site: NormSite, style: NormStyle, direction: Direction): Kernel {
  const tensors = pass.reads.filter((operand) => !isParameter(operand));
  const reads = tensors.map((operand) => access(operand, "read", site, style));
  const writes = pass.writes.map((operand) => access(operand, "write", site, style));
  const parameters = pass.reads.filter(isParameter);
  return {
    name: pass.name,
    flops: pass.flopsPerElement * site.rows * site.columns,
    reads,
    writes,
    streamedBytes: pass.fixedReadBytes + sumOf(parameters, (operand) => operandBytes(operand, site, style)),
    work: passWork(pass, reads, site, style, direction),
  };
}

/** Weights that a forward pass reads come from HBM; their gradients are ordinary tensors. */
const isParameter = (operand: string): boolean => /^(weight|bias)(?!:gradient)/.test(operand);

const typeOf = (operand: string): string => operand.split(":", 1)[0] ?? operand;

function operandElements(operand: string, { rows, columns }: NormSite): number {
  switch (typeOf(operand)) {
    case "row":
      return rows;
    case "weight":
    case "bias":
      return columns;
    case "partial":
      return Math.min(rows, PARTIAL_ROWS) * columns;
    default:
      return rows * columns;
  }
}

function operandBytes(operand: string, site: NormSite, style: NormStyle): number {
  const elements = operandElements(operand, site);
  switch (typeOf(operand)) {
    case "row":
      return elements * ROW_STATISTIC_BYTES;
    case "fp32":
    case "partial":
      return elements * FP32_BYTES;
    case "activation":
      return elements * style.activationBytes;
    default:
      return elements * style.weightBytes;
  }
}

function access(operand: string, direction: "read" | "write", site: NormSite, style: NormStyle): Access {
  return { tensor: tensorName(operand, direction, site), bytes: operandBytes(operand, site, style) };
}

function tensorName(operand: string, direction: "read" | "write", site: NormSite): string {
  if (operand === "activation") return direction === "read" ? site.input : site.output;
  if (operand === "activation:branch" && site.residual) return site.residual.branch;
  if (operand === "activation:stream" && site.residual) return site.residual.stream;
  if (operand === "activation:sum") return site.input;
  if (operand === "activation:gradient") return `gradient of ${site.name}`;
  return `${site.name} ${operand}`;
}

function passWork(
  pass: Pass,
  reads: readonly Access[],
  site: NormSite,
  style: NormStyle,
  direction: Direction,
): Work {
  const { rows, columns } = site;
  switch (pass.kernel) {
    case "vectorized":
    case "unrolled": {
      const operands = [...pass.reads, ...pass.writes];
      const elements = operands.reduce((most, operand) => Math.max(most, operandElements(operand, site)), 0);
      // one row times a weight of its own length: nothing is broadcast, and torch takes its vectorized kernel
      const contiguous = rows === 1 && pass.reads.some(isParameter);
      return { kind: "pointwise", access: contiguous ? "vectorized" : pass.kernel, elements };
    }
    case "row-sum":
      return { kind: "row-sum", rows, columns };
    case "column-sum": {
      const partial = pass.reads.some((operand) => typeOf(operand) === "partial");
      return { kind: "column-sum", rows: partial ? Math.min(rows, PARTIAL_ROWS) : rows, columns };
    }
    case "row-per-block":
    case "row-in-registers":
      return {
        kind: pass.kernel,
        norm: style.kind,
        direction,
        rows,
        columns,
        rowBytes: sumOf(reads, (read) => read.bytes) / rows,
      };
  }
}
