import type { NormKind } from "../schema/vocabulary.ts";
import type { Launched } from "./launches.ts";

/** What is known of one normalization that ran, from names, operators and shapes; null where nothing says. */
export interface NormFacts {
  readonly kind: NormKind;
  readonly implementation: NormImplementationFound;
  readonly direction: Direction;
  readonly rows: number | null;
  readonly columns: number | null;
  readonly dtype: string | null;
  /** what else its kernels do */
  readonly fusedWith: readonly string[];
}

export type NormImplementationFound = "eager" | "native" | "fused" | "residual-fused";

export type Direction = "forward" | "backward";

/** One norm, once, with all that ran for it. */
export interface Norm extends NormFacts {
  readonly launched: readonly Launched[];
}
