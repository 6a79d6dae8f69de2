import * as z from "zod";
import { text } from "./fields.ts";
import { ScenarioSchema } from "./scenario.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS } from "./vocabulary.ts";

const OPERATOR_CLASSES = ["normalization", "matmul", "attention", "pointwise", "collective"] as const;
const BOUNDS = ["compute", "memory", "cache", "latency", "host", "network"] as const;

const amount = z.number().min(0);
const share = z
  .number()
  .min(0)
  .max(1 + 1e-9);

export const OperatorResultSchema = z.strictObject({
  name: text,
  class: z.enum(OPERATOR_CLASSES),
  flops: amount,
  hbmReadBytes: amount,
  hbmWriteBytes: amount,
  kernels: z.int().min(0),
  arithmeticIntensity: amount.describe("FLOPs per byte of HBM traffic; 0 without traffic"),
  seconds: amount,
  idealSeconds: amount,
  bound: z
    .enum(BOUNDS)
    .describe(
      "What its longest-waiting kernels wait for: arithmetic, HBM, L2, latency (floors, launches, instruction issue), host, network",
    ),
  shareOfTime: share,
});

const AlternativeSchema = z.strictObject({
  kind: z.enum(NORM_KINDS),
  implementation: z.enum(NORM_IMPLEMENTATIONS),
  layerSeconds: amount,
  normalizationSeconds: amount,
  savedSeconds: z.number().describe("Against the scenario as given; negative: slower"),
  savedShareOfTime: z.number().max(1),
});

/** What `run --json` prints. Names of schemaVersion 1 never change. */
export const ResultSchema = z.strictObject({
  schemaVersion: z.literal(1),
  scenario: ScenarioSchema.describe("Resolved: model and hardware in full, every default filled in"),
  layer: z.strictObject({
    seconds: amount,
    idealSeconds: amount,
    flops: amount,
    hbmBytes: amount,
    kernels: z.int().min(0),
    modelFlopsUtilization: amount.describe("Achieved FLOP per second over the peak of the matmuls' type"),
    bandwidthUtilization: amount.describe("Achieved HBM bytes per second over the peak bandwidth"),
  }),
  operators: z.array(OperatorResultSchema),
  normalization: z.strictObject({
    seconds: amount,
    shareOfTime: share,
    flops: amount,
    shareOfFlops: share,
    hbmBytes: amount,
    shareOfHbmBytes: share,
  }),
  statisticalNormalization: z
    .strictObject({ shareOfTime: share, shareOfFlops: share })
    .describe("Normalization and softmax, the class of Ivanov et al. (MLSys 2021)"),
  alternatives: z.array(AlternativeSchema),
  wholeModel: z.strictObject({ layers: z.int().min(1), seconds: amount, tokensPerSecond: amount }),
  warnings: z.array(z.string()),
});

export type Result = z.infer<typeof ResultSchema>;
export type OperatorResult = z.infer<typeof OperatorResultSchema>;
export type Alternative = z.infer<typeof AlternativeSchema>;
export type OperatorClass = (typeof OPERATOR_CLASSES)[number];
export type Bound = (typeof BOUNDS)[number];
