import type { Scenario } from "../../src/schema/scenario.ts";
import { type Shape, shapeOf } from "./reference-layer.ts";

/**
 * What a layer keeps for its backward pass, found as autograd finds it: the layer is run once over tensors that have
 * a size and nothing else, and every operation says which of its operands its gradient needs. A tensor that several
 * operations need is kept once, and a part of a tensor keeps all of it.
 */
interface Tensor {
  readonly bytes: number;
  readonly whole?: Tensor;
}

interface Tape {
  readonly keep: (...tensors: readonly Tensor[]) => void;
  readonly forget: (body: () => Tensor) => Tensor;
  readonly bytes: () => number;
}

function newTape(): Tape {
  const kept = new Set<Tensor>();
  let recording = true;
  return {
    keep: (...tensors) => {
      if (recording) for (const tensor of tensors) kept.add(tensor.whole ?? tensor);
    },
    // a checkpoint: what happens inside is computed again
    forget: (body) => {
      recording = false;
      const result = body();
      recording = true;
      return result;
    },
    bytes: () => [...kept].reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

const FP32 = 4;
const INDEX = 4;
const tensor = (bytes: number): Tensor => ({ bytes });
const partOf = (whole: Tensor): Tensor => ({ bytes: whole.bytes / 2, whole });

type Norm = Scenario["normalization"];

interface Normed {
  readonly output: Tensor;
  /** what of the residual stream goes on: the input, or the sum that the norm has written */
  readonly stream: Tensor;
}

/** `branch` is what a fused residual add takes along. */
function norm(
  tape: Tape,
  { kind, implementation: asked }: Norm,
  activation: number,
  [rows, columns]: readonly [number, number],
  input: Tensor,
  { branch, beforeMatmul }: { readonly branch?: Tensor | undefined; readonly beforeMatmul: boolean },
): Normed {
  const elements = rows * columns;
  const row = (): Tensor => tensor(rows * FP32);
  const wide = (): Tensor => tensor(elements * FP32);
  const narrow = (): Tensor => tensor(elements * activation);
  const takes = asked === "residual-fused" && branch !== undefined;
  // the sum is what is normalized
  const x = branch === undefined ? input : narrow();
  if (kind === "dyt") {
    // its input, and op by op the tanh of it
    tape.keep(x, ...(asked === "eager" || asked === "native" ? [narrow()] : []));
  } else if (asked === "eager") {
    // x.float() once; (x - mean) twice, so that each is a tensor of its own; the cast result times the weight
    const statistics = kind === "layernorm" ? [wide(), wide()] : [wide()];
    tape.keep(...statistics, row(), narrow());
  } else {
    tape.keep(x, row(), ...(kind === "layernorm" ? [row()] : []));
  }
  const folded = asked === "folded" && beforeMatmul && kind !== "dyt";
  return { output: folded ? x : narrow(), stream: takes || branch !== undefined ? x : input };
}

/** Bytes that one layer keeps between its passes. */
export function countedSaved(scenario: Scenario): number {
  const { model, normalization, kernels, parallelism, training } = scenario;
  const s = shapeOf(scenario);
  const tape = newTape();
  const recomputation = training?.recomputation ?? "none";
  const split = parallelism.sequenceParallel && s.ranks > 1;
  const a = s.activation;
  const own = (): Tensor => tensor(s.ownTokens * s.hidden * a);
  const ofTokens = (width: number): Tensor => tensor(s.tokens * width * a);
  const linear = (x: Tensor, y: Tensor): Tensor => {
    tape.keep(x);
    return y;
  };
  const gather = (x: Tensor): Tensor => (split ? ofTokens(s.hidden) : x);
  const reduce = (x: Tensor): Tensor => (split ? own() : x);
  const activate = (input: Tensor): Tensor => {
    const output = tensor(model.gated ? input.bytes / 2 : input.bytes);
    if (!model.gated || kernels.pointwise === "fused") {
      tape.keep(input);
      return output;
    }
    const [gate, up, activated] = [partOf(input), partOf(input), tensor(input.bytes / 2)];
    tape.keep(gate);
    tape.keep(activated, up);
    return output;
  };
  const ffnWidth = (inner: number): number => (model.gated ? 2 * inner : inner);
  const block = (rows: number, inner: number, x: Tensor): Tensor =>
    linear(activate(linear(x, tensor(rows * ffnWidth(inner) * a))), tensor(rows * s.hidden * a));

  const normed = (x: Tensor, rows: number, columns: number): Tensor =>
    norm(tape, normalization, a, [rows, columns], x, { beforeMatmul: false }).output;
  const core = (q: Tensor, k: Tensor, v: Tensor, valueWidth: number): Tensor => {
    const output = ofTokens(s.heads * valueWidth);
    tape.keep(q, k, v);
    if (kernels.attention === "flash") tape.keep(output, tensor(s.tokens * s.heads * FP32));
    else if (recomputation === "none") tape.keep(tensor(s.tokens * s.heads * s.sequence * a));
    return output;
  };
  const plainAttention = (x: Tensor): Tensor => {
    const part = (heads: number, isNormed: boolean): Tensor => {
      const projected = linear(x, ofTokens(heads * s.headDim));
      if (!isNormed) return projected;
      return model.qkNormSpan === "projection"
        ? normed(projected, s.tokens, heads * s.headDim)
        : normed(projected, s.tokens * heads, s.headDim);
    };
    // a rotation needs nothing but its tables for its gradient, and makes a new tensor
    const turned = (t: Tensor): Tensor => (model.positions === "rope" ? tensor(t.bytes) : t);
    const q = turned(part(s.heads, model.qkNorm));
    const k = turned(part(s.kvHeads, model.qkNorm));
    return core(q, k, part(s.kvHeads, false), s.headDim);
  };
  const latentAttention = (x: Tensor): Tensor => {
    const { queryRank, keyValueRank, nopeDim, ropeDim } = model.latentAttention!;
    const latent = (width: number): Tensor =>
      norm(tape, normalization, a, [s.tokens, width], linear(x, ofTokens(width)), { beforeMatmul: true })
        .output;
    const queries = queryRank === undefined ? x : latent(queryRank);
    tape.keep(queries);
    const decompressed = latent(keyValueRank);
    tape.keep(decompressed);
    // concatenations are new tensors
    const joined = (): Tensor => ofTokens(s.heads * (nopeDim + ropeDim));
    return core(joined(), joined(), ofTokens(s.heads * s.headDim), s.headDim);
  };
  const attention = (x: Tensor): Tensor =>
    reduce(
      linear(
        model.latentAttention === undefined ? plainAttention(x) : latentAttention(x),
        ofTokens(s.hidden),
      ),
    );
  const feedForward = (x: Tensor): Tensor =>
    reduce(model.experts === undefined ? block(s.tokens, s.ffn, x) : mixture(tape, scenario, s, x, block));

  // with a fused add the layer before leaves its last branch beside the stream
  const pairs = normalization.implementation === "residual-fused";
  const stream = own();
  const pending = own();
  type Place = { readonly branch?: Tensor | undefined; readonly beforeMatmul: boolean };
  const streamNorm = (x: Tensor, place: Place): Normed =>
    norm(tape, normalization, a, [s.ownTokens, s.hidden], x, place);
  const pre = (x: Tensor, branch?: Tensor): Normed => streamNorm(x, { branch, beforeMatmul: true });
  const add = (): Tensor => own();
  const run = (): Tensor => {
    switch (model.normPlacement) {
      case "pre":
      case "sandwich": {
        const after = (x: Tensor): Tensor =>
          model.normPlacement === "sandwich" ? streamNorm(x, { beforeMatmul: false }).output : x;
        const first = pre(stream, pairs ? pending : undefined);
        const attended = after(attention(gather(first.output)));
        const second = pairs ? pre(first.stream, attended) : pre(add());
        after(feedForward(gather(second.output)));
        return stream;
      }
      case "post": {
        const attended = attention(gather(stream));
        const middle = streamNorm(add(), {
          branch: pairs ? attended : undefined,
          beforeMatmul: false,
        }).output;
        const fed = feedForward(gather(middle));
        streamNorm(add(), { branch: pairs ? fed : undefined, beforeMatmul: false });
        return stream;
      }
      case "branch": {
        streamNorm(attention(gather(stream)), { beforeMatmul: false });
        streamNorm(feedForward(gather(add())), { beforeMatmul: false });
        return stream;
      }
      case "parallel":
      case "parallel-shared": {
        const first = pre(stream, pairs ? pending : undefined);
        const read = gather(first.output);
        attention(read);
        const second = model.normPlacement === "parallel" ? gather(pre(first.stream).output) : read;
        feedForward(second);
        return stream;
      }
    }
  };
  if (recomputation === "full") {
    const takesPair = pairs && model.normPlacement !== "post" && model.normPlacement !== "branch";
    tape.keep(stream, ...(takesPair ? [pending] : []));
    tape.forget(run);
  } else run();
  return tape.bytes();
}

/** Router, choice, copies and weighted sum, and the experts that every token passes through. */
function mixture(
  tape: Tape,
  { model, kernels }: Scenario,
  s: Shape,
  x: Tensor,
  block: (rows: number, inner: number, x: Tensor) => Tensor,
): Tensor {
  const { count, perToken, ffn, sharedFfn, sharedGate } = model.experts!;
  const eager = kernels.pointwise === "eager";
  const a = s.activation;
  const rows = s.tokens * perToken;
  // the router's matmul, and the softmax over all its logits: op by op of its result, fused of the logits
  tape.keep(x, tensor(s.tokens * count * (eager ? FP32 : a)));
  const [choice, gates, places] = [tensor(rows * INDEX), tensor(rows * FP32), tensor(rows * INDEX)];
  tape.keep(choice, gates, places);
  const outputs = block(rows, ffn / s.ranks, tensor(rows * s.hidden * a));
  // op by op they are copied to their tokens' places, and the copies are weighted
  tape.keep(eager ? tensor(outputs.bytes) : outputs);
  if (sharedFfn !== undefined) {
    const shared = block(s.tokens, sharedFfn / s.ranks, x);
    if (sharedGate) tape.keep(shared, tensor(s.tokens * a));
  }
  return tensor(s.tokens * s.hidden * a);
}
