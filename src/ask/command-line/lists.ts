import { type FlagName, isFlag, WHAT_IF_FLAGS } from "../flags.ts";
import { parseNumbers } from "../numbers.ts";
import { pathProblem } from "../set-path.ts";
import { type AxisValue, partOf } from "../space.ts";

/** Flags as typed, before lists and ranges are taken apart. */
export type FlagTexts = { readonly [N in FlagName]?: string };

/** The values of a flag or a path, or what is wrong with them, and where on the command line they stand. */
export interface List {
  readonly name: string;
  readonly values?: readonly AxisValue[] | undefined;
  readonly problem?: string | undefined;
  readonly at: number;
}

export const flagLists = (texts: FlagTexts, most: number, argv: readonly string[]): List[] =>
  WHAT_IF_FLAGS.flatMap(({ name, kind }) => {
    const text = texts[name];
    if (text === undefined) return [];
    const at = places(argv, `--${name}`).at(-1) ?? -1;
    const { values, problem } = PARSERS[kind](text, most);
    return [{ name, values, problem: problem === undefined ? undefined : `--${name}: ${problem}`, at }];
  });

interface Parsed {
  readonly values?: readonly AxisValue[] | undefined;
  readonly problem?: string | undefined;
}

const PARSERS: Record<(typeof WHAT_IF_FLAGS)[number]["kind"], (text: string, most: number) => Parsed> = {
  numbers: parseNumbers,
  words: parseWords,
  switch: () => ({ values: [true] }),
};

export function parseWords(text: string): { readonly values?: string[]; readonly problem?: string } {
  const values = text.split(",").map((word) => word.trim());
  return values.includes("")
    ? { problem: `expected a name or a list of names, got ${JSON.stringify(text)}` }
    : { values: [...new Set(values)] };
}

const places = (argv: readonly string[], flag: string): number[] =>
  argv.flatMap((word, index) => (word === flag || word.startsWith(`${flag}=`) ? [index] : []));

export const axisLists = (texts: readonly string[] = [], most: number, argv: readonly string[]): List[] =>
  texts.map((text, index) => {
    const { name = "", values, problem } = parseAxis(text, most);
    const at = places(argv, "--axis")[index] ?? argv.length;
    return { name, values, problem: problem === undefined ? undefined : `--axis: ${problem}`, at };
  });

/** `hardware.hbmBytesPerSecond=1e12-5e12+1e12`, `precision.kvCache=bf16,fp16` or `model.gated=true,false`. */
function parseAxis(text: string, most: number): Parsed & { readonly name?: string } {
  const [, path, list] = /^\s*([\w.$-]+)\s*=(.*)$/s.exec(text) ?? [];
  if (path === undefined || list === undefined)
    return { problem: `expected path=values, such as workload.batch=1,8, got ${JSON.stringify(text)}` };
  if (isFlag(path)) return { problem: `${path} is a flag of its own: --${path} ${list}` };
  if (partOf(path) === undefined || !path.includes("."))
    return { problem: `${path} is not a field of a scenario, such as hardware.hbmBytesPerSecond` };
  const { values, problem = pathProblem(path.split(".")) } = parseValues(list, most);
  return problem === undefined ? { name: path, values } : { problem: `${path}: ${problem}` };
}

const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, false: false };

function parseValues(list: string, most: number): Parsed {
  if (/^\s*[-\d.]/.test(list)) return parseNumbers(list, most);
  const { values, problem } = parseWords(list);
  return values?.every((word) => Object.hasOwn(BOOLEANS, word))
    ? { values: values.map((word) => BOOLEANS[word]!) }
    : { values, problem };
}
