import { EXIT, UserError } from "../errors.ts";
import { readDocument } from "../io/document.ts";
import { readOrThrow } from "../io/load.ts";
import { bytesProgress } from "../io/progress.ts";
import { shippedNames } from "../io/shipped.ts";
import type { Io } from "../io/terminal.ts";
import { readProfile } from "../io/trace-file.ts";
import { keepInputs } from "../io/write.ts";
import { type OutputOptions, output } from "../output.ts";
import { traceReport } from "../report/text/trace.ts";
import type { Hardware } from "../schema/hardware.ts";
import type { Profile } from "../schema/profile.ts";
import { traceAnswer } from "../trace/answer.ts";
import { type TracedRun, tracedRuns } from "../trace/runs.ts";

export type TraceOptions = OutputOptions & { readonly hardware?: string };

/** `trace`: what a run that was profiled spent on normalization, and what better kernels would have saved. */
export async function trace(files: readonly string[], options: TraceOptions, io: Io): Promise<number> {
  const { write } = output(options, io);
  keepInputs(options.output ?? [], files);
  const twice = files.find((file, index) => files.indexOf(file) < index);
  if (twice !== undefined) throw new UserError(`${twice} is given twice`);
  const hardwares = { asked: await asked(options.hardware), shipped: await shippedHardware() };
  const profiles: Profile[] = [];
  for (const file of files) profiles.push(await readWatched(file, io));
  const answers = tracedRuns(files, profiles).map((run: TracedRun) => traceAnswer(run, hardwares));
  await write((format, look) => traceReport(answers, format, look));
  return EXIT.ok;
}

async function readWatched(file: string, io: Io): Promise<Profile> {
  const progress = bytesProgress(file, io);
  try {
    return await readProfile(file, progress.at);
  } finally {
    progress.end();
  }
}

async function asked(name: string | undefined): Promise<Hardware | undefined> {
  return name === undefined
    ? undefined
    : (await readOrThrow("hardware", readDocument("hardware", name, "."))).value;
}

/** Profiles of the package, by whose names a trace's GPU is known. */
async function shippedHardware(): Promise<Hardware[]> {
  const found: Hardware[] = [];
  for (const name of shippedNames("hardware"))
    found.push((await readOrThrow("hardware", readDocument("hardware", name, "."))).value);
  return found;
}
