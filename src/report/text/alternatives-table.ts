import type { Result } from "../../schema/result.ts";
import {
  NORM_IMPLEMENTATIONS,
  NORM_NAMES,
  type NormImplementation,
  type NormKind,
  SWAPPED_KIND,
} from "../../schema/vocabulary.ts";
import { alternative } from "../../study/savings.ts";
import { formatSeconds } from "../../units.ts";
import { ERROR_NOTE, savingText } from "./figure-text.ts";
import type { TextTable } from "./operator-table.ts";

/** Layers differ by a few parts in a thousand. */
const LAYER_DIGITS = 4;

/** The kinds of the article's swap, and the one that was given. */
const shownKinds = (given: NormKind): readonly NormKind[] =>
  given === "layernorm" || given === "rmsnorm" ? ["layernorm", "rmsnorm"] : [given, SWAPPED_KIND[given]];

/**
 * One row an implementation, two kinds of norms side by side: time of the norms, of the layer, and what it saves.
 * Undefined where nobody knows.
 */
export function alternativesTable(result: Result): TextTable | undefined {
  if (result.normalization.seconds === null) return undefined;
  const { normalization } = result.scenario;
  const kinds = shownKinds(normalization.kind);
  const cells = (kind: NormKind, implementation: NormImplementation) => {
    const other = alternative(result, kind, implementation);
    if (other === undefined) return ["", "", ""];
    const given = normalization.kind === kind && normalization.implementation === implementation;
    return [
      formatSeconds(other.normalizationSeconds!),
      formatSeconds(other.layerSeconds!, LAYER_DIGITS),
      given ? "given" : cellText(savingText(other.savedShareOfTime!, other.errorShareOfTime)),
    ];
  };
  return {
    columns: [
      { title: "implementation", align: "left" },
      ...kinds.flatMap((kind) => [{ title: NORM_NAMES[kind] }, { title: "layer" }, { title: "saved" }]),
    ],
    rows: NORM_IMPLEMENTATIONS.map((implementation) => [
      implementation,
      ...kinds.flatMap((kind) => cells(kind, implementation)),
    ]),
  };
}

/** Beside an error, what rounds to nothing is nothing: the columns are narrow. */
const cellText = (saving: string): string =>
  saving.replaceAll(" ", "").replace(/^[<>]-?0\.01%(?=±|\+\/-)/, "0.00%");

/** What the savings of the table are worth; nothing where there are none. */
export function savedNotes({ normalization, alternatives }: Result): string[] {
  if (normalization.seconds === null) return [];
  const isKnown = alternatives.some(({ errorShareOfTime }) => errorShareOfTime !== undefined);
  return [isKnown ? ERROR_NOTE : "Nobody has measured how far such savings are off: none has a ±."];
}
