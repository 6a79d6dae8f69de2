import type { Alternative } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import type { NormKind } from "../schema/vocabulary.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS, type NormImplementation } from "../schema/vocabulary.ts";
import { type LayerFigures, type LayerResult, layerFigures, ratio } from "./layer-result.ts";

/** The same scenario with other norms. */
export function withNormalization(
  scenario: Scenario,
  kind: NormKind,
  implementation: NormImplementation | Scenario["normalization"]["implementation"],
): Scenario {
  return { ...scenario, normalization: { kind, implementation } };
}

/** What another norm makes of a layer that takes `layerSeconds` as given; null where norm kernels have no known time. */
export function alternativeTo(
  layerSeconds: number,
  kind: NormKind,
  implementation: NormImplementation,
  other: LayerFigures,
): Alternative {
  const { seconds: otherSeconds, savedActivationBytes } = other.layer();
  const normalizationSeconds = other.normalization().seconds;
  const isKnown = normalizationSeconds !== null;
  const savedSeconds = layerSeconds - otherSeconds;
  return {
    kind,
    implementation,
    layerSeconds: isKnown ? otherSeconds : null,
    normalizationSeconds,
    savedSeconds: isKnown ? savedSeconds : null,
    savedShareOfTime: isKnown ? ratio(savedSeconds, layerSeconds) : null,
    savedActivationBytes,
  };
}

/** Every kind and implementation of normalization in this scenario, against the scenario as given. */
export function alternatives(scenario: Scenario, base: LayerResult): Alternative[] {
  return NORM_KINDS.flatMap((kind) =>
    NORM_IMPLEMENTATIONS.map((implementation) =>
      alternativeTo(
        base.layer.seconds,
        kind,
        implementation,
        layerFigures(withNormalization(scenario, kind, implementation)),
      ),
    ),
  );
}
