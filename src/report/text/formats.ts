/** What every command that prints results can print. */
export const FORMATS = ["table", "json", "jsonl", "csv", "md"] as const;

export type Format = (typeof FORMATS)[number];

/** The same and a picture, for commands that can draw their answer. */
export const DRAWN_FORMATS = [...FORMATS, "svg"] as const;

/** A page with the engine inside. */
export const PAGE_FORMATS = ["html"] as const;

export type AnyFormat = (typeof DRAWN_FORMATS)[number] | (typeof PAGE_FORMATS)[number];

/** How the name of a file in a format ends. */
const ENDINGS: Readonly<Record<string, AnyFormat>> = {
  txt: "table",
  json: "json",
  jsonl: "jsonl",
  ndjson: "jsonl",
  csv: "csv",
  md: "md",
  svg: "svg",
  html: "html",
  htm: "html",
};

/** How a report may look: room, colour, and whether more than ASCII can be shown. */
export interface Look {
  readonly width: number;
  readonly color: boolean;
  readonly unicode: boolean;
}

/** What `--format` says, else the ending of the output file, else a table. */
export function formatOf(asked: AnyFormat | undefined, path: string | undefined): AnyFormat | undefined {
  if (asked !== undefined) return asked;
  const ending = path === undefined ? "txt" : (/\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? "");
  return Object.hasOwn(ENDINGS, ending) ? ENDINGS[ending] : undefined;
}
