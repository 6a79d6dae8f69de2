import { fusesQuantization, normPlaces } from "../layer/layout.ts";
import type { NormPlace } from "../layer/normalization.ts";
import type { Result } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import { isNarrow } from "../schema/vocabulary.ts";

/** What a reader must know before using the numbers; never a reason to refuse a scenario that can be computed. */
export function warnings(scenario: Scenario, memory: Result["memory"]): string[] {
  const { hardware, model, workload, parallelism, normalization, kernels, precision } = scenario;
  const found: string[] = [];
  if (hardware.calibration === undefined) {
    found.push(
      `${hardware.name} has no calibration: all times are the ideal of its datasheet, without floors, launches or caches.`,
    );
  }
  const { totalBytes, weightBytes, kvCacheBytes, activationBytes, optimizerBytes } = memory;
  if (totalBytes > hardware.hbmBytes) {
    const parts = [
      ["weights", weightBytes],
      ["KV cache", kvCacheBytes],
      ["activations", activationBytes],
      ["gradients and optimizer", optimizerBytes],
    ] as const;
    const listed = parts
      .filter(([, bytes]) => bytes >= SMALLEST_SHOWN_BYTES)
      .map(([name, bytes]) => `${name} ${gigabytes(bytes)}`);
    found.push(
      `All ${model.layers} layers do not fit: each GPU would hold ${gigabytes(totalBytes)} (${listed.join(", ")}) and has ${gigabytes(hardware.hbmBytes)}; the layer's figures hold all the same.`,
    );
  }
  const exchanging =
    parallelism.tensor > 1 || (parallelism.expert ?? 1) > 1 || (parallelism.pipeline ?? 1) > 1;
  if (exchanging && hardware.linkBytesPerSecond === undefined) {
    found.push(`${hardware.name} has no link rate in its profile: exchanges between GPUs take no time.`);
  }
  const fallen = fusedInstead(scenario);
  if (fallen.length > 0) {
    found.push(
      `${fallen.join(", ")}: ${String(normalization.implementation)} is not possible there (${
        normalization.implementation === "folded"
          ? "no matmul reads the output"
          : "no residual add comes before"
      }), so it runs fused.`,
    );
  }
  if (
    kernels.quantization === "fused" &&
    isNarrow(precision.activations) &&
    !fusesQuantization(kernels, normalization)
  ) {
    found.push(
      "Only fused and residual-fused norms quantize their output themselves: here a kernel of its own does.",
    );
  }
  if (Array.isArray(normalization.implementation) && workload.phase === "train") {
    found.push("The passes given describe the forward norm; its backward is taken to be the native one.");
  }
  return found;
}

/** Norms of the layer that cannot be run the way the scenario asks for. */
function fusedInstead({ model, normalization }: Scenario): string[] {
  const { implementation } = normalization;
  if (implementation !== "folded" && implementation !== "residual-fused") return [];
  const fits = implementation === "folded" ? ({ beforeMatmul }: NormPlace) => beforeMatmul : hasResidual;
  return normPlaces(model)
    .filter((place) => !fits(place))
    .map(({ name }) => name);
}

const hasResidual = ({ residual }: NormPlace): boolean => residual !== undefined;

/** Less than this is 0.0 GB. */
const SMALLEST_SHOWN_BYTES = 0.05e9;

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(bytes < 10e9 ? 1 : 0)} GB`;
