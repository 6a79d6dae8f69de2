import { usualKind } from "../../schema/layer-kinds.ts";
import type { Model } from "../../schema/model.ts";

/** The model as if all its layers were of one kind: without experts or window where that kind has none. */
export function modelOfKind(model: Model, name: string | undefined): Model {
  if (model.layerKinds === undefined) return model;
  const { feedForward, attention } = model.layerKinds.find((one) => one.name === name) ?? usualKind(model);
  const { layerKinds: _, experts, slidingWindow, ...rest } = model;
  return {
    ...rest,
    ...(experts === undefined || feedForward === "dense" ? {} : { experts }),
    ...(slidingWindow === undefined || attention === "full" ? {} : { slidingWindow }),
  };
}
