import { hbmBytesOf, secondsByClass } from "../schema/operator-sums.ts";
import type { Alternative, OperatorResult } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import type { NormKind } from "../schema/vocabulary.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS, type NormImplementation } from "../schema/vocabulary.ts";
import { kernelSavingError } from "./confidence.ts";
import { ratio } from "./device/math.ts";
import { isBackward } from "./layer/backward.ts";
import { sumOf } from "./layer/kernel.ts";
import { type LayerFigures, type LayerResult, layerFigures } from "./layer-result.ts";
import { savingError } from "./saving-error.ts";

/** The same scenario with other norms. */
export function withNormalization(
  scenario: Scenario,
  kind: NormKind,
  implementation: NormImplementation | Scenario["normalization"]["implementation"],
): Scenario {
  return { ...scenario, normalization: { kind, implementation } };
}

type Norm = Scenario["normalization"];

/** A layer as given, which others are held against. */
export interface Given {
  readonly scenario: Scenario;
  readonly layerSeconds: number;
  readonly operators: readonly OperatorResult[];
}

/** What another norm makes of a layer; null where norm kernels have no known time. */
export function alternativeTo(given: Given, kind: NormKind, implementation: NormImplementation): Alternative {
  const other = layerFigures(withNormalization(given.scenario, kind, implementation));
  const operators = other.operators();
  return {
    kind,
    implementation,
    ...timesOf(given, { kind, implementation }, other),
    savedActivationBytes: other.layer().savedActivationBytes,
    secondsByClass: other.normalization().seconds === null ? null : secondsByClass(operators),
    normalizationForwardHbmBytes: sumOf(operators.filter(isForwardNorm), hbmBytesOf),
  };
}

type Times = Pick<
  Alternative,
  | "layerSeconds"
  | "normalizationSeconds"
  | "savedSeconds"
  | "savedShareOfTime"
  | "errorShareOfTime"
  | "resolved"
>;

function timesOf(given: Given, to: Norm, other: LayerFigures): Times {
  const { scenario, layerSeconds, operators } = given;
  const normalizationSeconds = other.normalization().seconds;
  if (normalizationSeconds === null)
    return { layerSeconds: null, normalizationSeconds, savedSeconds: null, savedShareOfTime: null };
  const otherSeconds = other.layer().seconds;
  const savedSeconds = layerSeconds - otherSeconds;
  const savedShareOfTime = ratio(savedSeconds, layerSeconds);
  const error =
    savingError(scenario, operators, scenario.normalization, to) ??
    kernelSavingError(given, withNormalization(scenario, to.kind, to.implementation), normalizationSeconds);
  return {
    layerSeconds: otherSeconds,
    normalizationSeconds,
    savedSeconds,
    savedShareOfTime,
    ...(error === undefined ? {} : { errorShareOfTime: error, resolved: Math.abs(savedShareOfTime) > error }),
  };
}

const isForwardNorm = (operator: OperatorResult): boolean =>
  operator.class === "normalization" && !isBackward(operator);

/** Every kind and implementation of normalization in this scenario, against the scenario as given. */
export function alternatives(scenario: Scenario, { layer, operators }: LayerResult): Alternative[] {
  const given = { scenario, layerSeconds: layer.seconds, operators };
  return NORM_KINDS.flatMap((kind) =>
    NORM_IMPLEMENTATIONS.map((implementation) => alternativeTo(given, kind, implementation)),
  );
}
