import { Command, CommanderError, Option } from "commander";
import { EXIT, UserError } from "./errors.ts";
import type { Io } from "./io/terminal.ts";
import { FORMATS } from "./report/formats.ts";
import { WHAT_IF_FLAGS } from "./study/flags.ts";
import { VERSION } from "./version.ts";

/** Runs one command line and returns its exit code. Each command's code is loaded when it is called. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let code: number = EXIT.ok;
  const program = declare(io, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    return explain(error, io);
  }
}

/** Known errors in a few lines; anything else is a bug and keeps its stack. */
function explain(error: unknown, io: Io): number {
  // commander has printed its own message already
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.badInput;
  if (!(error instanceof UserError)) throw error;
  const lines = [`error: ${error.message}`, ...error.problems.map((problem) => `  ${problem}`)];
  io.stderr(`${lines.map(visible).join("\n")}\n`);
  return EXIT.badInput;
}

/** What users gave us may hold characters that steer a terminal. */
const visible = (line: string): string => line.replace(/[\p{Cc}\p{Bidi_Control}]/gu, "?");

type Done = (code: number) => void;

function declare(io: Io, done: Done): Command {
  const program = new Command("norm-roofline")
    .description(
      "How much of a transformer layer's runtime does normalization take on this GPU, with these kernels,\nand what would RMSNorm save?",
    )
    .version(VERSION, "-v, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .configureHelp({ helpWidth: Math.min(io.columns, 110) })
    .configureOutput({ writeOut: io.stdout, writeErr: (text) => io.stderr(visibleLines(text)) })
    .exitOverride()
    .addHelpText(
      "after",
      examples([
        "run",
        "run --hidden 4096 --batch 8 --hardware a100-sxm-80gb",
        "run --norm layernorm:eager,rmsnorm:eager,rmsnorm:fused",
        "compare llama-3-70b-prefill-h100 llama-3-70b-decode-h100",
        "list",
      ]),
    );
  program.action(() => program.outputHelp());
  declareRun(program, io, done);
  declareCompare(program, io, done);
  declareList(program, io, done);
  declareShow(program, io, done);
  declareSchema(program, io, done);
  declareCheck(program, io, done);
  declareCompletion(program, io, done);
  return program;
}

const visibleLines = (text: string): string => text.split("\n").map(visible).join("\n");

const examples = (lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  norm-roofline ${line}`).join("\n")}`;

function declareRun(program: Command, io: Io, done: Done): void {
  const command = program
    .command("run")
    .description("report of a scenario: operators, normalization's share, what RMSNorm saves")
    .argument("[scenario...]", "names, paths, or - for standard input (default: llama-3-70b-prefill-h100)");
  whatIf(outputs(command))
    .option("--fail-if <condition>", "exit 1 where it holds, such as normalization.shareOfTime>0.1", collect)
    .addHelpText(
      "after",
      examples([
        "run",
        "run normalization-paradox",
        "run my-scenario.json --json",
        "run --phase decode --batch 1-64*4 --context 4096",
        "run --hidden 1024,4096,8192 -o hidden.csv",
        "run --hardware h100-sxm,a100-sxm-80gb --set precision.kvCache=fp16",
        "run - < scenarios.jsonl --format jsonl",
      ]),
    )
    .action(async (scenarios, options) =>
      done(await (await import("./commands/run.ts")).run(scenarios, options, io)),
    );
}

function declareCompare(program: Command, io: Io, done: Done): void {
  const command = program
    .command("compare")
    .description("scenarios, or one scenario on several GPUs, side by side")
    .argument("[scenario...]", "names, paths, or - for standard input (default: llama-3-70b-prefill-h100)");
  whatIf(outputs(command))
    .addHelpText(
      "after",
      examples([
        "compare llama-3-70b-prefill-h100 llama-3-70b-decode-h100",
        "compare --hardware h100-sxm,h200-sxm,a100-sxm-80gb",
        "compare llama-3-70b-decode-h100 --norm layernorm,rmsnorm --format md",
      ]),
    )
    .action(async (scenarios, options) =>
      done(await (await import("./commands/compare.ts")).compare(scenarios, options, io)),
    );
}

function declareList(program: Command, io: Io, done: Done): void {
  const command = program
    .command("list")
    .description("what there is: models, hardware, scenarios, norms")
    .argument("[kind]", "models, hardware, scenarios or norms");
  outputs(command)
    .addHelpText("after", examples(["list", "list hardware", "list models --format csv"]))
    .action(async (kind, options) =>
      done(await (await import("./commands/list.ts")).list(kind, options, io)),
    );
}

function declareShow(program: Command, io: Io, done: Done): void {
  const command = program
    .command("show")
    .description("a scenario, model or hardware profile as JSON")
    .argument("<name>", "a name, a path, or - for a scenario on standard input")
    .option("--resolved", "a scenario with model and hardware in full and every default filled in");
  whatIf(command)
    .addHelpText(
      "after",
      examples([
        "show h100-sxm",
        "show llama-3-70b-prefill-h100 --resolved",
        "show llama-3-70b-prefill-h100 --hidden 4096 > mine.json",
      ]),
    )
    .action(async (name, options) =>
      done(await (await import("./commands/show.ts")).show(name, options, io)),
    );
}

function declareSchema(program: Command, io: Io, done: Done): void {
  program
    .command("schema")
    .description("the JSON Schema of a file or of the result")
    .argument("[name]", "scenario, model, hardware or result; without it, the names")
    .addHelpText("after", examples(["schema", "schema scenario > scenario.schema.json"]))
    .action(async (name) => done(await (await import("./commands/schema.ts")).schema(name, io)));
}

function declareCheck(program: Command, io: Io, done: Done): void {
  program
    .command("check")
    .description("are these files valid? (scenarios, models, hardware profiles, results; by their fields)")
    .argument("<file...>", "paths, or - for standard input")
    .addHelpText("after", examples(["check my-scenario.json", "check hardware-profiles/*.json"]))
    .action(async (files) => done(await (await import("./commands/check.ts")).check(files, io)));
}

function declareCompletion(program: Command, io: Io, done: Done): void {
  program
    .command("completion")
    .description("a script that completes commands, flags and names")
    .argument("<shell>", "bash, zsh or fish")
    .addHelpText("after", examples(["completion bash > /etc/bash_completion.d/norm-roofline"]))
    .action(async (shell) =>
      done(await (await import("./commands/completion.ts")).completion(shell, program, io)),
    );
}

function outputs(command: Command): Command {
  return command
    .addOption(new Option("-f, --format <format>", "format of the output").choices(FORMATS))
    .option("--json", "the same as --format json")
    .option("-o, --output <file>", "write to a file; the format from its ending");
}

function whatIf(command: Command): Command {
  for (const { name, value, help } of WHAT_IF_FLAGS) command.option(`--${name} <${value}>`, help);
  return command
    .option("--sequence-parallel", "split norms and residuals over the GPUs too")
    .option("--set <path=value>", "any field of the scenario, such as precision.weights=fp16", collect)
    .addHelpText(
      "after",
      "\nA flag wins over the file. Numbers may be lists (1,2,8) and ranges (512-2048+512, 1-64*2), names lists:\nthen there is one row for each combination.",
    );
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
