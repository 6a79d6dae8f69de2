import type { NormKind } from "../schema/vocabulary.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS, type NormImplementation } from "../schema/vocabulary.ts";

/** A norm as measurements name it, `rmsnorm.residual-fused`; undefined for one that the simulator does not know. */
export function normNamed(
  name: string,
): { readonly kind: NormKind; readonly implementation: NormImplementation } | undefined {
  const [first, second, ...more] = name.split(".");
  const kind = NORM_KINDS.find((one) => one === first);
  const implementation = NORM_IMPLEMENTATIONS.find((one) => one === second);
  if (kind === undefined || implementation === undefined || more.length > 0) return undefined;
  return { kind, implementation };
}
