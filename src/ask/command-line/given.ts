import { UserError } from "../../errors.ts";
import { parseJson } from "../../io/json.ts";
import { isFlag, type Point, WHAT_IF_FLAGS } from "../flags.ts";
import { parseSetting, type Setting } from "../set-path.ts";
import { type Axis, type AxisValue, type Space, sizeOf } from "../space.ts";
import { contradictions, namesPart } from "./contradictions.ts";
import { axisLists, type FlagTexts, flagLists } from "./lists.ts";

/** The flags of every command that takes a scenario, under the names commander gives them (`kvHeads`). */
export interface WhatIfOptions {
  readonly [name: string]: unknown;
  readonly set?: readonly string[];
  readonly axis?: readonly string[];
  /** files to write, where the command has any */
  readonly output?: readonly string[];
}

/** What a command line says, read: one value a flag, settings, and the lists of values as axes. */
export type Given = Pick<Space, "fixed" | "settings" | "axes">;

/** How a command takes its flags. */
export interface Reading {
  /** more values of one flag than this are a mistake */
  readonly mostValues: number;
  /** more combinations than this were most likely not meant */
  readonly mostPoints: number;
  /** the command line as typed, where its order is that of the axes; else theirs is the table's */
  readonly argv?: readonly string[];
  /** what the command moves by itself: a flag or a path */
  readonly vary?: string | undefined;
}

/** Everything that is wrong with the flags by themselves is a UserError. */
export function readGiven(
  options: WhatIfOptions,
  { mostValues, mostPoints, argv = [], vary }: Reading,
): Given {
  const flags = flagTexts(options);
  const lists = [...flagLists(flags, mostValues, argv), ...axisLists(options.axis, mostValues, argv)];
  const problems = lists.flatMap(({ problem }) => problem ?? []);
  if (problems.length > 0) throw new UserError(BAD_WORDS, problems);
  const typed = lists.sort((a, b) => a.at - b.at).map(({ name, values = [] }): Axis => ({ name, values }));
  const isFixed = ({ name, values }: Axis): boolean => isFlag(name) && values.length === 1;
  const axes = typed.filter((list) => !isFixed(list));
  if (sizeOf({ axes }) > mostPoints)
    throw new UserError(BAD_WORDS, [`${sizeOf({ axes })} combinations: expected at most ${mostPoints}`]);
  const settings = (options.set ?? []).map(readSetting);
  const paths = axes.filter(({ name }) => !isFlag(name)).map(({ name }) => ({ name, as: typedAs(name) }));
  const moved = vary === undefined ? paths : [...paths, { name: vary, as: `--vary ${vary}` }];
  const twice = contradictions({ flags, settings, moved });
  if (twice.length > 0) throw new UserError("the flags contradict each other: leave one out", twice);
  const fixed: Record<string, AxisValue> = {};
  for (const { name, values } of typed.filter(isFixed)) fixed[name] = values[0]!;
  for (const { path, value } of settings.filter(namesPart)) fixed[path[0]!] = value as string;
  return { fixed: fixed as Point, axes, settings: settings.filter((setting) => !namesPart(setting)) };
}

const BAD_WORDS = "the flags cannot be read";

/** An axis as it stands on the command line. */
export const typedAs = (name: string): string => (isFlag(name) ? `--${name}` : `--axis ${name}`);

/** What was typed behind each flag. */
const flagTexts = (options: WhatIfOptions): FlagTexts =>
  Object.fromEntries(
    WHAT_IF_FLAGS.flatMap(({ name }) => {
      const typed = options[optionName(name)];
      return typed === undefined ? [] : [[name, String(typed)]];
    }),
  );

/** The name that commander gives an option: `kvHeads`. */
const optionName = (flag: string): string =>
  flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

function readSetting(text: string): Setting {
  const { setting, problem } = parseSetting(text, (value) => {
    const parsed = parseJson(value);
    return parsed.values?.length === 1 ? parsed.values[0] : value;
  });
  if (problem !== undefined) throw new UserError(`--set: ${problem}`);
  return setting as Setting;
}
