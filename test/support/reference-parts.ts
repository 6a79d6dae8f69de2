import type { Scenario } from "../../src/schema/scenario.ts";
import { elementwise, project, projectBackward, type Shape } from "./reference-layer.ts";
import type { Count } from "./walk.ts";

/** Experts and latent attention for the walking counter: operators of a layer by name, class and kernels. */
export interface CountedOperator {
  readonly name: string;
  readonly class: string;
  readonly kernels: readonly Count[];
}

const FP32 = 4;
const INDEX = 4;

export const pointwise = (name: string, ...kernels: Count[]): CountedOperator => ({
  name,
  class: "pointwise",
  kernels,
});
export const matmul = (name: string, ...kernels: Count[]): CountedOperator => ({
  name,
  class: "matmul",
  kernels,
});

/** Row by row: magnitudes, maximum, product, rounding; the row is read, its narrow copy and one scale are written. */
export function quantized(s: Shape, name: string, rows: number, columns: number): CountedOperator[] {
  if (!s.narrow) return [];
  const { flops, readBytes, writeBytes } = elementwise(rows * columns, 4, [s.activation], []);
  const written = writeBytes + rows * columns * s.input + rows * FP32;
  return [pointwise(`${name}-quantize`, { flops, readBytes, writeBytes: written })];
}

/** A product whose operands are not quantized. */
export const wide = (s: Shape): Shape => ({
  ...s,
  input: s.activation,
  weight: s.plainWeight,
  narrow: false,
});

/** All choices of `k` out of `n`, as lists of numbers. */
function choices(n: number, k: number, from = 0): number[][] {
  if (k === 0) return [[]];
  return Array.from({ length: n - from }, (_, offset) => from + offset).flatMap((first) =>
    choices(n, k - 1, first + 1).map((rest) => [first, ...rest]),
  );
}

/** Mean number of experts that some token chose, by asking of each expert how many choices leave it out. */
function meanTouched(experts: number, perToken: number, tokens: number): number {
  const all = choices(experts, perToken);
  const leftOut = all.filter((choice) => !choice.includes(0)).length / all.length;
  let everyTokenLeavesItOut = 1;
  for (let token = 0; token < tokens; token++) everyTokenLeavesItOut *= leftOut;
  return experts * (1 - everyTokenLeavesItOut);
}

const sum = (...counts: Count[]): Count => ({
  flops: counts.reduce((total, count) => total + count.flops, 0),
  readBytes: counts.reduce((total, count) => total + count.readBytes, 0),
  writeBytes: counts.reduce((total, count) => total + count.writeBytes, 0),
});

export function expertsOf({ model, parallelism }: Scenario, s: Shape) {
  const given = model.experts!;
  const { expert: group = 1 } = parallelism;
  const rows = s.tokens * given.perToken;
  const touched = meanTouched(given.count, given.perToken, s.tokens * group) / group;
  const ffn = given.ffn / s.ranks;
  const shared = (given.sharedFfn ?? 0) / s.ranks;
  const bias = model.bias === "all";
  const a = s.activation;
  const width = (inner: number): number => (model.gated ? 2 * inner : inner);
  // every row is multiplied with its own expert's weights; weights of experts that nobody chose are not read
  const grouped = (n: number, k: number): Count => {
    const products = project(s, rows, n, k, bias);
    const weights = (n * k + (bias ? n : 0)) * s.weight;
    return { ...products, readBytes: products.readBytes - weights + touched * weights };
  };
  const groupedBackward = (n: number, k: number): Count[] => {
    const kernels = projectBackward(s, rows, n, k, bias);
    const [weightAt, inputAt] = bias ? [1, 0] : [0, 1];
    const weight = { ...kernels[weightAt]!, writeBytes: touched * n * k * s.weight };
    const input = { ...kernels[inputAt]!, readBytes: rows * n * a + touched * n * k * s.weight };
    return bias ? [input, weight, { ...kernels[2]!, writeBytes: touched * n * s.weight }] : [weight, input];
  };
  const exchanged = (name: string, bytes: number): CountedOperator[] =>
    group === 1
      ? []
      : [
          {
            name,
            class: "collective",
            kernels: [{ flops: 0, readBytes: rows * s.hidden * bytes, writeBytes: rows * s.hidden * bytes }],
          },
        ];
  const names = model.gated ? "gate-up-projection" : "up-projection";
  return { given, rows, ffn, shared, bias, a, width, grouped, groupedBackward, exchanged, names };
}

type Activation = (name: string, elements: number) => CountedOperator[];

export function countedExperts(scenario: Scenario, s: Shape, activation: Activation): CountedOperator[] {
  const e = expertsOf(scenario, s);
  const { given, rows, a } = e;
  const eager = scenario.kernels.pointwise === "eager";
  const fusedActivation = s.narrow && scenario.kernels.quantization === "fused" && !eager;
  const scores = s.tokens * given.count;
  const copied = rows * s.hidden;
  const extra = (count: Count, read: number, written: number): Count =>
    sum(count, { flops: 0, readBytes: read, writeBytes: written });
  const selection = eager
    ? [
        elementwise(scores, 6, [a], [FP32]),
        extra(elementwise(scores, 0, [FP32], []), 0, rows * INDEX + rows * FP32),
        elementwise(rows, 0, [INDEX], [INDEX]),
        // where each expert's tokens begin: numbered, counted, cast; and each place's token, by a division
        elementwise(given.count, 0, [], [INDEX]),
        extra(elementwise(given.count, 0, [INDEX], [INDEX]), rows * INDEX, 0),
        elementwise(given.count, 0, [INDEX], [INDEX]),
        elementwise(rows, 1, [INDEX], [INDEX]),
      ]
    : [
        extra(elementwise(scores, 6, [a], []), 0, rows * INDEX + rows * FP32),
        elementwise(rows, 0, [INDEX], [INDEX]),
      ];
  const oneRow = s.tokens * s.hidden;
  const combine = eager
    ? [
        extra(elementwise(copied, 0, [a], [a]), rows * INDEX, 0),
        extra(elementwise(copied, 2, [a], []), rows * FP32, oneRow * a),
      ]
    : [extra(elementwise(copied, 2, [a], []), rows * (FP32 + INDEX), oneRow * a)];
  const quantizedDown = (name: string, count: number, inner: number) =>
    fusedActivation ? [] : quantized(s, name, count, inner);
  const sharedBlock =
    e.shared === 0
      ? []
      : [
          matmul(`shared-${e.names}`, project(s, s.tokens, e.width(e.shared), s.hidden, e.bias)),
          ...activation("shared-activation", s.tokens * e.shared),
          ...quantizedDown("shared-down-projection", s.tokens, e.shared),
          matmul("shared-down-projection", project(s, s.tokens, s.hidden, e.shared, e.bias)),
          ...(given.sharedGate
            ? [matmul("shared-expert-gate", project(wide(s), s.tokens, 1, s.hidden, false))]
            : []),
          pointwise(
            "shared-expert-add",
            extra(
              elementwise(oneRow, given.sharedGate ? 2 : 1, [a, a], [a]),
              given.sharedGate ? s.tokens * a : 0,
              0,
            ),
          ),
        ];
  return [
    matmul("router", project(wide(s), s.tokens, given.count, s.hidden, e.bias)),
    pointwise("expert-selection", ...selection),
    ...quantized(s, "expert-dispatch", s.tokens, s.hidden),
    pointwise("expert-dispatch", {
      flops: 0,
      readBytes: oneRow * s.input + (rows + (eager ? given.count : 0)) * INDEX,
      writeBytes: copied * s.input,
    }),
    ...e.exchanged("expert-dispatch-all-to-all", s.input),
    matmul(e.names, e.grouped(e.width(e.ffn), s.hidden)),
    ...activation("activation", rows * e.ffn),
    ...quantizedDown("down-projection", rows, e.ffn),
    matmul("down-projection", e.grouped(s.hidden, e.ffn)),
    ...e.exchanged("expert-combine-all-to-all", a),
    pointwise("expert-combine", ...combine),
    ...sharedBlock,
  ];
}

/** Norms of the latents and heads that are joined, forward; `norm` counts a norm of rows by columns. */
export function countedLatent(
  { model, workload }: Scenario,
  s: Shape,
  norm: (name: string, rows: number, columns: number) => CountedOperator[],
  rope: (heads: number) => Count[],
  inputQuantized: boolean,
): { before: CountedOperator[]; attended: number; absorbed: boolean } {
  const { queryRank, keyValueRank, nopeDim, ropeDim } = model.latentAttention!;
  const absorbed = workload.phase === "decode";
  const a = s.activation;
  const attended = s.batch * (s.cachedKeys + s.newKeys);
  const queries = s.tokens * s.heads;
  const bias = model.bias !== "none";
  const first = inputQuantized
    ? []
    : quantized(
        s,
        queryRank === undefined ? "query-projection" : "query-down-projection",
        s.tokens,
        s.hidden,
      );
  const down =
    queryRank === undefined
      ? [
          ...first,
          matmul("query-projection", project(s, s.tokens, s.heads * (nopeDim + ropeDim), s.hidden, false)),
        ]
      : [
          ...first,
          matmul("query-down-projection", project(s, s.tokens, queryRank, s.hidden, bias)),
          ...norm("query-latent-norm", s.tokens, queryRank),
          ...quantized(s, "query-up-projection", s.tokens, queryRank),
          matmul(
            "query-up-projection",
            project(s, s.tokens, s.heads * (nopeDim + ropeDim), queryRank, false),
          ),
        ];
  const perHead = (m: number, n: number, k: number): Count =>
    sum(...Array.from({ length: s.heads }, () => project(wide(s), m, n, k, false)));
  const inner = absorbed
    ? [matmul("query-absorption", perHead(s.tokens, keyValueRank, nopeDim))]
    : [
        ...quantized(s, "kv-up-projection", attended, keyValueRank),
        matmul(
          "kv-up-projection",
          project(s, attended, s.heads * (nopeDim + s.headDim), keyValueRank, false),
        ),
      ];
  const joinedQueries = elementwise(queries * ((absorbed ? keyValueRank : nopeDim) + ropeDim), 0, [a], [a]);
  const joinedKeys: Count = {
    flops: 0,
    readBytes: (attended * s.heads * nopeDim + attended * ropeDim) * a,
    writeBytes: attended * s.heads * (nopeDim + ropeDim) * a,
  };
  const before = [
    ...down,
    matmul("kv-down-projection", project(s, s.tokens, keyValueRank + ropeDim, s.hidden, bias)),
    ...norm("kv-latent-norm", s.tokens, keyValueRank),
    ...(model.positions === "rope" ? [pointwise("rope", ...rope(1))] : []),
    ...inner,
    pointwise("rope-join", joinedQueries, ...(absorbed ? [] : [joinedKeys])),
  ];
  return { before, attended, absorbed };
}

/** Every query-key pair of latent attention, counted one by one: a key's width and a value's width of multiply-adds. */
export function latentFlash(
  { model, workload }: Scenario,
  s: Shape,
  pairs: number,
  absorbed: boolean,
): Count {
  const { keyValueRank, nopeDim, ropeDim } = model.latentAttention!;
  const a = s.activation;
  const key = absorbed ? keyValueRank + ropeDim : nopeDim + ropeDim;
  const value = absorbed ? keyValueRank : s.headDim;
  const keys = s.batch * (s.cachedKeys + s.newKeys);
  const read = absorbed
    ? keys * (keyValueRank + ropeDim) * s.cache
    : keys * s.heads * (nopeDim + ropeDim + s.headDim) * a;
  return {
    flops: 2 * pairs * s.batch * s.heads * (key + value),
    readBytes: s.tokens * s.heads * key * a + read,
    // in training a number a row is kept for the backward pass
    writeBytes: s.tokens * s.heads * (value * a + (workload.phase === "train" ? FP32 : 0)),
  };
}

/** What decompresses a decode step's result: one product a head. */
export const latentValueUp = ({ model }: Scenario, s: Shape): CountedOperator =>
  matmul(
    "value-up-projection",
    sum(
      ...Array.from({ length: s.heads }, () =>
        project(wide(s), s.tokens, s.headDim, model.latentAttention!.keyValueRank, false),
      ),
    ),
  );
