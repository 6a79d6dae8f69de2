import type { Direction, NormFacts } from "./norm.ts";
import { NORM_KERNELS } from "./norm-kernels.ts";

/** What the name of a kernel says of the norm it holds; undefined where it holds none. */
export type NamedNorm = Omit<NormFacts, "rows" | "columns" | "dtype"> & {
  /** false: it belongs to the norm of another kernel, such as the one that adds up weight gradients */
  readonly isWhole: boolean;
};

const NO_NORMS =
  /group_?norm|batch_?norm|instance_?norm|weight_?norm|foreach|lp_?norm|l2_?norm|vector_norm|renorm|NormTwoOps|normal_|normalize_(?:image|prob|topk)|softmax/i;

export function namedNorm(name: string): NamedNorm | undefined {
  if (name.startsWith("triton_")) return undefined;
  if (NO_NORMS.test(name.replace(/<.*/s, ""))) return undefined;
  const rule = NORM_KERNELS.find(({ kernel }) => kernel.test(name));
  if (rule === undefined) return undefined;
  const fusedWith = rule.fusedWith?.(name) ?? fusedBy(name);
  return {
    kind: rule.kind ?? (RMS.test(name) ? "rmsnorm" : "layernorm"),
    implementation: rule.implementation ?? (fusedWith.includes(RESIDUAL) ? "residual-fused" : "fused"),
    direction: rule.direction ?? directionOf(name),
    fusedWith,
    isWhole: !PARTIAL.test(name),
  };
}

/** Norms of queries and keys are RMSNorms in the models that have them. */
const RMS = /rms|qk_?norm/i;
const RESIDUAL = "residual add";
const PARTIAL = /gamma_?beta|dgamma|dbeta|dwdb|bwd_dwdb|finalize|part_?grad|weight_grad/i;

const directionOf = (name: string): Direction => (/bwd|backward|grad/i.test(name) ? "backward" : "forward");

/** Work beside the norm, by the words with which engines name their fused kernels. */
const FUSED_WORDS: readonly (readonly [RegExp, string])[] = [
  [/all_?reduce/i, "all-reduce"],
  [/(?:fused|fuse)?_?add(?!ress)|residual/i, RESIDUAL],
  [/quant|fp8|int8|nvfp4|mxfp|scaled/i, "quantize"],
  [/rope|rotary/i, "rotary embedding"],
  [/silu|gated|swish/i, "activation"],
  [/dropout/i, "dropout"],
];

const fusedBy = (name: string): string[] =>
  FUSED_WORDS.filter(([word]) => word.test(functionName(name))).map(([, what]) => what);

/** The function's own name: its namespaces, types and arguments say nothing of what it does. */
export const functionName = (name: string): string =>
  name
    .replace(/^(?:static )?(?:void|float|int|bool) /, "")
    .replace(/\(anonymous namespace\)::/g, "")
    .replace(/[<(].*/s, "");
