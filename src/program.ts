import { Command, CommanderError, Option } from "commander";
import { WHAT_IF_FLAGS } from "./ask/flags.ts";
import { run } from "./commands/run.ts";
import { EXIT, UserError } from "./errors.ts";
import { COMMANDS, type CommandName, examples, HELP } from "./help.ts";
import { type Io, sayAll } from "./io/terminal.ts";
import { DRAWN_FORMATS, FORMATS, PAGE_FORMATS } from "./report/text/formats.ts";
import { VERSION } from "./version.ts";

/** Declares the commands and runs the one that the command line names. */
export async function runProgram(argv: readonly string[], io: Io): Promise<number> {
  let code: number = EXIT.ok;
  const program = declareAll(argv, io, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // commander has printed its own message already
    return error.exitCode === 0 ? EXIT.ok : EXIT.badInput;
  }
}

type Done = (code: number) => void;

type Declare = (command: Command, program: Command, io: Io, done: Done) => void;

/** The commands with their flags and arguments; `done` hears the exit code of the one that ran. */
export function declareAll(argv: readonly string[], io: Io, done: Done): Command {
  const program = new Command("norm-roofline")
    .version(VERSION, "-v, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .configureOutput(commanderOutput(io))
    .exitOverride();
  program.helpInformation = () => HELP;
  // a command's flags are only set up where they may be asked for
  const named = (name: string): boolean => argv.includes(name) || argv.includes("completion");
  for (const name of Object.keys(COMMANDS) as CommandName[]) {
    const command = program.command(name).description(COMMANDS[name]);
    if (!named(name)) continue;
    DECLARATIONS[name](command, program, io, done);
    command.options.forEach(takesOneValue);
  }
  return program;
}

/** Everything that commander would else ask `process` for. */
const commanderOutput = (io: Io) => ({
  writeOut: io.stdout,
  writeErr: (text: string) => sayAll(io, text.trimEnd().split("\n")),
  getOutHelpWidth: () => Math.min(io.columns, WIDEST_HELP),
  getErrHelpWidth: () => Math.min(io.columns, WIDEST_HELP),
  getOutHasColors: () => io.color,
  getErrHasColors: () => io.color,
});

const WIDEST_HELP = 110;

const DECLARATIONS: Record<CommandName, Declare> = {
  run: declareRun,
  report: declareReport,
  compare: declareCompare,
  claims: declareClaims,
  sweep: declareSweep,
  solve: declareSolve,
  explain: declareExplain,
  sensitivity: declareSensitivity,
  accuracy: declareAccuracy,
  trace: declareTrace,
  calibrate: declareCalibrate,
  list: declareList,
  show: declareShow,
  schema: declareSchema,
  check: declareCheck,
  completion: declareCompletion,
};

function declareRun(command: Command, _: Command, io: Io, done: Done): void {
  command.argument(
    "[scenario...]",
    "names, paths, or - for standard input (default: llama-3-70b-prefill-h100)",
  );
  whatIf(outputs(command, DRAWN_FORMATS))
    .option("--chart", "draw the roofline and the alternatives in the terminal")
    .option("--fail-if <condition>", "exit 1 where it holds, such as normalization.shareOfTime>0.1", collect)
    .addHelpText(
      "after",
      examples([
        "run",
        "run normalization-paradox",
        "run --chart",
        "run llama-3-70b-decode-h100 -o roofline.svg",
        "run my-scenario.json --json",
        "run --phase decode --batch 1-64*4 --context 4096",
        "run --hidden 1024,4096,8192 -o hidden.csv",
        "run --hardware h100-sxm,a100-sxm-80gb --set precision.kvCache=fp16",
        "run - < scenarios.jsonl --format jsonl",
        "run --model ./config.json --phase decode",
      ]),
    )
    .action(async (scenarios, options) => done(await run(scenarios, options, io)));
}

function declareReport(command: Command, _: Command, io: Io, done: Done): void {
  command
    .argument("[scenario...]", "names, paths, or - for standard input (default: llama-3-70b-prefill-h100)")
    .addOption(new Option("-f, --format <format>", "format of the output").choices(PAGE_FORMATS))
    .option(
      "-o, --output <file>",
      "write to a file, such as report.html (default: standard output)",
      collect,
    );
  whatIf(command)
    .addHelpText(
      "after",
      examples([
        "report -o report.html",
        "report llama-3-70b-prefill-h100 llama-3-70b-decode-h100 -o report.html",
        "report my-scenario.json --norm layernorm:eager > report.html",
      ]),
    )
    .action(async (scenarios, options) =>
      done(await (await import("./commands/report.ts")).report(scenarios, options, io)),
    );
}

function declareCompare(command: Command, _: Command, io: Io, done: Done): void {
  command.argument(
    "[scenario...]",
    "names, paths, or - for standard input (default: llama-3-70b-prefill-h100)",
  );
  whatIf(outputs(command, DRAWN_FORMATS))
    .addHelpText(
      "after",
      examples([
        "compare llama-3-70b-prefill-h100 llama-3-70b-decode-h100",
        "compare --hardware h100-sxm,h200-sxm,a100-sxm-80gb",
        "compare llama-3-70b-decode-h100 --norm layernorm,rmsnorm --format md",
        "compare --hardware h100-sxm,h200-sxm,a100-sxm-80gb -o compare.svg",
      ]),
    )
    .action(async (scenarios, options) =>
      done(await (await import("./commands/compare.ts")).compare(scenarios, options, io)),
    );
}

function declareClaims(command: Command, _: Command, io: Io, done: Done): void {
  command
    .argument("[scenario]", "a name, a path, or - for standard input (default: llama-3-70b-prefill-h100)")
    .option("--fail-if <condition>", "exit 1 where it holds, such as normalization.shareOfTime>0.1", collect);
  whatIf(outputs(command))
    .addHelpText(
      "after",
      examples([
        "claims",
        "claims bert-large-train-v100",
        "claims llama-3-70b-decode-h100 --norm layernorm:eager --json",
        "claims --model llama-3-8b --fail-if normalization.shareOfTime>5%",
      ]),
    )
    .action(async (scenario, options) =>
      done(await (await import("./commands/claims.ts")).claims(scenario, options, io)),
    );
}

function declareSweep(command: Command, program: Command, io: Io, done: Done): void {
  command
    .argument("[scenario]", "a name, a path, or - for standard input (default: llama-3-70b-prefill-h100)")
    .option(
      "--axis <path=values>",
      "values of any other field, such as hardware.hbmBytesPerSecond=2e12,4e12",
      collect,
    )
    .option(
      "--columns <fields>",
      "fields of the result, separated by commas (default: layer time, norm shares, savings)",
    )
    .option("--shard <k/n>", "only part k of n: the outputs of all parts, one after the other, are the whole")
    .option("--resume", "go on behind the last whole line of the output file of this very sweep")
    .option("--jobs <n>", "threads (default: one a processor, where it pays)");
  whatIf(outputs(command, DRAWN_FORMATS))
    .addHelpText(
      "after",
      examples([
        "sweep --hidden 1024-16384*2 --batch 1,8,64",
        "sweep llama-3-70b-decode-h100 --batch 1-256 --context 1024-131072+1024 -o grid.csv",
        "sweep --model llama-3-8b,llama-3-70b --norm layernorm:native,rmsnorm:eager --columns layer.seconds,normalization.shareOfTime",
        "sweep --axis hardware.hbmBytesPerSecond=1e12-8e12+1e12 --hidden 8192 --columns normalization.shareOfTime",
        "sweep --batch 1-1000 --sequence 1-1000 --shard 3/8 -o part-3.csv",
        "sweep --hidden 1024-16384*2 --norm :eager,:native --columns normalization.shareOfTime -o share.svg",
      ]),
    )
    .action(async (scenario, options) =>
      done(await (await import("./commands/sweep.ts")).sweep(scenario, options, argvOf(program), io)),
    );
}

function declareSolve(command: Command, _: Command, io: Io, done: Done): void {
  command
    .argument("[scenario]", "a name, a path, or - for standard input (default: llama-3-70b-prefill-h100)")
    .option("--target <field=value>", "a field of the result and the value it should reach")
    .option("--vary <parameter>", "what moves: a flag's name such as hidden, or a path into the scenario")
    .option("--range <from-to>", "where to look, such as 512-65536 or 512-65536+128");
  whatIf(outputs(command))
    .addHelpText(
      "after",
      examples([
        "solve --target normalization.shareOfTime=25% --vary hidden --norm layernorm:eager",
        "solve llama-3-70b-decode-h100 --target rmsnormSavesShareOfTime=1% --vary batch",
        "solve --target operators.attention.shareOfTime=0.5 --vary sequence",
        "solve --target layer.seconds=0.01 --vary hardware.hbmBytesPerSecond --range 1e12-1e13",
      ]),
    )
    .action(async (scenario, options) =>
      done(await (await import("./commands/solve.ts")).solve(scenario, options, io)),
    );
}

function declareExplain(command: Command, _: Command, io: Io, done: Done): void {
  command.argument(
    "[scenario-and-operator...]",
    "a scenario, an operator of its layer, or both (default: all of llama-3-70b-prefill-h100)",
  );
  whatIf(outputs(command))
    .addHelpText(
      "after",
      examples([
        "explain ffn-norm",
        "explain llama-3-70b-decode-h100 attention",
        "explain gate-up-projection --hardware h200-sxm --batch 4",
        "explain --norm rmsnorm:eager --json",
      ]),
    )
    .action(async (words, options) =>
      done(await (await import("./commands/explain.ts")).explain(words, options, io)),
    );
}

function declareSensitivity(command: Command, _: Command, io: Io, done: Done): void {
  command.argument(
    "[scenario]",
    "a name, a path, or - for standard input (default: llama-3-70b-prefill-h100)",
  );
  whatIf(outputs(command))
    .addHelpText(
      "after",
      examples([
        "sensitivity",
        "sensitivity llama-3-70b-decode-h100 --batch 64",
        "sensitivity bert-large-train-v100 --format csv",
      ]),
    )
    .action(async (scenario, options) =>
      done(await (await import("./commands/sensitivity.ts")).sensitivity(scenario, options, io)),
    );
}

function declareAccuracy(command: Command, _: Command, io: Io, done: Done): void {
  command
    .argument("[profile]", "a hardware profile: a name or a path (default: h100-sxm)")
    .option("--against <file>", "measurements to compare with, instead of the profile's own", collect)
    .option(
      "--max-error <share>",
      "exit 1 where layers in graphs and training steps that were not fitted miss by more than this in the median",
    );
  outputs(command)
    .addHelpText(
      "after",
      examples([
        "accuracy",
        "accuracy h200-sxm --max-error 0.08",
        "accuracy my-gpu.json --against my-gpu.jsonl --format csv",
      ]),
    )
    .action(async (profile, options) =>
      done(await (await import("./commands/accuracy.ts")).accuracy(profile, options, io)),
    );
}

function declareTrace(command: Command, _: Command, io: Io, done: Done): void {
  command
    .argument(
      "<file...>",
      "traces of torch.profiler (.json, .json.gz), one a rank or several runs; CSV of Nsight Systems or Nsight Compute",
    )
    .option(
      "--hardware <name>",
      "the profile of the GPU that ran, where the trace does not name one with a profile",
    )
    .option("--scenario <file>", "write the scenario that ran, as far as shapes tell it: run takes it");
  outputs(command)
    .addHelpText(
      "after",
      examples([
        "trace trace.json.gz",
        "trace rank0.json.gz rank1.json.gz --format md",
        "trace trace.json --hardware h100-sxm --json",
        "trace trace.json.gz --scenario ran.json",
        "trace cuda_gpu_trace.csv -o norms.csv",
      ]),
    )
    .action(async (files, options) =>
      done(await (await import("./commands/trace.ts")).trace(files, options, io)),
    );
}

function declareCalibrate(command: Command, _: Command, io: Io, done: Done): void {
  command
    .argument("<measurements...>", "JSON Lines, as tools/measure_gpu.py writes them")
    .requiredOption(
      "--base <profile>",
      "the profile to start from: its datasheet, and its calibration if it has one",
    )
    .option(
      "--name <text>",
      "name of the new profile (default: the base's, whose GPU was measured); without a profile yet: a name, and the nearest as --base",
    )
    .option("--scratch", "start from nominal values instead of the base's calibration")
    .option("-o, --output <file>", "write the profile to a file (default: standard output)", collect)
    .addHelpText(
      "after",
      examples([
        "calibrate my-gpu.jsonl --base h100-sxm --name 'Our H100' -o our-h100.json",
        "calibrate my-gpu.jsonl --base rtx-4090 -o rtx-4090-calibrated.json",
      ]),
    )
    .action(async (measurements, options) =>
      done(await (await import("./commands/calibrate.ts")).calibrate(measurements, options, io)),
    );
}

function declareList(command: Command, _: Command, io: Io, done: Done): void {
  command.argument("[kind]", "models, hardware, scenarios or norms");
  outputs(command)
    .addHelpText("after", examples(["list", "list hardware", "list models --format csv"]))
    .action(async (kind, options) =>
      done(await (await import("./commands/list.ts")).list(kind, options, io)),
    );
}

function declareShow(command: Command, _: Command, io: Io, done: Done): void {
  command
    .argument(
      "<name>",
      "a name, a path (a Hugging Face config.json too), org/name from the local Hugging Face cache, or - for standard input",
    )
    .option("--resolved", "a scenario with model and hardware in full and every default filled in");
  whatIf(command)
    .addHelpText(
      "after",
      examples([
        "show h100-sxm",
        "show llama-3-70b-prefill-h100 --resolved",
        "show llama-3-70b-prefill-h100 --hidden 4096 > mine.json",
        "show mistralai/Mistral-7B-v0.1 > my-model.json",
      ]),
    )
    .action(async (name, options) =>
      done(await (await import("./commands/show.ts")).show(name, options, io)),
    );
}

function declareSchema(command: Command, _: Command, io: Io, done: Done): void {
  command
    .argument(
      "[name]",
      "scenario, model, hardware, result, claims, explanation, sensitivity, solution, accuracy, trace, rows; without it, the names",
    )
    .addHelpText("after", examples(["schema", "schema scenario > scenario.schema.json"]))
    .action(async (name) => done(await (await import("./commands/schema.ts")).schema(name, io)));
}

function declareCheck(command: Command, _: Command, io: Io, done: Done): void {
  command
    .argument("<file...>", "paths, or - for standard input")
    .addHelpText("after", examples(["check my-scenario.json", "check hardware-profiles/*.json"]))
    .action(async (files) => done(await (await import("./commands/check.ts")).check(files, io)));
}

function declareCompletion(command: Command, program: Command, io: Io, done: Done): void {
  command
    .argument("<shell>", "bash, zsh or fish")
    .addHelpText("after", examples(["completion bash > /etc/bash_completion.d/norm-roofline"]))
    .action(async (shell) =>
      done(await (await import("./commands/completion.ts")).completion(shell, program, io)),
    );
}

function outputs(command: Command, formats: readonly string[] = FORMATS): Command {
  return command
    .addOption(new Option("-f, --format <format>", "format of the output").choices(formats))
    .option("--json", "the same as --format json")
    .option(
      "-o, --output <file>",
      "write to a file, or - for standard output; the format from its ending; given twice, two files",
      collect,
    );
}

function whatIf(command: Command): Command {
  for (const { name, kind, value, help } of WHAT_IF_FLAGS)
    command.option(kind === "switch" ? `--${name}` : `--${name} <${value}>`, help);
  return command
    .option("--set <path=value>", "any field of the scenario, such as precision.weights=fp16", collect)
    .addHelpText(
      "after",
      "\nA flag wins over the file. Numbers may be lists (1,2,8) and ranges\n(512-2048+512, 1-64*2), names lists: then there is one row for each of their\ncombinations.",
    );
}

/** Of two values of a flag that takes one, the last would win without a word. */
function takesOneValue(option: Option): void {
  const parse = option.parseArg;
  if (!option.required || parse === collect) return;
  option.argParser((value, before) => {
    if (before !== undefined)
      throw new UserError(`${option.long} is given twice: ${String(before)} and ${value}`, ["leave one out"]);
    return parse?.(value, before) ?? value;
  });
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** The command line as typed: commander keeps the values of options, but not their order. */
const argvOf = (program: Command): readonly string[] =>
  (program as unknown as { readonly rawArgs: readonly string[] }).rawArgs;
