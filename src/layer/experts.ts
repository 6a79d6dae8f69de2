import { exchange } from "./collective.ts";
import type { Dimensions, ExpertSizes } from "./dimensions.ts";
import type { Access, Kernel, Operator } from "./kernel.ts";
import type { Projection } from "./matmul.ts";
import { pointwise, pointwiseOperator } from "./pointwise.ts";

/**
 * A mixture of experts around its feed-forward blocks: the router scores every expert for every token, each token is
 * copied to the experts that it chose, and what they return is weighted and summed. Experts on other GPUs are reached
 * by an all-to-all exchange before and after.
 */

const LOGIT_BYTES = 4;
const INDEX_BYTES = 4;
const SOFTMAX_FLOPS = 6;

const ROUTED = "routed tokens";
const DISPATCHED = "tokens by expert";
const EXPERT_OUTPUT = "expert outputs";
const GATES = "expert gates";
const PLACES = "places of routed tokens";

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
  output: "router logits",
});

/** Chances out of scores, the best experts of each token, and the order that puts tokens of one expert together. */
export function selectExperts(
  d: Dimensions,
  { all, perToken }: ExpertSizes,
  style: "eager" | "fused",
): Operator {
  const scores = d.tokens * all;
  const chosen = d.tokens * perToken;
  const logits: Access = { tensor: "router logits", bytes: scores * d.activationBytes };
  const chances: Access = { tensor: "router chances", bytes: scores * LOGIT_BYTES };
  const choice: Access = { tensor: "chosen experts", bytes: chosen * INDEX_BYTES };
  const gates: Access = { tensor: GATES, bytes: chosen * LOGIT_BYTES };
  const places: Access = { tensor: PLACES, bytes: chosen * INDEX_BYTES };
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
        ]
      : [
          pointwise("softmax and top-k", "strided", scores, SOFTMAX_FLOPS, [logits], [choice, gates]),
          pointwise("count and sort", "strided", chosen, 0, [choice], [places]),
        ];
  return pointwiseOperator("expert-selection", kernels);
}

/** Every token once for each expert that it chose; its row is read again from wherever it lies. */
export function dispatch(d: Dimensions, e: ExpertSizes, input: string, bytes: number): Operator[] {
  const elements = e.rows * d.hidden;
  const copy = pointwise(
    "copy to experts",
    "unrolled",
    elements,
    0,
    [
      { tensor: input, bytes: d.tokens * d.hidden * bytes },
      { tensor: PLACES, bytes: e.rows * INDEX_BYTES },
    ],
    [{ tensor: e.ranks === 1 ? DISPATCHED : ROUTED, bytes: elements * bytes }],
  );
  return [
    pointwiseOperator("expert-dispatch", [copy]),
    ...exchange("expert-dispatch-all-to-all", e.ranks, elements * bytes, ROUTED, DISPATCHED),
  ];
}

/** Tensors that the experts' projections read and write. */
export const EXPERT_TENSORS = { input: DISPATCHED, output: EXPERT_OUTPUT } as const;

/** Results go back to their tokens' places and are summed by their gates: one fused kernel, or copied, then summed. */
export function combine(d: Dimensions, e: ExpertSizes, style: "eager" | "fused", output: string): Operator[] {
  const elements = e.rows * d.hidden;
  const bytes = elements * d.activationBytes;
  const returned = e.ranks === 1 ? EXPERT_OUTPUT : "returned expert outputs";
  const gates: Access = { tensor: GATES, bytes: e.rows * LOGIT_BYTES };
  const places: Access = { tensor: PLACES, bytes: e.rows * INDEX_BYTES };
  const sum: Access = { tensor: output, bytes: d.tokens * d.hidden * d.activationBytes };
  const ordered: Access = { tensor: "expert outputs by token", bytes };
  const kernels =
    style === "eager"
      ? [
          pointwise(
            "copy to tokens",
            "unrolled",
            elements,
            0,
            [{ tensor: returned, bytes }, places],
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
            [{ tensor: returned, bytes }, gates, places],
            [sum],
          ),
        ];
  return [
    ...exchange("expert-combine-all-to-all", e.ranks, bytes, EXPERT_OUTPUT, returned),
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

/** Backward of dispatch: the gradients of a token's copies are summed; of combine: its gradient goes to each of them. */
export function dispatchBackward(d: Dimensions, e: ExpertSizes, input: string): Operator[] {
  const elements = e.rows * d.hidden;
  const bytes = elements * d.activationBytes;
  const returned = e.ranks === 1 ? `gradient of ${DISPATCHED}` : `gradient of ${ROUTED}`;
  return [
    ...exchange("expert-dispatch-all-to-all-backward", e.ranks, bytes, `gradient of ${DISPATCHED}`, returned),
    pointwiseOperator("expert-dispatch-backward", [
      pointwise(
        "sum of copies' gradients",
        "unrolled",
        elements,
        1,
        [
          { tensor: returned, bytes },
          { tensor: PLACES, bytes: e.rows * INDEX_BYTES },
        ],
        [{ tensor: `gradient of ${input}`, bytes: d.tokens * d.hidden * d.activationBytes }],
      ),
    ]),
  ];
}

export function combineBackward(d: Dimensions, e: ExpertSizes, output: string): Operator[] {
  const elements = e.rows * d.hidden;
  const bytes = elements * d.activationBytes;
  const incoming: Access = {
    tensor: `gradient of ${output}`,
    bytes: d.tokens * d.hidden * d.activationBytes,
  };
  const spread = e.ranks === 1 ? `gradient of ${EXPERT_OUTPUT}` : "gradient of returned expert outputs";
  const gates: Access = { tensor: GATES, bytes: e.rows * LOGIT_BYTES };
  const outputs: Access = { tensor: EXPERT_OUTPUT, bytes };
  return [
    pointwiseOperator("expert-combine-backward", [
      pointwise("weighted copies", "unrolled", elements, 1, [incoming, gates], [{ tensor: spread, bytes }]),
      {
        name: "gate gradient",
        flops: 2 * elements,
        reads: [incoming, outputs],
        writes: [{ tensor: `gradient of ${GATES}`, bytes: e.rows * LOGIT_BYTES }],
        streamedBytes: 0,
        work: { kind: "row-sum", rows: e.rows, columns: d.hidden },
      },
    ]),
    ...exchange("expert-combine-all-to-all-backward", e.ranks, bytes, spread, `gradient of ${EXPERT_OUTPUT}`),
  ];
}
