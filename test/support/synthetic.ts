import { observe } from "../../src/calibration/calibrate.ts";
import { layerPredictions } from "../../src/calibration/measured-layers.ts";
import type { Device } from "../../src/engine/device/device.ts";
import type { MeasuredLayer, Measurement } from "../../src/schema/measurement.ts";
import type { ParameterPath } from "../../src/schema/parameters.ts";
import { layerRow, row } from "./rows.ts";

/** Rows that would be measured for each stage of a fit: few, but enough to determine most of its parameters. */

const ROWS = [16, 512, 4096, 16_384];
const HIDDEN = [1024, 4096, 8192];
const grid = (implementations: readonly string[], kind: "norm" | "norm-backward"): Measurement[] =>
  implementations.flatMap((implementation) =>
    ROWS.flatMap((rows) => HIDDEN.map((hidden) => row(kind, { implementation, rows, hidden }))),
  );

const elementWise = (...implementations: string[]): Measurement[] =>
  implementations.flatMap((implementation) =>
    [8, 256, 4096, 16_384].flatMap((rows) =>
      [4096, 28_672].map((columns) => row("pointwise", { implementation, rows, columns })),
    ),
  );

const gemms = (role: "forward" | "gradInput" | "gradWeight"): Measurement[] =>
  [1, 64, 1024, 8192].flatMap((m) =>
    [
      [8192, 8192],
      [1024, 8192],
      [28_672, 8192],
      [4096, 1024],
    ].map(([n, k]) => row("gemm", { m, n, k, role })),
  );

const attentions = (direction: "forward" | "backward"): Measurement[] =>
  [64, 128, 256].flatMap((headDim) =>
    [256, 1024, 4096, 8192].map((queries) =>
      row("attention", { batch: 1, queries, keys: queries, heads: 32, kvHeads: 8, headDim, direction }),
    ),
  );

const exchanges = (among: readonly number[]): Measurement[] =>
  among.flatMap((ranks) =>
    [1e3, 1e5, 1e6, 1e7, 1e8, 1e9].map((messageBytes) =>
      row("collective", { operation: "all-reduce", ranks, messageBytes }),
    ),
  );

const SYNTHETIC: Readonly<Record<string, () => Measurement[]>> = {
  streaming: () => elementWise("add", "mul", "relu", "cast-to-bf16"),
  pointwise: () =>
    elementWise("silu", "gelu", "bias", "silu-chunk", "mul-chunk", "concatenate-halves", "add-transposed"),
  "matmul forward": () => gemms("forward"),
  "matmul gradients": () => [...gemms("gradInput"), ...gemms("gradWeight")],
  "matmul fp8": () => gemms("forward").map((given) => ({ ...given, dtype: "fp8" }) as Measurement),
  "matmul int8": () => gemms("forward").map((given) => ({ ...given, dtype: "int8" }) as Measurement),
  "matmul grouped": () =>
    [1, 16, 512, 4096, 16_384].flatMap((tokens) =>
      [
        [8, 2, 14_336, 4096],
        [128, 8, 1536, 2048],
      ].map(([experts, perToken, n, k]) =>
        row("grouped-gemm", {
          tokens,
          experts,
          perToken,
          touched: Math.min(experts!, tokens * perToken!),
          n,
          k,
        }),
      ),
    ),
  "expert selection": () =>
    (["top-k", "sort"] as const).flatMap((step) =>
      [16, 1024, 65_536, 1_000_000].map((elements) => row("selection", { step, elements })),
    ),
  "attention forward": () => attentions("forward"),
  "attention backward": () => attentions("backward"),
  "attention decode": () =>
    [1, 16, 128].flatMap((batch) =>
      [256, 2048, 8192].map((keys) => row("attention", { batch, keys, heads: 64, kvHeads: 8, headDim: 128 })),
    ),
  softmax: () =>
    [1, 64, 4096, 65_536].flatMap((rows) =>
      [512, 2048, 8192].map((columns) => row("softmax", { implementation: "softmax", rows, columns })),
    ),
  "norm native, rereads": () =>
    ["layernorm.native", "rmsnorm.native"].flatMap((implementation) =>
      [512, 2048, 4096, 16_384].flatMap((rows) =>
        [2048, 4096, 8192, 16_384].map((hidden) => row("norm-counters", { implementation, rows, hidden })),
      ),
    ),
  "norm native": () => grid(["layernorm.native", "rmsnorm.native"], "norm"),
  "norm fused": () => grid(["layernorm.fused", "rmsnorm.residual-fused"], "norm"),
  quantization: () =>
    [1, 256, 8192].flatMap((rows) =>
      [4096, 16_384, 32_768].map((columns) => row("quantize", { rows, columns })),
    ),
  collectives: () => exchanges([2]),
  "collectives of many": () => exchanges([4, 8]),
  "collectives, one-shot": () =>
    [2, 4, 8].flatMap((ranks) =>
      [1e3, 1e4, 1e5, 1e6, 4e6].map((messageBytes) =>
        row("collective", { implementation: "one-shot", operation: "all-reduce", ranks, messageBytes }),
      ),
    ),
  "norm eager": () => grid(["rmsnorm.eager"], "norm"),
  "norm backward": () => grid(["layernorm.native", "rmsnorm.native"], "norm-backward"),
  "norm backward, fused": () => grid(["layernorm.fused", "rmsnorm.fused"], "norm-backward"),
  "graph launch": () => bertLayers([CHAINED, { ...CHAINED, batch: 16 }], "graph"),
  "graph start": () =>
    bertLayers(
      [TOKEN, { ...TOKEN, batch: 16 }].map((one) => ({ ...one, layers: 1 })),
      "graph",
    ),
  "eager host": () => bertLayers([TOKEN, STEP, { ...STEP, layers: 8 }], "eager"),
};

/** Layers of the model that is fitted, small enough to wait for launches and for the host. */
function bertLayers(phases: readonly Partial<MeasuredLayer>[], runtime: "graph" | "eager"): Measurement[] {
  const shape = { ...layerRow().shape, hidden: 1024, heads: 16, kvHeads: 16, headDim: 64, ffn: 4096 };
  const seconds = { none: 1, "layernorm.native": 1 };
  return phases.map((phase) => layerRow({ model: "bert-large", shape, runtime, seconds, ...phase }));
}

const TOKEN: Partial<MeasuredLayer> = { phase: "decode", batch: 1, context: 512 };
const CHAINED: Partial<MeasuredLayer> = { ...TOKEN, layers: 64 };
const STEP: Partial<MeasuredLayer> = { phase: "train", batch: 1, sequence: 128, context: 0 };

/** The rows of a stage as a device would measure them that is exactly what the model says; times `factor`. */
export const measuredOn = (
  target: Device,
  stage: string,
  factor: (index: number) => number = () => 1,
): Measurement[] =>
  (SYNTHETIC[stage]?.() ?? []).map((given, index) => asMeasured(given, target, factor(index)));

/** Parameters that the synthetic rows of a stage determine well enough to be found again. */
export const FOUND: Readonly<Record<string, readonly ParameterPath[]>> = {
  streaming: ["memory.streamingFraction", "cache.bytesPerSecond", "pointwise.vectorizedFloorSeconds"],
  "matmul forward": ["memory.weightFraction", "matmul.floorSeconds"],
  "matmul gradients": ["matmul.backwardFraction"],
  "matmul fp8": ["matmul.fp8Speed"],
  "matmul int8": ["matmul.int8Speed"],
  "expert selection": ["experts.selectionFloorSeconds", "experts.sortSecondsPerElement"],
  quantization: ["quantization.floorSeconds", "quantization.rowSecondsPerColumn"],
  collectives: ["network.latencySeconds", "network.linkFraction"],
  "collectives of many": ["network.secondsPerRank"],
  "attention decode": ["attention.decodeFloorSeconds", "memory.kvCacheFraction"],
  "norm eager": ["rowSum.memoryFactor"],
  "norm native, rereads": ["rowPerBlock.rereadFlightBytes"],
  "graph launch": ["launch.gapSeconds"],
  "graph start": ["launch.graphStartSeconds"],
  "eager host": ["host.secondsPerKernel"],
};

export const STAGES = Object.keys(SYNTHETIC);

function asMeasured(given: Measurement, target: Device, factor: number): Measurement {
  if (given.kind === "layer") {
    const seconds = Object.fromEntries(
      layerPredictions(given).map(({ name, predict }) => [name, factor * predict(target)]),
    );
    return { ...given, seconds: { ...seconds, none: Math.min(...Object.values(seconds)) / 2 } };
  }
  const [observation] = observe({
    ...given,
    ...("warmSeconds" in given ? {} : { warmSeconds: 1 }),
  } as Measurement);
  const value = factor * observation!.predict(target);
  return given.kind === "norm-counters"
    ? { ...given, kernels: [{ name: "all", readBytes: value, writeBytes: 0, l2Bytes: 0 }] }
    : ({ ...given, warmSeconds: value } as Measurement);
}
