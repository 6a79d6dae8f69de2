import type { Calibration } from "../../src/schema/calibration.ts";
import type { Hardware } from "../../src/schema/hardware.ts";
import { type MeasuredLayer, type Measurement, MeasurementSchema } from "../../src/schema/measurement.ts";
import { hardware } from "./scenarios.ts";

/** A shipped profile that has a calibration. */
export const calibrated = (name: string): Hardware & { calibration: Calibration } => {
  const profile = hardware(name);
  if (profile.calibration === undefined) throw new Error(`${name} has no calibration`);
  return { ...profile, calibration: profile.calibration };
};

const DEFAULTS = {
  copy: { readBytes: 1, writeBytes: 1 },
  fill: { readBytes: 0, writeBytes: 1 },
  read: { readBytes: 1, writeBytes: 0 },
  gemm: { m: 1, n: 1, k: 1, role: "forward" },
  norm: { rows: 1, hidden: 1 },
  "norm-backward": { rows: 1, hidden: 1 },
  pointwise: { rows: 1, columns: 1 },
  softmax: { rows: 1, columns: 1 },
  attention: {
    implementation: "sdpa",
    batch: 1,
    queries: 1,
    keys: 1,
    heads: 1,
    kvHeads: 1,
    headDim: 64,
    causal: true,
    direction: "forward",
  },
  "grouped-gemm": { tokens: 1, experts: 1, perToken: 1, touched: 1, n: 1, k: 1 },
  selection: { step: "top-k", elements: 1 },
  quantize: { rows: 1, columns: 1 },
  collective: { implementation: "nccl", operation: "all-reduce", ranks: 2, messageBytes: 1 },
  "norm-counters": {
    rows: 1,
    hidden: 1,
    cache: "cold",
    kernels: [{ name: "k", readBytes: 1, writeBytes: 1, l2Bytes: 1 }],
  },
} as const;

/** A row of measurements, checked against the schema; what is not given is as small as it can be. */
export const row = (kind: keyof typeof DEFAULTS, changes: object = {}): Measurement =>
  MeasurementSchema.parse({ kind, implementation: "x", dtype: "bf16", ...DEFAULTS[kind], ...changes });

/** A measured decode step of a Llama-3-8B-like layer. */
export const layerRow = (changes: Partial<MeasuredLayer> = {}): MeasuredLayer => ({
  kind: "layer",
  model: "a-model",
  shape: {
    hidden: 4096,
    heads: 32,
    kvHeads: 8,
    headDim: 128,
    ffn: 14_336,
    gated: true,
    bias: "none",
    positions: "rope",
    causal: true,
  },
  phase: "decode",
  batch: 8,
  sequence: 1,
  context: 1024,
  dtype: "bf16",
  runtime: "graph",
  pointwise: "eager",
  layers: 1,
  seconds: {},
  ...changes,
});
