/**
 * Names, keys and paths come from others. What could steer a terminal, turn text around or hide in it: control and
 * format characters, separators of lines, halves of characters, what no text may hold, and letters without a shape.
 * Variation selectors stay: they only choose how the letter before them looks.
 */
const UNSEEN =
  /(?![\ufe00-\ufe0f])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufffe\uffff]/gu;

/** A line as it may be shown: all that is there can be seen, and it stays one line. */
export const visible = (line: string): string => line.replace(UNSEEN, "?");

/** The same of a text that may have lines and tabs. */
export const visibleLines = (text: string): string =>
  text.replace(UNSEEN, (character) => (isSpace(character) ? character : "?"));

/** What JSON.stringify wrote, with escapes in place of what cannot be seen: another spelling of the same value. */
export const visibleJson = (json: string): string =>
  json.replace(UNSEEN, (character) => (isSpace(character) ? character : escaped(character)));

const isSpace = (character: string): boolean => character === "\n" || character === "\t";

function escaped(character: string): string {
  let escapes = "";
  for (let index = 0; index < character.length; index++)
    escapes += `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`;
  return escapes;
}
