import type { Kernel } from "../engine/layer/kernel.ts";

/** What was measured, as the kernels that a layer would launch for it, built by the layer's own code. */
export interface MeasuredCase {
  readonly kernels: readonly Kernel[];
  /** tensors that were in the L2 as far as they fit when the first kernel started */
  readonly justWritten: readonly string[];
}
