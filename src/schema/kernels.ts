import * as z from "zod";
import { ATTENTION_KERNELS, ATTENTION_LIBRARIES, POINTWISE_KERNELS } from "./vocabulary.ts";

/** Choices among kernels, none of them made. */
const CHOICES = {
  pointwise: z
    .enum(POINTWISE_KERNELS)
    .describe(
      "eager: RoPE as multiply, negate, concatenate, multiply, add; activation and gating apart; fused: one kernel each",
    ),
  attention: z
    .enum(ATTENTION_KERNELS)
    .describe("flash: scores stay on chip; materialized: scores written and read, softmax its own kernel"),
  attentionLibrary: z
    .enum(ATTENTION_LIBRARIES)
    .describe(
      "Whose kernel flash attention is: cudnn (default; what torch's SDPA takes on Hopper), flash (FlashAttention 2), flashinfer (also TensorRT-LLM's and other serving engines'), triton",
    ),
  quantization: z
    .enum(["separate", "fused"])
    .describe(
      "How inputs of narrow matmuls are quantized: by a kernel of its own (default), or fused: by the norm or activation that writes them",
    ),
  projections: z
    .enum(["merged", "separate"])
    .describe(
      "merged (default): queries, keys and values by one matmul, gate and up by one; separate: a matmul each",
    ),
  rope: z
    .enum(["contiguous", "transposed"])
    .describe(
      "What RoPE turns: heads as the projection left them (contiguous, default), or a view with heads before tokens (transposed)",
    ),
  cache: z
    .enum(["in-place", "concatenated", "static", "paged"])
    .describe(
      "How new keys and values join the cached ones: copied behind them where there are any (in-place, default), by copying the whole cache into a longer one (concatenated), or into space set aside from the first token on: static by one kernel each, paged by one for both",
    ),
  keyValueHeads: z
    .enum(["grouped", "expanded"])
    .describe(
      "grouped (default): attention reads each key head once for its group of query heads; expanded: keys and values are copied to every query head before it",
    ),
  mask: z
    .enum(["implicit", "explicit"])
    .describe(
      "implicit (default): attention knows which tokens see each other; explicit: it reads a mask of all pairs and skips none",
    ),
  gelu: z
    .enum(["one-kernel", "op-by-op"])
    .describe("GELU of models that spell out its tanh approximation; default: one kernel"),
  stepInputs: z
    .enum(["given", "computed"])
    .describe(
      "Positions, RoPE's tables and masks: there when the step starts (given, default), or computed op by op at its beginning",
    ),
  logits: z
    .enum(["last", "all"])
    .describe("Which tokens of a prompt the output head sees: the last of each sequence (default) or all"),
  loss: z
    .enum(["fused", "op-by-op"])
    .describe(
      "Cross entropy by two kernels on logits as they are (default), or op by op on a copy of them in fp32",
    ),
  embeddingGradient: z
    .enum(["rows", "dense"])
    .describe(
      "rows (default): gradients are added to the rows of the tokens; dense: to a table of zeros, which a tied output head's is then added to",
    ),
  dropout: z
    .enum(["none", "separate"])
    .describe(
      "Dropout of models that were trained with it: none (default), or by a kernel of its own behind each block, in training",
    ),
};

/** Choices that a scenario need not make: without them the engine does what is said to be their default. */
const { pointwise, attention, ...others } = CHOICES;

/** What a scenario says about kernels. */
export const KernelsSchema = z.strictObject({
  pointwise: pointwise.default("eager"),
  attention: attention.default("flash"),
  ...z.object(others).partial().shape,
});

/** What a stack says about kernels. */
export const StackKernelsSchema = z.strictObject(z.object(CHOICES).partial().shape);
