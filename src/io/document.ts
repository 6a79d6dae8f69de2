import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../errors.ts";
import { nameSuggestion } from "../nearest-name.ts";
import { BASES, basisOf } from "../schema/basis.ts";
import type { Hardware } from "../schema/hardware.ts";
import { decodeText, LARGEST_INPUT_BYTES, readText, whatIsAt } from "./files.ts";
import { cachedConfig, isHubName } from "./hub-cache.ts";
import { parseJson } from "./json.ts";
import { FOLDERS, type Kind, LIST_WORDS, shippedNames, shippedPath } from "./shipped.ts";
import type { Environment, Io } from "./terminal.ts";
import { isTrusted } from "./trusted.ts";

/** One JSON value that somebody wrote, and where: relative paths in it start from `folder`. */
export interface Document {
  readonly label: string;
  readonly folder: string;
  /** the file that it was read from */
  readonly path: string;
  readonly data: unknown;
  /** what to call a model that does not say its name, and where it is from */
  readonly origin: { readonly name: string; readonly source: string };
  /** validated when this program was built, and not changed since */
  readonly trusted: boolean;
}

/** A reference with a slash or a .json ending is a path, anything else a name. */
export const isPath = (reference: string): boolean => /[\\/]|\.jsonl?$/i.test(reference);

/** Where the system has it: a file that a shell hands in is one that is read. */
const STANDARD_INPUT = "/dev/stdin";

/** The documents of a name, a path or `-`: one, or one a line in JSON Lines. */
export async function readDocuments(kind: Kind, reference: string, io: Io): Promise<Document[]> {
  if (reference !== "-") return readReference(kind, reference, ".", io.environment);
  const label = "standard input";
  const text = decodeText(await io.stdin(LARGEST_INPUT_BYTES), label);
  return parseDocuments(text, {
    label,
    folder: ".",
    path: STANDARD_INPUT,
    origin: { name: "model", source: label },
  });
}

/** The one document of a name or a path relative to `folder`. */
export function readDocument(
  kind: Kind,
  reference: string,
  folder: string,
  environment?: Environment,
): Document {
  return onlyDocument(readReference(kind, reference, folder, environment), reference);
}

/**
 * What a scenario file refers to, relative to its folder: files come from others, so that theirs lead to regular files
 * of this machine only. The command line may name a pipe, a device, a share or standard input as well.
 */
export function readReferred(
  kind: Kind,
  reference: string,
  folder: string,
  environment?: Environment,
): Document {
  if (isPath(reference)) {
    if (/^[\\/]{2}/.test(reference))
      throw new UserError(`${reference} is on another machine: only --${kind} may name it, not a file`);
    const path = resolve(folder, reference);
    for (const one of [path, join(path, CONFIG)])
      if (isSpecial(one)) throw new UserError(`${reference} is no regular file: only --${kind} may name it`);
  }
  return readDocument(kind, reference, folder, environment);
}

/** Neither a file nor a folder: a pipe or a device, which may keep its reader waiting for ever. */
function isSpecial(path: string): boolean {
  const found = whatIsAt(path);
  return found !== undefined && !found.isFile() && !found.isDirectory();
}

export function onlyDocument([document, second]: readonly Document[], label: string): Document {
  if (second) throw new UserError(`${label} holds more than one JSON value`);
  return document!;
}

function readReference(
  kind: Kind,
  reference: string,
  folder: string,
  environment: Environment = {},
): Document[] {
  if (isPath(reference)) {
    const path = resolve(folder, reference);
    if (kind === "model" && whatIsAt(path) === undefined && isHubName(reference))
      return readCached(reference, environment);
    return kind === "model" && hasConfig(path)
      ? readPath(join(path, CONFIG), join(reference, CONFIG))
      : readPath(path, reference);
  }
  const path = shippedPath(kind, reference);
  if (path === undefined) throw new UserError(unknownName(kind, reference));
  return readShipped(kind, reference, path);
}

const readPath = (path: string, label: string, origin = originOf(path, label)): Document[] =>
  parseDocuments(readText(path, label), { label, folder: dirname(path), path, origin });

const CONFIG = "config.json";

/** A model's folder stands for the config.json in it. */
const hasConfig = (path: string): boolean =>
  whatIsAt(path)?.isDirectory() === true && whatIsAt(join(path, CONFIG)) !== undefined;

/** A file named config.json is called by its folder. */
function originOf(path: string, label: string): Document["origin"] {
  const file = basename(path).replace(/\.json$/i, "");
  const name = file === "config" ? basename(dirname(path)) : file;
  return { name: name || "model", source: label.slice(-1000) };
}

function readCached(name: string, environment: Environment): Document[] {
  const { path, commit, problem } = cachedConfig(name, environment);
  if (path === undefined)
    throw new UserError(`no model ${JSON.stringify(name)}`, [
      `./${name}: no such file`,
      problem,
      `nothing is fetched from the network: \`hf download ${name} config.json\` puts it into that cache`,
    ]);
  return readPath(path, name, { name, source: `config.json of ${name} on Hugging Face, commit ${commit}` });
}

function readShipped(kind: Kind, name: string, path: string): Document[] {
  const label = `${FOLDERS[kind]}/${name}.json`;
  const text = readText(path, label);
  const place = { label, folder: dirname(path), path, origin: { name, source: label } };
  if (isTrusted(label, text)) return [{ ...place, data: JSON.parse(text), trusted: true }];
  return parseDocuments(text, place);
}

type Place = Pick<Document, "label" | "folder" | "path" | "origin">;

function parseDocuments(text: string, place: Place): Document[] {
  const { label } = place;
  const { values, problem } = parseJson(text);
  if (problem !== undefined) throw new UserError(`${label} ${problem}`);
  return values!.map((data, index) => ({
    ...place,
    label: values!.length > 1 ? `${label}, value ${index + 1}` : label,
    data,
    trusted: false,
  }));
}

const NOUNS = { model: "model", hardware: "profile", scenario: "scenario", stack: "stack" } as const;

/** `did you mean "h100-sxm" or "h100-pcie"?` */
export function shippedSuggestion(name: string, kinds: readonly Kind[]): string {
  const known = kinds.flatMap((kind) => (kind === "hardware" ? profilesByTrust() : shippedNames(kind)));
  return nameSuggestion(name, known);
}

/** Profiles that rest on measurements before those that rest on less; of one basis the card with the least memory first. */
function profilesByTrust(): string[] {
  const found = shippedNames("hardware").map((name) => {
    const hardware = readDocument("hardware", name, ".").data as Pick<Hardware, "calibration" | "hbmBytes">;
    return { name, place: BASES.indexOf(basisOf(hardware)), bytes: hardware.hbmBytes };
  });
  return found.sort((a, b) => a.place - b.place || a.bytes - b.bytes).map(({ name }) => name);
}

/** `no profile named "h100" (did you mean "h100-sxm" or "h100-pcie"? run ...)` */
function unknownName(kind: Kind, name: string): string {
  const other = (["model", "hardware"] as const).find((one) => shippedNames(one).includes(name));
  if (kind === "scenario" && other !== undefined)
    return `no scenario named ${JSON.stringify(name)}: that is a ${NOUNS[other]}, --${other} ${name}`;
  const hint = shippedSuggestion(name, [kind]);
  const advice = `${hint && `${hint} `}run \`norm-roofline list ${LIST_WORDS[kind]}\``;
  return `no ${NOUNS[kind]} named ${JSON.stringify(name)} (${advice})`;
}
