import type { LayerKind, Model } from "../../schema/model.ts";
import { modelOfKind } from "../layer/layer-kinds.ts";
import { NORM_KIND_FACTS } from "../layer/norm-kinds.ts";

/** Weights of a layer that are stored, shared out and used alike. */
export interface Weights {
  /** of all experts, where it is theirs */
  readonly elements: number;
  /** tensor: shared out over the group; key-heads: too, but no further than a head a rank; copied: whole on each */
  readonly over: "tensor" | "key-heads" | "copied";
  /** true: in the type of the projections, false: in that of norms and routers */
  readonly projection: boolean;
  /** true: experts that a token is sent to a few of */
  readonly routed: boolean;
}

const weights = (
  elements: number,
  over: Weights["over"],
  { projection = true, routed = false }: Partial<Weights> = {},
): Weights => ({ elements, over, projection, routed });

const plain = (elements: number, over: Weights["over"] = "copied"): Weights =>
  weights(elements, over, { projection: false });

/** Everything that one layer of a kind learns. */
export function layerWeights(whole: Model, kind: LayerKind): readonly Weights[] {
  const model = modelOfKind(whole, kind.name);
  return [
    ...(model.latentAttention === undefined
      ? attention(model)
      : latentAttention(model, model.latentAttention)),
    ...attentionOutput(model),
    ...feedForward(model),
    ...norms(model),
  ];
}

function attention({ hidden, heads, kvHeads, headDim, bias }: Model): Weights[] {
  const inputs = bias === "none" ? hidden : hidden + 1;
  return [weights(inputs * heads * headDim, "tensor"), weights(inputs * 2 * kvHeads * headDim, "key-heads")];
}

/** Ranks multiply their own rows; the bias is added to the sum, so that each has it. */
function attentionOutput({ hidden, heads, headDim, bias }: Model): Weights[] {
  const matrix = weights(heads * headDim * hidden, "tensor");
  return bias === "attention" || bias === "all" ? [matrix, weights(hidden, "copied")] : [matrix];
}

/** Queries, keys and values go down to a narrow row, are normalized there, and up again; only the way down has biases. */
function latentAttention(model: Model, latent: NonNullable<Model["latentAttention"]>): Weights[] {
  const { hidden, heads, headDim, bias } = model;
  const { queryRank, keyValueRank, nopeDim, ropeDim } = latent;
  const inputs = bias === "none" ? hidden : hidden + 1;
  const queryWidth = heads * (nopeDim + ropeDim);
  const queries =
    queryRank === undefined
      ? [weights(hidden * queryWidth, "tensor")]
      : [
          weights(inputs * queryRank, "copied"),
          plain(normParameters(model, queryRank)),
          weights(queryRank * queryWidth, "tensor"),
        ];
  return [
    ...queries,
    // the one key that RoPE turns is not compressed
    weights(inputs * (keyValueRank + ropeDim), "copied"),
    plain(normParameters(model, keyValueRank)),
    weights(keyValueRank * heads * (nopeDim + headDim), "tensor"),
  ];
}

function feedForward(model: Model): Weights[] {
  const { hidden, experts, bias } = model;
  if (experts === undefined) return block(model, model.ffn, 1, false);
  return [
    plain((bias === "all" ? hidden + 1 : hidden) * experts.count),
    ...block(model, experts.ffn, experts.count, true),
    ...(experts.sharedFfn === undefined ? [] : block(model, experts.sharedFfn, 1, false)),
    ...(experts.sharedGate === true ? [plain(hidden)] : []),
  ];
}

/** Up (and gate), and down again, of so many experts. */
function block({ hidden, gated, bias }: Model, ffn: number, count: number, routed: boolean): Weights[] {
  const biased = bias === "all";
  const up = (biased ? hidden + 1 : hidden) * (gated ? 2 : 1) * ffn;
  const matrices = weights(count * (up + ffn * hidden), "tensor", { routed });
  return biased ? [matrices, weights(count * hidden, "copied", { routed })] : [matrices];
}

/** Parameters of one norm over rows of that many elements. */
export function normParameters({ norm }: Model, row: number): number {
  const { parameters, scalarParameters } = NORM_KIND_FACTS[norm];
  return parameters.length * row + scalarParameters;
}

/** Norms of the residual stream in one layer. */
const NORMS_OF_LAYER: Readonly<Record<Model["normPlacement"], number>> = {
  pre: 2,
  post: 2,
  branch: 2,
  sandwich: 4,
  parallel: 2,
  "parallel-shared": 1,
};

function norms(model: Model): Weights[] {
  const { heads, kvHeads, headDim } = model;
  const stream = plain(NORMS_OF_LAYER[model.normPlacement] * normParameters(model, model.hidden));
  // latent attention has norms of its own instead
  if (!model.qkNorm || model.latentAttention !== undefined) return [stream];
  // per head all heads share one scale
  if (model.qkNormSpan !== "projection") return [stream, plain(2 * normParameters(model, headDim))];
  const { parameters, scalarParameters } = NORM_KIND_FACTS[model.norm];
  return [
    stream,
    plain(parameters.length * heads * headDim, "tensor"),
    plain(parameters.length * kvHeads * headDim, "key-heads"),
    plain(2 * scalarParameters),
  ];
}
