/**
 * (a^p + b^p + c^p)^(1/p): the largest of the terms where one dominates, up to 3^(1/p) times it where they are equal.
 * Resources of a kernel overlap, but not perfectly; p tells how well (infinite: the plain roofline's maximum).
 */
export function softMaximum(p: number, a: number, b: number, c = 0): number {
  const largest = Math.max(a, b, c);
  if (largest === 0) return 0;
  return largest * ((a / largest) ** p + (b / largest) ** p + (c / largest) ** p) ** (1 / p);
}

/** 1 below `start`, 0 above `start + width`, a straight line between. */
export function fallingRamp(x: number, start: number, width: number): number {
  if (x <= start) return 1;
  return x >= start + width ? 0 : (start + width - x) / width;
}
