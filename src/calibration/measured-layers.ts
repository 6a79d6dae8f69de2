import type { Device } from "../roofline/device.ts";
import type { Hardware } from "../schema/hardware.ts";
import type { MeasuredLayer } from "../schema/measurement.ts";
import type { Model, NormKind } from "../schema/model.ts";
import type { NormImplementation } from "../schema/normalization.ts";
import type { Scenario } from "../schema/scenario.ts";
import { layerSecondsOn } from "../simulate/layer-result.ts";

/** The scenario that a measured layer ran; undefined for its variant without norms. */
export function measuredScenario(
  row: MeasuredLayer,
  normalization: string,
  hardware: Hardware,
): Scenario | undefined {
  const [kind, implementation] = normalization.split(".");
  if (implementation === undefined) return undefined;
  const model: Model = {
    name: row.model,
    source: "measured layer",
    layers: row.layers,
    ...row.shape,
    activation: row.shape.gated ? "silu" : "gelu",
    norm: kind as NormKind,
    normPlacement: "pre",
    qkNorm: false,
    vocabulary: 1,
  };
  return {
    model,
    hardware,
    workload: { phase: row.phase, batch: row.batch, sequence: row.sequence, context: row.context },
    precision: { weights: "bf16", activations: "bf16", kvCache: "bf16" },
    normalization: { kind: kind as NormKind, implementation: implementation as NormImplementation },
    kernels: { pointwise: row.pointwise, attention: "flash" },
    runtime: row.runtime,
    parallelism: { tensor: 1, sequenceParallel: false },
  };
}

/** Eagerly launched Triton kernels cost several times the host time of torch's own: not what the host law describes. */
const isPythonBound = (row: MeasuredLayer, normalization: string): boolean =>
  row.runtime === "eager" && normalization.endsWith("fused");

/** Predicted and measured seconds per layer, one for each normalization of the row. */
export function layerPredictions(
  row: MeasuredLayer,
): { name: string; seconds: number; predict: (target: Device) => number }[] {
  return Object.entries(row.seconds).flatMap(([name, seconds]) => {
    if (measuredScenario(row, name, {} as Hardware) === undefined || isPythonBound(row, name)) return [];
    return [
      {
        name,
        seconds,
        predict: (target: Device) => {
          const scenario = measuredScenario(row, name, target.hardware)!;
          const first = layerSecondsOn(scenario, target);
          return first.seconds - first.startSeconds + first.startSeconds / row.layers;
        },
      },
    ];
  });
}
