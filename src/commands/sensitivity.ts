import { EXIT, UserError } from "../errors.ts";
import type { Io } from "../io/terminal.ts";
import { sensitivityReport } from "../report/text/sensitivity.ts";
import { sensitivity as study } from "../study/sensitivity.ts";
import { type OutputOptions, output } from "./output.ts";
import { DEFAULT_SCENARIO } from "./run.ts";
import type { WhatIfOptions } from "./scenarios.ts";
import { loadSpace } from "./space.ts";

/** `sensitivity`: what 10% more of each parameter does to the answer. */
export async function sensitivity(
  reference: string | undefined,
  options: OutputOptions & WhatIfOptions,
  argv: readonly string[],
  io: Io,
): Promise<number> {
  const { write } = output(options, io);
  const space = await loadSpace(reference ?? DEFAULT_SCENARIO, options, argv, io);
  if (space.axes.length > 0)
    throw new UserError(`--${space.axes[0]!.name}: expected one value: every parameter is moved in turn`);
  const found = study(space);
  await write((format, look) => sensitivityReport(found, format, look));
  return EXIT.ok;
}
