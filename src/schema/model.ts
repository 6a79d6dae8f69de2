import * as z from "zod";
import { count, schemaReference, text } from "./fields.ts";

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
    headDim: count.describe("Width of one head, elements"),
    ffn: count.describe("Inner width of the feed-forward block, elements (of one branch when gated)"),
    gated: z.boolean().describe("true: down(activation(gate(x)) * up(x)); false: down(activation(up(x)))"),
    activation: z.enum(["silu", "gelu", "relu"]).describe("Activation of the feed-forward block"),
    bias: z
      .enum(["none", "qkv", "all"])
      .describe("Which projections add a bias: none, qkv only, or all of them"),
    positions: z
      .enum(["rope", "learned", "none"])
      .describe("Position encoding; only rope costs anything inside a layer"),
    rotaryDim: count.optional().describe("Elements of each head that RoPE turns; default: headDim"),
    norm: z.enum(["layernorm", "rmsnorm"]).describe("The model's own normalization"),
    normPlacement: z
      .enum(["pre", "post", "sandwich", "parallel"])
      .describe(
        "pre: before attention and FFN; post: after each residual add; sandwich: before and after each; parallel: attention and FFN side by side, each behind its own norm",
      ),
    qkNorm: z.boolean().describe("Normalize queries and keys per head"),
    causal: z.boolean().describe("true: a token attends to itself and those before it"),
    vocabulary: count.describe("Rows of the token embedding"),
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
  });

export type Model = z.infer<typeof ModelSchema>;
export type NormKind = Model["norm"];
