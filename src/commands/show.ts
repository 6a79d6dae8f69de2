import { EXIT, UserError } from "../errors.ts";
import { isPath, readDocument } from "../io/document.ts";
import { readOrThrow } from "../io/load.ts";
import { KINDS, type Kind, shippedNames, shippedPath } from "../io/shipped.ts";
import type { Io } from "../io/terminal.ts";
import { suggestion } from "../nearest.ts";
import { json } from "../report/json.ts";
import { kindOf } from "./check.ts";
import { loadCases, type WhatIfOptions } from "./scenarios.ts";

/** `show`: a shipped or own file as JSON; a scenario also resolved, with flags applied. */
export async function show(
  name: string,
  { resolved, ...options }: WhatIfOptions & { readonly resolved?: boolean },
  io: Io,
): Promise<number> {
  const changed = Object.keys(options).length > 0;
  if (name === "-" || resolved || changed) return showResolved(name, options, io);
  const document = readDocument(shownKind(name), name, ".");
  const kind = isPath(name) ? kindOf(document.data) : shownKind(name);
  if (kind === undefined || kind === "result")
    throw new UserError(`${document.label} is no scenario, model or hardware profile`);
  await readOrThrow(kind, document);
  io.stdout(json([document.data], false));
  return EXIT.ok;
}

async function showResolved(name: string, options: WhatIfOptions, io: Io): Promise<number> {
  if (!isPath(name) && name !== "-" && shownKind(name) !== "scenario")
    throw new UserError(`${name} is a ${shownKind(name)}: only scenarios are resolved`);
  const { cases } = await loadCases([name], options, io);
  for (const { notes } of cases) for (const note of notes) io.stderr(`note: ${note}\n`);
  const scenarios = cases.map(({ scenario }) => scenario);
  io.stdout(json(scenarios, scenarios.length > 1));
  return EXIT.ok;
}

function shownKind(name: string): Kind {
  if (isPath(name)) return "scenario";
  const kind = (["scenario", "model", "hardware"] as const).find(
    (one) => shippedPath(one, name) !== undefined,
  );
  if (kind !== undefined) return kind;
  const hint = suggestion(name, KINDS.flatMap(shippedNames));
  throw new UserError(
    `no scenario, model or hardware profile named ${JSON.stringify(name)} (${hint && `${hint} `}run \`norm-roofline list\`)`,
  );
}
