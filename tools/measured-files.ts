type Profile = "h100-sxm" | "h200-sxm";

/** Measurements that the shipped profiles are fitted on: files of `measurements/<profile>`. */
export const FITTED_ON: Readonly<Record<Profile, readonly string[]>> = {
  "h100-sxm": ["measured", "counters", "parts", "head-widths", "all-reduce-vidur"],
  "h200-sxm": [
    "measured",
    "counters",
    "layers",
    "layers-chained",
    // a layer's matmuls run between kernels that let the clock recover: slower than in bursts, faster than in a row
    "gemm-bursts",
    "norms-fused",
    "parts",
    "head-widths",
  ],
};

const UNSEEN = ["more-layers", "head-widths", "training-graphs", "other-models", "layers-fp8"];

/** Measurements whose layers of other models than the fitted one say how far off the profiles are. */
export const HELD_AGAINST: Readonly<Record<Profile, readonly string[]>> = {
  "h100-sxm": ["measured", ...UNSEEN],
  "h200-sxm": ["layers", "layers-chained", ...UNSEEN],
};
