import { distance } from "fastest-levenshtein";
import { anyOf } from "./nearest.ts";

const LONGEST_NAME = 64;
const MOST_SUGGESTED = 3;

/**
 * The models or profiles that were probably meant: of the same family only, as a name that looks alike may be another
 * chip (h200 and b200). A slip of one letter is corrected; else those that share most words come first, in the order
 * in which they are known.
 */
export function nameSuggestion(name: string, known: readonly string[]): string {
  if (name.length > LONGEST_NAME) return "";
  const typed = wordsOf(name);
  const alike = known.filter((one) => isFamily(typed, wordsOf(one)) || isMisspelt(name, one));
  const slips = alike.filter((one) => distance(name.toLowerCase(), one.toLowerCase()) === 1);
  const shared = (one: string): number => wordsOf(one).filter((word) => typed.includes(word)).length;
  const best = slips.length > 0 ? slips : [...alike].sort((a, b) => shared(b) - shared(a));
  const meant = best.slice(0, MOST_SUGGESTED).map((one) => `"${one}"`);
  return meant.length === 0 ? "" : `did you mean ${anyOf(meant)}?`;
}

const wordsOf = (name: string): string[] =>
  name
    .toLowerCase()
    .split(/[^a-z0-9.]+/)
    .filter(Boolean);

/** `h100` is how `h100-sxm` begins; `h100-nvl`, `nvidia-h100` and `H100_SXM5` are of its family. */
function isFamily(typed: readonly string[], known: readonly string[]): boolean {
  const whole = typed.join("");
  const isBeginning = known.some((_, index) => known.slice(0, index + 1).join("") === whole);
  return isBeginning || typed.some((_, index) => familyOf(typed.slice(index)) === familyOf(known));
}

/** The words up to the number of the chip or of the generation: h100, rtx-4090, llama-3; not up to a size (8b, 8x7b). */
function familyOf(words: readonly string[]): string {
  const numbered = words.findIndex((word) => /\d/.test(word) && !/^(\d+x)?\d+b$/.test(word));
  return words.slice(0, numbered + 1 || 1).join("");
}

/** Letters may be wrong, numbers not: they are what tells one chip or model from another. */
function isMisspelt(name: string, known: string): boolean {
  const numbers = (text: string): string =>
    wordsOf(text)
      .filter((word) => /\d/.test(word))
      .join(" ");
  return (
    numbers(name) === numbers(known) &&
    distance(name.toLowerCase(), known.toLowerCase()) <= Math.max(1, Math.ceil(known.length / 3))
  );
}
