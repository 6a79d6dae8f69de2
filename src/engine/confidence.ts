import { basisOf } from "../schema/basis.ts";
import type { ClassError } from "../schema/hardware.ts";
import { generates, trains } from "../schema/phases.ts";
import type { OperatorClass, OperatorResult, Result } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import { sumOf } from "./layer/kernel.ts";

/** The classes of measured kernels that an operator's time rests on, as calibrations name them. */
const KERNELS: Readonly<Record<OperatorClass, (scenario: Scenario) => readonly string[]>> = {
  normalization: ({ normalization }) => NORM_KERNELS[String(normalization.implementation)] ?? NORMS,
  matmul: ({ workload: { phase } }) => ["matmul forward", ...(trains(phase) ? ["matmul gradients"] : [])],
  attention: ({ workload: { phase } }) =>
    generates(phase)
      ? ["attention decode"]
      : ["attention forward", ...(trains(phase) ? ["attention backward"] : [])],
  pointwise: () => ["streaming", "pointwise"],
  collective: () => ["collectives", "collectives of many"],
};
const NORMS = ["norm native", "norm fused", "norm eager"];
const NORM_KERNELS: Readonly<Record<string, readonly string[]>> = {
  native: ["norm native"],
  fused: ["norm fused"],
  "residual-fused": ["norm fused"],
  eager: ["norm eager"],
};

/**
 * How far off the layer's time may be, and by what that is known. Measured layers of the device say it best; where there
 * are none, the errors of its classes of kernels, each weighed by its share of the time, as if all were off the same way.
 */
export function confidence(
  scenario: Scenario,
  operators: readonly OperatorResult[],
  typicalError: Result["typicalError"],
): Result["confidence"] {
  const basis = basisOf(scenario.hardware);
  if (typicalError !== null) return { layerError: typicalError.layer, basis };
  const { validation, crossValidation } = scenario.hardware;
  const layerError =
    validation === undefined && crossValidation !== undefined
      ? errorOfKernels(scenario, operators, crossValidation)
      : undefined;
  return layerError === undefined ? { basis } : { layerError, basis };
}

/** undefined where an operator is of a class that nobody has compared. */
function errorOfKernels(
  scenario: Scenario,
  operators: readonly OperatorResult[],
  known: readonly ClassError[],
): number | undefined {
  const seconds = sumOf(operators, (operator) => operator.seconds);
  const errors = operators.map((operator) => {
    const error = classError(operator.class, scenario, known);
    return error === undefined ? undefined : (error * operator.seconds) / seconds;
  });
  return errors.every((error) => error !== undefined) ? sumOf(errors, (error) => error) : undefined;
}

/** The largest error of the classes of kernels that may be behind an operator's. */
function classError(
  operatorClass: OperatorClass,
  scenario: Scenario,
  known: readonly ClassError[],
  which: "medianError" | "percentile90Error" = "medianError",
): number | undefined {
  const names = KERNELS[operatorClass](scenario);
  const found = known.filter(({ name }) => names.includes(name)).map((one) => one[which]);
  return found.length === 0 ? undefined : Math.max(...found);
}

/**
 * Error of a saving between norms that nobody has measured in a layer of this device, as a share of its time: that of
 * either norm's kernels, which are off independently of each other. Nine of ten kernels are off by less: what is taken for
 * one norm may come from another source than what is taken for the other.
 */
export function kernelSavingError(
  given: {
    readonly scenario: Scenario;
    readonly operators: readonly OperatorResult[];
    readonly layerSeconds: number;
  },
  to: Scenario,
  secondsAfter: number,
): number | undefined {
  const { scenario: from, operators, layerSeconds } = given;
  const { validation, crossValidation } = from.hardware;
  if (validation !== undefined || crossValidation === undefined) return undefined;
  const before = classError("normalization", from, crossValidation, "percentile90Error");
  const after = classError("normalization", to, crossValidation, "percentile90Error");
  if (before === undefined || after === undefined) return undefined;
  const norms = operators.filter((operator) => operator.class === "normalization");
  const secondsBefore = sumOf(norms, ({ seconds }) => seconds);
  return Math.hypot(before * secondsBefore, after * secondsAfter) / layerSeconds;
}
