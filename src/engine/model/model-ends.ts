import type { Model } from "../../schema/model.ts";
import { type Phase, trains } from "../../schema/phases.ts";
import type { Scenario } from "../../schema/scenario.ts";
import { BYTES_PER_ELEMENT, FP32_BYTES, streamType } from "../../schema/vocabulary.ts";
import { collective, gatherTokens, sumTokens } from "../layer/collective.ts";
import type { Dimensions } from "../layer/dimensions.ts";
import { gradientOf } from "../layer/gradients.ts";
import type { Operator } from "../layer/kernel.ts";
import { STREAM } from "../layer/layout.ts";
import { type MatmulTypes, type Projection, projectionBackward, projectionForward } from "../layer/matmul.ts";
import {
  isFolded,
  type NormPlace,
  type NormStyle,
  normalization,
  normalizationBackward,
} from "../layer/normalization.ts";
import { pointwise, pointwiseOperator } from "../layer/pointwise.ts";
import { EMBEDDED, embeddingBackward, embeddingLookup } from "./embedding.ts";
import { crossEntropy, crossEntropyByOps } from "./loss.ts";
import { stepInputs } from "./step-inputs.ts";

/** What the final norm writes. */
const NORMED = "final-norm output";

/** What layers and the other ends have just written when a pass of an end begins. */
export const BEFORE_ENDS = {
  forward: [STREAM, NORMED],
  backward: [gradientOf(STREAM), gradientOf(NORMED)],
} as const;

/** Choices among kernels that concern a model's ends. */
export type EndKernels = Partial<Scenario["kernels"]>;

/** Tensor cores load 16 bytes at once: rows of logits that do not start there go through kernels that load less. */
const isMisaligned = (columns: number, { outputBytes }: Pick<MatmulTypes, "outputBytes">): boolean =>
  (columns * outputBytes) % 16 !== 0;

export const hasMisalignedHead = (
  model: Model,
  { tensor }: Scenario["parallelism"],
  precision: Scenario["precision"],
): boolean =>
  (model.outputHead ?? model.causal) &&
  isMisaligned(Math.ceil(model.vocabulary / tensor), {
    outputBytes: BYTES_PER_ELEMENT[streamType(precision.activations)],
  });

/** What a model does before its first layer and behind its last one, each part with its backward pass in training. */
export interface ModelEnds {
  readonly embedding: readonly Operator[];
  readonly finalNorm: readonly Operator[];
  readonly head: readonly Operator[];
}

export function modelEnds(
  model: Model,
  phase: Phase,
  d: Dimensions,
  style: NormStyle,
  types: MatmulTypes,
  kernels: EndKernels = {},
): ModelEnds {
  const train = trains(phase);
  // a post-norm layer ends in a norm already
  const endsInNorm = model.normPlacement === "post";
  // a folded norm writes no output
  const headInput = endsInNorm || isFolded(style) ? STREAM : FINAL_NORM.output;
  const headGradient = gradientOf(endsInNorm ? STREAM : FINAL_NORM.output);
  return {
    embedding: [
      ...(kernels.stepInputs === "computed" ? stepInputs(model, phase, d) : []),
      ...embeddingLookup(model, d, types.weightBytes),
      ...(model.embeddingNorm ? normOperators(EMBEDDING_NORM, d, style, train) : []),
      ...(train ? embeddingBackward(model, d, types.weightBytes, kernels.embeddingGradient) : []),
    ],
    finalNorm: endsInNorm ? [] : normOperators(FINAL_NORM, d, style, train),
    head:
      (model.outputHead ?? model.causal)
        ? head(model, d, types, kernels, train, headInput, headGradient)
        : [],
  };
}

const place = (name: string, input: string, output: string, beforeMatmul: boolean): NormPlace => ({
  name,
  input,
  output,
  residual: undefined,
  beforeMatmul,
});

const EMBEDDING_NORM = place("embedding-norm", EMBEDDED, STREAM, false);
const FINAL_NORM = place("final-norm", STREAM, NORMED, true);

function normOperators(where: NormPlace, d: Dimensions, style: NormStyle, train: boolean): Operator[] {
  const site = { place: where, rows: d.normTokens, columns: d.hidden, narrowOutput: false, ranks: 1 };
  const forward = normalization(site, style);
  return train ? [forward, normalizationBackward(site, style)] : [forward];
}

/**
 * Logits over the vocabulary: of the last token of each sequence, in training of every token, with cross entropy and
 * its gradient (softmax in fp32). Under tensor parallelism each rank has a part of the vocabulary: inference gathers
 * the parts, training exchanges the row statistics of the softmax and sums what flows back.
 */
function head(
  model: Model,
  d: Dimensions,
  types: MatmulTypes,
  kernels: EndKernels,
  train: boolean,
  input: string,
  inputGradient: string,
): Operator[] {
  const rows = train || kernels.logits === "all" ? d.tokens : d.sequences;
  const columns = Math.ceil(model.vocabulary / d.ranks);
  const inputBytes = rows * d.hidden * d.activationBytes;
  const projection: Projection = {
    name: "output-head",
    m: rows,
    n: columns,
    k: d.hidden,
    products: 1,
    grouped: false,
    bias: false,
    input,
    quantize: false,
    output: "logits",
    misaligned: isMisaligned(columns, types),
  };
  const logits: Operator[] = [
    ...gatherTokens("output-head-all-gather", d, inputBytes, input),
    { name: projection.name, class: "matmul", kernels: [projectionForward(projection, types)] },
  ];
  if (!train) {
    const bytes = rows * model.vocabulary * types.outputBytes;
    return d.ranks === 1
      ? logits
      : [...logits, collective("logits-all-gather", "all-gather", d.ranks, bytes, "logits", "all logits")];
  }
  const gradients: Operator = {
    name: "output-head-backward",
    class: "matmul",
    kernels: projectionBackward(projection, types, { ofInput: inputGradient }),
  };
  return [
    ...logits,
    (kernels.loss === "op-by-op" ? crossEntropyByOps : crossEntropy)(rows, columns, types.outputBytes),
    ...softmaxExchanges(rows, d),
    gradients,
    ...sumTokens("output-head", d, inputBytes, inputGradient).map((one) => ({
      ...one,
      name: `${one.name}-backward`,
    })),
  ];
}

/** Of a softmax whose columns are shared out: each row's largest logit, its sum, and the logit of the right token. */
function softmaxExchanges(rows: number, d: Dimensions): Operator[] {
  if (d.ranks === 1) return [];
  const kernels = ["largest", "sum", "target"].flatMap(
    (which) =>
      collective("", "all-reduce", d.ranks, rows * FP32_BYTES, `own ${which} logit`, `${which} logit`)
        .kernels,
  );
  return [{ name: "cross-entropy-all-reduce", class: "collective", kernels }];
}

type Training = NonNullable<Scenario["training"]>;

/**
 * Bytes of a parameter that an update reads and writes: its gradient is read; master weight and two moments in fp32 are
 * read and written, and the weight written where it is narrower; or weight and moments, all in the weight's type.
 */
function updateBytes(weightBytes: number, states: Training["optimizerStates"]) {
  const inPlace = states === "weights" || weightBytes >= FP32_BYTES;
  const kept = 3 * (inPlace ? weightBytes : FP32_BYTES);
  return { read: weightBytes + kept, written: kept + (inPlace ? 0 : weightBytes) };
}

/** AdamW over the parameters of one GPU: about 12 operations each, in one launch of a kernel over many tensors. */
export function optimizerStep(
  parameters: number,
  weightBytes: number,
  optimizer: Training["optimizer"],
  states?: Training["optimizerStates"],
): readonly Operator[] {
  if (optimizer === "none") return [];
  const { read, written } = updateBytes(weightBytes, states);
  const kernel = pointwise(
    "adamw",
    states === "weights" ? "many-tensors" : "vectorized",
    parameters,
    12,
    [],
    [{ tensor: "optimizer states", bytes: parameters * written }],
    parameters * read,
  );
  return [pointwiseOperator("optimizer", [kernel])];
}
