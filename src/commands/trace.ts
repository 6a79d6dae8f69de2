import { EXIT, UserError } from "../errors.ts";
import { readDocument } from "../io/document.ts";
import { readOrThrow } from "../io/load.ts";
import { bytesProgress } from "../io/progress.ts";
import { shippedNames } from "../io/shipped.ts";
import type { Io } from "../io/terminal.ts";
import { readProfile } from "../io/trace-file.ts";
import { keepInputs, writeWhole } from "../io/write.ts";
import { type OutputOptions, output } from "../output.ts";
import { json } from "../report/text/json.ts";
import { traceReport } from "../report/text/trace.ts";
import type { Hardware } from "../schema/hardware.ts";
import type { Profile } from "../schema/profile.ts";
import type { TraceAnswer } from "../schema/trace.ts";
import { traceAnswer } from "../trace/answer.ts";
import { type TracedRun, tracedRuns } from "../trace/runs.ts";

export type TraceOptions = OutputOptions & {
  readonly hardware?: string;
  /** file for the scenario that ran */
  readonly scenario?: string;
};

/** `trace`: what a run that was profiled spent on normalization, and what better kernels would have saved. */
export async function trace(files: readonly string[], options: TraceOptions, io: Io): Promise<number> {
  const { write } = output(options, io);
  const scenarioPaths = options.scenario === undefined ? [] : [options.scenario];
  keepInputs([...(options.output ?? []), ...scenarioPaths], files);
  const twice = files.find((file, index) => files.indexOf(file) < index);
  if (twice !== undefined) throw new UserError(`${twice} is given twice`);
  const hardwares = { asked: await asked(options.hardware), shipped: await shippedHardware() };
  const profiles: Profile[] = [];
  for (const file of files) profiles.push(await readWatched(file, io));
  const answers = tracedRuns(files, profiles).map((run: TracedRun) => traceAnswer(run, hardwares));
  const scenario = options.scenario === undefined ? undefined : scenarioText(answers);
  await write((format, look) => traceReport(answers, format, look));
  if (scenario !== undefined) writeWhole(options.scenario!, scenario);
  return EXIT.ok;
}

/** The one scenario that ran, as a file for `run`. */
function scenarioText(answers: readonly TraceAnswer[]): string {
  if (answers.length !== 1)
    throw new UserError(`--scenario: expected the trace of one run, got ${answers.length}`);
  const [{ scenario, trace: source, inferred } = answers[0]!] = answers;
  if (scenario !== null) return json([scenario], false);
  const missing = Object.entries(inferred).filter(([, value]) => value === null);
  throw new UserError(`--scenario: ${source.file} does not tell all that a scenario needs`, [
    missing.length > 0
      ? `not told: ${missing.map(([name]) => name).join(", ")} (record_shapes=True tells sizes)`
      : "the GPU has no profile: name one with --hardware",
  ]);
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
