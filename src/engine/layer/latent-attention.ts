import { KEYS_GRADIENT, QUERIES_GRADIENT, VALUES_GRADIENT } from "./attention.ts";
import type { Dimensions, LatentSizes } from "./dimensions.ts";
import { gradientOf } from "./gradients.ts";
import type { Access, Kernel, Operator } from "./kernel.ts";
import type { Projection } from "./matmul.ts";
import type { NormPlace, NormSite } from "./normalization.ts";
import { pointwise, pointwiseOperator } from "./pointwise.ts";
import { narrowTensor } from "./quantization.ts";

/**
 * Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434): queries, keys and values go through a narrow latent,
 * and the cache holds the latent and one key that RoPE turns. Many tokens: keys and values are decompressed, and
 * attention is an ordinary one of `heads` heads. A decode step multiplies its queries by the decompressing matrix
 * instead, so that all heads attend to the latent itself, and decompresses the result.
 */
export interface LatentParts {
  readonly sizes: LatentSizes;
  /** undefined where queries are not compressed: then `queryUp` reads the layer's input */
  readonly queryDown: Projection | undefined;
  readonly queryNorm: NormSite | undefined;
  readonly queryUp: Projection;
  readonly keyValueDown: Projection;
  readonly keyValueNorm: NormSite;
}

const latentNorm = (name: string, input: string): NormPlace => ({
  name,
  input,
  output: `${name} output`,
  residual: undefined,
  beforeMatmul: true,
});

const QUERY_NORM = latentNorm("query-latent-norm", "query latent");
const KEY_VALUE_NORM = latentNorm("kv-latent-norm", "kv latent");

/** It writes no output: what it reads is multiplied as it is. */
const whoseWeightIsFolded = (place: NormPlace): NormPlace => ({ ...place, output: place.input });

/** Norms inside latent attention. */
export const latentNormPlaces = ({ queryRank }: LatentSizes): readonly NormPlace[] =>
  queryRank === undefined ? [KEY_VALUE_NORM] : [QUERY_NORM, KEY_VALUE_NORM];

const ONE = { products: 1, grouped: false } as const;

export function latentParts(
  d: Dimensions,
  latent: LatentSizes,
  /** what the layer's first matmuls read; quantized once for both of them */
  input: string,
  quantize: boolean,
  bias: boolean,
  narrow: boolean,
  folded: boolean,
): LatentParts {
  const queryNorm = folded ? whoseWeightIsFolded(QUERY_NORM) : QUERY_NORM;
  const keyValueNorm = folded ? whoseWeightIsFolded(KEY_VALUE_NORM) : KEY_VALUE_NORM;
  const { queryRank, keyValueRank, nopeDim, ropeDim } = latent;
  const m = d.tokens;
  const compressed = queryRank !== undefined;
  return {
    sizes: latent,
    // the narrow projections are the same on every GPU of a tensor-parallel group
    queryDown: compressed
      ? {
          ...ONE,
          name: "query-down-projection",
          m,
          n: queryRank,
          k: d.hidden,
          bias,
          input,
          quantize,
          output: QUERY_NORM.input,
        }
      : undefined,
    queryNorm: compressed
      ? { place: queryNorm, rows: m, columns: queryRank, narrowOutput: false, ranks: 1 }
      : undefined,
    queryUp: {
      ...ONE,
      name: compressed ? "query-up-projection" : "query-projection",
      m,
      n: d.heads * (nopeDim + ropeDim),
      k: queryRank ?? d.hidden,
      bias: false,
      input: compressed ? queryNorm.output : input,
      quantize: compressed ? narrow : quantize,
      output: "qkv queries",
    },
    keyValueDown: {
      ...ONE,
      name: "kv-down-projection",
      m,
      n: keyValueRank + ropeDim,
      k: d.hidden,
      bias,
      input: quantize ? narrowTensor(input) : input,
      quantize: false,
      output: "kv latent and key",
      parts: [
        { tensor: KEY_VALUE_NORM.input, columns: keyValueRank },
        { tensor: "qkv keys", columns: ropeDim },
      ],
    },
    keyValueNorm: { place: keyValueNorm, rows: m, columns: keyValueRank, narrowOutput: false, ranks: 1 },
  };
}

/** Keys and values of all attended tokens out of their latents; those of the context come from the cache. */
export function keyValueUp(
  d: Dimensions,
  { sizes: { nopeDim, keyValueRank }, keyValueNorm }: LatentParts,
  attendedTokens: number,
  narrow: boolean,
): Projection {
  const tokens = d.sequences * attendedTokens;
  return {
    ...ONE,
    name: "kv-up-projection",
    m: tokens,
    n: d.heads * (nopeDim + d.headDim),
    k: keyValueRank,
    bias: false,
    input: keyValueNorm.place.output,
    quantize: narrow,
    output: "latent keys and values",
    parts: [
      { tensor: "latent keys", columns: d.heads * nopeDim },
      { tensor: "latent values", columns: d.heads * d.headDim },
    ],
  };
}

/** A decode step's queries times the matrix that would decompress the keys: one product a head. */
export const queryAbsorption = (d: Dimensions, { nopeDim, keyValueRank }: LatentSizes): Projection => ({
  name: "query-absorption",
  m: d.tokens,
  n: keyValueRank,
  k: nopeDim,
  products: d.heads,
  grouped: false,
  bias: false,
  input: "qkv queries",
  quantize: false,
  output: "absorbed queries",
});

/** A decode step's result out of the latent, head by head. */
export const valueUp = (d: Dimensions, { keyValueRank }: LatentSizes): Projection => ({
  name: "value-up-projection",
  m: d.tokens,
  n: d.headDim,
  k: keyValueRank,
  products: d.heads,
  grouped: false,
  bias: false,
  input: "latent attention output",
  quantize: false,
  output: "attention output",
});

/** The turned parts are put beside the others: of each query, and the one turned key beside every head's. */
export function joinTurned(
  d: Dimensions,
  { nopeDim, ropeDim, keyValueRank }: LatentSizes,
  attendedTokens: number,
  absorbed: boolean,
  rotated: boolean,
): Operator {
  const width = absorbed ? keyValueRank : nopeDim;
  const access = (tensor: string, elements: number): Access => ({
    tensor,
    bytes: elements * d.activationBytes,
  });
  const perHead = d.tokens * d.heads;
  const join = (name: string, elements: number, reads: Access[], write: string): Kernel =>
    pointwise(name, "concatenate", elements, 0, reads, [access(write, elements)]);
  const queries = join(
    "join queries",
    perHead * (width + ropeDim),
    [
      access(absorbed ? "absorbed queries" : "qkv queries", perHead * width),
      access(rotated ? "queries rotated" : "qkv queries", perHead * ropeDim),
    ],
    "queries joined",
  );
  const keyTokens = d.sequences * attendedTokens;
  const keys = join(
    "join keys",
    keyTokens * d.heads * (nopeDim + ropeDim),
    [
      access("latent keys", keyTokens * d.heads * nopeDim),
      access(rotated ? "keys rotated" : "qkv keys", keyTokens * ropeDim),
    ],
    "keys joined",
  );
  // an absorbed step reads its keys as they lie in the cache
  return pointwiseOperator("rope-join", absorbed ? [queries] : [queries, keys]);
}

/** RoPE turns a part of each query and one key: the sizes that the rotation works on. */
export const turnedPart = (d: Dimensions): Dimensions => ({ ...d, kvHeads: 1, headDim: d.rotaryDim });

/**
 * The gradients of joined queries and keys are taken apart, that of the turned key is summed over the heads, and those
 * of the other part of the keys and of the values become one tensor again for the backward matmuls that decompressed
 * them.
 */
export function joinTurnedBackward(d: Dimensions, { nopeDim, ropeDim }: LatentSizes): Operator {
  const heads = d.tokens * d.heads;
  const access = (tensor: string, elements: number): Access => ({
    tensor,
    bytes: elements * d.activationBytes,
  });
  const joined = heads * (nopeDim + ropeDim);
  const queries = pointwise(
    "split queries gradient",
    "strided",
    joined,
    0,
    [access(QUERIES_GRADIENT, joined)],
    [access(gradientOf("qkv queries"), joined)],
  );
  const turnedKey = pointwise(
    "sum turned key gradient over heads",
    "strided",
    heads * ropeDim,
    1,
    [access(KEYS_GRADIENT, heads * ropeDim)],
    [access(KEYS_GRADIENT, d.tokens * ropeDim)],
  );
  const decompressed = heads * (nopeDim + d.headDim);
  const keysAndValues = pointwise(
    "join keys and values gradient",
    "concatenate",
    decompressed,
    0,
    [access(KEYS_GRADIENT, heads * nopeDim), access(VALUES_GRADIENT, heads * d.headDim)],
    [access(gradientOf("latent keys and values"), decompressed)],
  );
  return pointwiseOperator("rope-join-backward", [queries, keysAndValues, turnedKey]);
}

/** The gradients of the latent and of the key that RoPE turned become one tensor again. */
export function joinLatentBackward(d: Dimensions, { keyValueRank, ropeDim }: LatentSizes): Operator {
  const access = (tensor: string, width: number): Access => ({
    tensor,
    bytes: d.tokens * width * d.activationBytes,
  });
  const width = keyValueRank + ropeDim;
  return pointwiseOperator("kv-latent-join-backward", [
    pointwise(
      "join",
      "vectorized",
      d.tokens * width,
      0,
      [access(gradientOf("kv latent"), keyValueRank), access(KEYS_GRADIENT, ropeDim)],
      [access(gradientOf("kv latent and key"), width)],
    ),
  ]);
}
