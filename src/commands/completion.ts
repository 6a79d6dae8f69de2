import type { Command } from "commander";
import { EXIT, UserError } from "../errors.ts";
import { KINDS, type Kind, shippedNames } from "../io/shipped.ts";
import type { Io } from "../io/terminal.ts";
import { type CommandWords, completionScript, SHELLS, type Shell } from "../report/text/completion.ts";
import { DATA_TYPES, NORM_KINDS } from "../schema/vocabulary.ts";
import { SCHEMA_NAMES } from "./schema.ts";

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

const VALUES: Record<string, (names: Record<Kind, string[]>) => readonly string[]> = {
  "--model": ({ model }) => model,
  "--hardware": ({ hardware }) => hardware,
  "--phase": () => ["prefill", "decode", "train"],
  "--pointwise": () => ["eager", "fused"],
  "--attention": () => ["flash", "materialized"],
  "--runtime": () => ["graph", "eager"],
  "--precision": () => DATA_TYPES,
  "--norm": () => NORM_KINDS,
};

function wordsOf(command: Command, names: Record<Kind, string[]>): CommandWords {
  const name = command.name();
  return {
    name,
    description: command.description(),
    words: ARGUMENTS[name]?.(names) ?? [],
    flags: command.options.map(({ long, description, argChoices }) => ({
      name: long ?? "",
      description,
      values: argChoices ?? VALUES[long ?? ""]?.(names) ?? [],
    })),
  };
}
