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

/** The format that a file's name ends in. */
export function endingFormat(path: string): AnyFormat | undefined {
  const ending = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  return Object.hasOwn(ENDINGS, ending) ? ENDINGS[ending] : undefined;
}
