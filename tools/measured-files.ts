/** How each shipped profile comes to its calibration, and what it is held against. Files are of `measurements/<profile>`. */
export interface Calibrated {
  /** the profile that is carried over first; absent: the starting values */
  readonly from?: string;
  readonly fitted?: readonly string[];
  /** whole layers of other models than the fitted one, which say how far off the profile is */
  readonly heldAgainst?: readonly string[];
  /** the profile that has what nobody measured on this one: exchanges of many GPUs with the same links */
  readonly networkOf?: string;
  /** figures of others that no row holds, by parameter */
  readonly values?: Readonly<Record<string, number>>;
  readonly valuesSource?: string;
}

const UNSEEN = ["more-layers", "head-widths", "training-graphs", "other-models", "layers-fp8"];
const SERVING = ["gemm-bf16-sglang", "attention-serving", "collectives"];
const GPU_BENCHES = "te42kyfo/gpu-benches: best streaming kernels, L2 reads";
const FOUND = "best bf16 matmul found by search, stas00/ml-engineering";

/** In this order: a profile is carried over from one above it. */
export const CALIBRATED: Readonly<Record<string, Calibrated>> = {
  "h200-sxm": {
    fitted: [
      "measured",
      "counters",
      "layers",
      "layers-chained",
      // a layer's matmuls run between kernels that let the clock recover: slower than in bursts, faster than in a row
      "gemm-bursts",
      "norms-fused",
      "parts",
      "head-widths",
      "attention",
    ],
    heldAgainst: ["layers", "layers-chained", ...UNSEEN],
    networkOf: "h100-sxm",
  },
  "h100-sxm": {
    from: "h200-sxm",
    fitted: ["measured", "counters", "parts", "head-widths", "collectives"],
    heldAgainst: ["measured", ...UNSEEN],
  },
  "a100-sxm-80gb": {
    from: "h100-sxm",
    fitted: SERVING,
    // 85% to 88% of the peak; a row a block keeps the distance to streaming kernels that it has on H100
    values: {
      "memory.streamingFraction": 0.865,
      "memory.rowPerBlockFraction": 0.83,
      "cache.bytesPerSecond": 5.4e12,
    },
    valuesSource: GPU_BENCHES,
  },
  "a100-sxm-40gb": { from: "a100-sxm-80gb" },
  "a100-pcie": { from: "a100-sxm-80gb", fitted: ["norms"] },
  "h100-pcie": { from: "h100-sxm" },
  "h100-nvl": { from: "h100-sxm" },
  "h200-nvl": { from: "h200-sxm" },
  h800: { from: "h100-sxm" },
  h20: { from: "h200-sxm", fitted: ["norms"] },
  gh200: {
    from: "h100-sxm",
    values: { "matmul.peakFraction": 0.837 },
    valuesSource: FOUND,
  },
  b200: {
    from: "h100-sxm",
    fitted: [...SERVING, "quantize-stream-fp8", "norms"],
  },
  b300: { from: "b200", fitted: [...SERVING, "quantize-stream-fp8"] },
  gb200: { from: "b200", fitted: [...SERVING, "quantize-stream-fp8"] },
  gb300: { from: "gb200", fitted: [...SERVING, "quantize-stream-fp8", "norms"] },
  l40s: { from: "h100-sxm", fitted: [...SERVING, "quantize-stream-fp8"] },
  "rtx-4090": {
    from: "l40s",
    fitted: ["vllm-llama-3.1-8b"],
    values: { "memory.streamingFraction": 0.93 },
    valuesSource: "streaming kernels on GDDR6X reach about 0.93 of the peak, stas00/ml-engineering",
  },
  l4: { from: "l40s", fitted: ["norms"] },
  a10: { from: "a100-sxm-80gb" },
  "rtx-pro-6000": {
    from: "l40s",
    fitted: [...SERVING, "quantize-stream-fp8", "vllm-llama-3.1-8b"],
  },
  "rtx-5090": { from: "rtx-pro-6000", fitted: ["norms"] },
  "v100-sxm2-32gb": {
    from: "a100-sxm-80gb",
    fitted: ["gemm-fp16-deepbench", "norms"],
    values: {
      "memory.streamingFraction": 0.9,
      "cache.bytesPerSecond": 2.4e12,
    },
    valuesSource: GPU_BENCHES,
  },
  t4: { from: "v100-sxm2-32gb", fitted: ["gemm-fp16-deepbench", "norms"] },
  mi300x: {
    from: "h100-sxm",
    fitted: ["gemm-fp16-tunableop"],
    values: { "memory.streamingFraction": 0.8, "memory.rowPerBlockFraction": 0.77 },
    valuesSource: "streaming kernels of MI300X reach about 0.80 of the peak, stas00/ml-engineering",
  },
  mi325x: { from: "mi300x" },
  mi355x: { from: "mi300x", fitted: ["gemm-bf16-aiter"] },
};

/** Who published the rows of a file. */
export const PUBLISHERS: Readonly<Record<string, string>> = {
  "gemm-bf16-sglang": "ai-dynamo/aiconfigurator",
  "gemm-bf16-trtllm": "ai-dynamo/aiconfigurator",
  "gemm-fp8-trtllm": "ai-dynamo/aiconfigurator",
  "attention-serving": "ai-dynamo/aiconfigurator",
  collectives: "ai-dynamo/aiconfigurator",
  "quantize-stream-fp8": "ai-dynamo/aiconfigurator",
  "vllm-llama-3.1-8b": "casys-kaist/LLMServingSim",
  "gemm-fp16-deepbench": "baidu-research/DeepBench",
  "gemm-fp16-tunableop": "ROCm/vllm",
  "gemm-bf16-aiter": "ROCm/aiter",
  norms: "linkedin/Liger-Kernel, HydraQYH/hp_rms_norm, Dao-AILab/quack, KernelAgent/oink, sitar-lab/NeuSight",
};

/** The files of a device's own measured layers, for tests and tools. */
export const heldAgainst = (profile: string): readonly string[] => CALIBRATED[profile]?.heldAgainst ?? [];
export const fittedOn = (profile: string): readonly string[] => CALIBRATED[profile]?.fitted ?? [];
