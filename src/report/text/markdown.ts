import { visible } from "../../visible.ts";
import type { Column } from "./text-table.ts";

/** A GitHub table. */
export function markdownTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(escapeMarkdown).join(" | ")} |`;
  return [
    line(columns.map(({ title }) => title)),
    `|${columns.map(({ align }) => (align === "left" ? " --- " : " ---: ")).join("|")}|`,
    ...rows.map(line),
  ];
}

/** Names from files are text, not markup: no links, no tags, no entities, and no end of a table's cell. */
export const escapeMarkdown = (text: string): string =>
  visible(text).replace(/[<>`*_~#&|[\]\\]|:(?=\/\/)|(?<=\bwww)\./gi, "\\$&");

/** The same for a text that begins a line, where a few characters more would make a list or a heading. */
export const markdownLine = (text: string): string =>
  escapeMarkdown(text)
    .trimStart()
    .replace(/^([-+=]|\d+(?=[.)]))/, (mark) => (/\d/.test(mark) ? `${mark}\\` : `\\${mark}`));
