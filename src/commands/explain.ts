import type { WhatIfOptions } from "../ask/command-line/given.ts";
import { DEFAULT_SCENARIO, loadPoint } from "../ask/command-line/load-spaces.ts";
import { WHAT_IF_FLAGS } from "../ask/flags.ts";
import { scenarioAt } from "../ask/scenario-at.ts";
import type { Space } from "../ask/space.ts";
import { layerOperators } from "../engine/layer/layer.ts";
import { EXIT, UserError } from "../errors.ts";
import { shippedNames } from "../io/shipped.ts";
import type { Io } from "../io/terminal.ts";
import { suggestion } from "../nearest.ts";
import { type OutputOptions, output } from "../output.ts";
import { explainReport } from "../report/text/explain.ts";
import type { Scenario } from "../schema/scenario.ts";
import { explain as explainScenario } from "../study/explain/explain.ts";

/** `explain`: every figure of an operator with its formula, what was put in, and where that comes from. */
export async function explain(
  words: readonly string[],
  options: OutputOptions & WhatIfOptions,
  io: Io,
): Promise<number> {
  const { write } = output(options, io);
  const { reference, operator } = readWords(words);
  const space = await loadPoint(reference, options, "one scenario is explained at a time", io);
  const scenario = scenarioAt(space);
  checkOperator(operator, scenario);
  const readFrom = { ...space.files, changed: changedFields(space) };
  const explained = explainScenario(scenario, operator, readFrom);
  await write((format, look) => explainReport(explained, format, look));
  return EXIT.ok;
}

/** Fields that flags gave other values than the files; a model or profile that a flag names is its file's. */
function changedFields({ fixed, settings }: Space): string[] {
  const flags = WHAT_IF_FLAGS.filter(({ name }) => fixed[name] !== undefined).map(({ field }) => field);
  const set = settings.map(({ path }) => path.join("."));
  return [...flags.filter((field) => field !== "model" && field !== "hardware"), ...set];
}

interface Words {
  readonly reference: string;
  readonly operator: string | undefined;
}

/** One word that names no scenario and no file is an operator: `explain ffn-norm`. */
function readWords([first, second, ...rest]: readonly string[]): Words {
  if (rest.length > 0)
    throw new UserError(`explain takes a scenario and an operator, got ${rest.length + 2} words`);
  if (first !== undefined && second === undefined && !mayBeScenario(first))
    return { reference: DEFAULT_SCENARIO, operator: first };
  if (first !== undefined && second !== undefined && !mayBeScenario(first))
    throw new UserError(
      `${JSON.stringify(first)} is no scenario: explain takes a scenario and one operator, or one operator alone`,
    );
  return { reference: first ?? DEFAULT_SCENARIO, operator: second };
}

const mayBeScenario = (word: string): boolean =>
  word === "-" || /[./\\]/.test(word) || shippedNames("scenario").includes(word);

function checkOperator(operator: string | undefined, scenario: Scenario): void {
  const names = layerOperators(scenario).map(({ name }) => name);
  if (operator === undefined || names.includes(operator)) return;
  throw new UserError(
    `this layer has no operator ${JSON.stringify(operator)}, and no scenario has that name: ${suggestion(operator, [...names, ...shippedNames("scenario")]) || `its operators are ${names.join(", ")}`}`,
  );
}
