import type { Scenario } from "../../src/schema/scenario.ts";
import { countedExpertsBackward, countedLatentBackward } from "./reference-backward.ts";
import { normSteps, type Step, walkStep } from "./reference-norms.ts";
import {
  type CountedOperator,
  countedExperts,
  countedLatent,
  latentFlash,
  latentValueUp,
  quantized,
} from "./reference-parts.ts";
import { type Count, times, walked } from "./walk.ts";

/**
 * A transformer layer counted a second time, by walking the loops of every kernel over tiny tensors: multiply-adds one
 * by one, bytes element by element. It shares no code with the engine, only the names of the operators.
 */
export type { CountedOperator };

const WIDE = { fp32: 4, tf32: 4, fp16: 2, bf16: 2 } as const;
/** 4-bit types with their scales: two bytes for 128 of int4, one for 32 of fp4 */
const BYTES = { ...WIDE, fp8: 1, int8: 1, int4: (64 + 2) / 128, fp4: (16 + 1) / 32 } as const;
const FP32 = 4;

const isWide = (type: keyof typeof BYTES): type is keyof typeof WIDE => type in WIDE;

/** What one GPU of the tensor-parallel group holds and works on. */
export function shapeOf({ model, workload, precision, parallelism }: Scenario) {
  const ranks = parallelism.tensor;
  const tokens = workload.batch * workload.sequence;
  const decode = workload.phase === "decode";
  const { activations, weights } = precision;
  const stream = isWide(activations) ? WIDE[activations] : WIDE.bf16;
  const window = model.slidingWindow ?? Number.POSITIVE_INFINITY;
  return {
    ...workload,
    window,
    tokens,
    // norms and residual adds are split over the group only under sequence parallelism
    ownTokens: parallelism.sequenceParallel ? tokens / ranks : tokens,
    // keys that come out of the cache, and those of this call
    cachedKeys: decode ? Math.min(window, Math.max(1, workload.context)) : workload.context,
    newKeys: decode ? 0 : workload.sequence,
    hidden: model.hidden,
    heads: model.heads / ranks,
    kvHeads: model.kvHeads % ranks === 0 ? model.kvHeads / ranks : 1,
    headDim: model.headDim,
    turned: model.rotaryDim ?? model.headDim,
    ffn: model.ffn / ranks,
    ranks,
    activation: stream,
    // what projections read, quantized where their type is narrow
    input: BYTES[activations],
    narrow: !isWide(activations),
    weight: BYTES[weights],
    // norms and routers are not stored in narrow types
    plainWeight: isWide(weights) ? WIDE[weights] : stream,
    cache: BYTES[precision.kvCache],
  };
}

export type Shape = ReturnType<typeof shapeOf>;

/** An element-wise kernel: `flops` operations an element, whole tensors of that many elements in and out. */
export function elementwise(
  elements: number,
  flops: number,
  reads: readonly number[],
  writes: readonly number[],
): Count {
  return walked((walk) => {
    const touches = [
      ...reads.map((bytes) => walk.reads(elements, bytes)),
      ...writes.map((bytes) => walk.writes(elements, bytes)),
    ];
    times(elements, (element) => {
      walk.operations(flops);
      for (const touch of touches) touch(element);
    });
  });
}

/** y = x W^T + b */
export function project(s: Shape, m: number, n: number, k: number, bias: boolean): Count {
  return walked((walk) => {
    const x = walk.reads(m * k, s.input);
    const w = walk.reads(n * k, s.weight);
    const b = bias ? walk.reads(n, s.weight) : undefined;
    const y = walk.writes(m * n, s.activation);
    times(m, (row) => {
      times(n, (column) => {
        times(k, (inner) => {
          x(row * k + inner);
          w(column * k + inner);
          walk.operations(2);
        });
        if (b) {
          b(column);
          walk.operations(1);
        }
        y(row * n + column);
      });
    });
  });
}

/** dW = dy^T x, dx = dy W, and the bias' gradient where there is one. */
export function projectBackward(s: Shape, m: number, n: number, k: number, bias: boolean): Count[] {
  const product = (result: "weight" | "input"): Count =>
    walked((walk) => {
      const dy = walk.reads(m * n, s.activation);
      const other = result === "weight" ? walk.reads(m * k, s.activation) : walk.reads(n * k, s.weight);
      const out = result === "weight" ? walk.writes(n * k, s.weight) : walk.writes(m * k, s.activation);
      times(m, (row) => {
        times(n, (column) => {
          times(k, (inner) => {
            dy(row * n + column);
            const x = row * k + inner;
            const w = column * k + inner;
            other(result === "weight" ? x : w);
            out(result === "weight" ? w : x);
            walk.operations(2);
          });
        });
      });
    });
  const biasGradient = (): Count =>
    walked((walk) => {
      const dy = walk.reads(m * n, s.activation);
      const db = walk.writes(n, s.weight);
      times(m, (row) => {
        times(n, (column) => {
          dy(row * n + column);
          db(column);
          walk.operations(1);
        });
      });
    });
  // autograd's order: of addmm the input's gradient first, of a plain product the weight's
  return bias ? [product("input"), product("weight"), biasGradient()] : [product("weight"), product("input")];
}

/** cos and sin, one row a position, shared by all sequences and heads */
const rotaryTable = (s: Shape): number => s.sequence * s.turned;

/** Every turned element of some heads, with its place in the table. */
function eachTurned(s: Shape, heads: number, visit: (element: number, inTable: number) => void): void {
  times(s.batch, (sequence) => {
    times(s.sequence, (position) => {
      times(heads, (head) => {
        times(s.turned, (channel) => {
          const row = (sequence * s.sequence + position) * heads + head;
          visit(row * s.turned + channel, position * s.turned + channel);
        });
      });
    });
  });
}

function timesTable(s: Shape, heads: number): Count {
  return walked((walk) => {
    const x = walk.reads(s.tokens * heads * s.turned, s.activation);
    const table = walk.reads(rotaryTable(s), s.activation);
    const y = walk.writes(s.tokens * heads * s.turned, s.activation);
    eachTurned(s, heads, (element, inTable) => {
      x(element);
      table(inTable);
      y(element);
      walk.operations(1);
    });
  });
}

function fusedRotary(s: Shape): Count {
  return walked((walk) => {
    const elements = s.tokens * (s.heads + s.kvHeads) * s.turned;
    const x = walk.reads(elements, s.activation);
    const cos = walk.reads(rotaryTable(s), s.activation);
    const sin = walk.reads(rotaryTable(s), s.activation);
    const y = walk.writes(elements, s.activation);
    eachTurned(s, s.heads + s.kvHeads, (element, inTable) => {
      x(element);
      cos(inTable);
      sin(inTable);
      y(element);
      // x cos + turned x sin
      walk.operations(3);
    });
  });
}

/** Op by op: times cos, negate one half, concatenate the halves, times sin, add; and join what was not turned. */
function eagerRotary(s: Shape, heads: number, direction: "forward" | "backward"): Count[] {
  const elements = s.tokens * heads * s.turned;
  const half = elements / 2;
  const a = s.activation;
  const multiply = timesTable(s, heads);
  const negate = elementwise(half, 1, [a], [a]);
  const concatenate = walked((walk) => {
    const left = walk.reads(half, a);
    const right = walk.reads(half, a);
    const whole = walk.writes(elements, a);
    times(elements, (element) => {
      (element < half ? left : right)(element % half);
      whole(element);
    });
  });
  const add = elementwise(elements, 1, [a, a], [a]);
  if (direction === "backward") return [multiply, negate, multiply, concatenate, add];
  const all = s.tokens * heads * s.headDim;
  const join = elementwise(all, 0, [a], [a]);
  return [multiply, negate, concatenate, multiply, add, ...(s.turned === s.headDim ? [] : [join])];
}

/** Every query-key pair that one head of one sequence looks at, as [query, key of all keys]. */
function eachPair(s: Shape, causal: boolean, visit: (query: number, key: number) => void): void {
  times(s.sequence, (query) => {
    times(s.cachedKeys + s.newKeys, (key) => {
      const own = s.cachedKeys + query;
      const seen = causal ? key <= own && own - key < s.window : key < s.window;
      if (s.newKeys === 0 || seen) visit(query, key);
    });
  });
}

/** One kernel: scores, softmax and weighted sum; queries, keys and values once, no score ever written. */
function flash(s: Shape, causal: boolean, training: boolean): Count {
  return walked((walk) => {
    const group = s.heads / s.kvHeads;
    const row = (sequence: number, token: number, head: number, heads: number) =>
      (sequence * s.sequence + token) * heads + head;
    const q = walk.reads(s.tokens * s.heads * s.headDim, s.activation);
    const fresh = [0, 1].map(() => walk.reads(s.batch * s.newKeys * s.kvHeads * s.headDim, s.activation));
    const cached = [0, 1].map(() => walk.reads(s.batch * s.cachedKeys * s.kvHeads * s.headDim, s.cache));
    const out = walk.writes(s.tokens * s.heads * s.headDim, s.activation);
    const logSumExp = training ? walk.writes(s.tokens * s.heads, FP32) : undefined;
    times(s.batch, (sequence) => {
      times(s.heads, (head) => {
        const kvHead = Math.floor(head / group);
        eachPair(s, causal, (query, key) => {
          const ofQuery = row(sequence, query, head, s.heads);
          const isCached = key < s.cachedKeys;
          const keys = isCached ? s.cachedKeys : s.newKeys;
          const keyRow = (sequence * keys + key - (isCached ? 0 : s.cachedKeys)) * s.kvHeads + kvHead;
          logSumExp?.(ofQuery);
          times(s.headDim, (channel) => {
            q(ofQuery * s.headDim + channel);
            for (const touch of isCached ? cached : fresh) touch(keyRow * s.headDim + channel);
            out(ofQuery * s.headDim + channel);
            // a multiply and an add for the score, and again for the weighted sum
            walk.operations(4);
          });
        });
      });
    });
  });
}

/** A key may be wider than a value. */
function flashBackward(s: Shape, causal: boolean, keyDim = s.headDim, valueDim = s.headDim): Count[] {
  const a = s.activation;
  const rows = s.tokens * s.heads;
  const keyRows = s.tokens * s.kvHeads;
  const queries = rows * keyDim;
  const outputs = rows * valueDim;
  const rowDots = walked((walk) => {
    const [output, gradient] = [walk.reads(outputs, a), walk.reads(outputs, a)];
    const dots = walk.writes(rows, FP32);
    times(outputs, (element) => {
      output(element);
      gradient(element);
      dots(Math.floor(element / valueDim));
      walk.operations(2);
    });
    times(queries, walk.writes(queries, FP32));
  });
  const main = walked((walk) => {
    const touched: [elements: number, touch: (index: number) => void][] = [
      // queries, keys, values, the output's gradient
      [queries, walk.reads(queries, a)],
      [keyRows * keyDim, walk.reads(keyRows * keyDim, a)],
      [keyRows * valueDim, walk.reads(keyRows * valueDim, a)],
      [outputs, walk.reads(outputs, a)],
      // row dots and log-sum-exp
      [rows, walk.reads(rows, FP32)],
      [rows, walk.reads(rows, FP32)],
      // blocks of keys add to the fp32 gradient of the queries
      [queries, walk.reads(queries, FP32)],
      [queries, walk.writes(queries, FP32)],
      // gradients of keys and values, one for each query head
      [queries, walk.writes(queries, a)],
      [outputs, walk.writes(outputs, a)],
    ];
    for (const [elements, touch] of touched) times(elements, touch);
    times(s.batch * s.heads, () => {
      eachPair(s, causal, () => {
        // a multiply-add each: the score again, and the pair's parts of the gradients of query and key
        times(keyDim, () => walk.operations(6));
        // of the probability's gradient and of the value's
        times(valueDim, () => walk.operations(4));
      });
    });
  });
  const cast = elementwise(queries, 0, [FP32], [a]);
  const sumOverGroup = (width: number): Count =>
    walked((walk) => {
      const perHead = walk.reads(rows * width, a);
      const perKeyHead = walk.writes(keyRows * width, a);
      const group = s.heads / s.kvHeads;
      times(rows * width, (element) => {
        const channel = element % width;
        const row = Math.floor(element / width);
        const keyRow = Math.floor(row / s.heads) * s.kvHeads + Math.floor((row % s.heads) / group);
        perHead(element);
        perKeyHead(keyRow * width + channel);
        walk.operations(1);
      });
    });
  const grouped = s.heads > s.kvHeads;
  return [rowDots, main, cast, ...(grouped ? [sumOverGroup(keyDim), sumOverGroup(valueDim)] : [])];
}

type Side = "query" | "key" | "value" | "score" | "output";

/** A batched product over every head and every query-key pair, masked or not: which operands in, which out. */
function scoreProduct(s: Shape, reads: readonly Side[], write: Side): Count {
  return walked((walk) => {
    const touches = [
      ...reads.flatMap((side) => sideToucher(s, side, walk.reads)),
      ...sideToucher(s, write, walk.writes),
    ];
    times(s.batch, (sequence) => {
      times(s.heads, (head) => {
        eachPair({ ...s, window: Number.POSITIVE_INFINITY }, false, (query, key) => {
          times(s.headDim, (channel) => {
            walk.operations(2);
            for (const touch of touches) touch(sequence, head, query, key, channel);
          });
        });
      });
    });
  });
}

type Open = (elements: number, bytes: number) => (index: number) => void;
type Place = (sequence: number, head: number, query: number, key: number, channel: number) => void;

function sideToucher(s: Shape, side: Side, open: Open): Place[] {
  const keys = s.cachedKeys + s.newKeys;
  const group = s.heads / s.kvHeads;
  if (side === "score") {
    const touch = open(s.tokens * s.heads * keys, s.activation);
    return [
      (sequence, head, query, key) => touch(((sequence * s.heads + head) * s.sequence + query) * keys + key),
    ];
  }
  if (side === "query" || side === "output") {
    const touch = open(s.tokens * s.heads * s.headDim, s.activation);
    return [
      (sequence, head, query, _, channel) =>
        touch(((sequence * s.sequence + query) * s.heads + head) * s.headDim + channel),
    ];
  }
  const cached = open(s.batch * s.cachedKeys * s.kvHeads * s.headDim, s.cache);
  const fresh = open(s.batch * s.newKeys * s.kvHeads * s.headDim, s.activation);
  return [
    (sequence, head, _, key, channel) => {
      const isCached = key < s.cachedKeys;
      const count = isCached ? s.cachedKeys : s.newKeys;
      const place = sequence * count + (isCached ? key : key - s.cachedKeys);
      const kvHead = Math.floor(head / group);
      (isCached ? cached : fresh)((place * s.kvHeads + kvHead) * s.headDim + channel);
    },
  ];
}

const scoreCount = (s: Shape): number => s.tokens * s.heads * (s.cachedKeys + s.newKeys);

/** Both kernels of an exchange move the whole tensor through HBM, except for the side that is only a shard. */
export function exchange(s: Shape, operation: string, bytesPerElement: number = s.activation): Count {
  const whole = s.tokens * s.hidden;
  const shard = whole / s.ranks;
  const read = operation === "all-gather" ? shard : whole;
  const written = operation === "reduce-scatter" ? shard : whole;
  return walked((walk) => {
    times(read, walk.reads(read, bytesPerElement));
    times(written, walk.writes(written, bytesPerElement));
  });
}

/** Operations of an activation and of its gradient, per element. */
const ACTIVATION = { silu: 4, gelu: 8, relu: 1 } as const;
const GRADIENT = { silu: 7, gelu: 14, relu: 1 } as const;

/** All operators of the scenario's layer, in the order they run. */
export function countedLayer(scenario: Scenario): CountedOperator[] {
  const { model, normalization, kernels, parallelism, workload } = scenario;
  const s = shapeOf(scenario);
  const a = s.activation;
  const split = parallelism.sequenceParallel && s.ranks > 1;
  const qkvWidth = (s.heads + 2 * s.kvHeads) * s.headDim;
  const ffnWidth = model.gated ? 2 * s.ffn : s.ffn;
  const biased = model.bias === "all";
  const fusedQuantization = s.narrow && kernels.quantization === "fused";
  const eager = kernels.pointwise === "eager";
  const rope = model.positions === "rope";
  const materialized = kernels.attention === "materialized";
  const { normPlacement: placement } = model;

  const operator = (name: string, kind: string, list: readonly Count[]): CountedOperator[] =>
    list.length === 0 ? [] : [{ name, class: kind, kernels: list }];

  type Site = "wide" | "queries" | "keys";
  /** [fused with the residual add before it, followed by a matmul] */
  const norm = (name: string, site: Site, takesAdd: boolean, beforeMatmul: boolean, backward = false) => {
    const heads = site === "queries" ? s.heads : s.kvHeads;
    const perHead = model.qkNormSpan === "projection" ? [s.tokens, heads * s.headDim] : undefined;
    const [rows, columns] =
      site === "wide" ? [s.ownTokens, s.hidden] : (perHead ?? [s.tokens * heads, s.headDim]);
    const own = normOf(name, rows!, columns!, takesAdd, beforeMatmul, backward);
    return site !== "wide" && perHead !== undefined && s.ranks > 1 && normalization.kind !== "dyt"
      ? withExchange(own, rows!)
      : own;
  };
  /** Rows that lie on several GPUs: their sums are exchanged first, and read by the norm. */
  const withExchange = ([own]: readonly CountedOperator[], rows: number): CountedOperator[] => {
    const bytes = rows * (normalization.kind === "layernorm" ? 8 : 4);
    const [first, ...others] = own!.kernels;
    return operator(own!.name, own!.class, [
      { flops: 0, readBytes: bytes, writeBytes: bytes },
      { ...first!, readBytes: first!.readBytes + bytes },
      ...others,
    ]);
  };
  const normOf = (
    name: string,
    rows: number,
    columns: number,
    takesAdd: boolean,
    beforeMatmul: boolean,
    backward = false,
    quantizes = false,
  ) => {
    const list = stepsOf(takesAdd, beforeMatmul, backward);
    const counts = list.map((step) => walkStep(step, rows, columns, a, s.plainWeight));
    // of what it writes the norm's own output is narrow
    const saved = quantizes ? rows * columns * (a - s.input) : 0;
    const kernels = counts.map((count) => ({ ...count, writeBytes: count.writeBytes - saved }));
    return operator(backward ? `${name}-backward` : name, "normalization", kernels);
  };
  const stepsOf = (takesAdd: boolean, beforeMatmul: boolean, backward: boolean): readonly Step[] => {
    const asked = normalization.implementation;
    if (typeof asked !== "string") throw new Error("passes of a user are counted elsewhere");
    const impossible =
      (asked === "residual-fused" && !takesAdd) ||
      (asked === "folded" && (!beforeMatmul || normalization.kind === "dyt"));
    const direction = backward ? "backward" : "forward";
    return normSteps(normalization.kind, impossible ? "fused" : asked, direction, model.normOffset);
  };
  const takenAlong = normalization.implementation === "residual-fused";
  const residual = (name: string, taken: boolean, tokens = s.ownTokens) =>
    taken ? [] : operator(name, "pointwise", [elementwise(tokens * s.hidden, 1, [a, a], [a])]);
  const gather = (block: string, backward = "", bytesPerElement: number = a) =>
    split
      ? operator(`${block}-all-gather${backward}`, "collective", [exchange(s, "all-gather", bytesPerElement)])
      : [];
  const reduce = (block: string, backward = "") => {
    const operation = split ? "reduce-scatter" : "all-reduce";
    return s.ranks === 1
      ? []
      : operator(`${block}-${operation}${backward}`, "collective", [exchange(s, operation)]);
  };

  const post = placement === "post";
  const sandwich = placement === "sandwich";
  const branch = placement === "branch";
  const shared = placement === "parallel-shared";
  const parallel = placement === "parallel" || shared;
  const asked = normalization.implementation;
  const normsQuantize = fusedQuantization && (asked === "fused" || asked === "residual-fused");
  // where a router reads the norm's output too, it stays wide
  const attentionQuantizes = normsQuantize && !post && !(shared && model.experts !== undefined);
  const attentionNorm = (backward = false) =>
    branch ? [] : normOf("attention-norm", s.ownTokens, s.hidden, true, !post, backward, attentionQuantizes);
  // in a parallel layer the FFN's norm reads what the attention's read: there is no second add to take along
  const ffnQuantizes = normsQuantize && !post && model.experts === undefined;
  const ffnNorm = (backward = false) =>
    branch || shared
      ? []
      : normOf("ffn-norm", s.ownTokens, s.hidden, !parallel, !post, backward, ffnQuantizes);
  const subNorm = (name: string, backward = false) =>
    sandwich || branch ? norm(name, "wide", false, false, backward) : [];
  // quantized by the norm before it, or by the kernel before the other block that reads the same
  const attentionReady = attentionQuantizes && !branch;
  const ffnReady = shared || (ffnQuantizes && !branch);
  const headNorms = (backward = false) => {
    if (!model.qkNorm) return [];
    const both = [
      norm("query-norm", "queries", false, false, backward),
      norm("key-norm", "keys", false, false, backward),
    ];
    return (backward ? both.reverse() : both).flat();
  };

  const activated = s.tokens * s.ffn;
  const activationQuantizes = fusedQuantization && !eager;
  const activation = (elements: number): Count[] => {
    const flops = ACTIVATION[model.activation];
    const out = activationQuantizes ? s.input : a;
    if (!model.gated) return [elementwise(elements, flops, [a], [out])];
    if (!eager) return [elementwise(elements, flops + 1, [a, a], [out])];
    return [elementwise(elements, flops, [a], [a]), elementwise(elements, 1, [a, a], [a])];
  };
  const activationBackward = (elements: number): Count[] => {
    const flops = GRADIENT[model.activation];
    if (!model.gated) return [elementwise(elements, flops, [a, a], [a])];
    // the activation's gradient, the product's two, and the activated gate again
    if (!eager) return [elementwise(elements, flops + 3, [a, a, a], [a, a])];
    return [
      elementwise(elements, 1, [a, a], [a]),
      elementwise(elements, 1, [a, a], [a]),
      elementwise(elements, flops, [a, a], [a]),
      elementwise(2 * elements, 0, [a], [a]),
    ];
  };
  const rotary = (direction: "forward" | "backward", of: Shape = s): Count[] => {
    if (!rope) return [];
    if (!eager) return [fusedRotary(of)];
    const heads = direction === "forward" ? [of.heads, of.kvHeads] : [of.kvHeads, of.heads];
    return heads.flatMap((count) => eagerRotary(of, count, direction));
  };
  const copied = s.tokens * s.kvHeads * s.headDim;
  const copies =
    s.context > 0 || workload.phase === "decode"
      ? [elementwise(copied, 0, [a], [s.cache]), elementwise(copied, 0, [a], [s.cache])]
      : [];
  const scores = scoreCount(s);
  type Core = { readonly key: Shape; readonly value: Shape };
  /** Scores and probabilities in memory: products as wide as a key, and as wide as a value. */
  const writtenScores = ({ key, value }: Core): CountedOperator[] => [
    ...operator("attention-scores", "matmul", [scoreProduct(key, ["query", "key"], "score")]),
    ...operator("softmax", "attention", [elementwise(scores, 6, [a], [a])]),
    ...operator("attention-context", "matmul", [scoreProduct(value, ["score", "value"], "output")]),
  ];
  const writtenScoresBackward = ({ key, value }: Core): CountedOperator[] => [
    ...operator("attention-context-backward", "matmul", [
      scoreProduct(value, ["output", "value"], "score"),
      scoreProduct(value, ["score", "output"], "value"),
    ]),
    ...operator("softmax-backward", "attention", [elementwise(scores, 5, [a, a], [a])]),
    ...operator("attention-scores-backward", "matmul", [
      scoreProduct(key, ["score", "key"], "query"),
      scoreProduct(key, ["score", "query"], "key"),
    ]),
  ];
  const plainCore = { key: s, value: s };
  const attention = (): CountedOperator[] =>
    materialized
      ? writtenScores(plainCore)
      : operator("attention", "attention", [flash(s, model.causal, workload.phase === "train")]);
  const attentionBackward = (): CountedOperator[] =>
    materialized
      ? writtenScoresBackward(plainCore)
      : operator("attention-backward", "attention", flashBackward(s, model.causal));
  /** Heads of decompressed keys and values, which are tensors of this layer; or the one latent that the cache holds. */
  const latentCore = (): Core => {
    const { keyValueRank, nopeDim, ropeDim } = model.latentAttention!;
    if (workload.phase === "decode")
      return {
        key: { ...s, kvHeads: 1, headDim: keyValueRank + ropeDim },
        value: { ...s, kvHeads: 1, headDim: keyValueRank },
      };
    const all = { ...s, kvHeads: s.heads, cachedKeys: 0, newKeys: s.cachedKeys + s.newKeys };
    return { key: { ...all, headDim: nopeDim + ropeDim }, value: all };
  };
  const latentCoreBackward = (): CountedOperator[] => {
    if (materialized) return writtenScoresBackward(latentCore());
    const { nopeDim, ropeDim } = model.latentAttention!;
    const of = { ...s, kvHeads: s.heads };
    return operator(
      "attention-backward",
      "attention",
      flashBackward(of, model.causal, nopeDim + ropeDim, s.headDim),
    );
  };

  type Product = [name: string, n: number, k: number, bias: boolean];
  const qkv: Product = ["qkv-projection", qkvWidth, s.hidden, model.bias !== "none"];
  const output: Product = [
    "output-projection",
    s.hidden,
    s.heads * s.headDim,
    biased || model.bias === "attention",
  ];
  const up: Product = [model.gated ? "gate-up-projection" : "up-projection", ffnWidth, s.hidden, biased];
  const down: Product = ["down-projection", s.hidden, s.ffn, biased];
  const forward = ([name, n, k, bias]: Product, ready = false) => [
    ...(ready ? [] : quantized(s, name, s.tokens, k)),
    ...operator(name, "matmul", [project(s, s.tokens, n, k, bias)]),
  ];
  const gradients = ([name, n, k, bias]: Product) =>
    operator(`${name}-backward`, "matmul", projectBackward(s, s.tokens, n, k, bias));

  const cacheWrites = operator("kv-cache-write", "attention", copies);
  const plainAttention = () => [
    ...forward(qkv, attentionReady),
    ...headNorms(),
    ...operator("rope", "pointwise", rotary("forward")),
    ...cacheWrites,
    ...attention(),
    ...forward(output),
  ];
  const latentKernel = (of: Shape, absorbed: boolean): CountedOperator[] => {
    let pairs = 0;
    eachPair(of, model.causal, () => {
      pairs += 1;
    });
    return operator("attention", "attention", [latentFlash(scenario, of, pairs, absorbed)]);
  };
  const latentAttention = (): CountedOperator[] => {
    const { ropeDim, keyValueRank } = model.latentAttention!;
    const turned = { ...s, kvHeads: 1, headDim: ropeDim, turned: ropeDim };
    const latentNorm = (name: string, rows: number, columns: number) =>
      normOf(name, rows, columns, false, true);
    // of the context only what the first new token's window reaches is decompressed, unless every product is computed
    const spared = workload.phase === "prefill" && !materialized;
    const near = spared ? { ...s, cachedKeys: Math.min(s.cachedKeys, s.window - 1) } : s;
    const { before, absorbed } = countedLatent(
      scenario,
      near,
      latentNorm,
      () => rotary("forward", turned),
      attentionReady,
    );
    const written = [keyValueRank, ropeDim].map((width) => elementwise(s.tokens * width, 0, [a], [s.cache]));
    return [
      ...before,
      ...operator("kv-cache-write", "attention", copies.length === 0 ? [] : written),
      ...(materialized ? writtenScores(latentCore()) : latentKernel(near, absorbed)),
      ...(absorbed ? [latentValueUp(scenario, s)] : []),
      ...forward(output),
    ];
  };
  const attentionBlock = [
    ...gather("attention", "", attentionReady ? s.input : a),
    ...(model.latentAttention === undefined ? plainAttention() : latentAttention()),
    ...(parallel ? [] : reduce("attention")),
    ...(parallel ? [] : subNorm("post-attention-norm")),
  ];
  const activationOf = (name: string, elements: number) => operator(name, "pointwise", activation(elements));
  const denseBlock = () => [
    ...forward(up, ffnReady),
    ...activationOf("activation", activated),
    ...forward(down, activationQuantizes),
  ];
  const ffnBlock = [
    ...(shared ? [] : gather("ffn", "", ffnQuantizes && !branch ? s.input : a)),
    ...(model.experts === undefined ? denseBlock() : countedExperts(scenario, s, activationOf)),
    ...(parallel ? [] : reduce("ffn")),
    ...(parallel ? [] : subNorm("post-ffn-norm")),
  ];
  // side by side the blocks' outputs are added before the exchange, while each rank holds a summand for every token
  const attentionAdd = parallel
    ? residual("attention-residual", false, s.tokens)
    : residual("attention-residual", takenAlong && !branch);
  const ffnAdd = residual("ffn-residual", takenAlong && !branch);
  // the sum of both blocks is reduced once
  const layer = parallel
    ? [
        ...attentionNorm(),
        ...attentionBlock,
        ...ffnNorm(),
        ...ffnBlock,
        ...attentionAdd,
        ...reduce("ffn"),
        ...ffnAdd,
      ]
    : post
      ? [...attentionBlock, ...attentionAdd, ...attentionNorm(), ...ffnBlock, ...ffnAdd, ...ffnNorm()]
      : [...attentionNorm(), ...attentionBlock, ...attentionAdd, ...ffnNorm(), ...ffnBlock, ...ffnAdd];
  if (workload.phase !== "train") return layer;

  const activationBackOf = (name: string, elements: number) =>
    operator(name, "pointwise", activationBackward(elements));
  const addInBlock = (name: string) => residual(name, false, s.tokens);
  const denseBack = () => [
    ...gradients(down),
    ...activationBackOf("activation-backward", activated),
    ...gradients(up),
  ];
  const plainBack = () => [
    ...attentionBackward(),
    ...operator("rope-backward", "pointwise", rotary("backward")),
    ...headNorms(true),
    ...operator("qkv-join-backward", "pointwise", [elementwise(s.tokens * qkvWidth, 0, [a], [a])]),
    ...gradients(qkv),
  ];
  const latentBack = () => {
    const { ropeDim } = model.latentAttention!;
    const turned = { ...s, kvHeads: 1, headDim: ropeDim, turned: ropeDim };
    return [
      ...latentCoreBackward(),
      ...countedLatentBackward(
        scenario,
        s,
        (name, rows, columns) => normOf(name, rows, columns, false, true, true),
        operator("rope-backward", "pointwise", rotary("backward", turned)),
        addInBlock,
      ),
    ];
  };
  const ffnBack = [
    ...(parallel ? [] : subNorm("post-ffn-norm", true)),
    ...gather("ffn", "-backward"),
    ...(model.experts === undefined
      ? denseBack()
      : countedExpertsBackward(scenario, s, activationBackOf, addInBlock)),
    ...(shared ? [] : reduce("ffn", "-backward")),
  ];
  const attentionBack = [
    ...(parallel ? [] : subNorm("post-attention-norm", true)),
    ...(parallel ? [] : gather("attention", "-backward")),
    ...gradients(output),
    ...(model.latentAttention === undefined ? plainBack() : latentBack()),
  ];
  const attentionReduce = reduce("attention", "-backward");
  // behind one norm both blocks read the same gathered tokens, so their gradients meet before the exchange
  const ffnJoin = residual("ffn-residual-backward", false, shared ? s.tokens : s.ownTokens);
  const attentionJoin = residual("attention-residual-backward", false);
  const usual = [
    ...ffnBack,
    ...ffnNorm(true),
    ...ffnJoin,
    ...attentionBack,
    ...attentionReduce,
    ...attentionNorm(true),
    ...attentionJoin,
  ];
  const postNorm = [
    ...ffnNorm(true),
    ...ffnBack,
    ...ffnJoin,
    ...attentionNorm(true),
    ...attentionBack,
    ...attentionReduce,
    ...attentionJoin,
  ];
  // side by side: the gradients of what both blocks read are added, before the one exchange where they share a norm
  const sideBySide = [
    ...ffnBack,
    ...ffnNorm(true),
    ...attentionBack,
    ...(shared ? ffnJoin : []),
    ...attentionReduce,
    ...attentionNorm(true),
    ...(shared ? [] : ffnJoin),
    ...attentionJoin,
  ];
  const backward = parallel ? sideBySide : post ? postNorm : usual;
  const again = { none: [], full: layer, selective: layer.filter(({ name }) => SCORES.includes(name)) };
  const recomputed = again[scenario.training?.recomputation ?? "none"].map((one) => ({
    ...one,
    name: `${one.name}-recomputed`,
  }));
  return [...layer, ...recomputed, ...backward];
}

/** What a layer that writes its scores computes again rather than keep. */
const SCORES = ["attention-scores", "softmax"];
