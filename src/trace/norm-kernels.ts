import type { NormKind } from "../schema/vocabulary.ts";
import type { Direction, NormImplementationFound } from "./norm.ts";

/** Kernels that do a norm, by name. The examples are tests. */
export interface NormKernelRule {
  readonly from: string;
  readonly kernel: RegExp;
  readonly kind?: NormKind;
  readonly implementation?: NormImplementationFound;
  readonly direction?: Direction;
  /** where the name's words don't tell */
  readonly fusedWith?: (name: string) => string[];
  readonly examples: readonly string[];
}

/** Template flags of aiter's kernel: add a residual, quantize the output. */
function aiterFlags(name: string): string[] {
  const [residual, quantize] = [...name.matchAll(/Lb([01])E/g)].map(([, flag]) => flag === "1");
  return [...(residual ? ["residual add"] : []), ...(quantize ? ["quantize"] : [])];
}

const none = (): string[] => [];

export const NORM_KERNELS: readonly NormKernelRule[] = [
  {
    from: "torch, RMSNorm",
    kernel: /(?:vectorized_layer_norm_kernel|layer_norm_grad_input_kernel\w*)<[^>]*, true>/,
    kind: "rmsnorm",
    implementation: "native",
    fusedWith: none,
    examples: [
      "void at::native::(anonymous namespace)::vectorized_layer_norm_kernel<c10::BFloat16, float, true>(int, float, c10::BFloat16 const*)",
      "void at::native::(anonymous namespace)::layer_norm_grad_input_kernel_vectorized<c10::BFloat16, float, true>(c10::BFloat16 const*)",
    ],
  },
  {
    from: "torch, weight gradients of RMSNorm",
    kernel: /GammaBetaBackwardCUDAKernelTemplate<[^>]*, true>/,
    kind: "rmsnorm",
    implementation: "native",
    direction: "backward",
    fusedWith: none,
    examples: [
      "void at::native::(anonymous namespace)::GammaBetaBackwardCUDAKernelTemplate<c10::BFloat16, float, 32u, 32u, 256u, false, true, true>(long, long)",
    ],
  },
  {
    from: "torch, LayerNorm",
    kernel:
      /vectorized_layer_norm_kernel|layer_norm_grad_input_kernel|GammaBetaBackward|LayerNormForwardCUDAKernel|RowwiseMomentsCUDAKernel|cuComputePartGradGammaBeta(?=.*at::native)|layer_norm_kernel_impl/,
    kind: "layernorm",
    implementation: "native",
    fusedWith: none,
    examples: [
      "void at::native::(anonymous namespace)::vectorized_layer_norm_kernel<c10::Half, float, false>(int, float, c10::Half const*)",
      "void at::native::(anonymous namespace)::layer_norm_grad_input_kernel_vectorized<c10::Half, float, false>(c10::Half const*)",
      "void at::native::(anonymous namespace)::GammaBetaBackwardCUDAKernelTemplate<c10::Half, float, 32u, 32u, 256u, false, true, false>(long, long)",
    ],
  },
  {
    from: "Apex",
    kernel: /cuApply(?:LayerNorm|RMSNorm)|cuCompute(?:Part)?Grad(?:Input|GammaBeta)/,
    fusedWith: none,
    examples: [
      "void cuApplyLayerNorm<float, float, float>(float*, float*, float*, float const*, int, int, float, float const*, float const*)",
      "void cuApplyRMSNorm<c10::BFloat16, float, c10::BFloat16>(c10::BFloat16*, float*)",
      "void cuComputeGradInput<float, float, float>(float const*, float const*, int, int)",
    ],
  },
  {
    from: "Transformer Engine and Apex's contributed LayerNorm",
    kernel: /(?:\bln|rmsnorm)_(?:fwd|bwd)_\w*kernel|cudnn\w*(?:layer|rms)_?norm/i,
    fusedWith: none,
    examples: [
      "void transformer_engine::normalization::ln_fwd_tuned_kernel<transformer_engine::normalization::Kernel_traits<float>>(transformer_engine::normalization::ForwardKernelParams)",
      "void transformer_engine::normalization::rmsnorm_bwd_finalize_general_kernel<float, float>(transformer_engine::normalization::BackwardKernelParams)",
      "void transformer_engine::normalization::rmsnorm_fwd_general_kernel<transformer_engine::normalization::Kernel_traits<float>>(transformer_engine::normalization::ForwardKernelParams)",
      "void layer_norm::ln_bwd_kernel<layer_norm::Kernel_traits<float>>(layer_norm::BwdParams)",
    ],
  },
  {
    from: "aiter",
    kernel: /add_rmsnorm_quant_kernel/,
    kind: "rmsnorm",
    direction: "forward",
    fusedWith: aiterFlags,
    examples: [
      "_ZN5aiter24add_rmsnorm_quant_kernelIDF16bDF16bLi256ELi16ELb1ELb0ELb1ELi1EEEvPT0_PT_PfS4_S4_S4_diiiiiiib",
      "_ZN5aiter24add_rmsnorm_quant_kernelIDF16bDF16bLi64ELi8ELb0ELb0ELb1ELi1EEEvPT0_PT_PfS4_S4_S4_diiiiiiib",
    ],
  },
  {
    from: "Composable Kernel (aiter, vLLM on ROCm)",
    kernel: /ck_tile.*(?:Rmsnorm|Layernorm)2dFwd/,
    direction: "forward",
    fusedWith: (name) => [
      ...(/FusedAddEnumE[12]|PRE_ADD/.test(name) ? ["residual add"] : []),
      ...(/FusedQuantEnumE[12]|DYNAMIC_QUANT/.test(name) ? ["quantize"] : []),
    ],
    examples: [
      "_ZN7ck_tile6kentryILi1ENS_12Rmsnorm2dFwdINS_27Rmsnorm2dFwdPipelineOnePassINS_27Rmsnorm2dFwdPipelineProblemIDF16bDF16bfDF16bDF16bDF",
    ],
  },
  {
    from: "QuACK",
    kernel: /quack.*norm/i,
    examples: [
      "kernel_cutlass_kernel_quackrmsnormRMSNorm_object_at__tensorptrbf16gmemalign16odiv8_0",
      "kernel_cutlass_kernel_quackrmsnormRMSNormBackward_object_at__tensorptrbf16gmemalign16odiv8_0",
    ],
  },
  {
    from: "any other that says so: Liger, Unsloth, vLLM, FlashInfer, SGLang, TensorRT-LLM, Megatron, flash-attn",
    kernel: /rms_?(?:layer_?)?norm|layer_?norm|(?<![a-z])ln_(?:fwd|bwd)|qk_?norm|add_?norm/i,
    examples: [
      "_rms_norm_forward_kernel",
      "_rms_norm_backward_kernel",
      "_layer_norm_backward_kernel",
      "_fused_add_rms_norm_forward_kernel",
      "_gemma_rms_layernorm_forward",
      "_layer_norm_fwd_1pass_kernel",
      "void vllm::rms_norm_kernel<c10::BFloat16, 8, 2>(c10::BFloat16*, c10::BFloat16 const*)",
      "std::enable_if<(((8)>(0)))&&vllm::_typeConvert<c10::BFloat16>::exists, void>::type vllm::fused_add_rms_norm_kernel<c10::BFloat16, 8>(c10::BFloat16*, c10::BFloat16*, c10::BFloat16 const*, float, int, int)",
      "void vllm::rms_norm_static_fp8_quant_kernel<c10::BFloat16, c10::Float8_e4m3fn>(c10::Float8_e4m3fn*)",
      "void flashinfer::norm::RMSNormKernel<8u, __nv_bfloat16>(__nv_bfloat16*, __nv_bfloat16*, __nv_bfloat16*)",
      "void flashinfer::norm::FusedAddRMSNormKernel<8u, __nv_bfloat16>(__nv_bfloat16*, __nv_bfloat16*)",
      "void flashinfer::norm::QKRMSNormKernel<8u, 1u, __nv_bfloat16>(__nv_bfloat16*)",
      "void tensorrt_llm::kernels::generalRmsNorm<__nv_bfloat16, false>(__nv_bfloat16 const*)",
      "void tensorrt_llm::kernels::generalLayerNorm<half, float>(half const*)",
      "void tensorrt_llm::kernels::fusedQKNormRopeKernel<128, true>(void*, int)",
      "void sgl_kernel::fused_qknorm_kernel<__nv_bfloat16>(void*)",
    ],
  },
];
