import { visible } from "../../visible.ts";
import type { Look } from "./formats.ts";
import { paint } from "./paint.ts";
import { blankBefore, cut, toAscii, wrap } from "./terminal-text.ts";
import { type Column, textTable } from "./text-table.ts";

const SHORTEST = 8;
const GAP = 2;

/** A list for a terminal; where it is too wide, the widest text column gives way, a character at a time. */
export function rowsTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  look: Look,
  notes: readonly string[],
): string {
  const safe = rows.map((row) => row.map(visible));
  const [head = "", ...lines] = textTable(columns, fitted(columns, safe, look.width));
  const below = notes.flatMap((note) => wrap(visible(note), look.width, "  "));
  const text = [paint(look).quiet(head), ...lines, ...blankBefore(below)].join("\n");
  return `${look.unicode ? text : toAscii(text)}\n`;
}

function fitted(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): readonly (readonly string[])[] {
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map((row) => row[index]!.length)),
  );
  let excess = widths.reduce((sum, own) => sum + own, GAP * (columns.length - 1)) - width;
  while (excess > 0) {
    const widest = widestText(columns, widths);
    if (widest < 0 || widths[widest]! <= SHORTEST) break;
    widths[widest]! -= 1;
    excess -= 1;
  }
  return rows.map((row) => row.map((cell, index) => folded(cell, widths[index]!)));
}

/** Words on as many lines as they need; a word that is too long is cut. */
const folded = (cell: string, width: number): string =>
  cell.length <= width
    ? cell
    : wrap(cell, width)
        .map((line) => cut(line, width))
        .join("\n");

function widestText(columns: readonly Column[], widths: readonly number[]): number {
  let widest = -1;
  columns.forEach(({ align }, index) => {
    if (align === "left" && (widest < 0 || widths[index]! > widths[widest]!)) widest = index;
  });
  return widest;
}
