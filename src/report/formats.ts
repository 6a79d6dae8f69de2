export const FORMATS = ["table", "json", "jsonl", "csv", "md"] as const;

export type Format = (typeof FORMATS)[number];

/** How a report may look: room, colour, and whether more than ASCII can be shown. */
export interface Look {
  readonly width: number;
  readonly color: boolean;
  readonly unicode: boolean;
}

/** What `--format` says, else the ending of the output file, else a table. */
export function formatOf(asked: Format | undefined, path: string | undefined): Format | undefined {
  if (asked !== undefined) return asked;
  const ending = path === undefined ? "txt" : /\.(\w+)$/.exec(path)?.[1]?.toLowerCase();
  if (ending === "txt") return "table";
  if (ending === "ndjson") return "jsonl";
  return FORMATS.find((format) => format === ending && format !== "table");
}
