import * as z from "zod";
import { count, follows, schemaReference, text } from "./fields.ts";
import { MODEL_RULES } from "./rules.ts";
import { NORM_KINDS } from "./vocabulary.ts";

const ExpertsSchema = z.strictObject({
  count: count.describe("Routed experts of a layer"),
  perToken: count.describe("Routed experts that each token passes through"),
  ffn: count.describe("Inner width of one routed expert, elements (of one branch when gated)"),
  sharedFfn: count
    .optional()
    .describe("Inner width of the experts that every token passes through, all together; absent: none"),
  sharedGate: z
    .boolean()
    .optional()
    .describe("true: the shared experts' output is scaled by a gate of its own, one number a token"),
});

const LatentAttentionSchema = z.strictObject({
  queryRank: count.optional().describe("Width of the compressed queries; absent: queries are not compressed"),
  keyValueRank: count.describe("Width of the compressed keys and values: what the cache holds of a token"),
  nopeDim: count.describe("Elements of a query or key head that RoPE leaves alone"),
  ropeDim: count.describe("Elements of a query or key head that RoPE turns; one key of them for all heads"),
});

const LayerKindSchema = z.strictObject({
  name: text.describe("Name to ask for it by, such as dense or window"),
  layers: count.describe("How many layers of the model are of this kind"),
  feedForward: z
    .enum(["experts", "dense"])
    .optional()
    .describe("dense: the block of width ffn; default: experts where the model has any"),
  attention: z
    .enum(["window", "full"])
    .optional()
    .describe("full: to all tokens before; default: window where the model has one"),
  positions: z.literal("none").optional().describe("none: RoPE turns nothing in these layers"),
  heads: count.optional().describe("Query heads of these layers; default: the model's"),
  kvHeads: count.optional().describe("Key and value heads of these layers; default: the model's"),
  headDim: count.optional().describe("Width of a head of these layers; default: the model's"),
  rotaryDim: count.optional().describe("Elements of these heads that RoPE turns; default: the model's"),
  ffn: count.optional().describe("Inner width of these layers' own feed-forward block; default: the model's"),
});

/**
 * One kind of transformer layer, as published in the model's config.json.
 * `heads` = query heads; `ffn` = inner width of the feed-forward block (of one branch when gated).
 */
export const ModelSchema = z
  .strictObject({
    $schema: schemaReference,
    name: text.describe("Name shown in reports"),
    source: text.describe("Where the numbers come from: paper, config.json, model card"),
    layers: count.describe("Transformer layers in the whole model"),
    hidden: count.describe("Width of the residual stream, elements"),
    heads: count.describe("Query heads"),
    kvHeads: count.describe("Key and value heads; fewer than heads: grouped-query attention"),
    headDim: count.describe("Width of one head, elements; with latentAttention: of a head's values"),
    ffn: count.describe("Inner width of the feed-forward block, elements (of one branch when gated)"),
    gated: z.boolean().describe("true: down(activation(gate(x)) * up(x)); false: down(activation(up(x)))"),
    activation: z.enum(["silu", "gelu", "relu"]).describe("Activation of the feed-forward block"),
    bias: z
      .enum(["none", "qkv", "attention", "all"])
      .describe("Which projections add a bias: none, qkv only, qkv and attention's output, or all of them"),
    positions: z
      .enum(["rope", "learned", "alibi", "none"])
      .describe("Position encoding; only rope costs anything inside a layer"),
    positionRows: count.optional().describe("Rows of the learned position and segment embeddings"),
    rotaryDim: count.optional().describe("Elements of each head that RoPE turns; default: headDim"),
    norm: z.enum(NORM_KINDS).describe("The model's own normalization"),
    normPlacement: z
      .enum(["pre", "post", "branch", "sandwich", "parallel", "parallel-shared"])
      .describe(
        "pre: before attention and FFN; post: after each residual add; branch: after attention and FFN, before the residual adds; sandwich: before and after each; parallel: attention and FFN side by side, each behind its own norm; parallel-shared: side by side behind one norm",
      ),
    qkNorm: z.boolean().describe("Normalize queries and keys"),
    qkNormSpan: z
      .enum(["head", "projection"])
      .optional()
      .describe("What one row of those norms is: a head (default) or all heads of a token"),
    causal: z.boolean().describe("true: a token attends to itself and those before it"),
    slidingWindow: count
      .optional()
      .describe("Tokens that a token attends to, itself included; absent: all before it"),
    chunkedWindow: z
      .boolean()
      .optional()
      .describe(
        "true: slidingWindow is the length of chunks, and a token attends inside its own (default false)",
      ),
    experts: ExpertsSchema.optional().describe("Mixture of experts in place of the feed-forward block"),
    latentAttention: LatentAttentionSchema.optional().describe(
      "Multi-head latent attention: keys and values are cached compressed; heads = kvHeads",
    ),
    layerKinds: z
      .array(LayerKindSchema)
      .min(2)
      .max(16)
      .optional()
      .describe("Layers that differ; absent: all are alike. Their order does not matter to the time"),
    vocabulary: count.describe("Rows of the token embedding"),
    tiedEmbeddings: z
      .boolean()
      .optional()
      .describe("true: the output head is the token embedding (default false)"),
    outputHead: z
      .boolean()
      .optional()
      .describe("Whether logits over the vocabulary follow the last layer; default: causal"),
    normOffset: z
      .boolean()
      .optional()
      .describe("true: norms multiply by one plus their weight (default false)"),
    geluNew: z
      .boolean()
      .optional()
      .describe("true: GELU is its tanh approximation, spelled out in single operations (default false)"),
    dropout: z
      .number()
      .min(0)
      .lt(1)
      .optional()
      .describe("Share of each block's result that training drops; default 0"),
    embeddingNorm: z.boolean().optional().describe("true: a norm follows the embedding (default false)"),
  })
  .check(follows(MODEL_RULES));

export type Model = z.infer<typeof ModelSchema>;
export type LayerKind = z.infer<typeof LayerKindSchema>;
