import { caseLabel, casesOf, variedIn } from "../ask/cases.ts";
import type { WhatIfOptions } from "../ask/command-line/given.ts";
import { DEFAULT_SCENARIO, loadSpaces, TABLE } from "../ask/command-line/load-spaces.ts";
import { simulate } from "../engine/simulate.ts";
import { EXIT, UserError } from "../errors.ts";
import { type Io, say } from "../io/terminal.ts";
import { type OutputOptions, output } from "../output.ts";
import { DRAWN_FORMATS } from "../report/text/formats.ts";
import { RUN_REPORTS } from "../report/text/run.ts";
import type { Result } from "../schema/result.ts";
import { failures, readConditions } from "../study/fail-if.ts";

export type RunOptions = OutputOptions &
  WhatIfOptions & { readonly failIf?: readonly string[]; readonly chart?: boolean };

/** `run`: one report a scenario, or one table over all values of the flags. */
export async function run(references: readonly string[], options: RunOptions, io: Io): Promise<number> {
  const { targets, write } = output(options, io, DRAWN_FORMATS);
  const formats = targets.map(({ format }) => format);
  const other = formats.find((format) => format !== "table");
  if (options.chart === true && other !== undefined)
    throw new UserError(
      `--chart draws for a terminal: leave --format ${other} out, or --format svg for a file`,
    );
  const conditions = readConditions(options.failIf);
  const asked = references.length === 0 ? [DEFAULT_SCENARIO] : references;
  const spaces = await loadSpaces(asked, options, TABLE, io);
  const cases = spaces.flatMap(casesOf);
  const varied = variedIn(spaces);
  const results = cases.map(({ scenario, notes }) => simulate(scenario, notes));
  const several = results.length > 1;
  const failed = failures(conditions, results, several ? cases.map((one) => caseLabel(one, varied)) : []);
  if (options.chart === true || formats.includes("svg")) drawable(results);
  await write(async (format, look) => {
    if (options.chart === true) return (await import("../report/text/run-chart.ts")).runChart(results, look);
    if (format === "svg" || varied.length === 0) return (await RUN_REPORTS[format]())(results, look);
    return (await import("../report/text/grid.ts")).gridReport(cases, results, varied, format, look);
  });
  for (const line of failed) say(io, line);
  return failed.length > 0 ? EXIT.checkFailed : EXIT.ok;
}

/** More charts than these nobody looks at one by one. */
const MOST_CHARTS = 24;

function drawable(results: readonly Result[]): void {
  if (results.length > MOST_CHARTS)
    throw new UserError(
      `${results.length} scenarios are too many to draw one by one: expected at most ${MOST_CHARTS}; sweep draws a grid`,
    );
}
