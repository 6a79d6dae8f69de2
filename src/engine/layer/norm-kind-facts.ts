import type { NormImplementation } from "../../schema/vocabulary.ts";
import type { RowLaw } from "./kernel.ts";
import type { Passes } from "./norm-passes.ts";

/** Everything that is known of a kind of norm: a new kind is one record. */
export interface NormKindFacts {
  /** one number a column each */
  readonly parameters: readonly string[];
  /** numbers beside these, whatever the width */
  readonly scalarParameters: number;
  /** fp32 numbers a row that the forward pass keeps for the backward one */
  readonly statistics: readonly string[];
  /** numbers a row that ranks must sum before any of them can normalize it, or hand its gradient on */
  readonly exchangedStatistics: number;
  /** whose timing parameters its kernels have that walk a row */
  readonly rowLaw: RowLaw;
  /** true where its weight can be folded into the matmul behind it */
  readonly foldable: boolean;
  /** true where torch has a kernel of its own for it */
  readonly nativeKernel: boolean;
  /** op by op where one is added to the weight, if that is not the same kernels */
  readonly eagerOffset?: Passes;
  /** the kernels of each implementation */
  readonly forward: Readonly<Record<NormImplementation, Passes>>;
  readonly backward: Readonly<Record<NormImplementation, Passes>>;
}
