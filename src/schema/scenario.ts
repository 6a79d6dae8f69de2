import * as z from "zod";
import { count, countOrZero, follows, schemaReference, text } from "./fields.ts";
import { type Hardware, HardwareSchema } from "./hardware.ts";
import { KernelsSchema } from "./kernels.ts";
import { type Model, ModelSchema } from "./model.ts";
import { PassSchema } from "./normalization.ts";
import { WORKLOAD_RULES } from "./rules.ts";
import { type Stack, StackSchema } from "./stack.ts";
import {
  CACHE_TYPES,
  DATA_TYPES,
  MATMUL_TYPES,
  NORM_IMPLEMENTATIONS,
  NORM_KINDS,
  PHASES,
  RUNTIMES,
} from "./vocabulary.ts";

const WorkloadSchema = z
  .strictObject({
    phase: z
      .enum(PHASES)
      .describe(
        "prefill: batch x sequence new tokens; decode: one new token for each of batch sequences; train: forward and backward of batch x sequence tokens",
      ),
    batch: count.default(1).describe("Sequences"),
    sequence: count.optional().describe("New tokens per sequence; always 1 in decode; default 1"),
    context: countOrZero
      .default(0)
      .describe(
        "Tokens already in the KV cache: in prefill they come before the new ones; in decode it is how many tokens the new one attends to, itself included",
      ),
  })
  .check(follows(WORKLOAD_RULES));

const PrecisionSchema = z.strictObject({
  weights: z
    .enum(DATA_TYPES)
    .default("bf16")
    .describe("Stored type of the projections' weights; norms and the router keep that of the activations"),
  activations: z
    .enum(MATMUL_TYPES)
    .default("bf16")
    .describe(
      "Type that the projections multiply in; fp8, int8 and fp4 quantize their inputs and leave everything else in bf16",
    ),
  kvCache: z.enum(CACHE_TYPES).default("bf16").describe("Stored type of keys and values"),
});

const NormalizationSchema = z.strictObject({
  kind: z.enum(NORM_KINDS).optional().describe("Default: the model's own"),
  implementation: z
    .union([z.enum(NORM_IMPLEMENTATIONS), z.array(PassSchema).min(1).max(64)])
    .optional()
    .describe(
      "textbook, eager, native, fused, residual-fused, folded, or a list of passes that describes your own kernels; default: what the stack has for the kind of norm, native without one",
    ),
});

const ParallelismSchema = z.strictObject({
  tensor: count.default(1).describe("Tensor-parallel degree"),
  sequenceParallel: z
    .boolean()
    .default(false)
    .describe("Split norms and residuals over the tensor-parallel group too"),
  allReduce: z
    .enum(["nccl", "one-shot"])
    .optional()
    .describe(
      "Who sums over the tensor-parallel group: NCCL (default), or one-shot: serving engines' own kernel for short messages",
    ),
  expert: count
    .optional()
    .describe("Expert-parallel degree: GPUs with batches of their own that share out the experts; default 1"),
  pipeline: count
    .optional()
    .describe("Pipeline stages: groups of GPUs that each hold a part of the layers; default 1"),
});

const TrainingSchema = z.strictObject({
  optimizer: z
    .enum(["adamw", "none"])
    .optional()
    .describe("adamw (default): fp32 master weights and two fp32 moments; none: gradients only"),
  optimizerStates: z
    .enum(["fp32", "weights"])
    .optional()
    .describe(
      "Type of adamw's states: fp32 (default), or that of the weights, which are then updated in place without a master copy",
    ),
  gradientAccumulation: count
    .optional()
    .describe("Forward and backward passes before each optimizer step; default 1"),
  recomputation: z
    .enum(["none", "selective", "full"])
    .optional()
    .describe(
      "What the backward pass computes again instead of reading it: nothing (default), attention's scores, or the whole layer",
    ),
});

/** What a scenario file may hold: names, paths or objects for model and hardware; everything else has a default. */
export const ScenarioFileSchema = z.strictObject({
  $schema: schemaReference,
  description: z.string().max(2000).optional().describe("What this scenario is about"),
  model: z
    .union([text, ModelSchema])
    .describe(
      "A name in models/, a path to a model file or a Hugging Face config.json, org/name in the local Hugging Face cache, or the model itself",
    ),
  hardware: z
    .union([text, HardwareSchema])
    .describe("A name in hardware-profiles/, a path to a profile, or the profile itself"),
  workload: WorkloadSchema.describe("What the layer is asked to do"),
  precision: PrecisionSchema.prefault({}).describe("Data types"),
  normalization: NormalizationSchema.prefault({}).describe("Which normalization, and with which kernels"),
  stack: z
    .union([text, StackSchema])
    .optional()
    .describe(
      "How a framework turns the layer into kernels: a name in stacks/, a path to a stack, or the stack itself; what the scenario names itself wins",
    ),
  kernels: KernelsSchema.prefault({}).describe("How the other operators are run"),
  runtime: z
    .enum(RUNTIMES)
    .default("graph")
    .describe("graph: kernels back to back (CUDA graph); eager: the host issues each kernel"),
  parallelism: ParallelismSchema.prefault({}).describe("How the layer is split over GPUs"),
  training: TrainingSchema.optional().describe("What training adds to forward and backward"),
  layerKind: text
    .optional()
    .describe("Which of the model's layerKinds is reported; default: the one with the most layers"),
});

export type ScenarioFile = z.infer<typeof ScenarioFileSchema>;
/** A valid scenario file whose model, hardware and stack are loaded. */
export type LoadedFile = Omit<ScenarioFile, "stack"> & {
  readonly model: Model;
  readonly hardware: Hardware;
  readonly stack?: Stack | undefined;
};
export type ScenarioInput = z.input<typeof ScenarioFileSchema>;

/** A scenario with model and hardware in full and every default filled in: all that `simulate` needs. */
export const ScenarioSchema = ScenarioFileSchema.omit({ $schema: true }).extend({
  model: ModelSchema,
  hardware: HardwareSchema,
  workload: WorkloadSchema.safeExtend({ sequence: count.describe("New tokens per sequence") }),
  stack: StackSchema.optional().describe("The stack that its kernels are from, in full"),
  normalization: NormalizationSchema.extend({
    kind: z.enum(NORM_KINDS).describe("Which normalization"),
    implementation: NormalizationSchema.shape.implementation.unwrap().default("native"),
  }),
});

export type Scenario = z.infer<typeof ScenarioSchema>;
