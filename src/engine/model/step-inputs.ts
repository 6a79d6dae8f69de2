import type { Model } from "../../schema/model.ts";
import { generates, type Phase } from "../../schema/phases.ts";
import { FP32_BYTES } from "../../schema/vocabulary.ts";
import type { Dimensions } from "../layer/dimensions.ts";
import type { Access, Kernel, Operator } from "../layer/kernel.ts";
import { pointwise, pointwiseOperator } from "../layer/pointwise.ts";

const POSITION_BYTES = 8;

/**
 * What a framework computes op by op before the first layer, with a kernel for every line: positions, whether a prompt
 * is one document or several, and RoPE's tables of cosines and sines, which all layers share.
 */
export function stepInputs(model: Model, phase: Phase, d: Dimensions): readonly Operator[] {
  const decode = generates(phase);
  const kernels = [
    ...positions(d),
    ...(decode ? [] : documentCheck(d)),
    ...(model.positions === "rope" ? rotaryTables(d, model.rotaryDim ?? d.rotaryDim) : []),
  ];
  return [pointwiseOperator("step-inputs", kernels)];
}

const small = (name: string, elements: number, reads: readonly Access[], write: Access): Kernel =>
  pointwise(name, "vectorized", elements, 0, reads, [write]);

const ids = (tensor: string, count: number): Access => ({ tensor, bytes: count * POSITION_BYTES });

/** 0, 1, 2 ... behind the tokens that are cached: the same for all sequences. */
const positions = ({ newTokens }: Dimensions): Kernel[] => [
  small("count", newTokens, [], ids("count", newTokens)),
  small("add context", newTokens, [ids("count", newTokens)], ids("positions", newTokens)),
];

/** Several documents in a row are told by positions that begin anew. */
function documentCheck({ tokens, newTokens }: Dimensions): Kernel[] {
  const all = ids("steps of positions", tokens);
  const row = ids("positions", newTokens);
  const flags = { tensor: "document flags", bytes: tokens };
  const numbers = ids("document numbers", tokens);
  return [
    small("one before", tokens / newTokens, [row], ids("one before", tokens / newTokens)),
    small("join", tokens, [row], ids("positions and one before", tokens)),
    small("steps of positions", tokens, [ids("positions and one before", tokens)], all),
    small("unlike one", tokens, [all], flags),
    small("to numbers", tokens, [flags], numbers),
    small("start sum", 1, [], ids("state of sum", 1)),
    small("running sum", tokens, [numbers], numbers),
    small("single document", tokens / newTokens, [numbers], { tensor: "single document", bytes: 1 }),
    small("copy answer", 1, [{ tensor: "single document", bytes: 1 }], { tensor: "answer", bytes: 1 }),
    small("answer to host", 1, [{ tensor: "answer", bytes: 1 }], { tensor: "answer on host", bytes: 1 }),
  ];
}

/** Angles in fp32: each position times each frequency, twice over; their cosine and sine, scaled, to the layer's type. */
function rotaryTables({ newTokens, activationBytes }: Dimensions, rotaryDim: number): Kernel[] {
  const half = newTokens * (rotaryDim / 2);
  const whole = newTokens * rotaryDim;
  const wide = (tensor: string, elements: number): Access => ({ tensor, bytes: elements * FP32_BYTES });
  const table = (name: string): Kernel[] => {
    const raw = wide(name, whole);
    return [
      small(name, whole, [wide("angles twice", whole)], raw),
      small(`scale ${name}`, whole, [raw], raw),
    ];
  };
  const cast = (name: string): Kernel =>
    small(`${name} to activation type`, whole, [wide(name, whole)], {
      tensor: `${name} table`,
      bytes: whole * activationBytes,
    });
  return [
    small(
      "frequencies",
      rotaryDim / 2,
      [wide("inverse frequencies", rotaryDim / 2)],
      wide("frequencies", rotaryDim / 2),
    ),
    small("positions to fp32", newTokens, [ids("positions", newTokens)], wide("fp32 positions", newTokens)),
    small(
      "angles",
      half,
      [wide("frequencies", rotaryDim / 2), wide("fp32 positions", newTokens)],
      wide("angles", half),
    ),
    small("angles twice", whole, [wide("angles", half)], wide("angles twice", whole)),
    ...table("cosine"),
    ...table("sine"),
    cast("cosine"),
    cast("sine"),
  ];
}
