import type { Command } from "commander";
import { WHAT_IF_FLAGS } from "../ask/flags.ts";
import { EXIT, UserError } from "../errors.ts";
import { KINDS, type Kind, SCHEMA_NAMES, shippedNames } from "../io/shipped.ts";
import type { Io } from "../io/terminal.ts";
import { type CommandWords, completionScript, SHELLS, type Shell } from "../report/text/completion.ts";

/** `completion`: what can be typed, as a script for a shell. */
export async function completion(shell: string, program: Command, io: Io): Promise<number> {
  if (!(SHELLS as readonly string[]).includes(shell))
    throw new UserError(`no completion for ${JSON.stringify(shell)}: expected ${SHELLS.join(", ")}`);
  const names = Object.fromEntries(KINDS.map((kind) => [kind, shippedNames(kind)])) as Record<Kind, string[]>;
  io.stdout(
    completionScript(
      shell as Shell,
      program.commands.map((command) => wordsOf(command, names)),
    ),
  );
  return EXIT.ok;
}

const ARGUMENTS: Record<string, (names: Record<Kind, string[]>) => readonly string[]> = {
  run: ({ scenario }) => scenario,
  report: ({ scenario }) => scenario,
  compare: ({ scenario }) => scenario,
  claims: ({ scenario }) => scenario,
  sweep: ({ scenario }) => scenario,
  solve: ({ scenario }) => scenario,
  explain: ({ scenario }) => scenario,
  sensitivity: ({ scenario }) => scenario,
  accuracy: ({ hardware }) => hardware,
  show: ({ scenario, model, hardware }) => [...scenario, ...model, ...hardware],
  list: () => ["models", "hardware", "scenarios", "norms"],
  schema: () => SCHEMA_NAMES,
  completion: () => SHELLS,
};

const SHIPPED: Record<string, (names: Record<Kind, string[]>) => readonly string[]> = {
  "--model": ({ model }) => model,
  "--hardware": ({ hardware }) => hardware,
};

/** What a what-if flag takes, where that is a list. */
const knownWords = (option: string): readonly string[] =>
  WHAT_IF_FLAGS.find(({ name }) => `--${name}` === option)?.known ?? [];

function wordsOf(command: Command, names: Record<Kind, string[]>): CommandWords {
  const name = command.name();
  return {
    name,
    description: command.description(),
    words: ARGUMENTS[name]?.(names) ?? [],
    flags: command.options.map(({ long, description, argChoices }) => ({
      name: long ?? "",
      description,
      values: argChoices ?? SHIPPED[long ?? ""]?.(names) ?? knownWords(long ?? ""),
    })),
  };
}
