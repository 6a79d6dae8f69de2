import { scenariosOf } from "../ask/space.ts";
import { UserError } from "../errors.ts";
import type { Io } from "../io/terminal.ts";
import { claimsReport } from "../report/text/claims.ts";
import type { Claims } from "../schema/claims.ts";
import { answersFor } from "../study/answers-for.ts";
import { claims as judge } from "../study/claims.ts";
import { ANSWERED_BY } from "../version.ts";
import { exitCode, failuresOf, readConditions } from "./fail-if.ts";
import { type OutputOptions, output } from "./output.ts";
import { DEFAULT_SCENARIO } from "./run.ts";
import type { WhatIfOptions } from "./scenarios.ts";
import { loadSpace } from "./space.ts";

export type ClaimsOptions = OutputOptions & WhatIfOptions & { readonly failIf?: readonly string[] };

/** `claims`: the article's claims in this scenario, and where each would hold. */
export async function claims(
  reference: string | undefined,
  options: ClaimsOptions,
  argv: readonly string[],
  io: Io,
): Promise<number> {
  const { write } = output(options, io);
  const conditions = readConditions(options.failIf);
  const space = await loadSpace(reference ?? DEFAULT_SCENARIO, options, argv, io);
  if (space.axes.length > 0)
    throw new UserError(
      `--${space.axes[0]!.name}: expected one value: claims are judged one scenario at a time`,
    );
  const scenario = scenariosOf(space)([]);
  const judged: Claims = {
    ...ANSWERED_BY,
    scenario,
    claims: judge(space, scenario.hardware.gpuHourUsd?.value),
  };
  const failed = failuresOf(conditions, answersFor(scenario), undefined);
  await write((format, look) => claimsReport([judged], format, look));
  return exitCode(failed, io);
}
