import { visible } from "../../visible.ts";
import type { Format, Look } from "./formats.ts";
import { json, jsonLines } from "./json.ts";
import { type Row, type RowColumn, renderRows } from "./rows.ts";
import { toAscii } from "./terminal-text.ts";

/** An answer that is more than a list: whole for programs, as rows for spreadsheets and Markdown, as lines for people. */
export interface Answer {
  readonly values: readonly unknown[];
  readonly columns: readonly RowColumn[];
  readonly rows: () => readonly Row[];
  /** below the rows */
  readonly notes?: readonly string[];
  readonly lines: (width: number) => readonly string[];
}

export async function renderAnswer(
  { values, columns, rows, notes, lines }: Answer,
  format: Format,
  look: Look,
): Promise<string> {
  switch (format) {
    case "json":
      return json(values, values.length > 1);
    case "jsonl":
      return jsonLines(values);
    case "csv":
    case "md":
      return renderRows(columns, rows(), format, look, notes);
    case "table": {
      const text = lines(look.width).map(visible).join("\n");
      return `${look.unicode ? text : toAscii(text)}\n`;
    }
  }
}
