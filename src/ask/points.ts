import { type FlagName, type Point, WHAT_IF_FLAGS } from "./flags.ts";
import { MOST_POINTS, parseNumbers } from "./numbers.ts";

/** Flags as typed, before lists and ranges are taken apart. */
export type FlagTexts = { readonly [N in FlagName]?: string };

/** All combinations of the values that the flags list; `varied` names the flags with more than one. */
interface Grid {
  readonly varied: readonly FlagName[];
  readonly points: readonly Point[];
}

export type ParsedGrid =
  | { readonly grid: Grid; readonly problems?: never }
  | { readonly grid?: never; readonly problems: readonly string[] };

type Axis = readonly [name: FlagName, values: readonly (string | number)[]];

/** The first flag varies slowest, the last one fastest. */
export function parseGrid(texts: FlagTexts): ParsedGrid {
  const problems: string[] = [];
  const axes: Axis[] = [];
  for (const { name, kind } of WHAT_IF_FLAGS) {
    const text = texts[name];
    if (text === undefined) continue;
    const { values, problem } = kind === "numbers" ? parseNumbers(text) : parseWords(text);
    if (problem === undefined) axes.push([name, values!]);
    else problems.push(`--${name}: ${problem}`);
  }
  const size = axes.reduce((product, [, values]) => product * values.length, 1);
  if (size > MOST_POINTS) problems.push(`${size} combinations: expected at most ${MOST_POINTS}`);
  if (problems.length > 0) return { problems };
  const varied = axes.filter(([, values]) => values.length > 1).map(([name]) => name);
  return { grid: { varied, points: combinations(axes) } };
}

export function parseWords(text: string) {
  const values = text.split(",").map((word) => word.trim());
  return values.includes("")
    ? { problem: `expected a name or a list of names, got ${JSON.stringify(text)}` }
    : { values: [...new Set(values)], problem: undefined };
}

function combinations(axes: readonly Axis[]): Point[] {
  let points: Point[] = [{}];
  for (const [name, values] of axes)
    points = points.flatMap((point) => values.map((value) => ({ ...point, [name]: value })));
  return points;
}
