import { EXIT } from "../errors.ts";
import type { Io } from "../io/terminal.ts";
import { compareReport } from "../report/text/compare.ts";
import { DRAWN_FORMATS } from "../report/text/formats.ts";
import { type OutputOptions, output } from "./output.ts";
import { DEFAULT_SCENARIO, simulateCase } from "./run.ts";
import { caseLabel, loadCases, type WhatIfOptions } from "./scenarios.ts";

/** `compare`: one column a scenario, or a combination of the flags' values. */
export async function compare(
  references: readonly string[],
  options: OutputOptions & WhatIfOptions,
  io: Io,
): Promise<number> {
  const { write } = output(options, io, DRAWN_FORMATS);
  const { cases, varied } = await loadCases(
    references.length === 0 ? [DEFAULT_SCENARIO] : references,
    options,
    io,
  );
  const results = cases.map(simulateCase);
  const several = new Set(cases.map(({ label }) => label)).size > 1;
  const labels = cases.map((one) => caseLabel(one, varied, several));
  await write(async (format, look) =>
    format === "svg"
      ? (await import("../report/chart/run-svg.ts")).compareSvg(labels, results)
      : compareReport(labels, results, format, look),
  );
  return EXIT.ok;
}
