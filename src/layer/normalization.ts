import type { NormKind } from "../schema/model.ts";
import type { Pass } from "../schema/normalization.ts";
import type { NormImplementation } from "../schema/vocabulary.ts";
import { type GradientNames, gradientOf } from "./gradients.ts";
import type { Access, Kernel, Operator, Work } from "./kernel.ts";
import { sumOf } from "./kernel.ts";
import { backwardPasses, forwardPasses } from "./normalization-passes.ts";

/** Where a normalization stands: the tensors of the layer that it reads and writes. */
export interface NormPlace {
  readonly name: string;
  readonly input: string;
  readonly output: string;
  /** the inputs of the residual add before it, where that add can be fused in; its sum is the norm's input */
  readonly residual: { readonly branch: string; readonly stream: string } | undefined;
  /** true when a matmul reads the output, so that the weight can be folded into it */
  readonly beforeMatmul: boolean;
}

/** One normalization of the layer: `rows` rows of `columns` elements. */
export interface NormSite {
  readonly place: NormPlace;
  readonly rows: number;
  readonly columns: number;
  /** true: the norm quantizes its output for the matmul that reads it */
  readonly narrowOutput: boolean;
}

export interface NormStyle {
  readonly kind: NormKind;
  readonly implementation: NormImplementation | readonly Pass[];
  readonly activationBytes: number;
  /** of an output that the norm quantizes itself */
  readonly narrowBytes: number;
  readonly weightBytes: number;
}

/** Builds the operator of a norm whose place and style are known, for any number of rows and columns. */
type NormOperator = (rows: number, columns: number) => Operator;

/** Thread blocks that each write one row of partial sums: about one a streaming multiprocessor. */
const PARTIAL_ROWS = 128;
const ROW_STATISTIC_BYTES = 4;
const FP32_BYTES = 4;

/** What the style comes to at this place: not every norm has a residual add before it or a matmul behind it. */
function implementationAt(place: NormPlace, style: NormStyle): NormImplementation | readonly Pass[] {
  if (style.implementation === "residual-fused" && place.residual === undefined) return "fused";
  if (style.implementation === "folded" && !place.beforeMatmul) return "fused";
  return style.implementation;
}

export const fusesResidual = (place: NormPlace, style: NormStyle): boolean =>
  implementationAt(place, style) === "residual-fused";

/** The forward operator of a norm. */
export function normalization(place: NormPlace, style: NormStyle, narrowOutput: boolean): NormOperator {
  const implementation = implementationAt(place, style);
  const passes =
    typeof implementation === "string" ? forwardPasses(style.kind, implementation) : implementation;
  const outputBytes = narrowOutput ? style.narrowBytes : style.activationBytes;
  return normOperator(place.name, passes, "forward", place, { ...style, outputBytes });
}

/** The backward operator: reads the norm's input and the gradient of its output, writes the gradient of its input. */
export function normalizationBackward(
  place: NormPlace,
  style: NormStyle,
  names: GradientNames = {},
): NormOperator {
  const implementation = implementationAt(place, style);
  // passes that the user describes are forward ones; their backward is taken to be torch's
  const passes = backwardPasses(style.kind, typeof implementation === "string" ? implementation : "native");
  const gradients = {
    ...place,
    incoming: names.ofOutput ?? gradientOf(place.output),
    output: names.ofInput ?? gradientOf(place.input),
  };
  return normOperator(`${place.name}-backward`, passes, "backward", gradients, {
    ...style,
    outputBytes: style.activationBytes,
  });
}

type Direction = "forward" | "backward";

/** In the backward pass the output is the gradient of the input, and the gradient of the output comes in. */
interface PassPlace extends NormPlace {
  readonly incoming?: string;
}

interface PassStyle extends NormStyle {
  readonly outputBytes: number;
}

function normOperator(
  name: string,
  passes: readonly Pass[],
  direction: Direction,
  place: PassPlace,
  style: PassStyle,
): NormOperator {
  const kernels = passes.map((pass) => passKernel(pass, direction, place, style));
  return (rows, columns) => ({
    name,
    class: "normalization",
    kernels: kernels.map((kernel) => kernel(rows, columns)),
  });
}

function passKernel(
  pass: Pass,
  direction: Direction,
  place: PassPlace,
  style: PassStyle,
): (rows: number, columns: number) => Kernel {
  const parameters = pass.reads.filter(isParameter).map((name) => operand(name, "read", place, style));
  const reads = pass.reads
    .filter((name) => !isParameter(name))
    .map((name) => operand(name, "read", place, style));
  const writes = pass.writes.map((name) => operand(name, "write", place, style));
  const workOf = passWork(pass, [...reads, ...parameters, ...writes], direction, style.kind);
  return (rows, columns) => {
    const readNow = reads.map((one) => accessOf(one, rows, columns));
    return {
      name: pass.name,
      flops: pass.flopsPerElement * rows * columns,
      reads: readNow,
      writes: writes.map((one) => accessOf(one, rows, columns)),
      streamedBytes: pass.fixedReadBytes + sumOf(parameters, (one) => bytesOf(one, rows, columns)),
      work: workOf(rows, columns, readNow),
    };
  };
}

/** Weights that a forward pass reads come from HBM; their gradients are ordinary tensors. */
const isParameter = (name: string): boolean => /^(weight|bias)(?!:gradient)/.test(name);

/** A tensor of a pass: which one, how many elements it has, and how wide they are. */
interface Operand {
  readonly tensor: string;
  readonly per: "element" | "row" | "column" | "partial";
  readonly bytesPerElement: number;
}

function operand(name: string, direction: "read" | "write", place: PassPlace, style: PassStyle): Operand {
  const tensor = tensorName(name, direction, place);
  switch (name.split(":", 1)[0]) {
    case "row":
      return { tensor, per: "row", bytesPerElement: ROW_STATISTIC_BYTES };
    case "partial":
      return { tensor, per: "partial", bytesPerElement: FP32_BYTES };
    case "weight":
    case "bias":
      return { tensor, per: "column", bytesPerElement: style.weightBytes };
    case "fp32":
      return { tensor, per: "element", bytesPerElement: FP32_BYTES };
    default:
      return {
        tensor,
        per: "element",
        bytesPerElement:
          name === "activation" && direction === "write" ? style.outputBytes : style.activationBytes,
      };
  }
}

function tensorName(name: string, direction: "read" | "write", place: PassPlace): string {
  if (name === "activation") return direction === "read" ? place.input : place.output;
  if (name === "activation:branch" && place.residual) return place.residual.branch;
  if (name === "activation:stream" && place.residual) return place.residual.stream;
  if (name === "activation:sum") return place.input;
  if (name === "activation:gradient" && place.incoming) return place.incoming;
  return `${place.name} ${name}`;
}

function elementsOf({ per }: Operand, rows: number, columns: number): number {
  switch (per) {
    case "row":
      return rows;
    case "column":
      return columns;
    case "partial":
      return Math.min(rows, PARTIAL_ROWS) * columns;
    case "element":
      return rows * columns;
  }
}

const bytesOf = (one: Operand, rows: number, columns: number): number =>
  elementsOf(one, rows, columns) * one.bytesPerElement;

const accessOf = (one: Operand, rows: number, columns: number): Access => ({
  tensor: one.tensor,
  bytes: bytesOf(one, rows, columns),
});

type WorkOf = (rows: number, columns: number, reads: readonly Access[]) => Work;

function passWork(pass: Pass, operands: readonly Operand[], direction: Direction, norm: NormKind): WorkOf {
  const kind = pass.kernel;
  switch (kind) {
    case "vectorized":
    case "unrolled": {
      const broadcasts = pass.reads.some(isParameter);
      return (rows, columns) => ({
        kind: "pointwise",
        // one row times a weight of its own length: nothing is broadcast, and torch takes its vectorized kernel
        access: rows === 1 && broadcasts ? "vectorized" : kind,
        elements: operands.reduce((most, one) => Math.max(most, elementsOf(one, rows, columns)), 0),
      });
    }
    case "row-sum":
      return (rows, columns) => ({ kind, rows, columns });
    case "column-sum": {
      const partial = operands.some((one) => one.per === "partial");
      return (rows, columns) => ({ kind, rows: partial ? Math.min(rows, PARTIAL_ROWS) : rows, columns });
    }
    case "row-per-block":
    case "row-in-registers": {
      const inputs = pass.reads.filter((name) => !isParameter(name) && !name.startsWith("row:")).length;
      return (rows, columns, reads) => ({
        kind,
        norm,
        direction,
        rows,
        columns,
        inputs,
        rowBytes: sumOf(reads, (read) => read.bytes) / rows,
      });
    }
  }
}
