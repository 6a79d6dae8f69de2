import type { MeasuredKind, MeasuredLayer, Measurement } from "../schema/measurement.ts";
import type { ParameterPath } from "../schema/parameters.ts";
import { algorithmOf, measuredCase } from "./measured-kernels.ts";

/** Parameters that are fitted together, and the rows that determine them. */
export interface FitStage {
  readonly name: string;
  readonly rows: (row: Measurement) => boolean;
  readonly parameters: readonly ParameterPath[];
}

/** Rows of one kind, or those of them that a condition holds for. */
const rowsOf =
  <K extends Measurement["kind"]>(kind: K, condition: (row: MeasuredKind<K>) => boolean = () => true) =>
  (row: Measurement): boolean =>
    row.kind === kind && condition(row as MeasuredKind<K>);

const isBf16 = ({ dtype }: { readonly dtype: string }): boolean => dtype === "bf16";

/** Kernels that read, write and only wait for their bytes, as a copy; a fill only writes, as no kernel of a layer does. */
const isStreaming = (row: MeasuredKind<"pointwise">): boolean =>
  // Stryker disable next-line MethodExpression: such a row is one kernel
  measuredCase(row)?.kernels.every(
    // Stryker disable next-line ConditionalExpression: of a kind that alone has an access
    ({ work }) => work.kind === "pointwise" && work.access === "vectorized",
  ) === true;

const copies = rowsOf("copy", isBf16);

const pointwise = (streaming: boolean) =>
  rowsOf("pointwise", (row) => isBf16(row) && isStreaming(row) === streaming);

const norm = (kind: "norm" | "norm-backward", ...implementations: string[]) =>
  rowsOf(kind, (row) => implementations.some((name) => row.implementation.endsWith(name)));

const gemm = (role: "forward" | "backward", ...dtypes: string[]) =>
  rowsOf("gemm", (row) => (row.role === "forward") === (role === "forward") && dtypes.includes(row.dtype));

const within = (group: string, ...names: string[]): string[] => names.map((name) => `${group}.${name}`);

/** The models whose measured layers are fitted; all others are kept for validation. */
const FITTED_LAYERS = ["bert-large"];

export const isFitted = (row: MeasuredLayer): boolean => FITTED_LAYERS.includes(row.model);

const fittedLayer = (runtime: "graph" | "eager", condition: (row: MeasuredLayer) => boolean = () => true) =>
  rowsOf("layer", (row) => row.runtime === runtime && isFitted(row) && condition(row));

/** Attention by the law that times it. */
const ATTENTION = {
  "attention forward": (row: MeasuredKind<"attention">) => row.direction === "forward" && row.queries > 1,
  "attention backward": (row: MeasuredKind<"attention">) => row.direction === "backward",
  "attention decode": (row: MeasuredKind<"attention">) => row.queries === 1,
} as const;

/** Heads that the parameters are named after: what others take follows from the padding of their tiles. */
const fillsTiles = ({ headDim, valueDim = headDim }: MeasuredKind<"attention">): boolean =>
  headDim === valueDim && [64, 128, 256].includes(headDim);

const attention = (name: keyof typeof ATTENTION, filled: boolean) =>
  rowsOf("attention", (row) => ATTENTION[name](row) && fillsTiles(row) === filled);

/** Above that serving engines fall back on NCCL, whatever a table calls it. */
const LARGEST_ONE_SHOT_BYTES = 8 * 2 ** 20;
const isNccl = ({ implementation }: MeasuredKind<"collective">): boolean =>
  algorithmOf(implementation) === "nccl";
const isOneShot = ({ implementation, messageBytes }: MeasuredKind<"collective">): boolean =>
  algorithmOf(implementation) === "one-shot" && messageBytes <= LARGEST_ONE_SHOT_BYTES;

/** Layers one after the other in a graph share its start: they tell the gap between kernels, single ones the start. */
const isChain = ({ layers }: MeasuredLayer): boolean => layers > 1;

/** What a parameter may be at all: no share of a peak above the peak, no maximum softer than a sum nearly is. */
export function boundsOf(path: ParameterPath): [number, number] {
  if (/(Fraction|Share|Loss)$|\.fraction/.test(path))
    return [0.01, path.endsWith("backwardFraction") ? 1.1 : 0.98];
  if (/[sS]peed$/.test(path)) return [0.05, 2];
  if (path.endsWith("softness")) return [1.2, 12];
  return [1e-30, 1e30];
}

/** In this order: what streams first, since every later law uses the memory's rates. */
export const FIT_STAGES: readonly FitStage[] = [
  {
    name: "streaming",
    rows: (row) => copies(row) || pointwise(true)(row),
    parameters: [
      "memory.streamingFraction",
      ...within("cache", "residentBytes", "transitionBytes", "bytesPerSecond"),
      "pointwise.vectorizedFloorSeconds",
    ],
  },
  {
    name: "pointwise",
    rows: pointwise(false),
    parameters: [
      ...within(
        "pointwise",
        "stridedFloorSeconds",
        "siluSecondsPerElement",
        "geluSecondsPerElement",
        "unrolledSecondsPerElement",
        "stridedSecondsPerElement",
        "transposedSecondsPerElement",
        "concatenateSecondsPerElement",
        "softness",
      ),
    ],
  },
  {
    name: "matmul forward",
    rows: gemm("forward", "bf16", "fp16"),
    parameters: [
      "memory.weightFraction",
      ...within(
        "matmul",
        "floorSeconds",
        "secondsPerInner",
        "peakFraction",
        "sustainedLoss",
        "sustainedFlops",
        "sustainedExponent",
        "epilogueShare",
        "softness",
      ),
    ],
  },
  {
    name: "matmul gradients",
    rows: gemm("backward", "bf16", "fp16"),
    parameters: ["matmul.backwardFraction"],
  },
  {
    name: "matmul fp8",
    rows: gemm("forward", "fp8"),
    parameters: ["matmul.fp8Speed"],
  },
  {
    name: "matmul int8",
    rows: gemm("forward", "int8"),
    parameters: ["matmul.int8Speed"],
  },
  {
    name: "matmul grouped",
    rows: rowsOf("grouped-gemm"),
    parameters: within("experts", "floorSeconds", "speed", "softness"),
  },
  {
    name: "expert selection",
    rows: rowsOf("selection"),
    parameters: within("experts", "selectionFloorSeconds", "topKSecondsPerElement", "sortSecondsPerElement"),
  },
  {
    name: "attention forward",
    rows: attention("attention forward", true),
    parameters: within(
      "attention",
      "floorSeconds",
      "fractionHeadDim64",
      "fractionHeadDim128",
      "fractionHeadDim256",
      "blockSeconds",
      "tailShare",
      "causalSpeed",
      "flashSpeed",
      "tritonSpeed",
    ),
  },
  {
    name: "attention backward",
    rows: attention("attention backward", true),
    parameters: within(
      "attention.backward",
      "fractionHeadDim64",
      "fractionHeadDim128",
      "fractionHeadDim256",
      "shortSequenceTokens",
      "shortSequenceExponent",
    ),
  },
  {
    name: "attention decode",
    rows: attention("attention decode", true),
    parameters: [
      "memory.kvCacheFraction",
      ...within(
        "attention",
        "decodeFloorSeconds",
        "decodeBlockSeconds",
        "decodeRampSeconds",
        "decodeFraction",
        "decodeWideFraction",
        "flashDecodeSeconds",
      ),
    ],
  },
  {
    name: "softmax",
    rows: rowsOf("softmax"),
    parameters: within(
      "softmax",
      "persistentSecondsPerElement",
      "persistentRowSecondsPerColumn",
      "secondsPerElement",
      "rowSecondsPerColumn",
    ),
  },
  {
    name: "norm native, rereads",
    rows: rowsOf("norm-counters", (row) => row.cache === "cold" && row.implementation.endsWith(".native")),
    parameters: within("rowPerBlock", "rereadResidentBytes", "rereadFlightBytes"),
  },
  {
    name: "norm native",
    rows: norm("norm", ".native"),
    parameters: [
      "memory.rowPerBlockFraction",
      "rowPerBlock.softness",
      ...["layernorm", "rmsnorm"].flatMap((kind) =>
        within(
          `rowPerBlock.${kind}`,
          "floorSeconds",
          "rowSecondsPerColumn",
          "blockSeconds",
          "blockSecondsPerColumn",
        ),
      ),
    ],
  },
  {
    name: "norm fused",
    rows: norm("norm", ".fused", ".residual-fused"),
    parameters: [
      ...within("rowInRegisters", "inputSeconds", "softness", "cacheFactor"),
      ...["layernorm", "rmsnorm"].flatMap((kind) =>
        within(`rowInRegisters.${kind}`, "floorSeconds", "rowSecondsPerColumn", "secondsPerElement"),
      ),
    ],
  },
  {
    name: "quantization",
    rows: rowsOf("quantize"),
    parameters: within("quantization", "floorSeconds", "rowSecondsPerColumn"),
  },
  {
    name: "collectives",
    rows: rowsOf("collective", (row) => isNccl(row) && row.ranks === 2),
    parameters: within(
      "network",
      "latencySeconds",
      "lowLatencyFraction",
      "bulkLatencySeconds",
      "linkFraction",
    ),
  },
  {
    name: "collectives of many",
    rows: rowsOf("collective", (row) => isNccl(row) && row.ranks > 2),
    parameters: within("network", "moreRanksFactor", "secondsPerRank"),
  },
  {
    name: "collectives, one-shot",
    rows: rowsOf("collective", isOneShot),
    parameters: within("network", "oneShotSeconds", "oneShotSecondsPerRank", "oneShotFraction"),
  },
  {
    name: "norm eager",
    rows: norm("norm", ".eager"),
    parameters: within("rowSum", "floorSeconds", "secondsPerStep", "memoryFactor"),
  },
  {
    name: "norm backward",
    rows: norm("norm-backward", ".native"),
    parameters: [
      ...within("columnSum", "floorSeconds", "secondsPerRow"),
      ...within(
        "rowPerBlock.backward",
        "floorSeconds",
        "rowSecondsPerColumn",
        "blockSeconds",
        "blockSecondsPerColumn",
      ),
    ],
  },
  {
    name: "norm backward, fused",
    rows: norm("norm-backward", ".fused"),
    parameters: within("rowInRegisters.backward", "floorSeconds", "rowSeconds", "rowSecondsPerColumn"),
  },
  {
    name: "graph launch",
    rows: fittedLayer("graph", isChain),
    parameters: within("launch", "gapSeconds"),
  },
  {
    name: "graph start",
    rows: fittedLayer("graph", (row) => !isChain(row)),
    parameters: within("launch", "graphStartSeconds"),
  },
  {
    name: "eager host",
    rows: fittedLayer("eager"),
    parameters: within("host", "secondsPerKernel", "backwardSecondsPerKernel", "stepSeconds"),
  },
];

/** Kernels that no fit uses: their times follow from the parameters of others. */
export const HELD_KERNELS: readonly Pick<FitStage, "name" | "rows">[] = (
  ["attention forward", "attention backward", "attention decode"] as const
).map((name) => ({ name: `${name}, padded`, rows: attention(name, false) }));
