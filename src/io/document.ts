import { dirname, resolve } from "node:path";
import { UserError } from "../errors.ts";
import { suggestion } from "../nearest.ts";
import { decodeText, LARGEST_INPUT_BYTES, readText } from "./files.ts";
import { parseJson } from "./json.ts";
import { FOLDERS, type Kind, LIST_WORDS, shippedNames, shippedPath } from "./shipped.ts";
import type { Io } from "./terminal.ts";
import { isTrusted } from "./trusted.ts";

/** One JSON value that somebody wrote, and where: relative paths in it start from `folder`. */
export interface Document {
  readonly label: string;
  readonly folder: string;
  readonly data: unknown;
  /** validated when this program was built, and not changed since */
  readonly trusted: boolean;
}

/** A reference with a slash or a .json ending is a path, anything else a name. */
export const isPath = (reference: string): boolean => /[\\/]|\.jsonl?$/i.test(reference);

/** The documents of a name, a path or `-`: one, or one a line in JSON Lines. */
export async function readDocuments(kind: Kind, reference: string, io: Io): Promise<Document[]> {
  if (reference !== "-") return readReference(kind, reference, ".");
  const text = decodeText(await io.stdin(LARGEST_INPUT_BYTES), "standard input");
  return parseDocuments(text, "standard input", ".");
}

/** The one document of a name or a path relative to `folder`. */
export function readDocument(kind: Kind, reference: string, folder: string): Document {
  const [document, second] = readReference(kind, reference, folder);
  if (second) throw new UserError(`${reference} holds more than one JSON value`);
  return document!;
}

function readReference(kind: Kind, reference: string, folder: string): Document[] {
  if (isPath(reference)) {
    const path = resolve(folder, reference);
    return parseDocuments(readText(path, reference), reference, dirname(path));
  }
  const path = shippedPath(kind, reference);
  if (path === undefined) throw new UserError(unknownName(kind, reference));
  return readShipped(kind, reference, path);
}

function readShipped(kind: Kind, name: string, path: string): Document[] {
  const label = `${FOLDERS[kind]}/${name}.json`;
  const text = readText(path, label);
  if (isTrusted(label, text))
    return [{ label, folder: dirname(path), data: JSON.parse(text), trusted: true }];
  return parseDocuments(text, label, dirname(path));
}

function parseDocuments(text: string, label: string, folder: string): Document[] {
  const { values, problem } = parseJson(text);
  if (problem !== undefined) throw new UserError(`${label} is not valid JSON: ${problem}`);
  return values!.map((data, index) => ({
    label: values!.length > 1 ? `${label}, value ${index + 1}` : label,
    folder,
    data,
    trusted: false,
  }));
}

const NOUNS = { model: "model", hardware: "profile", scenario: "scenario" } as const;

/** `no profile named "h10-sxm" (did you mean "h100-sxm"? run ...)` */
function unknownName(kind: Kind, name: string): string {
  const hint = suggestion(name, shippedNames(kind));
  const advice = `${hint && `${hint} `}run \`norm-roofline list ${LIST_WORDS[kind]}\``;
  return `no ${NOUNS[kind]} named ${JSON.stringify(name)} (${advice})`;
}
