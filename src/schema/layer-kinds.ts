import type { LayerKind, Model } from "./model.ts";
import type { Scenario } from "./scenario.ts";

/** The kinds of layers a model has; one, named `layer`, where all are alike. */
export const layerKinds = (model: Model): readonly LayerKind[] =>
  model.layerKinds ?? [{ name: "layer", layers: model.layers }];

/** The kind that is reported where none is asked for: the one with the most layers, the first of these. */
export const usualKind = (model: Model): LayerKind =>
  layerKinds(model).reduce((most, kind) => (kind.layers > most.layers ? kind : most));

/** The name of the kind that a scenario is about; undefined where the model's layers are all alike. */
export const reportedKind = ({ model, layerKind }: Scenario): string | undefined =>
  model.layerKinds && (layerKind ?? usualKind(model).name);
