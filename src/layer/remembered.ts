/** A fixed number of places is compared without making a list of them. */
type UpToSeven = { readonly length: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 };

/**
 * The same pure function of up to seven arguments, which hands out its last result again when it is called with the
 * same ones (by identity). A sweep changes one axis at a time: what does not depend on it is not computed again.
 */
export function remembered<A extends readonly unknown[] & UpToSeven, R>(
  compute: (...args: A) => R,
): (...args: A) => R {
  const call = compute as unknown as (...args: readonly unknown[]) => R;
  let known = false;
  let a: unknown;
  let b: unknown;
  let c: unknown;
  let d: unknown;
  let e: unknown;
  let f: unknown;
  let g: unknown;
  let result: R;
  const asked = (
    a1: unknown,
    b1: unknown,
    c1: unknown,
    d1: unknown,
    e1: unknown,
    f1: unknown,
    g1: unknown,
  ): R => {
    if (known && a === a1 && b === b1 && c === c1 && d === d1 && e === e1 && f === f1 && g === g1)
      return result;
    result = call(a1, b1, c1, d1, e1, f1, g1);
    known = true;
    a = a1;
    b = b1;
    c = c1;
    d = d1;
    e = e1;
    f = f1;
    g = g1;
    return result;
  };
  return asked as unknown as (...args: A) => R;
}

/** Results that `rememberedAll` keeps: every kind and implementation of a norm, and some of the user's own. */
const MOST_KEPT = 16;

/** `remembered` for functions whose arguments come round again: the last few results are kept. */
export function rememberedAll<A extends readonly unknown[] & UpToSeven, R>(
  compute: (...args: A) => R,
): (...args: A) => R {
  const kept: { readonly args: A; readonly result: R }[] = [];
  let oldest = 0;
  return (...args) => {
    for (const one of kept) if (sameItems(one.args, args)) return one.result;
    const result = compute(...args);
    kept[oldest] = { args, result };
    oldest = (oldest + 1) % MOST_KEPT;
    return result;
  };
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  // Stryker disable next-line EqualityOperator: behind both ends there is the same nothing
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
