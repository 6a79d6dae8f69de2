import { type Count, type Touch, times, walked } from "./walk.ts";

/**
 * What each implementation of a norm launches, written down a second time. One line a kernel: operations per element,
 * what it reads, what it writes, and the bytes of code and constants that torch's generic kernels read besides.
 * Operands: a = activation type, f = fp32, r = one fp32 a row, w = a parameter a column, c = one fp32 a column, p = fp32 partial sums.
 */
export interface Step {
  readonly flops: number;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly constantBytes: number;
}

type Kind = "layernorm" | "rmsnorm" | "dyt";
type Lines = readonly string[];

const CODE_BYTES: Record<string, number> = { copy: 20_000, map: 5000, sum: 60_000, none: 0 };

/** `sum 1: f -> r`: a generic row sum, one operation per element, reads fp32, writes one number a row. */
function step(line: string): Step {
  const [, code = "", flops, reads = "", writes = ""] =
    /^(\w+) (\d+): ([\w ]*) -> ([\w ]*)$/.exec(line) ?? [];
  const operands = (text: string): string[] => text.split(" ").filter((word) => word !== "");
  return {
    flops: Number(flops),
    reads: operands(reads),
    writes: operands(writes),
    constantBytes: CODE_BYTES[code] ?? Number.NaN,
  };
}

// torch.tanh(alpha * x); * weight; + bias
const EAGER_DYT: Lines = ["copy 1: a -> a", "map 1: a -> a", "copy 1: a w -> a", "copy 1: a w -> a"];
/** db; dy * tanh; its sum; dy * w; through tanh; times x; its sum; times alpha */
const EAGER_DYT_BACKWARD: Lines = [
  "sum 1: a -> w",
  "copy 1: a a -> a",
  "sum 1: a -> w",
  "copy 1: a w -> a",
  "map 3: a a -> a",
  "map 1: a a -> a",
  "sum 1: a -> ",
  "copy 1: a -> a",
];

const FORWARD: Record<Kind, Record<string, Lines>> = {
  rmsnorm: {
    textbook: ["none 2: a -> r", "none 2: a r w -> a"],
    // x.float(); x**2; mean; + eps; rsqrt; x * scale; to bf16; weight * x
    eager: [
      "copy 0: a -> f",
      "map 1: f -> f",
      "sum 1: f -> r",
      "map 0: r -> r",
      "map 0: r -> r",
      "copy 1: f r -> f",
      "map 0: f -> a",
      "copy 1: a w -> a",
    ],
    // as above to the scale; weight.float(); 1 + weight; x * that; to bf16
    "eager with an offset": [
      "copy 0: a -> f",
      "map 1: f -> f",
      "sum 1: f -> r",
      "map 0: r -> r",
      "map 0: r -> r",
      "copy 1: f r -> f",
      "copy 0: w -> c",
      "map 0: c -> c",
      "copy 1: f c -> f",
      "map 0: f -> a",
    ],
    native: ["none 4: a w -> a"],
    fused: ["none 4: a w -> a"],
    "residual-fused": ["none 5: a a w -> a a"],
    folded: ["none 2: a -> r"],
  },
  layernorm: {
    textbook: ["none 1: a -> r", "none 3: a r -> r", "none 3: a r r w w -> a"],
    // x.float(); mean; x - mean; square; mean; x - mean; + eps; rsqrt; * scale; to bf16; * weight; + bias
    eager: [
      "copy 0: a -> f",
      "sum 1: f -> r",
      "copy 1: f r -> f",
      "map 1: f -> f",
      "sum 1: f -> r",
      "copy 0: f r -> f",
      "map 0: r -> r",
      "map 0: r -> r",
      "copy 1: f r -> f",
      "map 0: f -> a",
      "copy 1: a w -> a",
      "copy 1: a w -> a",
    ],
    native: ["none 7: a w w -> a"],
    fused: ["none 7: a w w -> a"],
    "residual-fused": ["none 8: a a w w -> a a"],
    folded: ["none 4: a -> r r"],
  },
  dyt: {
    textbook: ["none 4: a w w -> a"],
    eager: EAGER_DYT,
    native: EAGER_DYT,
    fused: ["none 4: a w w -> a"],
    "residual-fused": ["none 5: a a w w -> a a"],
    folded: ["none 4: a w w -> a"],
  },
};

/** One kernel that reads x, dy and the weight; then each parameter's partial gradients are summed and made its type. */
const FUSED_BACKWARD: Record<Kind, Lines> = {
  rmsnorm: ["none 10: a a r w -> a p", "none 0: p -> w", "none 0: w -> w"],
  layernorm: [
    "none 13: a a r r w -> a p p",
    "none 0: p -> w",
    "none 0: w -> w",
    "none 0: p -> w",
    "none 0: w -> w",
  ],
  dyt: ["none 12: a a w -> a p p", "none 0: p -> w", "none 0: w -> w", "none 0: p -> w", "none 0: w -> w"],
};

/** dy * xhat; its sum; dy * w; to fp32; * scale */
const EAGER_TAIL: Lines = [
  "copy 1: a a -> a",
  "sum 1: a -> w",
  "copy 1: a w -> a",
  "copy 0: a -> f",
  "copy 1: f r -> f",
];
/** g * x; its sum; d(rsqrt); spread over the row; 2x; times */
const EAGER_STATISTIC: Lines = [
  "map 1: f f -> f",
  "sum 1: f -> r",
  "map 0: r r -> r",
  "copy 1: r -> f",
  "map 0: f -> f",
  "map 1: f -> f",
  "map 1: f f -> f",
];

const BACKWARD: Record<Kind, Record<string, Lines>> = {
  rmsnorm: {
    textbook: ["none 4: a a r w -> r", "none 4: a a r r w -> a", "none 2: a a r -> w"],
    eager: [...EAGER_TAIL, ...EAGER_STATISTIC, "map 1: f f -> f", "map 0: f -> a"],
    native: ["none 8: a a r w -> a", "none 2: a a r -> w"],
    fused: FUSED_BACKWARD.rmsnorm,
    "residual-fused": FUSED_BACKWARD.rmsnorm,
    folded: FUSED_BACKWARD.rmsnorm,
  },
  layernorm: {
    textbook: ["none 5: a a r r w -> r r", "none 5: a a r r r r w -> a", "none 3: a a r r -> w w"],
    eager: [
      "sum 1: a -> w",
      ...EAGER_TAIL,
      ...EAGER_STATISTIC,
      "sum 1: f -> r",
      "sum 1: f -> r",
      "map 1: f f -> f",
      "copy 1: r r -> f",
      "map 1: f f -> f",
      "map 0: f -> a",
    ],
    native: ["none 10: a a r r w -> a", "none 3: a a r r -> w w"],
    fused: FUSED_BACKWARD.layernorm,
    "residual-fused": FUSED_BACKWARD.layernorm,
    folded: FUSED_BACKWARD.layernorm,
  },
  dyt: {
    textbook: ["none 9: a a w -> a", "none 3: a a -> w w"],
    eager: EAGER_DYT_BACKWARD,
    native: EAGER_DYT_BACKWARD,
    fused: FUSED_BACKWARD.dyt,
    "residual-fused": FUSED_BACKWARD.dyt,
    folded: FUSED_BACKWARD.dyt,
  },
};

export const normSteps = (
  kind: Kind,
  implementation: string,
  direction: "forward" | "backward",
  offset = false,
): readonly Step[] => {
  const byOffset =
    offset && direction === "forward" ? FORWARD[kind][`${implementation} with an offset`] : undefined;
  return (byOffset ?? (direction === "forward" ? FORWARD : BACKWARD)[kind][implementation]!).map(step);
};

/** Blocks of a fused backward that each keep a row of partial sums. */
const MOST_PARTIAL_ROWS = 128;

/** One kernel of a norm, walked element by element over its rows. */
export function walkStep(
  { flops, reads, writes, constantBytes }: Step,
  rows: number,
  columns: number,
  activationBytes: number,
  weightBytes: number,
): Count {
  const partialRows = Math.min(rows, MOST_PARTIAL_ROWS);
  return walked((walk) => {
    const open = (operand: string, make: (elements: number, bytes: number) => Touch) => {
      switch (operand) {
        case "r": {
          const touch = make(rows, 4);
          return (row: number) => touch(row);
        }
        case "w": {
          const touch = make(columns, weightBytes);
          return (_: number, column: number) => touch(column);
        }
        case "c": {
          const touch = make(columns, 4);
          return (_: number, column: number) => touch(column);
        }
        case "p": {
          const touch = make(partialRows * columns, 4);
          return (row: number, column: number) => touch((row % partialRows) * columns + column);
        }
        default: {
          const touch = make(rows * columns, operand === "f" ? 4 : activationBytes);
          return (row: number, column: number) => touch(row * columns + column);
        }
      }
    };
    const touches = [
      ...reads.map((operand) => open(operand, walk.reads)),
      ...writes.map((operand) => open(operand, walk.writes)),
    ];
    times(rows, (row) => {
      times(columns, (column) => {
        walk.operations(flops);
        for (const touch of touches) touch(row, column);
      });
    });
  }, constantBytes);
}
