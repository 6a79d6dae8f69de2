import { generates, trains } from "../../schema/phases.ts";
import type { Scenario } from "../../schema/scenario.ts";
import { type AttentionStyle, attentionInputs, expandsKeys, joinsCache } from "./attention.ts";
import { attendedTokens, type Dimensions } from "./dimensions.ts";
import type { Access, Kernel, Operator } from "./kernel.ts";
import { pointwise } from "./pointwise.ts";

/** What has become of the new keys and values before attention reads them: nothing in training. */
export function cacheUpdate(
  { cache = "in-place" }: Scenario["kernels"],
  style: AttentionStyle,
  d: Dimensions,
  latentTensor?: string,
): readonly Operator[] {
  const { phase, context, rotated } = style;
  const before = context > 0 || generates(phase);
  if (trains(phase)) return [];
  if (latentTensor !== undefined) return before ? [latentWrite(d, rotated, latentTensor)] : [];
  switch (cache) {
    case "in-place":
      return before ? [cacheWrite(style, d)] : [];
    case "concatenated":
      return before ? [concatenation(style, d)] : [];
    case "static":
      return [cacheWrite(style, d)];
    case "paged":
      return [pagedWrite(style, d)];
  }
}

const cacheOperator = (kernels: readonly Kernel[]): Operator => ({
  name: "kv-cache-write",
  class: "attention",
  kernels,
});

const copy = (d: Dimensions, what: string, from: string, elements: number): Kernel =>
  pointwise(
    `copy ${what}`,
    "strided",
    elements,
    0,
    [{ tensor: from, bytes: elements * d.activationBytes }],
    [{ tensor: `cached ${what}`, bytes: elements * d.kvBytes }],
  );

/** New keys and values are copied behind the cached ones; without a context the tensors themselves are the cache. */
function cacheWrite(style: AttentionStyle, d: Dimensions): Operator {
  const elements = d.tokens * d.kvHeads * d.headDim;
  const { keys, values } = attentionInputs(style, d);
  return cacheOperator([copy(d, "keys", keys, elements), copy(d, "values", values, elements)]);
}

/** One kernel for both, which looks up the page of each token. */
function pagedWrite(style: AttentionStyle, d: Dimensions): Operator {
  const elements = d.tokens * d.kvHeads * d.headDim;
  const { keys, values } = attentionInputs(style, d);
  const reads = [keys, values].map((tensor) => ({ tensor, bytes: elements * d.activationBytes }));
  const writes = ["keys", "values"].map((what) => ({
    tensor: `cached ${what}`,
    bytes: elements * d.kvBytes,
  }));
  return cacheOperator([pointwise("copy keys and values", "strided", 2 * elements, 0, reads, writes)]);
}

/** Of latent attention what is cached is the latent and the one key that RoPE turns. */
const latentWrite = (d: Dimensions, rotated: boolean, latentTensor: string): Operator =>
  cacheOperator([
    copy(d, "latent", latentTensor, d.tokens * d.latent!.keyValueRank),
    copy(d, "turned key", rotated ? "keys rotated" : "qkv keys", d.tokens * d.latent!.ropeDim),
  ]);

/** A longer cache is written from the old one and the new tokens; a step's context already counts its own token. */
function concatenation(style: AttentionStyle, d: Dimensions): Operator {
  const { keys, values } = attentionInputs(style, d);
  const perToken = d.kvHeads * d.headDim;
  const all = d.sequences * attendedTokens(style, d) * perToken;
  const fresh = d.tokens * perToken;
  const join = (what: string, from: string): Kernel =>
    pointwise(
      `concatenate ${what}`,
      "concatenate-cache",
      all,
      0,
      [{ tensor: from, bytes: fresh * d.activationBytes }],
      [{ tensor: `cached ${what}`, bytes: all * d.kvBytes }],
      (all - fresh) * d.kvBytes,
    );
  return cacheOperator([join("keys", keys), join("values", values)]);
}

/** Keys and values copied to every query head of their group. */
export function headExpansion(style: AttentionStyle, d: Dimensions): readonly Operator[] {
  if (!expandsKeys(style, d)) return [];
  const inputs = attentionInputs(style, d);
  const group = d.heads / d.kvHeads;
  const elements = d.sequences * attendedTokens(style, d) * d.heads * d.headDim;
  const expand = (what: "keys" | "values"): Kernel => {
    const bytes = elements * (generates(style.phase) ? d.kvBytes : d.activationBytes);
    // a cache that was written anew has just been touched, one that lies in place comes from HBM
    const cached = generates(style.phase) && !joinsCache(style, d);
    const tensor = joinsCache(style, d) ? `cached ${what}` : inputs[what];
    const reads: Access[] = cached ? [] : [{ tensor, bytes: bytes / group }];
    const write = { tensor: `expanded ${what}`, bytes };
    return pointwise(`expand ${what}`, "vectorized", elements, 0, reads, [write], cached ? bytes / group : 0);
  };
  // a compiled rotation writes the keys of all query heads itself
  const kernels = style.rotationExpands ? [expand("values")] : [expand("keys"), expand("values")];
  return [{ name: "key-value-expansion", class: "attention", kernels }];
}
