import { caseLabel, casesOf, variedIn } from "../ask/cases.ts";
import type { WhatIfOptions } from "../ask/command-line/given.ts";
import { DEFAULT_SCENARIO, loadSpaces, TABLE } from "../ask/command-line/load-spaces.ts";
import { simulate } from "../engine/simulate.ts";
import { EXIT } from "../errors.ts";
import type { Io } from "../io/terminal.ts";
import { type OutputOptions, output } from "../output.ts";
import { compareReport } from "../report/text/compare.ts";
import { DRAWN_FORMATS } from "../report/text/formats.ts";

/** `compare`: one column a scenario, or a combination of the flags' values. */
export async function compare(
  references: readonly string[],
  options: OutputOptions & WhatIfOptions,
  io: Io,
): Promise<number> {
  const { write } = output(options, io, DRAWN_FORMATS);
  const asked = references.length === 0 ? [DEFAULT_SCENARIO] : references;
  const spaces = await loadSpaces(asked, options, TABLE, io);
  const cases = spaces.flatMap(casesOf);
  const varied = variedIn(spaces);
  const results = cases.map(({ scenario, notes }) => simulate(scenario, notes));
  const several = new Set(cases.map(({ label }) => label)).size > 1;
  const labels = cases.map((one) => caseLabel(one, varied, several));
  await write(async (format, look) =>
    format === "svg"
      ? (await import("../report/chart/run-svg.ts")).compareSvg(labels, results)
      : compareReport(labels, results, format, look),
  );
  return EXIT.ok;
}
