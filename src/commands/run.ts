import { simulate } from "../engine/simulate.ts";
import { UserError } from "../errors.ts";
import type { Io } from "../io/terminal.ts";
import { DRAWN_FORMATS } from "../report/text/formats.ts";
import { RUN_REPORTS } from "../report/text/run.ts";
import type { Result } from "../schema/result.ts";
import { exitCode, failures, readConditions } from "./fail-if.ts";
import { type OutputOptions, output } from "./output.ts";
import { type Case, caseLabel, loadCases, type WhatIfOptions } from "./scenarios.ts";

export const DEFAULT_SCENARIO = "llama-3-70b-prefill-h100";

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
  const { cases, varied } = await loadCases(asked, options, io);
  const results = cases.map(simulateCase);
  const several = results.length > 1;
  const failed = failures(conditions, results, several ? cases.map((one) => caseLabel(one, varied)) : []);
  if (options.chart === true || formats.includes("svg")) drawable(results);
  await write(async (format, look) => {
    if (options.chart === true) return (await import("../report/text/run-chart.ts")).runChart(results, look);
    if (format === "svg" || varied.length === 0) return (await RUN_REPORTS[format]())(results, look);
    return (await import("../report/text/grid.ts")).gridReport(cases, results, varied, format, look);
  });
  return exitCode(failed, io);
}

/** More charts than these nobody looks at one by one. */
const MOST_CHARTS = 24;

function drawable(results: readonly Result[]): void {
  if (results.length > MOST_CHARTS)
    throw new UserError(
      `${results.length} scenarios are too many to draw one by one: expected at most ${MOST_CHARTS}; sweep draws a grid`,
    );
}

/** What the flags changed beyond what they say is part of the answer. */
export function simulateCase({ scenario, notes }: Case): Result {
  const result = simulate(scenario);
  return { ...result, warnings: [...notes, ...result.warnings] };
}
