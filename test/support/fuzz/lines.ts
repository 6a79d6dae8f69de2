import type { Command, Option } from "commander";
import fc from "fast-check";
import { declareAll } from "../../../src/program.ts";
import { encoded } from "./bytes.ts";
import { FILE, FOLDER, type Input } from "./input.ts";
import { oddNumber, oddWord } from "./odd.ts";
import { SCENARIOS } from "./shipped.ts";
import { textOf } from "./tree.ts";

/** Command lines of the program's own commands and flags, with the values of its own examples and with odd ones. */

const ignore = (): void => {};
const program: Command = declareAll(
  ["completion"],
  {
    stdout: ignore,
    stderr: ignore,
    stdin: async () => new Uint8Array(),
    columns: 80,
    color: false,
    unicode: true,
  },
  ignore,
);

/** What the help of a command shows as its examples. */
function examplesOf(command: Command): readonly string[][] {
  let help = "";
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
  });
  command.outputHelp();
  return [...help.matchAll(/^ {2}norm-roofline (.*)$/gm)].map(([, line]) => wordsOf(line!));
}

/** What a shell would pass on, redirections left out. */
const wordsOf = (line: string): string[] =>
  [...line.replace(/[<>].*?(?= --|$)/g, "").matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? "",
  );

const EXAMPLES = program.commands.flatMap(examplesOf);
const WORDS = [...new Set(EXAMPLES.flat())];

/** Values that follow a flag in some example. */
const valuesOf = ({ long, argChoices = [] }: Option): readonly string[] => [
  ...argChoices,
  ...EXAMPLES.flatMap((words) => words.filter((_, index) => words[index - 1] === long)),
];

const PATHS = [
  "workload.batch",
  "workload",
  "model",
  "model.layers",
  "model.experts.count",
  "model.layerKinds.0.layers",
  "hardware.calibration.matmul.peakFraction.value",
  "hardware.hbmBytesPerSecond",
  "normalization.passes",
  "parallelism.tensor",
  "a".repeat(300),
  "a.".repeat(20_000).concat("a"),
  "__proto__.polluted",
  "model.__proto__",
  "constructor.prototype.polluted",
  "model.toString",
  "..",
  "0",
  "layer.seconds",
  "operators.attention.shareOfTime",
];

const assignment = fc
  .tuple(
    fc.constantFrom(...PATHS),
    fc.constantFrom("=", "==", "", ">", "<=", " = "),
    fc.oneof(oddNumber, oddWord),
  )
  .map(([path, sign, value]) => `${path}${sign}${value}`);

const range = fc
  .tuple(
    oddNumber,
    oddNumber,
    fc.constantFrom("", "+1", "*2", "*1", "+0", "+-1", "+1e-9", "*1.0000001", ",8"),
  )
  .map(([from, to, step]) => `${from}-${to}${step}`);

/** A value for any flag. */
const anyValue = fc.oneof(
  oddNumber,
  oddWord,
  assignment,
  range,
  fc.constantFrom(...WORDS),
  fc.constant(FILE),
);

/** Words that belong together: a positional argument, or a flag with its value. */
type Unit = readonly string[];

function flagUnit(option: Option): fc.Arbitrary<Unit> {
  const name = option.long ?? option.short ?? "--";
  const usual = valuesOf(option);
  const value =
    usual.length === 0
      ? anyValue
      : fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...usual) }, { weight: 1, arbitrary: anyValue });
  return fc.oneof(
    { weight: option.required ? 1 : 10, arbitrary: fc.constant([name]) },
    { weight: 10, arbitrary: value.map((given) => [name, given]) },
    { weight: 2, arbitrary: value.map((given) => [`${name}=${given}`]) },
  );
}

const unknownFlag = fc
  .tuple(fc.constantFrom("--", "-"), oddWord)
  .map(([dashes, word]): Unit => [`${dashes}${word}`]);

const unitOf = (command: Command): fc.Arbitrary<Unit> =>
  fc.oneof(
    ...(command.options.length === 0
      ? []
      : [{ weight: 8, arbitrary: fc.constantFrom(...command.options).chain(flagUnit) }]),
    { weight: 1, arbitrary: unknownFlag },
    { weight: 1, arbitrary: fc.constantFrom(...WORDS, "-", FILE, FOLDER).map((word): Unit => [word]) },
    { weight: 1, arbitrary: oddWord.map((word): Unit => [word]) },
  );

/** One of the command's examples, some words left out, others added. */
function lineOf(command: Command): fc.Arbitrary<readonly string[]> {
  const own = EXAMPLES.filter(([name]) => name === command.name());
  return fc
    .record({
      example: fc.constantFrom(...own),
      dropped: fc.array(fc.nat({ max: 20 }), { maxLength: 2 }),
      units: fc.array(unitOf(command), { maxLength: 4 }),
      odd: fc.oneof({ weight: 15, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: oddWord }),
    })
    .map(({ example, dropped, units, odd }) => {
      const words = example.filter((_, index) => index === 0 || !dropped.includes(index));
      return [odd ?? words[0]!, ...words.slice(1), ...units.flat()];
    });
}

/** A file to write lies in the run's own folder, whatever the name asks for. */
function contained(argv: readonly string[]): readonly string[] {
  const inside = (name: string): string => `${FOLDER}/${name.replace(/[/\\]|\.\./g, "_")}`;
  return argv.map((word, index) => {
    const [, flag, name] = /^(--output=|-o)(.+)$/s.exec(word) ?? [];
    if (flag !== undefined) return `${flag}${inside(name!)}`;
    return /^(-o|--output)$/.test(argv[index - 1] ?? "") ? inside(word) : word;
  });
}

/** No system passes a NUL on, or half a character. */
const asPassed = (word: string): string => Buffer.from(word.replaceAll("\u0000", "")).toString();

const SCENARIO_TEXTS = SCENARIOS.map(textOf);

export const LINE_INPUTS: fc.Arbitrary<Input> = fc.record({
  argv: fc
    .constantFrom(...program.commands)
    .chain(lineOf)
    .map((argv) => contained(argv.map(asPassed))),
  content: encoded(fc.constantFrom(...SCENARIO_TEXTS)),
});
