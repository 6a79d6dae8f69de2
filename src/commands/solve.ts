import { valueProblems } from "../ask/command-line/check-space.ts";
import type { WhatIfOptions } from "../ask/command-line/given.ts";
import { loadPoint } from "../ask/command-line/load-spaces.ts";
import { fieldOf, WHAT_IF_FLAGS } from "../ask/flags.ts";
import { scenarioAt } from "../ask/scenario-at.ts";
import { getPath } from "../ask/set-path.ts";
import { partOf, type Space } from "../ask/space.ts";
import { EXIT, UserError } from "../errors.ts";
import type { Io } from "../io/terminal.ts";
import { suggestion } from "../nearest.ts";
import { type OutputOptions, output } from "../output.ts";
import { pointsText } from "../report/text/figure-text.ts";
import { title } from "../report/text/scenario-text.ts";
import { solveReport } from "../report/text/solve.ts";
import type { Scenario } from "../schema/scenario.ts";
import type { Solution } from "../schema/solution.ts";
import { answersFor } from "../study/answers-for.ts";
import { parseQuantity } from "../study/condition.ts";
import { unknownText } from "../study/fail-if.ts";
import { parseField, type ResultField } from "../study/result-field.ts";
import type { Range, Sample } from "../study/scan.ts";
import { defaultRange, PARAMETER_ALIASES, solve as solveSpace } from "../study/solve.ts";
import { formatPercent } from "../units.ts";
import { ANSWERED_BY } from "../version.ts";

export type SolveOptions = OutputOptions &
  WhatIfOptions & { readonly target?: string; readonly vary?: string; readonly range?: string };

/** `solve`: the values of one parameter at which a field of the result reaches a target. */
export async function solve(reference: string | undefined, options: SolveOptions, io: Io): Promise<number> {
  const { write } = output(options, io);
  const { field, target } = readTarget(options.target);
  const name = readParameter(options.vary);
  const space = await loadPoint(reference, options, "only --vary moves", io, name);
  const range = await readRange(options.range, name, space);
  const scenario = scenarioAt(space);
  if (field.read(answersFor(scenario)) === null)
    throw new UserError(`--target: ${unknownText(field.name, scenario.hardware)}`);
  const found = solveSpace(space, field, target, name, range);
  const solution: Solution = {
    ...ANSWERED_BY,
    field: field.name,
    target,
    parameter: name,
    range: { from: range.from, to: range.to, step: range.step ?? null },
    evaluations: found.evaluations,
    crossings: found.crossings.map(({ before, after, direction, kind }) => ({
      value: after.x,
      direction,
      kind,
      before: sample(before),
      after: sample(after),
    })),
    nearest: found.nearest === undefined ? null : sample(found.nearest),
    notes: [...notes(name, range), ...unresolved(field, target, scenario)],
  };
  await write((format, look) => solveReport(solution, title(scenario, [fieldOf(name)]), format, look));
  return EXIT.ok;
}

const sample = ({ x, y }: Sample): Solution["crossings"][number]["before"] => ({ parameter: x, field: y });

const notes = (name: string, { step }: Range): string[] => [
  ...(name === "hidden" ? ["heads, KV heads and FFN scale with hidden, unless a flag names them"] : []),
  ...(step !== undefined && step > 1 ? [`--range from-to+1 looks at every ${name}`] : []),
];

/** A target that lies within the error of the savings that it is compared with. */
function unresolved(field: ResultField, target: number, scenario: Scenario): string[] {
  const error = field.error?.(answersFor(scenario));
  return error === undefined || Math.abs(target) > error
    ? []
    : [
        `a saving of ${formatPercent(target)} cannot be told from zero: the typical error of such savings is ${pointsText(error)} points in this scenario`,
      ];
}

function readTarget(text: string | undefined): { readonly field: ResultField; readonly target: number } {
  const example = 'such as --target "normalization.shareOfTime=25%"';
  if (text === undefined)
    throw new UserError(`--target is missing: a field of the result and its value, ${example}`);
  const [, name, number] = /^\s*([\w.:-]+)\s*=\s*(\S+)\s*$/.exec(text) ?? [];
  const target = number === undefined ? undefined : parseQuantity(number);
  if (name === undefined || target === undefined)
    throw new UserError(`--target: expected field=number, ${example}, got ${JSON.stringify(text)}`);
  const { field, problem } = parseField(name);
  if (problem !== undefined) throw new UserError(`--target: ${problem}`);
  if (field!.unit === "share" && target > 1)
    throw new UserError(
      `--target: ${name} is a share, at most 1 or 100%, got ${number}${target <= 100 && !number!.includes("%") ? `: try ${name}=${number}%` : ""}`,
    );
  return { field: field!, target };
}

const NUMBER_FLAGS = WHAT_IF_FLAGS.filter(({ kind }) => kind === "numbers").map(({ name }) => name);

function readParameter(text: string | undefined): string {
  const known: readonly string[] = [...NUMBER_FLAGS, ...Object.keys(PARAMETER_ALIASES)];
  const list = `${known.join(", ")}, or a path such as hardware.hbmBytesPerSecond`;
  if (text === undefined) throw new UserError(`--vary is missing: ${list}`);
  const name = Object.hasOwn(PARAMETER_ALIASES, text) ? PARAMETER_ALIASES[text]! : text;
  if (NUMBER_FLAGS.some((flag) => flag === name)) return name;
  if (name.includes(".") && partOf(name) !== undefined) return name;
  throw new UserError(
    `--vary: nothing to vary is called ${JSON.stringify(text)}: ${suggestion(text, known) || list}`,
  );
}

const ONE_UNLESS_SET: readonly string[] = ["pipeline", "expert-parallel"];

/** The value that the scenario has now. */
function ownValue(name: string, space: Space): number {
  const scenario = scenarioAt(space);
  const path = fieldOf(name);
  const value = getPath(scenario, path.split(".")) ?? (ONE_UNLESS_SET.includes(name) ? 1 : undefined);
  if (typeof value !== "number")
    throw new UserError(
      `--vary: ${path} is ${value === undefined ? "not set" : "not a number"} in this scenario`,
    );
  return value;
}

async function readRange(text: string | undefined, name: string, space: Space): Promise<Range> {
  const own = ownValue(name, space);
  const whole = await isWhole(name, own, space);
  // values of its own range that make no scenario are left out
  if (text === undefined) return defaultRange(name, own, whole);
  const range = parseRange(text, whole);
  const problems = await valueProblems({ ...space, axes: [{ name, values: [range.from, range.to] }] });
  if (problems.length > 0) throw new UserError("--range leads out of what a scenario may hold", problems);
  return range;
}

/** Whether the schema wants a whole number there. */
async function isWhole(name: string, own: number, space: Space): Promise<boolean> {
  const problems = await valueProblems({ ...space, axes: [{ name, values: [Math.floor(own) + 0.5] }] });
  return problems.some((problem) => problem.includes("whole number"));
}

const NUMBER = String.raw`\d+(?:\.\d+)?(?:[eE][+-]?\d+)?`;
const RANGE = new RegExp(`^(${NUMBER})-(${NUMBER})(?:\\+(${NUMBER}))?$`);

function parseRange(text: string, whole: boolean): Range {
  const [, first, last, by] = RANGE.exec(text.trim()) ?? [];
  const [from, to] = [Number(first), Number(last)];
  const step = by === undefined ? (whole ? 1 : undefined) : Number(by);
  if (first === undefined || !(from < to) || !(step === undefined || step > 0))
    throw new UserError(
      `--range: expected two numbers, the smaller first, such as 512-65536 or 512-65536+128, got ${JSON.stringify(text)}`,
    );
  if (whole && ![from, to, step ?? 1].every(Number.isInteger))
    throw new UserError(`--range: expected whole numbers, got ${JSON.stringify(text)}`);
  return { from, to, step };
}
