import { distance } from "fastest-levenshtein";

const LONGEST_WORD = 64;

/** The known word that was probably meant, if any is close: a third of its letters wrong at most. */
function nearest(word: string, known: Iterable<string>): string | undefined {
  if (word.length > LONGEST_WORD) return undefined;
  const asked = word.toLowerCase();
  let best: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const edits = distance(asked, candidate.toLowerCase());
    if (edits < fewest && edits <= Math.max(1, Math.ceil(candidate.length / 3))) {
      best = candidate;
      fewest = edits;
    }
  }
  return fewest <= 1 ? best : (longerNameOf(asked, known) ?? best);
}

/** `residual` means `residual-fused`: what was typed may be how the full word begins. */
function longerNameOf(asked: string, known: Iterable<string>): string | undefined {
  if (asked.length < 2) return undefined;
  for (const candidate of known) if (candidate.toLowerCase().startsWith(asked)) return candidate;
  return undefined;
}

/** `a, b or c`. */
export const anyOf = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;

/** `did you mean "x"?`, or nothing. */
export function suggestion(word: string, known: Iterable<string>): string {
  const meant = nearest(word, known);
  return meant === undefined ? "" : `did you mean "${meant}"?`;
}
