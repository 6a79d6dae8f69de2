import { VERSION } from "./version.ts";

/** The commands in the order of the help. */
export const COMMANDS = {
  run: "report of a scenario: operators, normalization's share, what RMSNorm saves",
  report: "an interactive page: roofline, tables, controls that recompute live",
  compare: "scenarios, or one scenario on several GPUs, side by side",
  claims: "each claim of the article: its value here, a verdict, and where it would hold",
  sweep: "a grid over any parameters, streamed as CSV or JSON Lines, in parts if you like",
  solve: "where a field of the result reaches a value: normalization 25% of the time, say",
  explain: "every figure of an operator: formula, values put in, and where they come from",
  sensitivity: "what 10% more of each parameter does to normalization's share and the saving",
  accuracy: "predicted against measured, for a profile and its measurements",
  trace: "a profile of a real run: normalization's share in it, and what better kernels save",
  calibrate: "measurements of a GPU become a hardware profile",
  list: "what there is: models, hardware, scenarios, norms",
  show: "a scenario, a model or a hardware profile as JSON",
  schema: "the JSON Schema of a file or of the result",
  check: "are these files valid? (scenarios, models, profiles, results)",
  completion: "a script that completes commands, flags and names in a shell",
} as const;

export type CommandName = keyof typeof COMMANDS;

const EXAMPLES = [
  "run",
  "run --hidden 4096 --batch 8 --hardware a100-sxm-80gb",
  "run --norm layernorm:eager,rmsnorm:eager,rmsnorm:fused",
  "compare llama-3-70b-prefill-h100 llama-3-70b-decode-h100",
  "list",
];

const lines = Object.entries(COMMANDS).map(([name, does]) => `  ${name.padEnd(12)}${does}`);

/** Written here, not by commander: whoever asks for help should not wait for what it does not need. */
export const HELP = `Usage: norm-roofline <command> [options]

How much of a transformer layer's runtime does normalization take on this GPU,
with these kernels, and what would RMSNorm save?

Commands:
${lines.join("\n")}
  ${"help".padEnd(12)}norm-roofline help <command>: its options and examples

Options:
  -v, --version  print the version
  -h, --help     print this help
${examples(EXAMPLES)}
`;

export function examples(commands: readonly string[]): string {
  return `\nExamples:\n${commands.map((line) => `  norm-roofline ${line}`).join("\n")}`;
}

/** What is answered at once: the program's help or version; nothing where a command is named. */
export function quickAnswer(argv: readonly string[]): string | undefined {
  const [first = "--help", second] = argv;
  if (second !== undefined) return undefined;
  if (first === "-h" || first === "--help" || first === "help") return HELP;
  return first === "-v" || first === "--version" ? `${VERSION}\n` : undefined;
}
