import * as z from "zod";
import { count, schemaReference, text } from "./fields.ts";
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
    embeddingNorm: z.boolean().optional().describe("true: a norm follows the embedding (default false)"),
  })
  .refine((model) => model.heads % model.kvHeads === 0, {
    path: ["kvHeads"],
    error: (issue) => {
      const model = issue.input as { heads: number; kvHeads: number };
      return `expected a divisor of heads (${model.heads}), got ${model.kvHeads}`;
    },
  })
  .refine((model) => model.rotaryDim === undefined || model.rotaryDim <= model.headDim, {
    path: ["rotaryDim"],
    error: "expected at most headDim",
  })
  .refine((model) => model.experts === undefined || model.experts.perToken <= model.experts.count, {
    path: ["experts", "perToken"],
    error: "expected at most experts.count",
  })
  .refine((model) => model.latentAttention === undefined || model.heads === model.kvHeads, {
    path: ["kvHeads"],
    error: "expected heads: with latentAttention every head has keys and values of its own",
  })
  .check((context) => {
    for (const problem of layerKindProblems(context.value))
      context.issues.push({ code: "custom", input: context.value.layerKinds, ...problem });
  });

interface Problem {
  readonly path: (string | number)[];
  readonly message: string;
}

function layerKindProblems({
  layers,
  layerKinds = [],
  experts,
  slidingWindow,
}: Pick<Model, "layers" | "layerKinds" | "experts" | "slidingWindow">): Problem[] {
  if (layerKinds.length === 0) return [];
  const sum = layerKinds.reduce((total, kind) => total + kind.layers, 0);
  const names = layerKinds.map(({ name }) => name);
  const found: Problem[] = [];
  if (sum !== layers)
    found.push({ path: ["layerKinds"], message: `expected kinds of ${layers} layers together, got ${sum}` });
  layerKinds.forEach(({ name, feedForward, attention }, index) => {
    const at = (field: string) => ["layerKinds", index, field];
    if (names.indexOf(name) < index) found.push({ path: at("name"), message: `expected a name of its own` });
    if (feedForward === "experts" && experts === undefined)
      found.push({ path: at("feedForward"), message: "expected dense: the model has no experts" });
    if (attention === "window" && slidingWindow === undefined)
      found.push({ path: at("attention"), message: "expected full: the model has no slidingWindow" });
  });
  return found;
}

export type Model = z.infer<typeof ModelSchema>;
export type LayerKind = z.infer<typeof LayerKindSchema>;
