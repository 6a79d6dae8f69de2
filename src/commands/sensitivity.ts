import type { WhatIfOptions } from "../ask/command-line/given.ts";
import { loadPoint } from "../ask/command-line/load-spaces.ts";
import { EXIT } from "../errors.ts";
import type { Io } from "../io/terminal.ts";
import { type OutputOptions, output } from "../output.ts";
import { sensitivityReport } from "../report/text/sensitivity.ts";
import { sensitivity as study } from "../study/sensitivity.ts";

/** `sensitivity`: what 10% more of each parameter does to the answer. */
export async function sensitivity(
  reference: string | undefined,
  options: OutputOptions & WhatIfOptions,
  io: Io,
): Promise<number> {
  const { write } = output(options, io);
  const space = await loadPoint(reference, options, "every parameter is moved in turn", io);
  const found = study(space);
  await write((format, look) => sensitivityReport(found, format, look));
  return EXIT.ok;
}
