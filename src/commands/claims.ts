import type { WhatIfOptions } from "../ask/command-line/given.ts";
import { loadPoint } from "../ask/command-line/load-spaces.ts";
import { scenarioAt } from "../ask/scenario-at.ts";
import { EXIT } from "../errors.ts";
import { type Io, say } from "../io/terminal.ts";
import { type OutputOptions, output } from "../output.ts";
import { claimsReport } from "../report/text/claims.ts";
import type { Claims } from "../schema/claims.ts";
import { answersFor } from "../study/answers-for.ts";
import { claims as judge } from "../study/claims.ts";
import { failuresOf, readConditions } from "../study/fail-if.ts";
import { ANSWERED_BY } from "../version.ts";

export type ClaimsOptions = OutputOptions & WhatIfOptions & { readonly failIf?: readonly string[] };

/** `claims`: the article's claims in this scenario, and where each would hold. */
export async function claims(reference: string | undefined, options: ClaimsOptions, io: Io): Promise<number> {
  const { write } = output(options, io);
  const conditions = readConditions(options.failIf);
  const space = await loadPoint(reference, options, "claims are judged one scenario at a time", io);
  const scenario = scenarioAt(space);
  const judged: Claims = {
    ...ANSWERED_BY,
    scenario,
    claims: judge(space, scenario.hardware.gpuHourUsd?.value),
  };
  const failed = failuresOf(conditions, answersFor(scenario), undefined);
  await write((format, look) => claimsReport([judged], format, look));
  for (const line of failed) say(io, line);
  return failed.length > 0 ? EXIT.checkFailed : EXIT.ok;
}
