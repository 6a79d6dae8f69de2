import { ANSWERED_BY } from "../../version.ts";
import { type Cell, csv } from "./csv.ts";
import { UNKNOWN } from "./figure-text.ts";
import type { Format, Look } from "./formats.ts";
import { json, jsonLines } from "./json.ts";
import { blankBefore } from "./terminal-text.ts";

/** A column of a plain list: its key for machines, its title and text for people. */
export interface RowColumn {
  readonly key: string;
  readonly title: string;
  readonly align?: "left" | "right";
  /** how people read the value; machines get it as it is */
  readonly text?: (value: Cell | undefined) => string;
}

/** The text of a column of numbers; nothing where there is none. */
export const ofNumbers =
  (text: (value: number) => string): NonNullable<RowColumn["text"]> =>
  (value) =>
    typeof value === "number" ? text(value) : "";

/** null: a number that nobody knows */
export type Row = Readonly<Record<string, Cell | null | undefined>>;

/** Lists in every format; lines of notes stand below the table, where people read. */
export async function renderRows(
  columns: readonly RowColumn[],
  rows: readonly Row[],
  format: Format,
  look: Look,
  notes: readonly string[] = [],
): Promise<string> {
  const below = [...notes, ...(rows.some(hasUnknown) ? [UNKNOWN_NOTE] : [])];
  switch (format) {
    case "json":
      return json(
        rows.map((row) => ({ ...ANSWERED_BY, ...row })),
        true,
      );
    case "jsonl":
      return jsonLines(rows);
    case "csv":
      return csv(
        columns.map(({ key }) => key),
        rows.map((row) => columns.map(({ key }) => row[key] ?? "")),
      );
    case "md": {
      const { markdownLine, markdownTable } = await import("./markdown.ts");
      const lines = [
        ...markdownTable(columns, texts(columns, rows)),
        ...blankBefore(below.map(markdownLine)),
      ];
      return `${lines.join("\n")}\n`;
    }
    case "table":
      return (await import("./rows-table.ts")).rowsTable(columns, texts(columns, rows), look, below);
  }
}

const texts = (columns: readonly RowColumn[], rows: readonly Row[]): string[][] =>
  rows.map((row) =>
    columns.map(({ key, text = plain }) => (row[key] === null ? UNKNOWN_CELL : text(row[key]))),
  );

/** What a narrow column has room for. */
export const UNKNOWN_CELL = "unknown";
export const UNKNOWN_NOTE = `${UNKNOWN}: no datasheet says how fast norm kernels are.`;

const hasUnknown = (row: Row): boolean => Object.values(row).includes(null);

const plain = (value: Cell | undefined): string => (value === undefined ? "" : String(value));
