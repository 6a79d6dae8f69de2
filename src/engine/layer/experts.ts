import { FP32_BYTES, INDEX_BYTES } from "../../schema/vocabulary.ts";
import { exchange } from "./collective.ts";
import type { Dimensions, ExpertSizes } from "./dimensions.ts";
import type { Access, Kernel, Operator } from "./kernel.ts";
import type { Projection } from "./matmul.ts";
import { pointwise, pointwiseOperator } from "./pointwise.ts";
import { SOFTMAX_FLOPS } from "./softmax.ts";

/**
 * A mixture of experts around its feed-forward blocks: the router scores every expert for every token, each token is
 * copied to the experts that it chose, and what they return is weighted and summed. Experts on other GPUs are reached
 * by an all-to-all exchange before and after.
 */

/** Tensors between router and sum. */
export const EXPERT_TENSORS = {
  routed: "routed tokens",
  dispatched: "tokens by expert",
  output: "expert outputs",
  gates: "expert gates",
  places: "places of routed tokens",
  sources: "tokens of places",
  numbers: "expert numbers",
  counts: "tokens counted by expert",
  offsets: "first tokens of experts",
  logits: "router logits",
  chances: "router chances",
  choice: "chosen experts",
  returned: "returned expert outputs",
  byToken: "expert outputs by token",
} as const;
const T = EXPERT_TENSORS;

/** A tensor of that many indices. */
export const indices = (tensor: string, count: number): Access => ({ tensor, bytes: count * INDEX_BYTES });

export const router = (d: Dimensions, { all }: ExpertSizes, input: string, bias: boolean): Projection => ({
  name: "router",
  m: d.tokens,
  n: all,
  k: d.hidden,
  products: 1,
  grouped: false,
  bias,
  input,
  quantize: false,
  output: T.logits,
});

/**
 * Chances out of scores, the best experts of each token, and the order that puts tokens of one expert together. Op by op
 * that order takes four more kernels, each far too small to wait for anything but its start: where the tokens of each
 * expert begin, and which token each place belongs to.
 */
export function selectExperts(
  d: Dimensions,
  { all, perToken }: ExpertSizes,
  style: "eager" | "fused",
): Operator {
  const scores = d.tokens * all;
  const chosen = d.tokens * perToken;
  const logits: Access = { tensor: T.logits, bytes: scores * d.activationBytes };
  const chances: Access = { tensor: T.chances, bytes: scores * FP32_BYTES };
  const choice = indices(T.choice, chosen);
  const gates: Access = { tensor: T.gates, bytes: chosen * FP32_BYTES };
  const places = indices(T.places, chosen);
  const sources = indices(T.sources, chosen);
  const numbers = indices(T.numbers, all);
  const counts = indices(T.counts, all);
  const offsets = indices(T.offsets, all);
  const softmax: Kernel = {
    name: "softmax",
    flops: SOFTMAX_FLOPS * scores,
    reads: [logits],
    writes: [chances],
    streamedBytes: 0,
    work: { kind: "softmax", elements: scores, columns: all },
  };
  const select = (step: "top-k" | "sort", elements: number, reads: Access[], writes: Access[]): Kernel => ({
    name: step,
    flops: 0,
    reads,
    writes,
    streamedBytes: 0,
    work: { kind: "selection", step, elements },
  });
  const kernels =
    style === "eager"
      ? [
          softmax,
          select("top-k", scores, [chances], [choice, gates]),
          select("sort", chosen, [choice], [places]),
          pointwise("number experts", "vectorized", all, 0, [], [numbers]),
          pointwise("count tokens", "strided", all, 0, [choice, numbers], [counts]),
          pointwise("counts to offsets", "vectorized", all, 0, [counts], [offsets]),
          pointwise("tokens of places", "vectorized", chosen, 1, [places], [sources]),
        ]
      : [
          pointwise("softmax and top-k", "strided", scores, SOFTMAX_FLOPS, [logits], [choice, gates]),
          pointwise("count and sort", "strided", chosen, 0, [choice], [places]),
        ];
  return pointwiseOperator("expert-selection", kernels);
}

/** Every token once for each expert that it chose; its row is read again from wherever it lies. */
export function dispatch(
  d: Dimensions,
  e: ExpertSizes,
  style: "eager" | "fused",
  input: string,
  bytes: number,
): Operator[] {
  const elements = e.rows * d.hidden;
  const order =
    style === "eager" ? [indices(T.sources, e.rows), indices(T.offsets, e.all)] : [indices(T.places, e.rows)];
  const copy = pointwise(
    "copy to experts",
    "unrolled",
    elements,
    0,
    [{ tensor: input, bytes: d.tokens * d.hidden * bytes }, ...order],
    [{ tensor: e.ranks === 1 ? T.dispatched : T.routed, bytes: elements * bytes }],
  );
  return [
    pointwiseOperator("expert-dispatch", [copy]),
    ...exchange("expert-dispatch-all-to-all", e.ranks, elements * bytes, T.routed, T.dispatched),
  ];
}

/** The experts' outputs where their tokens' GPU finds them. */
export const returnedTensor = (e: ExpertSizes): string => (e.ranks === 1 ? T.output : T.returned);

/** Results go back to their tokens' places and are summed by their gates: one fused kernel, or copied, then summed. */
export function combine(d: Dimensions, e: ExpertSizes, style: "eager" | "fused", output: string): Operator[] {
  const elements = e.rows * d.hidden;
  const bytes = elements * d.activationBytes;
  const gates: Access = { tensor: T.gates, bytes: e.rows * FP32_BYTES };
  const places = indices(T.places, e.rows);
  const sum: Access = { tensor: output, bytes: d.tokens * d.hidden * d.activationBytes };
  const ordered: Access = { tensor: T.byToken, bytes };
  const kernels =
    style === "eager"
      ? [
          pointwise(
            "copy to tokens",
            "unrolled",
            elements,
            0,
            [{ tensor: returnedTensor(e), bytes }, places],
            [ordered],
          ),
          pointwise("weighted sum", "strided", elements, 2, [ordered, gates], [sum]),
        ]
      : [
          pointwise(
            "weighted sum",
            "unrolled",
            elements,
            2,
            [{ tensor: returnedTensor(e), bytes }, gates, places],
            [sum],
          ),
        ];
  return [
    ...exchange("expert-combine-all-to-all", e.ranks, bytes, T.output, returnedTensor(e)),
    pointwiseOperator("expert-combine", kernels),
  ];
}

/** The shared experts' output is added to that of the routed ones, scaled by a gate of its own where it has one. */
export function addShared(d: Dimensions, { sharedGate }: ExpertSizes, output: string): Operator {
  const elements = d.tokens * d.hidden;
  const bytes = elements * d.activationBytes;
  const gate: Access[] = sharedGate ? [{ tensor: "shared gate", bytes: d.tokens * d.activationBytes }] : [];
  return pointwiseOperator("shared-expert-add", [
    pointwise(
      "add",
      sharedGate ? "unrolled" : "vectorized",
      elements,
      sharedGate ? 2 : 1,
      [{ tensor: output, bytes }, { tensor: SHARED_OUTPUT, bytes }, ...gate],
      [{ tensor: output, bytes }],
    ),
  ]);
}

export const SHARED_OUTPUT = "shared expert output";

export const sharedGate = (d: Dimensions, input: string): Projection => ({
  name: "shared-expert-gate",
  m: d.tokens,
  n: 1,
  k: d.hidden,
  products: 1,
  grouped: false,
  bias: false,
  input,
  quantize: false,
  output: "shared gate",
});
