import { usualKind } from "../../schema/layer-kinds.ts";
import type { LayerKind, Model } from "../../schema/model.ts";

/** The model as if all its layers were of one kind: without experts or window where that kind has none. */
export function modelOfKind(model: Model, name: string | undefined): Model {
  if (model.layerKinds === undefined) return model;
  const kind = model.layerKinds.find((one) => one.name === name) ?? usualKind(model);
  const { layerKinds: _, experts, slidingWindow, chunkedWindow, ...rest } = model;
  const windowed = slidingWindow !== undefined && kind.attention !== "full";
  return {
    ...rest,
    ...ownSizes(model, kind),
    ...(experts === undefined || kind.feedForward === "dense" ? {} : { experts }),
    ...(windowed ? { slidingWindow } : {}),
    ...(windowed && chunkedWindow ? { chunkedWindow } : {}),
  };
}

/** What a kind says of itself instead of what the model says of all. */
function ownSizes(model: Model, kind: LayerKind): Partial<Model> {
  const rotaryDim = kind.rotaryDim ?? model.rotaryDim;
  return {
    heads: kind.heads ?? model.heads,
    kvHeads: kind.kvHeads ?? model.kvHeads,
    headDim: kind.headDim ?? model.headDim,
    ffn: kind.ffn ?? model.ffn,
    positions: kind.positions ?? model.positions,
    ...(rotaryDim === undefined ? {} : { rotaryDim }),
  };
}
