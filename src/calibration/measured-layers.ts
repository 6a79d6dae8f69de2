import type { Device } from "../engine/device/device.ts";
import { stepStartSeconds } from "../engine/device/schedule.ts";
import { layerResult } from "../engine/layer-result.ts";
import { startedSecondsOn } from "../engine/timed-layer.ts";
import { layersWith } from "../engine/typical-error.ts";
import type { Hardware } from "../schema/hardware.ts";
import type { MeasuredLayer } from "../schema/measurement.ts";
import type { Model } from "../schema/model.ts";
import type { Scenario } from "../schema/scenario.ts";
import { MATMUL_TYPES, streamType } from "../schema/vocabulary.ts";
import { normNamed } from "./norm-name.ts";

/** What a measured layer has beyond a dense one on one GPU. */
export const measuredWith = ({ shape, tensor = 1, dtype }: MeasuredLayer): ReturnType<typeof layersWith> =>
  layersWith(shape.experts !== undefined, tensor, dtype === "fp8");

/** The scenario that a measured layer ran; undefined for its variant without norms, or with norms or a type unknown here. */
function measuredScenario(
  row: MeasuredLayer,
  normalization: string,
  hardware: Hardware,
): Scenario | undefined {
  const norm = normNamed(normalization);
  const dtype = MATMUL_TYPES.find((type) => type === row.dtype);
  if (norm === undefined || dtype === undefined) return undefined;
  const model: Model = {
    name: row.model,
    // Stryker disable next-line StringLiteral: a label
    source: "measured layer",
    layers: row.layers,
    ...row.shape,
    qkNorm: row.shape.qkNorm ?? false,
    activation: row.shape.gated ? "silu" : "gelu",
    norm: norm.kind,
    normPlacement: "pre",
    vocabulary: 1,
  };
  return {
    model,
    hardware,
    workload: { phase: row.phase, batch: row.batch, sequence: row.sequence, context: row.context },
    precision: { weights: dtype, activations: dtype, kvCache: streamType(dtype) },
    normalization: norm,
    kernels: { pointwise: row.pointwise, attention: "flash" },
    runtime: row.runtime,
    parallelism: { tensor: row.tensor ?? 1, sequenceParallel: false },
  };
}

/**
 * What changing a layer's norm from one to the other saves of its time, as measured, and how uncertain that is: from
 * paired differences where the row has them, else from medians and quartiles. `none` stands for no norm at all.
 */
export function measuredShare(
  row: MeasuredLayer,
  from: string,
  to: string,
): { measured: number; spread: number } | undefined {
  const before = row.seconds[from];
  const after = row.seconds[to];
  if (from === to || before === undefined || after === undefined) return undefined;
  if (isPythonBound(row, from) || isPythonBound(row, to)) return undefined;
  const saved = addedSeconds(row, from) - addedSeconds(row, to);
  return {
    measured: saved / before,
    spread: Math.hypot(halfWidth(row, from), halfWidth(row, to)) / before,
  };
}

const addedSeconds = ({ added, seconds }: MeasuredLayer, normalization: string): number =>
  added?.[normalization] ?? seconds[normalization]! - (seconds["none"] ?? 0);

function halfWidth(row: MeasuredLayer, normalization: string): number {
  const range = row.added === undefined ? row.spread?.[normalization] : row.addedSpread?.[normalization];
  return range === undefined ? 0 : (range[1] - range[0]) / 2;
}

/** Normalization's share of the predicted layer. */
export function predictedShare(
  row: MeasuredLayer,
  normalization: string,
  target: Device,
): number | undefined {
  const scenario = measuredScenario(row, normalization, target.hardware);
  return scenario && (layerResult(scenario).normalization.shareOfTime ?? undefined);
}

/** Eagerly launched Triton kernels cost several times the host time of torch's own: not what the host law describes. */
const isPythonBound = (row: MeasuredLayer, normalization: string): boolean =>
  row.runtime === "eager" && normalization.endsWith("fused");

/** Predicted and measured seconds per layer, one for each normalization of the row. */
export function layerPredictions(
  row: MeasuredLayer,
): { name: string; seconds: number; predict: (target: Device) => number }[] {
  return Object.entries(row.seconds).flatMap(([name, seconds]) => {
    // the operators are the same on every device
    const scenario = measuredScenario(row, name, {} as Hardware);
    if (scenario === undefined || isPythonBound(row, name)) return [];
    const secondsOn = startedSecondsOn(scenario);
    return [
      {
        name,
        seconds,
        predict: (target: Device) =>
          secondsOn(target) +
          stepStartSeconds(scenario.workload.phase, scenario.runtime, target.calibration) / row.layers,
      },
    ];
  });
}
