import type { NamedNorm } from "./kernel-norms.ts";
import type { Direction } from "./norm.ts";

/**
 * Inductor's kernels are named after all operators that they hold, in alphabetical order:
 * `triton_red_fused__to_copy_add_mean_mul_pow_rsqrt_5`. A mean and a root of it make a norm; the gradient of a mean of
 * squares is a division, an expansion, a power and a sum.
 */
const COMPILED = /^triton_(?:red|per|poi|mix|for|tem|spl)_fused_(.*?)(?:_\d+)?$/;

const has = (operators: string, ...names: readonly string[]): boolean =>
  names.every((name) => `_${operators}_`.includes(`_${name}_`));

function compiledOperators(kernel: string): string | undefined {
  return COMPILED.exec(kernel)?.[1];
}

export function compiledNorm(kernel: string): NamedNorm | undefined {
  const operators = compiledOperators(kernel);
  if (operators === undefined || /group_norm|batch_norm/.test(operators)) return undefined;
  const direction = normDirection(operators);
  if (direction === undefined) return undefined;
  const fusedWith = fusedWithNorm(operators, direction);
  return {
    kind:
      has(operators, "native_layer_norm") ||
      has(operators, "var_mean") ||
      has(operators, "native_layer_norm_backward")
        ? "layernorm"
        : "rmsnorm",
    implementation: fusedWith.includes("residual add") ? "residual-fused" : "fused",
    direction,
    fusedWith,
    isWhole: true,
  };
}

function normDirection(operators: string): Direction | undefined {
  if (/(?:layer|rms)_norm_backward/.test(operators)) return "backward";
  if (/native_layer_norm|_rms_norm/.test(operators)) return "forward";
  if (
    has(operators, "rsqrt") &&
    (has(operators, "mean") || has(operators, "var_mean") || has(operators, "var"))
  )
    return "forward";
  return has(operators, "div") &&
    has(operators, "mul", "pow", "sum") &&
    /_expand_|rsqrt/.test(`_${operators}_`)
    ? "backward"
    : undefined;
}

/** `add` is epsilon's in an RMSNorm that reads what nobody has added: an embedding, or the input of the whole. */
const ADDED = /_unsafe_view|addmm|(?:^|_)view|all_reduce|wait_tensor/;

const BESIDE: readonly (readonly [RegExp, string])[] = [
  [/_embedding(?:_|$)/, "embedding"],
  [/_(?:cos|sin)_/, "rotary embedding"],
  [/_(?:silu|gelu|relu|sigmoid|tanh)_/, "activation"],
  [/_(?:amax|clamp|float8\w*)_/, "quantize"],
  [/dropout/, "dropout"],
  [/nll_loss/, "loss"],
];

function fusedWithNorm(operators: string, direction: Direction): string[] {
  const native = /native_layer_norm|_rms_norm/.test(operators);
  const adds = has(operators, "add") && (native || direction === "backward" || ADDED.test(operators));
  return [
    ...(adds ? ["residual add"] : []),
    ...BESIDE.filter(([word]) => word.test(`_${operators}_`)).map(([, what]) => what),
  ];
}
