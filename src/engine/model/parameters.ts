import { layerKinds } from "../../schema/layer-kinds.ts";
import type { LayerKind, Model } from "../../schema/model.ts";
import { layerWeights, normParameters } from "./weights.ts";

/** Numbers of parameters by where they stand. */
export interface ParameterCounts {
  /** rows of tokens, positions and segments, and the norm behind them where there is one */
  readonly embedding: number;
  /** 0 where there is none or it is the token embedding */
  readonly outputHead: number;
  readonly finalNorm: number;
  readonly kinds: readonly KindParameters[];
  readonly total: number;
  /**
   * Those that a token is multiplied with: layers without the experts it is not sent to, final norm and output head
   * (a tied one too). The embedding is looked up, not multiplied with, and so left out: the convention in which
   * DeepSeek-V3 and gpt-oss publish theirs. Twice this is a token's FLOPs without the attention scores.
   */
  readonly active: number;
}

/** One kind of layer; a model whose layers are all alike has one kind named `layer`. */
interface KindParameters {
  readonly name: string;
  /** how many layers are of this kind */
  readonly layers: number;
  /** of one layer */
  readonly total: number;
  /** of one layer: those that a token passes through */
  readonly active: number;
}

/** Exact: weights, biases and norms; what buffers hold (RoPE tables, load-balancing offsets) is not counted. */
export function parameterCounts(model: Model): ParameterCounts {
  const kinds = layerKinds(model).map((kind) => kindParameters(model, kind));
  const tokens = model.vocabulary * model.hidden;
  const embedding =
    tokens +
    (model.positionRows ?? 0) * model.hidden +
    (model.embeddingNorm === true ? normParameters(model, model.hidden) : 0);
  const multipliedByHead = (model.outputHead ?? model.causal) ? tokens : 0;
  const outputHead = model.tiedEmbeddings === true ? 0 : multipliedByHead;
  // a post-norm layer ends in a norm already
  const finalNorm = model.normPlacement === "post" ? 0 : normParameters(model, model.hidden);
  const sum = (of: "total" | "active"): number =>
    kinds.reduce((total, kind) => total + kind.layers * kind[of], 0);
  return {
    embedding,
    outputHead,
    finalNorm,
    kinds,
    total: embedding + sum("total") + finalNorm + outputHead,
    active: sum("active") + finalNorm + multipliedByHead,
  };
}

function kindParameters(model: Model, kind: LayerKind): KindParameters {
  const { count = 1, perToken = 1 } = model.experts ?? {};
  let total = 0;
  let active = 0;
  for (const { elements, routed } of layerWeights(model, kind)) {
    total += elements;
    active += routed ? (elements * perToken) / count : elements;
  }
  return { name: kind.name, layers: kind.layers, total, active };
}
