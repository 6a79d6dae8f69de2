import { casesOf } from "../ask/cases.ts";
import type { WhatIfOptions } from "../ask/command-line/given.ts";
import { loadSpaces, TABLE } from "../ask/command-line/load-spaces.ts";
import { EXIT, UserError } from "../errors.ts";
import { isConfig } from "../hugging-face/is-config.ts";
import {
  type Document,
  isPath,
  onlyDocument,
  readDocument,
  readDocuments,
  shippedSuggestion,
} from "../io/document.ts";
import { LARGEST_INPUT_BYTES } from "../io/files.ts";
import { kindOf } from "../io/kind-of.ts";
import { readOrThrow } from "../io/load.ts";
import { noteAll, noteImport } from "../io/notes.ts";
import { KINDS, type Kind, shippedPath } from "../io/shipped.ts";
import type { Io } from "../io/terminal.ts";
import type { SchemaKind } from "../io/validate.ts";
import { json } from "../report/text/json.ts";

/** `show`: a shipped or own file as JSON, a config.json as a model; a scenario also resolved, with flags applied. */
export async function show(
  name: string,
  { resolved, ...options }: WhatIfOptions & { readonly resolved?: boolean },
  io: Io,
): Promise<number> {
  const changed = Object.keys(options).length > 0;
  if (resolved || changed) return showResolved(name, options, io);
  if (name === "-") return showInput(io);
  const document = readDocument(isPath(name) ? "model" : shownKind(name), name, ".", io.environment);
  return showDocument(document, isPath(name) ? kindOf(document.data) : shownKind(name), io);
}

/** Standard input may hold scenarios, which are resolved, or one model. */
async function showInput(io: Io): Promise<number> {
  const bytes = await io.stdin(LARGEST_INPUT_BYTES);
  const again: Io = { ...io, stdin: async () => bytes };
  const documents = await readDocuments("model", "-", again);
  if (kindOf(documents[0]?.data) !== "model") return showResolved("-", {}, again);
  return showDocument(onlyDocument(documents, "standard input"), "model", io);
}

async function showDocument(document: Document, kind: SchemaKind | undefined, io: Io): Promise<number> {
  if (kind === undefined || kind === "result")
    throw new UserError(`${document.label} is no scenario, model, hardware profile or stack`);
  const loaded = await readOrThrow(kind, document);
  noteImport(loaded, io);
  io.stdout(json([isConfig(document.data) ? loaded.value : document.data], false));
  return EXIT.ok;
}

async function showResolved(name: string, options: WhatIfOptions, io: Io): Promise<number> {
  if (!isPath(name) && name !== "-" && shownKind(name) !== "scenario")
    throw new UserError(`${name} is a ${SHOWN[shownKind(name)]}: flags and --resolved are for scenarios`);
  const cases = (await loadSpaces([name], options, TABLE, io)).flatMap(casesOf);
  noteAll(
    cases.flatMap(({ notes }) => notes),
    io,
  );
  const scenarios = cases.map(({ scenario }) => scenario);
  io.stdout(json(scenarios, scenarios.length > 1));
  return EXIT.ok;
}

const SHOWN = { scenario: "scenario", model: "model", hardware: "hardware profile", stack: "stack" } as const;

function shownKind(name: string): Kind {
  if (isPath(name)) return "scenario";
  const kind = (["scenario", "model", "hardware", "stack"] as const).find(
    (one) => shippedPath(one, name) !== undefined,
  );
  if (kind !== undefined) return kind;
  const hint = shippedSuggestion(name, KINDS);
  throw new UserError(
    `no scenario, model, hardware profile or stack named ${JSON.stringify(name)} (${hint && `${hint} `}run \`norm-roofline list\`)`,
  );
}
