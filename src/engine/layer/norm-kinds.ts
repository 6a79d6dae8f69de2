import type { NormKind } from "../../schema/vocabulary.ts";
import { DYT } from "./dyt.ts";
import { LAYERNORM } from "./layernorm.ts";
import type { NormKindFacts } from "./norm-kind-facts.ts";
import { RMSNORM } from "./rmsnorm.ts";

export const NORM_KIND_FACTS: Readonly<Record<NormKind, NormKindFacts>> = {
  layernorm: LAYERNORM,
  rmsnorm: RMSNORM,
  dyt: DYT,
};

/** A number a row each, under these names in every implementation. */
export const ROW_STATISTICS = LAYERNORM.statistics;
