import { contradictions } from "../ask/contradictions.ts";
import { type Point, WHAT_IF_FLAGS } from "../ask/flags.ts";
import { parseNumbers } from "../ask/numbers.ts";
import { parseWords } from "../ask/points.ts";
import { pathProblem, type Setting } from "../ask/set-path.ts";
import type { Axis, AxisValue } from "../ask/space.ts";
import { isFlag, partOf } from "../ask/space.ts";
import { flagTexts, optionName, type WhatIfOptions } from "./scenarios.ts";

export type AxisOptions = WhatIfOptions & { readonly axis?: readonly string[] };

/** More values of one axis than this are a mistake. */
const MOST_VALUES = 1e7;

interface ReadAxes {
  /** flags with one value */
  readonly fixed: Point;
  readonly axes: readonly Axis[];
  readonly problems: readonly string[];
}

/** Lists of flags and `--axis` as axes, in the order in which they were typed. */
export function readAxes(
  options: AxisOptions,
  settings: readonly Setting[],
  argv: readonly string[],
): ReadAxes {
  const problems: string[] = [];
  const fixed: Record<string, AxisValue> = {};
  const axes: { readonly axis: Axis; readonly at: number }[] = [];
  for (const { name, kind } of WHAT_IF_FLAGS) {
    const text = options[optionName(name)];
    if (typeof text !== "string") continue;
    const { values, problem } = kind === "numbers" ? parseNumbers(text, MOST_VALUES) : parseWords(text);
    if (problem !== undefined) problems.push(`--${name}: ${problem}`);
    else if (values!.length === 1) fixed[name] = values![0]!;
    else axes.push({ axis: { name, values: values! }, at: places(argv, `--${name}`).at(-1) ?? -1 });
  }
  (options.axis ?? []).forEach((text, index) => {
    const { axis, problem } = parseAxis(text);
    if (problem !== undefined) problems.push(`--axis: ${problem}`);
    else axes.push({ axis, at: places(argv, "--axis")[index] ?? argv.length });
  });
  axes.sort((a, b) => a.at - b.at);
  const typed = axes.map(({ axis }) => axis);
  return { fixed, axes: typed, problems: [...problems, ...clashes(typed, settings, options)] };
}

const places = (argv: readonly string[], flag: string): number[] =>
  argv.flatMap((word, index) => (word === flag || word.startsWith(`${flag}=`) ? [index] : []));

const clashes = (axes: readonly Axis[], settings: readonly Setting[], options: AxisOptions): string[] =>
  contradictions({
    flags: flagTexts(options),
    sequenceParallel: options.sequenceParallel === true,
    settings,
    moved: axes.filter(({ name }) => !isFlag(name)).map(({ name }) => ({ name, as: typedAs(name) })),
  });

/** An axis as it stands on the command line. */
export const typedAs = (name: string): string => (isFlag(name) ? `--${name}` : `--axis ${name}`);

type ParsedAxis =
  | { readonly axis: Axis; readonly problem?: never }
  | { readonly axis?: never; readonly problem: string };

/** `hardware.hbmBytesPerSecond=1e12-5e12+1e12`, `precision.kvCache=bf16,fp16` or `model.gated=true,false`. */
function parseAxis(text: string): ParsedAxis {
  const [, path, list] = /^\s*([\w.$-]+)\s*=(.*)$/s.exec(text) ?? [];
  if (path === undefined || list === undefined)
    return { problem: `expected path=values, such as workload.batch=1,8, got ${JSON.stringify(text)}` };
  if (isFlag(path)) return { problem: `${path} is a flag of its own: --${path} ${list}` };
  if (partOf(path) === undefined || !path.includes("."))
    return { problem: `${path} is not a field of a scenario, such as hardware.hbmBytesPerSecond` };
  const { values, problem = pathProblem(path.split(".")) } = parseValues(list);
  return problem === undefined
    ? { axis: { name: path, values: values! } }
    : { problem: `${path}: ${problem}` };
}

const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, false: false };

function parseValues(list: string): {
  readonly values?: readonly AxisValue[] | undefined;
  readonly problem?: string | undefined;
} {
  if (/^\s*[-\d.]/.test(list)) return parseNumbers(list, MOST_VALUES);
  const { values, problem } = parseWords(list);
  return values?.every((word) => Object.hasOwn(BOOLEANS, word))
    ? { values: values.map((word) => BOOLEANS[word]!) }
    : { values, problem };
}
