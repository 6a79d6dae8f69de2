import { dimensions } from "../layer/dimensions.ts";
import type { Scenario } from "../schema/scenario.ts";

/** What a reader must know before using the numbers; never a reason to refuse a scenario that can be computed. */
export function warnings(scenario: Scenario): string[] {
  const { hardware, model, workload, parallelism, normalization } = scenario;
  const found: string[] = [];
  if (hardware.calibration === undefined) {
    found.push(
      `${hardware.name} has no calibration: all times are the ideal of its datasheet, without floors, launches or caches.`,
    );
  }
  const weights = weightBytes(scenario);
  if (weights > hardware.hbmBytes) {
    found.push(
      `The weights of all ${model.layers} layers (${gigabytes(weights)}) do not fit in the ${gigabytes(hardware.hbmBytes)} of one ${hardware.name}; the figures are for one layer.`,
    );
  }
  if (parallelism.tensor > 1 && hardware.linkBytesPerSecond === undefined) {
    found.push(`${hardware.name} has no link rate in its profile: exchanges between GPUs take no time.`);
  }
  if (Array.isArray(normalization.implementation) && workload.phase === "train") {
    found.push("The passes given describe the forward norm; its backward is taken to be the native one.");
  }
  return found;
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(0)} GB`;

/** Matmul weights of the layers that one GPU of the tensor-parallel group holds, bytes. */
function weightBytes(scenario: Scenario): number {
  const { model, workload, precision, parallelism } = scenario;
  const d = dimensions(model, workload.batch, workload.sequence, precision, parallelism);
  const attention = (2 * d.heads + 2 * d.kvHeads) * d.headDim * d.hidden;
  const feedForward = (model.gated ? 3 : 2) * d.hidden * d.ffn;
  return model.layers * (attention + feedForward) * d.weightBytes;
}
