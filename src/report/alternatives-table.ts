import type { Result } from "../schema/result.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS } from "../schema/vocabulary.ts";
import { alternative } from "../study/savings.ts";
import { formatPercent, formatSeconds } from "../units.ts";
import type { TextTable } from "./operator-table.ts";
import { NORM_NAMES } from "./words.ts";

/** Layers differ by a few parts in a thousand. */
const LAYER_DIGITS = 4;

/** One row an implementation, LayerNorm and RMSNorm side by side: time of the norms, of the layer, and what it saves. */
export function alternativesTable(result: Result): TextTable {
  const { normalization } = result.scenario;
  const cells = (
    kind: (typeof NORM_KINDS)[number],
    implementation: (typeof NORM_IMPLEMENTATIONS)[number],
  ) => {
    const other = alternative(result, kind, implementation);
    if (other === undefined) return ["", "", ""];
    const given = normalization.kind === kind && normalization.implementation === implementation;
    return [
      formatSeconds(other.normalizationSeconds),
      formatSeconds(other.layerSeconds, LAYER_DIGITS),
      given ? "given" : formatPercent(other.savedShareOfTime),
    ];
  };
  return {
    columns: [
      { title: "implementation", align: "left" },
      ...NORM_KINDS.flatMap((kind) => [{ title: NORM_NAMES[kind] }, { title: "layer" }, { title: "saved" }]),
    ],
    rows: NORM_IMPLEMENTATIONS.map((implementation) => [
      implementation,
      ...NORM_KINDS.flatMap((kind) => cells(kind, implementation)),
    ]),
  };
}
