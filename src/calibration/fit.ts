import { levenbergMarquardt } from "ml-levenberg-marquardt";

/** A fit of positive parameters to positive observations. */
export interface FitProblem {
  readonly start: readonly number[];
  /** smallest and largest value that each parameter may take */
  readonly bounds: readonly (readonly [number, number])[];
  readonly observed: readonly number[];
  /** relative uncertainty of each observation */
  readonly uncertainty: readonly number[];
  /** predictions for a set of parameters, one per observation */
  readonly predict: (parameters: readonly number[]) => number[];
}

/** How far, in log, a parameter may wander from its start before that costs as much as one standard error of a row. */
const PRIOR_WIDTH = 1.5;
/** Residuals beyond this many standard errors count as outliers (Huber). */
const OUTLIER = 1.5;
const REWEIGHTINGS = 4;
const ITERATIONS = 60;
const LOG_STEP = 1e-4;
/** No prediction is further off than this, in log: a trial so far out may overflow, and must lose, not break the fit. */
const FURTHEST = 50;

/**
 * Robust least squares on log ratios, over the logarithms of the parameters: Levenberg-Marquardt inside iterated
 * reweighting. A weak pull toward the start keeps what the data does not determine where it was. Deterministic.
 */
export function fitParameters(given: FitProblem): number[] {
  const problem = { ...given, start: given.start.map((value, index) => within(value, given.bounds[index]!)) };
  const { start, observed, uncertainty } = problem;
  let weights = observed.map(() => 1);
  let logs = start.map(Math.log);
  // Stryker disable next-line EqualityOperator: a fifth round moves no parameter by two percent
  for (let round = 0; round < REWEIGHTINGS; round++) {
    logs = leastSquares(problem, logs, weights);
    const predicted = problem.predict(logs.map(Math.exp));
    weights = predicted.map((value, index) => {
      const residual = Math.abs(logRatio(value, observed[index]!)) / uncertainty[index]!;
      // Stryker disable next-line EqualityOperator: at the limit the root is 1 too
      return residual <= OUTLIER ? 1 : Math.sqrt(OUTLIER / residual);
    });
  }
  return logs.map(Math.exp);
}

/** A start of zero has no logarithm. */
const within = (value: number, [least, most]: readonly [number, number]): number =>
  Math.min(most, Math.max(least, value));

function logRatio(predicted: number, observed: number): number {
  const log = Math.log(predicted / observed);
  return Number.isNaN(log) ? FURTHEST : within(log, [-FURTHEST, FURTHEST]);
}

function leastSquares(problem: FitProblem, from: readonly number[], weights: readonly number[]): number[] {
  const { start, observed, uncertainty, predict } = problem;
  const rows = observed.length;
  const residuals = (logs: readonly number[]): number[] => {
    const predicted = predict(logs.map(Math.exp));
    const data = predicted.map(
      (value, index) => (weights[index]! * logRatio(value, observed[index]!)) / uncertainty[index]!,
    );
    const prior = logs.map((log, index) => (log - Math.log(start[index]!)) / PRIOR_WIDTH);
    return [...data, ...prior];
  };
  const points = Array.from({ length: rows + start.length }, (_, index) => index);
  const result = levenbergMarquardt(
    { x: points, y: points.map(() => 0) },
    (logs) => {
      const values = residuals(logs);
      return (index) => values[index]!;
    },
    {
      initialValues: [...from],
      minValues: problem.bounds.map(([least]) => Math.log(least)),
      maxValues: problem.bounds.map(([, most]) => Math.log(most)),
      damping: 1e-2,
      gradientDifference: LOG_STEP,
      // Stryker disable next-line BooleanLiteral: other steps to the same minimum
      centralDifference: true,
      maxIterations: ITERATIONS,
      errorTolerance: 1e-9,
    },
  );
  return result.parameterValues;
}
