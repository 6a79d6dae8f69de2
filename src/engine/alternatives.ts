import type { Alternative, OperatorResult } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import type { NormKind } from "../schema/vocabulary.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS, type NormImplementation } from "../schema/vocabulary.ts";
import { type LayerResult, layerFigures, ratio } from "./layer-result.ts";
import { savingError } from "./saving-error.ts";

/** The same scenario with other norms. */
export function withNormalization(
  scenario: Scenario,
  kind: NormKind,
  implementation: NormImplementation | Scenario["normalization"]["implementation"],
): Scenario {
  return { ...scenario, normalization: { kind, implementation } };
}

/** A layer as given, which others are held against. */
export interface Given {
  readonly scenario: Scenario;
  readonly layerSeconds: number;
  readonly operators: readonly OperatorResult[];
}

/** What another norm makes of a layer; null where norm kernels have no known time. */
export function alternativeTo(given: Given, kind: NormKind, implementation: NormImplementation): Alternative {
  const { scenario, layerSeconds, operators } = given;
  const other = layerFigures(withNormalization(scenario, kind, implementation));
  const { seconds: otherSeconds, savedActivationBytes } = other.layer();
  const normalizationSeconds = other.normalization().seconds;
  const to = { kind, implementation };
  if (normalizationSeconds === null)
    return {
      ...to,
      layerSeconds: null,
      normalizationSeconds,
      savedSeconds: null,
      savedShareOfTime: null,
      savedActivationBytes,
    };
  const savedSeconds = layerSeconds - otherSeconds;
  const savedShareOfTime = ratio(savedSeconds, layerSeconds);
  const error = savingError(scenario, operators, scenario.normalization, to);
  return {
    ...to,
    layerSeconds: otherSeconds,
    normalizationSeconds,
    savedSeconds,
    savedShareOfTime,
    ...(error === undefined ? {} : { errorShareOfTime: error, resolved: Math.abs(savedShareOfTime) > error }),
    savedActivationBytes,
  };
}

/** Every kind and implementation of normalization in this scenario, against the scenario as given. */
export function alternatives(scenario: Scenario, { layer, operators }: LayerResult): Alternative[] {
  const given = { scenario, layerSeconds: layer.seconds, operators };
  return NORM_KINDS.flatMap((kind) =>
    NORM_IMPLEMENTATIONS.map((implementation) => alternativeTo(given, kind, implementation)),
  );
}
