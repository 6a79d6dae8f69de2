/**
 * The same pure function, which hands out its last result again when it is called with the same arguments (by
 * identity). A sweep changes one axis at a time: what does not depend on it is not computed again.
 */
export function remembered<A extends readonly unknown[], R>(compute: (...args: A) => R): (...args: A) => R {
  let last: A | undefined;
  let result: R;
  return (...args) => {
    if (last === undefined || !sameItems(args, last)) {
      result = compute(...args);
      last = args;
    }
    return result;
  };
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
