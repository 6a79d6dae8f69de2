import type { Pass } from "../../schema/normalization.ts";
import { FP32_BYTES, type NormImplementation, type NormKind } from "../../schema/vocabulary.ts";
import { collective } from "./collective.ts";
import { type GradientNames, gradientOf } from "./gradients.ts";
import type { Access, Kernel, Operator, Work } from "./kernel.ts";
import { sumOf } from "./kernel.ts";
import { NORM_KIND_FACTS } from "./norm-kinds.ts";

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
  /** GPUs that each hold a part of every row: they exchange its statistic; 1 where a row lies on one */
  readonly ranks: number;
}

export interface NormStyle {
  readonly kind: NormKind;
  readonly implementation: NormImplementation | readonly Pass[];
  readonly activationBytes: number;
  /** of an output that the norm quantizes itself */
  readonly narrowBytes: number;
  readonly weightBytes: number;
  /** true: rows are multiplied by one plus the weight */
  readonly offset?: boolean;
}

/** Thread blocks that each write one row of partial sums: about one a streaming multiprocessor. */
const PARTIAL_ROWS = 128;

/** What the style comes to at this place: not every norm has a residual add before it or a matmul behind it. */
function implementationAt(place: NormPlace, style: NormStyle): NormImplementation | readonly Pass[] {
  if (style.implementation === "residual-fused" && place.residual === undefined) return "fused";
  if (style.implementation === "folded" && !(place.beforeMatmul && NORM_KIND_FACTS[style.kind].foldable))
    return "fused";
  return style.implementation;
}

/** True where the norm writes no output: the matmul behind it reads what the norm has read. */
export const isFolded = ({ kind, implementation }: Pick<NormStyle, "kind" | "implementation">): boolean =>
  implementation === "folded" && NORM_KIND_FACTS[kind].foldable;

export const fusesResidual = (place: NormPlace, style: NormStyle): boolean =>
  implementationAt(place, style) === "residual-fused";

/** The forward operator of a norm. */
export function normalization(
  { place, rows, columns, narrowOutput, ranks }: NormSite,
  style: NormStyle,
): Operator {
  const implementation = implementationAt(place, style);
  const passes = typeof implementation === "string" ? forwardPasses(style, implementation) : implementation;
  return normOperator(place.name, passes, {
    place,
    rows,
    columns,
    ranks,
    style,
    direction: "forward",
    incoming: undefined,
    outputBytes: narrowOutput ? style.narrowBytes : style.activationBytes,
  });
}

/** Op by op, the weight of a norm that adds one to it is made ready in fp32 at every call. */
function forwardPasses({ kind, offset }: NormStyle, implementation: NormImplementation): readonly Pass[] {
  const { forward, eagerOffset } = NORM_KIND_FACTS[kind];
  return offset && implementation === "eager" && eagerOffset ? eagerOffset : forward[implementation];
}

/** The backward operator: reads the norm's input and the gradient of its output, writes the gradient of its input. */
export function normalizationBackward(
  { place, rows, columns, ranks }: NormSite,
  style: NormStyle,
  names: GradientNames = {},
): Operator {
  const implementation = implementationAt(place, style);
  // passes that the user describes are forward ones; their backward is taken to be torch's
  const passes =
    NORM_KIND_FACTS[style.kind].backward[typeof implementation === "string" ? implementation : "native"];
  return normOperator(`${place.name}-backward`, passes, {
    place: { ...place, output: names.ofInput ?? gradientOf(place.input) },
    rows,
    columns,
    ranks,
    style,
    direction: "backward",
    incoming: names.ofOutput ?? gradientOf(place.output),
    outputBytes: style.activationBytes,
  });
}

/** A norm in one direction. Backward its output is the gradient of its input, and the gradient of its output comes in. */
interface DirectedNorm {
  readonly place: NormPlace;
  readonly rows: number;
  readonly columns: number;
  readonly ranks: number;
  readonly style: NormStyle;
  readonly direction: "forward" | "backward";
  readonly incoming: string | undefined;
  readonly outputBytes: number;
}

function normOperator(name: string, passes: readonly Pass[], norm: DirectedNorm): Operator {
  const kernels = passes.map((pass) => passKernel(pass, norm));
  return {
    name,
    class: "normalization",
    kernels:
      norm.ranks === 1 || NORM_KIND_FACTS[norm.style.kind].exchangedStatistics === 0
        ? kernels
        : behindStatisticExchange(kernels, norm),
  };
}

/**
 * Where each row lies on several GPUs, one small all-reduce makes the sums that each has of its own part those of the
 * whole row. It is charged to the norm and stands before its kernels, whatever these are: the first of them reads the
 * sums. That a one-kernel norm must then be cut in two is not counted.
 */
function behindStatisticExchange(kernels: readonly Kernel[], norm: DirectedNorm): readonly Kernel[] {
  const { place, rows, ranks, style, direction, incoming } = norm;
  const sums: Access = {
    tensor: `${place.name} sums, ${direction}`,
    bytes: rows * NORM_KIND_FACTS[style.kind].exchangedStatistics * FP32_BYTES,
  };
  const summed = direction === "forward" ? place.input : incoming!;
  const [first, ...others] = kernels;
  return [
    ...collective("", "all-reduce", ranks, sums.bytes, summed, sums.tensor).kernels,
    { ...first!, reads: [...first!.reads, sums] },
    ...others,
  ];
}

function passKernel(pass: Pass, norm: DirectedNorm): Kernel {
  const { rows, columns } = norm;
  const reads: Access[] = [];
  let parameterBytes = 0;
  for (const name of pass.reads)
    if (isParameter(name)) parameterBytes += operandBytes(name, "read", norm);
    else reads.push({ tensor: tensorName(name, "read", norm), bytes: operandBytes(name, "read", norm) });
  return {
    name: pass.name,
    flops: pass.flopsPerElement * rows * columns,
    reads,
    writes: pass.writes.map((name) => ({
      tensor: tensorName(name, "write", norm),
      bytes: operandBytes(name, "write", norm),
    })),
    streamedBytes: pass.fixedReadBytes + parameterBytes,
    work: passWork(pass, norm, reads),
  };
}

/** What an operand is: the part of its name before the label that tells two of one kind apart. */
function operandKind(name: string): string {
  const end = name.indexOf(":");
  return end === -1 ? name : name.slice(0, end);
}

/** Weights that a forward pass reads come from HBM; their gradients are ordinary tensors. */
function isParameter(name: string): boolean {
  const kind = operandKind(name);
  return (kind === "weight" || kind === "bias") && !name.startsWith(`${kind}:gradient`);
}

function tensorName(name: string, direction: "read" | "write", { place, incoming }: DirectedNorm): string {
  if (name === "activation") return direction === "read" ? place.input : place.output;
  if (name === "activation:branch" && place.residual) return place.residual.branch;
  if (name === "activation:stream" && place.residual) return place.residual.stream;
  if (name === "activation:sum") return place.input;
  if (name === "activation:gradient" && incoming !== undefined) return incoming;
  return `${place.name} ${name}`;
}

function operandElements(name: string, { rows, columns }: DirectedNorm): number {
  switch (operandKind(name)) {
    case "row":
      return rows;
    case "column":
    case "weight":
    case "bias":
      return columns;
    case "partial":
      return Math.min(rows, PARTIAL_ROWS) * columns;
    default:
      return rows * columns;
  }
}

function elementBytes(
  name: string,
  direction: "read" | "write",
  { style, outputBytes }: DirectedNorm,
): number {
  switch (operandKind(name)) {
    case "row":
    case "column":
    case "partial":
    case "fp32":
      return FP32_BYTES;
    case "weight":
    case "bias":
      return style.weightBytes;
    default:
      return name === "activation" && direction === "write" ? outputBytes : style.activationBytes;
  }
}

const operandBytes = (name: string, direction: "read" | "write", norm: DirectedNorm): number =>
  operandElements(name, norm) * elementBytes(name, direction, norm);

function passWork(pass: Pass, norm: DirectedNorm, reads: readonly Access[]): Work {
  const { rows, columns, direction, style } = norm;
  switch (pass.kernel) {
    case "vectorized":
    case "unrolled":
      return {
        kind: "pointwise",
        // one row times a weight of its own length: nothing is broadcast, and torch takes its vectorized kernel
        access: rows === 1 && pass.reads.some(isParameter) ? "vectorized" : pass.kernel,
        elements: [...pass.reads, ...pass.writes].reduce(
          (most, name) => Math.max(most, operandElements(name, norm)),
          0,
        ),
      };
    case "row-sum":
      return { kind: "row-sum", rows, columns };
    case "column-sum": {
      const partial = [...pass.reads, ...pass.writes].some((name) => operandKind(name) === "partial");
      return { kind: "column-sum", rows: partial ? Math.min(rows, PARTIAL_ROWS) : rows, columns };
    }
    case "row-per-block":
    case "row-in-registers":
      return {
        kind: pass.kernel,
        norm: NORM_KIND_FACTS[style.kind].rowLaw,
        direction,
        rows,
        columns,
        inputs: pass.reads.filter((name) => !isParameter(name) && operandKind(name) !== "row").length,
        rowBytes: sumOf(reads, (read) => read.bytes) / rows,
      };
  }
}
