import type { NormKind } from "../schema/model.ts";
import type { Alternative } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS, type NormImplementation } from "../schema/vocabulary.ts";
import { type LayerResult, layerResult } from "./layer-result.ts";

/** The same scenario with other norms. */
export function withNormalization(
  scenario: Scenario,
  kind: NormKind,
  implementation: NormImplementation | Scenario["normalization"]["implementation"],
): Scenario {
  return { ...scenario, normalization: { kind, implementation } };
}

/** Every kind and implementation of normalization in this scenario, against the scenario as given. */
export function alternatives(scenario: Scenario, base: LayerResult): Alternative[] {
  return NORM_KINDS.flatMap((kind) =>
    NORM_IMPLEMENTATIONS.map((implementation): Alternative => {
      const other = layerResult(withNormalization(scenario, kind, implementation));
      const savedSeconds = base.layer.seconds - other.layer.seconds;
      return {
        kind,
        implementation,
        layerSeconds: other.layer.seconds,
        normalizationSeconds: other.normalization.seconds,
        savedSeconds,
        savedShareOfTime: base.layer.seconds === 0 ? 0 : savedSeconds / base.layer.seconds,
      };
    }),
  );
}
