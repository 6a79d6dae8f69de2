import { visible } from "../visible.ts";
import type { Column } from "./text-table.ts";

/** A GitHub table. */
export function markdownTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(escapeCell).join(" | ")} |`;
  return [
    line(columns.map(({ title }) => title)),
    `|${columns.map(({ align }) => (align === "left" ? " --- " : " ---: ")).join("|")}|`,
    ...rows.map(line),
  ];
}

const escapeCell = (cell: string): string => escapeMarkdown(cell).replaceAll("|", "\\|");

/** Names from files are text, not markup. */
export const escapeMarkdown = (text: string): string =>
  visible(text).replace(/[<>`*_[\]\\]/g, (character) => `\\${character}`);
