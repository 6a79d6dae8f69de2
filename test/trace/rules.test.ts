import { expect, test } from "vitest";
import { AROUND_RULES, KERNEL_RULES, OPERATOR_RULES } from "../../src/trace/class-rules.ts";
import { classOfName } from "../../src/trace/classify.ts";
import { compiledNorm } from "../../src/trace/compiled-norms.ts";
import { namedNorm } from "../../src/trace/kernel-norms.ts";
import { NORM_KERNELS } from "../../src/trace/norm-kernels.ts";

const kernels = KERNEL_RULES.flatMap((rule) => rule.examples.map((name) => [name, rule.class] as const));

test.each(kernels)("%s is %s", (name, expected) => {
  expect(classOfName(name)).toBe(expected);
  expect(namedNorm(name) ?? compiledNorm(name)).toBeUndefined();
});

test.each([...AROUND_RULES, ...OPERATOR_RULES])(
  "each example of operators of $class fits its rule",
  (rule) => {
    for (const name of rule.examples) expect(name).toMatch(rule.operator);
  },
);

const norms = NORM_KERNELS.flatMap((rule) => rule.examples.map((name) => [name, rule] as const));

test.each(norms)("%s is a norm by its own rule", (name, rule) => {
  expect(NORM_KERNELS.find(({ kernel }) => kernel.test(name))).toBe(rule);
  expect(namedNorm(name)).toBeDefined();
});

test.each([
  ["void vllm::rms_norm_kernel<c10::BFloat16, 8, 2>(int)", "rmsnorm", "fused", "forward", []],
  [
    "void vllm::fused_add_rms_norm_kernel<c10::BFloat16, 8>(int)",
    "rmsnorm",
    "residual-fused",
    "forward",
    ["residual add"],
  ],
  [
    "void vllm::rms_norm_static_fp8_quant_kernel<c10::BFloat16>(int)",
    "rmsnorm",
    "fused",
    "forward",
    ["quantize"],
  ],
  [
    "void tensorrt_llm::kernels::fusedQKNormRopeKernel<128, true>(void*)",
    "rmsnorm",
    "fused",
    "forward",
    ["rotary embedding"],
  ],
  ["_rms_norm_backward_kernel", "rmsnorm", "fused", "backward", []],
  [
    "_ZN5aiter24add_rmsnorm_quant_kernelIDF16bDF16bLi64ELi8ELb0ELb0ELb1ELi1EEE",
    "rmsnorm",
    "fused",
    "forward",
    [],
  ],
  [
    "void at::native::(anonymous namespace)::vectorized_layer_norm_kernel<c10::Half, float, false>(int)",
    "layernorm",
    "native",
    "forward",
    [],
  ],
] as const)("%s is %s, %s, %s", (name, kind, implementation, direction, fusedWith) => {
  expect(namedNorm(name)).toMatchObject({
    kind,
    implementation,
    direction,
    fusedWith,
  });
});

test.each([
  "triton_red_fused_native_group_norm_3",
  "triton_poi_fused__unsafe_view_mul_silu_9",
  "void at::native::lpnorm_cleanup<float>(int)",
  "ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgsStorage<4096ul>)",
])("%s is no norm", (name) => {
  expect(namedNorm(name) ?? compiledNorm(name)).toBeUndefined();
});

test.each([
  [
    "triton_red_fused__to_copy_add_embedding_mean_mul_pow_rsqrt_0",
    "rmsnorm",
    "fused",
    "forward",
    ["embedding"],
  ],
  [
    "triton_red_fused__to_copy__unsafe_view_add_mean_mul_pow_rsqrt_12",
    "rmsnorm",
    "residual-fused",
    "forward",
    ["residual add"],
  ],
  [
    "triton_per_fused__to_copy_add_div_expand_mul_pow_sum_view_8",
    "rmsnorm",
    "residual-fused",
    "backward",
    ["residual add"],
  ],
  ["triton_per_fused_add_native_layer_norm_4", "layernorm", "residual-fused", "forward", ["residual add"]],
  ["triton_per_fused_native_layer_norm_native_layer_norm_backward_2", "layernorm", "fused", "backward", []],
] as const)("%s is %s, %s, %s", (name, kind, implementation, direction, fusedWith) => {
  expect(compiledNorm(name)).toMatchObject({ kind, implementation, direction, fusedWith });
});
