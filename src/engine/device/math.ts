/**
 * (a^p + b^p + c^p)^(1/p): the largest of the terms where one dominates, up to 3^(1/p) times it where they are equal.
 * Resources of a kernel overlap, but not perfectly; p tells how well (infinite: the plain roofline's maximum).
 */
export function softMaximum(p: number, a: number, b: number, c = 0): number {
  const largest = Math.max(a, b, c);
  if (largest === 0) return 0;
  const sum = powerOfShare(a / largest, p) + powerOfShare(b / largest, p) + powerOfShare(c / largest, p);
  // Stryker disable next-line ConditionalExpression: only faster, 1 to any power is 1
  return sum === 1 ? largest : largest * power(sum, 1 / p);
}

/** The soft maximum of exponent 4: two square roots instead of exponentials, as a sweep over contexts takes one a point. */
export function softMaximum4(a: number, b: number): number {
  const largest = Math.max(a, b);
  if (largest === 0) return 0;
  const square = (Math.min(a, b) / largest) ** 2;
  return largest * Math.sqrt(Math.sqrt(1 + square * square));
}

/** x^p for shares of 1: most are 0, 1, or so small that beside a 1 they are lost. */
function powerOfShare(x: number, p: number): number {
  // Stryker disable next-line ConditionalExpression,LogicalOperator: only faster, the power of either is itself
  if (x === 0 || x === 1) return x;
  const exponent = p * Math.log(x);
  // Stryker disable next-line ConditionalExpression,EqualityOperator: only faster, so small a term rounds away
  return exponent < LOST_BESIDE_ONE ? 0 : Math.exp(exponent);
}

/** Logarithm of a quarter of the last digit of 1: two such terms together round away. */
const LOST_BESIDE_ONE = Math.log(2 ** -54);

/**
 * x^p for positive x. Powers are what a simulation spends its time on, and `**` takes twice as long; its last digit also
 * differs between versions of Node, where exponentials and logarithms agree.
 */
export const power = (x: number, p: number): number => Math.exp(p * Math.log(x));

/** 1 below `start`, 0 above `start + width`, a straight line between. */
export function fallingRamp(x: number, start: number, width: number): number {
  if (x <= start) return 1;
  // Stryker disable next-line EqualityOperator: the ramp itself is 0 there
  return x >= start + width ? 0 : (start + width - x) / width;
}

/** A share of a whole; of nothing it is 0. */
export const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
