import { EXIT } from "../errors.ts";
import type { Io } from "../io/terminal.ts";
import { compareReport } from "../report/compare.ts";
import { type OutputOptions, output } from "./output.ts";
import { DEFAULT_SCENARIO, simulateCase } from "./run.ts";
import { caseLabel, loadCases, type WhatIfOptions } from "./scenarios.ts";

/** `compare`: one column a scenario, or a combination of the flags' values. */
export async function compare(
  references: readonly string[],
  options: OutputOptions & WhatIfOptions,
  io: Io,
): Promise<number> {
  const { format, look, write } = output(options, io);
  const { cases, varied } = await loadCases(
    references.length === 0 ? [DEFAULT_SCENARIO] : references,
    options,
    io,
  );
  const results = cases.map(simulateCase);
  const several = new Set(cases.map(({ label }) => label)).size > 1;
  await write(
    await compareReport(
      cases.map((one) => caseLabel(one, varied, several)),
      results,
      format,
      look,
    ),
  );
  return EXIT.ok;
}
