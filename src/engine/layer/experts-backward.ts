import { FP32_BYTES } from "../../schema/vocabulary.ts";
import { exchange } from "./collective.ts";
import type { Dimensions, ExpertSizes } from "./dimensions.ts";
import { indices, returnedTensor, SHARED_OUTPUT, EXPERT_TENSORS as T } from "./experts.ts";
import { gradientOf } from "./gradients.ts";
import type { Access, Kernel, Operator } from "./kernel.ts";
import { pointwise, pointwiseOperator } from "./pointwise.ts";
import { SOFTMAX_BACKWARD_FLOPS, SOFTMAX_FLOPS } from "./softmax.ts";

/** Backward of dispatch: the gradients of a token's copies are summed. */
export function dispatchBackward(d: Dimensions, e: ExpertSizes, outgoing: string): Operator[] {
  const elements = e.rows * d.hidden;
  const bytes = elements * d.activationBytes;
  const returned = e.ranks === 1 ? gradientOf(T.dispatched) : gradientOf(T.routed);
  return [
    ...exchange("expert-dispatch-all-to-all-backward", e.ranks, bytes, gradientOf(T.dispatched), returned),
    pointwiseOperator("expert-dispatch-backward", [
      pointwise(
        "sum of copies' gradients",
        "unrolled",
        elements,
        1,
        [{ tensor: returned, bytes }, indices(T.places, e.rows)],
        [{ tensor: outgoing, bytes: d.tokens * d.hidden * d.activationBytes }],
      ),
    ]),
  ];
}

/**
 * The gradient of a token's sum goes to each of its experts' outputs, weighted, and its product with each output is
 * the gradient of that gate.
 */
export function combineBackward(
  d: Dimensions,
  e: ExpertSizes,
  style: "eager" | "fused",
  incomingTensor: string,
): Operator[] {
  const elements = e.rows * d.hidden;
  const bytes = elements * d.activationBytes;
  const incoming: Access = {
    tensor: incomingTensor,
    bytes: d.tokens * d.hidden * d.activationBytes,
  };
  const spread = e.ranks === 1 ? gradientOf(T.output) : gradientOf(T.returned);
  const gates: Access = { tensor: T.gates, bytes: e.rows * FP32_BYTES };
  const places = indices(T.places, e.rows);
  const weigh = (reads: Access[], write: string): Kernel =>
    pointwise("weighted copies", "unrolled", elements, 1, reads, [{ tensor: write, bytes }]);
  const gateGradient = (reads: Access[]): Kernel => ({
    name: "gate gradient",
    flops: 2 * elements,
    reads: [incoming, ...reads],
    writes: [{ tensor: gradientOf(T.gates), bytes: e.rows * FP32_BYTES }],
    streamedBytes: 0,
    work: { kind: "row-sum", rows: e.rows, columns: d.hidden },
  });
  const byToken = gradientOf(T.byToken);
  const kernels =
    style === "eager"
      ? [
          weigh([incoming, gates], byToken),
          gateGradient([{ tensor: T.byToken, bytes }]),
          pointwise(
            "copy to experts",
            "unrolled",
            elements,
            0,
            [{ tensor: byToken, bytes }, places],
            [{ tensor: spread, bytes }],
          ),
        ]
      : [
          weigh([incoming, gates, places], spread),
          gateGradient([{ tensor: returnedTensor(e), bytes }, places]),
        ];
  return [
    pointwiseOperator("expert-combine-backward", kernels),
    ...exchange("expert-combine-all-to-all-backward", e.ranks, bytes, spread, gradientOf(T.output)),
  ];
}

/** Gradients of the chosen gates become those of all chances, and through the softmax those of the logits. */
export function selectExpertsBackward(
  d: Dimensions,
  { all, perToken }: ExpertSizes,
  style: "eager" | "fused",
): Operator {
  const scores = d.tokens * all;
  const chosen = d.tokens * perToken;
  const gates: Access = { tensor: gradientOf(T.gates), bytes: chosen * FP32_BYTES };
  const choice = indices(T.choice, chosen);
  const logits: Access = { tensor: T.logits, bytes: scores * d.activationBytes };
  const chances: Access = { tensor: T.chances, bytes: scores * FP32_BYTES };
  const spread: Access = { tensor: gradientOf(T.chances), bytes: chances.bytes };
  const result: Access = { tensor: gradientOf(T.logits), bytes: logits.bytes };
  const softmax: Kernel = {
    name: "softmax gradient",
    flops: SOFTMAX_BACKWARD_FLOPS * scores,
    reads: [chances, spread],
    writes: [result],
    streamedBytes: 0,
    work: { kind: "softmax", elements: scores, columns: all },
  };
  const kernels =
    style === "eager"
      ? [pointwise("spread gate gradients", "strided", scores, 0, [gates, choice], [spread]), softmax]
      : [
          // the chances are computed again rather than kept
          pointwise(
            "softmax and top-k gradient",
            "strided",
            scores,
            SOFTMAX_FLOPS + SOFTMAX_BACKWARD_FLOPS,
            [logits, gates, choice],
            [result],
          ),
        ];
  return pointwiseOperator("expert-selection-backward", kernels);
}

/** Of the shared experts' output and of the one number a token that scales it. */
export function sharedScaleBackward(d: Dimensions, incomingTensor: string): Operator {
  const elements = d.tokens * d.hidden;
  const bytes = elements * d.activationBytes;
  const incoming: Access = { tensor: incomingTensor, bytes };
  const gateBytes = d.tokens * d.activationBytes;
  return pointwiseOperator("shared-expert-scale-backward", [
    pointwise(
      "scaled gradient",
      "unrolled",
      elements,
      1,
      [incoming, { tensor: "shared gate", bytes: gateBytes }],
      [{ tensor: gradientOf(SHARED_OUTPUT), bytes }],
    ),
    {
      name: "gate gradient",
      flops: 2 * elements,
      reads: [incoming, { tensor: SHARED_OUTPUT, bytes }],
      writes: [{ tensor: gradientOf("shared gate"), bytes: gateBytes }],
      streamedBytes: 0,
      work: { kind: "row-sum", rows: d.tokens, columns: d.hidden },
    },
  ]);
}
