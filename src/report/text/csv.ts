import { visible } from "../../visible.ts";

export type Cell = string | number | boolean;

/**
 * RFC 4180 with a header, a row a line, "\n" line ends. A text that a spreadsheet would take for a formula gets an
 * apostrophe, and what cannot be seen is `?`: a table is as often looked at in a terminal.
 */
export function csv(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [header, ...rows].map((row) => `${row.map(csvCell).join(",")}\n`).join("");
}

export function csvCell(cell: Cell): string {
  if (typeof cell !== "string") return String(cell);
  const seen = visible(cell);
  const text = seen.replace(FORMULA, "$1'$2");
  return /[",;]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * How a formula begins, in full width too, spaces before it or not: at the start of a text, and behind what separates
 * cells in half of Europe.
 */
const FORMULA = /(^|;)(\s*[=+\-@\uff1d\uff0b\uff0d\uff20])/g;
