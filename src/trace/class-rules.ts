import type { TraceClass } from "../schema/trace.ts";

/** Kernels by name: the first rule that fits says the class. The examples are tests. */
export interface KernelRule {
  readonly class: TraceClass;
  readonly what: string;
  readonly kernel: RegExp;
  readonly examples: readonly string[];
}

/** Names that say what a kernel does, whoever launched it. */
export const KERNEL_RULES: readonly KernelRule[] = [
  {
    class: "loss",
    what: "Inductor's fusions with a loss",
    kernel: /^triton_(?:poi|red|per|mix|for|spl)_fused.*_(?:log_softmax|nll_loss|cross_entropy)/,
    examples: ["triton_red_fused__log_softmax__to_copy__unsafe_view_prepare_softmax_online_view_13"],
  },
  {
    class: "memory",
    what: "Inductor's copies and fills",
    kernel: /^triton_\w+?_fused_(?:(?:copy_|clone|fill|zeros|constant_pad_nd|full|add_copy_)_?)+(?:_?\d+)?$/,
    examples: ["triton_poi_fused_add_copy__17", "triton_poi_fused_constant_pad_nd_12"],
  },
  {
    class: "pointwise",
    what: "Inductor's other fusions: named after all that they hold, so that attention's inputs have its name",
    kernel: /^triton_(?:poi|red|per|mix|for|spl)_fused/,
    examples: [
      "triton_poi_fused__unsafe_view_mul_silu_9",
      "triton_poi_fused__scaled_dot_product_cudnn_attention__to_copy_clone_expand_where_6",
      "triton_red_fused_add_arange_cat_cumsum_ne_slice_sub_unsqueeze_3",
    ],
  },
  {
    class: "collective",
    what: "NCCL, RCCL, custom and fused all-reduces, expert exchange",
    kernel:
      /nccl(?:Dev)?Kernel|rccl|mscclpp|msccl|nvshmem|all_?reduce|all_?gather(?!_into)|reduce_?scatter|cross_device_reduce|one_?shot_?|two_?shot_?|lamport|multimem|deep_ep|^_?ep_(?:dispatch|combine)|ub_?comm|userbuffers/i,
    examples: [
      "ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgsStorage<4096ul>)",
      "ncclDevKernel_AllGather_RING_LL(ncclDevKernelArgsStorage<4096ul>)",
      "void vllm::cross_device_reduce_1stage<__nv_bfloat16, 2>(vllm::RankData*)",
      "void flashinfer::trtllm_allreduce_fusion::allreduce_fusion_kernel_oneshot_lamport<__nv_bfloat16, 8>(void*)",
      "void deep_ep::internode_ll::dispatch<true, 3, 10, 7168>(void*)",
      "void c10d::symmetric_memory::multimem_one_shot_all_reduce_kernel<c10::BFloat16>(void*)",
    ],
  },
  {
    class: "optimizer",
    what: "multi-tensor and fused optimizers, gradient clipping",
    kernel:
      /Fused(?:Adam|Sgd|Adagrad)|FusedOptimizer|adam(?:w)?_?(?:kernel|functor|cuda|capturable)|AdamFunctor|AdamMathFunctor|LAMBStage|multi_tensor_lamb|multi_tensor_apply_kernel.*(?:L2Norm|LpNorm|ScaleFunctor|Adam|Addcmul|Addcdiv|SGD)|lpnorm_cleanup|distributed_fused_adam/i,
    examples: [
      "void at::native::(anonymous namespace)::multi_tensor_apply_kernel<at::native::(anonymous namespace)::FusedOptimizerTensorListMetadata<4>, at::native::(anonymous namespace)::FusedAdamMathFunctor<c10::BFloat16, 4, (at::native::ADAM_MODE)1, false>, float*>",
      "void multi_tensor_apply_kernel<TensorListMetadata<4>, AdamFunctor<float, float, int>, float, float>(int, int volatile*)",
    ],
  },
  {
    class: "memory",
    what: "key-value caches",
    kernel:
      /reshape_and_cache|store_?kv_?cache|concat_and_cache|create_flashinfer_kv_indices|append_paged_kv|set_(?:mla_)?kv_buffer/i,
    examples: [
      "void vllm::reshape_and_cache_flash_kernel<__hip_bfloat16, __hip_bfloat16>(__hip_bfloat16 const*)",
      "void (anonymous namespace)::store_kvcache<2048l, 4, false, long>((anonymous namespace)::StoreKVCacheParams)",
      "create_flashinfer_kv_indices_triton",
    ],
  },
  {
    class: "attention",
    what: "FlashAttention, cuDNN, FlashInfer, paged and Triton attention, and what they reduce",
    kernel:
      /flash(?!infer)|fmha|sdpa|attention|attn(?!_mask)|mha_|flashinfer::(?!norm|activation|sampling|trtllm_allreduce|gemm|rope|quantization)\w*(?:Prefill|Decode|Merge|Persistent)|Batch(?:Prefill|Decode)With|MergeStates?Kernel|cudnn::fusion|reduce_segments|_fwd_kernel_stage|_fwd_grouped_kernel|mla_|^_bwd_(?:preprocess|kernel_dkdv|kernel_dq)|ring_attn|sparse_mla/i,
    examples: [
      "cudnn_generated_fort_native_sdpa_sm90_flash_fprop_wgmma_f16_knob_7_64x128x64_4x1x1_cga1x1x1_kernel0_0",
      "void cudnn::fusion::compute_dot_do_o_specialized<true, 64>(void const*)",
      "void cudnn::fusion::lean_reduction_kernel<false, false, false>(void*, float*)",
      "void pytorch_flash::flash_fwd_kernel<pytorch_flash::Flash_fwd_kernel_traits<128, 128, 64, 4>>(pytorch_flash::Flash_fwd_params)",
      "void flash::flash_fwd_splitkv_combine_kernel<flash::Flash_fwd_kernel_traits<64>>(flash::Flash_fwd_params)",
      "fmha_cutlassF_bf16_aligned_64x64_rf_sm80(PyTorchMemEffAttention::AttentionKernel<cutlass::bfloat16_t>)",
      "void paged_attention_ll4mi_QKV_mfma16_kernel<0, __hip_bfloat16, __hip_bfloat16>(int)",
      "kernel_unified_attention_3d",
      "reduce_segments",
      "void flashinfer::BatchPrefillWithPagedKVCacheKernel<flashinfer::KernelTraits>(void*)",
      "triton_tem_fused_flex_attention_0",
    ],
  },
  {
    class: "loss",
    what: "cross entropy and what is fused with it",
    kernel:
      /nll_loss|cross_?entropy|log_softmax|LogSoftMax(?:Forward|Backward)|liger.*(?:jsd|kl_?div)|_chunked_ce/i,
    examples: [
      "void at::native::(anonymous namespace)::nll_loss_forward_reduce_cuda_kernel_2d<float, float, long>(float*)",
      "void at::native::(anonymous namespace)::cunn_SoftMaxForward<4, float, float, float, at::native::(anonymous namespace)::LogSoftMaxForwardEpilogue>(float*)",
      "liger_cross_entropy_kernel",
    ],
  },
  {
    class: "matmul",
    what: "cuBLAS, CUTLASS, hipBLASLt, DeepGEMM, Marlin, grouped and Triton matmuls",
    kernel:
      /gemm|gemv|nvjet|cutlass(?!.*(?:norm|attn|fmha|flash))|splitK|cublas|^Cijk_|^Custom_Cijk|_matmul|matmul_|hgemm|sgemm|xmma|ampere_|hopper_(?!.*norm)|sm\d+_xmma|marlin|machete|fused_moe_kernel|_moe_gemm|ck_tile.*(?:Gemm|Moe)|wvSplitK|LLGemm|dot_kernel|gemmk1|triton_tem_fused_.*(?:mm|addmm|bmm)|_grouped_mm|bmm_/i,
    examples: [
      "nvjet_sm90_tst_256x128_64x4_1x2_h_bz_coopA_TNT",
      "void cublasLt::splitKreduce_kernel<32, 16, int, float, __nv_bfloat16>(cublasLt::cublasSplitKParams<float>)",
      "void cutlass::Kernel2<cutlass_80_simt_sgemm_128x32_8x5_nn_align1>(cutlass_80_simt_sgemm_128x32_8x5_nn_align1::Params)",
      "void gemmk1_kernel<int, float, 256, 5, false, false, false, false>(float)",
      "Cijk_Alik_Bljk_BBS_BH_Bias_HA_S_SAV_UserArgs_MT256x32x64_MI16x16x1_SN",
      "_matmul_ogs_NNT_bf16xbf16xmxfp4_16x128x256x1_swiglu",
      "_finalize_matmul_scatter_bf16",
      "sm80_xmma_gemm_f16f16_f16f32_f32_tn_n_tilesize96x64x32_stage4",
      "ampere_fp16_s16816gemm_fp16_128x128_ldg8_f2f_stages_32x5_tn",
      "void deep_gemm::sm90_fp8_gemm_1d2d_impl<0u, 7168u>(float*)",
      "fused_moe_kernel",
      "triton_tem_fused_addmm_3",
    ],
  },
  {
    class: "memory",
    what: "copies and fills",
    kernel:
      /copy_blocks|index_copy|FillFunctor|direct_copy_kernel|Copy<|_copy_kernel_cuda|split_with_sizes_copy|chunk_cat|unpad|swap_blocks/i,
    examples: [
      "void at::native::(anonymous namespace)::split_with_sizes_copy_out_contiguous_no_cast_kernel<c10::BFloat16>(char**)",
      "void at::native::vectorized_elementwise_kernel<4, at::native::FillFunctor<float>, std::array<char*, 1ul>>(int)",
    ],
  },
  {
    class: "pointwise",
    what: "activations, RoPE, routing, quantization and Inductor's fusions of element-wise operators",
    kernel:
      /act_and_mul|silu|gelu|swiglu|geglu|relu|rotary|rope|quant|moe_align|topk(?:_|Gating|gating|$)|top_?k_?(?:softmax|gating)|routing|_topk_forward|_sum_bitmatrix|count_and_sort_expert|expand_?input_?rows|finalize_?moe|moe_sum|permute|dropout|elementwise_kernel(?!_with_index)|bias_?add|residual|transpose|SoftMax|softmax/i,
    examples: [
      "void vllm::act_and_mul_kernel<c10::BFloat16, &(c10::BFloat16 vllm::silu_kernel<c10::BFloat16>(c10::BFloat16 const&)), true>(c10::BFloat16*)",
      "_ZN7sgl_hip10activation18act_and_mul_kernelI14__hip_bfloat16EEvPS3_PS4_i",
      "void vllm::rotary_embedding_kernel<c10::BFloat16, true>(long const*)",
      "_combined_routing_compute",
      "_topk_forward",
      "void vllm::moe::topkGatingSoftmax<8, 128, 4, 16>(float const*)",
      "void vllm::moe::moe_align_block_size_kernel<int>(int*)",
      "_swiglu_forward_kernel",
    ],
  },
  {
    class: "other",
    what: "embedding, sampling, indices and bookkeeping",
    kernel:
      /embedding|gather|index_?(?:select|put|elementwise)|indexSelect|scatter|arange|cumsum|scan|sort|unique|histogram|cub::|rocprim|thrust|multinomial|argmax|ArgMax|sampl|distribution|philox|nonzero|resolve_future_token|clamp_position|position|prepare_inputs|advance_step|compute_slot_mapping|where|masked|iota|one_hot|bincount|reduce_kernel|multi_tensor_apply_kernel|CatArray/i,
    examples: [
      "void at::native::vectorized_gather_kernel<16, long>(char*, char*, long*, int, long, long, long, long, bool)",
      "void at::native::(anonymous namespace)::indexSelectSmallIndex<c10::BFloat16, long, unsigned int, 2, 2, -2>(int)",
      "void (anonymous namespace)::elementwise_kernel_with_index<int, at::native::arange_cuda_out(c10::Scalar const&)>(int)",
      "void (anonymous namespace)::resolve_future_token_ids_kernel<long>(long*, long const*, unsigned long)",
      "void at::native::tensor_kernel_scan_innermost_dim<long, std::plus<long>>(long*)",
    ],
  },
];

/** Operators of the host that say more than the generic kernels that they launch. */
export interface OperatorRule {
  readonly class: TraceClass;
  readonly operator: RegExp;
  readonly examples: readonly string[];
}

/** Operators around whatever they launch: their class is that of all inside. */
export const AROUND_RULES: readonly OperatorRule[] = [
  {
    class: "optimizer",
    operator:
      /^Optimizer\.(?:step|zero_grad)|clip_grad|_fused_adam|_foreach_(?:norm|addcmul|addcdiv|lerp|sqrt)/,
    examples: ["Optimizer.step#AdamW.step", "aten::_fused_adamw_", "aten::_foreach_norm"],
  },
  {
    class: "loss",
    operator: /cross_entropy|nll_loss|NllLoss|log_softmax|LogSoftmax|CrossEntropy/,
    examples: ["aten::cross_entropy_loss", "NllLossBackward0", "aten::_log_softmax_backward_data"],
  },
  {
    class: "attention",
    operator: /scaled_dot_product|_cudnn_attention|_flash_attention|_efficient_attention|ScaledDotProduct/,
    examples: ["aten::_cudnn_attention_forward", "ScaledDotProductCudnnAttentionBackward0"],
  },
  {
    class: "collective",
    operator: /^(?:c10d|_c10d_functional|nccl|record_param_comms)/,
    examples: ["c10d::allreduce_", "nccl:all_gather", "record_param_comms"],
  },
  {
    class: "memory",
    operator:
      /^(?:FSDP::all_gather_copy|FSDP::post_backward_reduce|fsdp::|aten::(?:split_with_sizes_copy|_chunk_cat))/,
    examples: ["fsdp::all_gather_copy_in", "FSDP::all_gather_copy_out"],
  },
];

/** The operator that launched a kernel whose own name says only how it walks its data. */
export const OPERATOR_RULES: readonly OperatorRule[] = [
  {
    class: "matmul",
    operator: /^aten::(?:mm|bmm|addmm|baddbmm|addbmm|matmul|linear|_scaled_mm|_grouped_mm|_int_mm|dot|mv)$/,
    examples: ["aten::mm", "aten::addmm", "aten::_grouped_mm"],
  },
  {
    class: "other",
    operator:
      /^aten::(?:embedding|embedding_dense_backward|index_select|gather|arange|cumsum|argmax|multinomial|sort|topk|nonzero|_local_scalar_dense|index|index_put_|_index_put_impl_|index_add_|scatter\w*|histc|bincount|randint|random_|uniform_|normal_|bernoulli_|one_hot|eq|ne|lt|gt|le|ge|any|all|isin|bitwise_\w+|logical_\w+|where|masked_fill_?|tril|triu|max|min|searchsorted|unique\w*)$/,
    examples: ["aten::embedding_dense_backward", "aten::arange", "aten::_local_scalar_dense"],
  },
  {
    class: "memory",
    operator:
      /^aten::(?:copy_|_to_copy|clone|contiguous|fill_|zero_|zeros|ones|full|cat|stack|constant_pad_nd|index_copy_|_foreach_copy_|slice_scatter|repeat|repeat_interleave|roll|_reshape_copy)$/,
    examples: ["aten::copy_", "aten::cat", "aten::_foreach_copy_"],
  },
  {
    class: "pointwise",
    operator:
      /^aten::(?:add_?|sub_?|rsub|mul_?|div_?|neg|pow|sqrt|rsqrt|reciprocal|exp|log|sin|cos|abs|clamp\w*|silu|silu_backward|gelu|gelu_backward|relu|relu_|threshold_backward|sigmoid|sigmoid_backward|tanh|tanh_backward|softplus|native_dropout|native_dropout_backward|dropout|_softmax|_softmax_backward_data|mean|sum|var|var_mean|addcmul|addcdiv|lerp|square|_foreach_\w+|hardtanh|mish|leaky_relu|elu|erf|round|floor|sign|maximum|minimum|amax|amin|convolution|_conv_depthwise2d|native_group_norm|native_batch_norm)$/,
    examples: ["aten::mul", "aten::silu_backward", "aten::_softmax", "aten::add_"],
  },
];
