import { UserError } from "../errors.ts";
import type { Io } from "../io/terminal.ts";
import { DRAWN_FORMATS } from "../report/formats.ts";
import { RUN_REPORTS } from "../report/run.ts";
import type { Result } from "../schema/result.ts";
import { simulate } from "../simulate.ts";
import { exitCode, failures, readConditions } from "./fail-if.ts";
import { type OutputOptions, output } from "./output.ts";
import { type Case, caseLabel, loadCases, type WhatIfOptions } from "./scenarios.ts";

export const DEFAULT_SCENARIO = "llama-3-70b-prefill-h100";

export type RunOptions = OutputOptions &
  WhatIfOptions & { readonly failIf?: readonly string[]; readonly chart?: boolean };

/** `run`: one report a scenario, or one table over all values of the flags. */
export async function run(references: readonly string[], options: RunOptions, io: Io): Promise<number> {
  const { format, look, write } = output(options, io, DRAWN_FORMATS);
  if (options.chart === true && format !== "table")
    throw new UserError(
      `--chart draws for a terminal: leave --format ${format} out, or --format svg for a file`,
    );
  const conditions = readConditions(options.failIf);
  const asked = references.length === 0 ? [DEFAULT_SCENARIO] : references;
  const { cases, varied } = await loadCases(asked, options, io);
  const results = cases.map(simulateCase);
  const several = results.length > 1;
  const failed = failures(conditions, results, several ? cases.map((one) => caseLabel(one, varied)) : []);
  if (options.chart === true) {
    await write((await import("../report/run-chart.ts")).runChart(drawable(results), look));
  } else if (format === "svg" || varied.length === 0) {
    if (format === "svg") drawable(results);
    const render = await RUN_REPORTS[format]();
    await write(render(results, look));
  } else {
    const { gridReport } = await import("../report/grid.ts");
    await write(await gridReport(cases, results, varied, format, look));
  }
  return exitCode(failed, io);
}

/** More charts than these nobody looks at one by one. */
const MOST_CHARTS = 24;

function drawable(results: readonly Result[]): readonly Result[] {
  if (results.length > MOST_CHARTS)
    throw new UserError(
      `${results.length} scenarios are too many to draw one by one: expected at most ${MOST_CHARTS}; sweep draws a grid`,
    );
  return results;
}

/** What the flags changed beyond what they say is part of the answer. */
export function simulateCase({ scenario, notes }: Case): Result {
  const result = simulate(scenario);
  return { ...result, warnings: [...notes, ...result.warnings] };
}
