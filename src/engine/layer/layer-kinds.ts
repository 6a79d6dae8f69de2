import type { LayerKind, Model } from "../../schema/model.ts";

/** The kinds of layers a model has; one, named `layer`, where all are alike. */
export const layerKinds = (model: Model): readonly LayerKind[] =>
  model.layerKinds ?? [{ name: "layer", layers: model.layers }];

/** The kind that is reported where none is asked for: the one with the most layers, the first of these. */
export const usualKind = (model: Model): LayerKind =>
  layerKinds(model).reduce((most, kind) => (kind.layers > most.layers ? kind : most));

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
