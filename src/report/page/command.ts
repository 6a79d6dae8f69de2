import { WHAT_IF_FLAGS } from "../../ask/flags.ts";
import type { Result } from "../../schema/result.ts";
import type { PageData, PageState } from "./data.ts";

/** The command line that prints this view's numbers. */
export function commandLine(data: PageData, { scenario, point }: PageState): string {
  const { reference, settings } = data.scenarios[scenario]!;
  const flags = WHAT_IF_FLAGS.flatMap(({ name, kind }) =>
    point[name] === undefined ? [] : [`--${name}`, ...(kind === "switch" ? [] : [String(point[name])])],
  );
  const set = settings.flatMap(({ path, value }) => [
    "--set",
    `${path.join(".")}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  ]);
  return ["norm-roofline", "run", reference, ...flags, ...set].map(quoted).join(" ");
}

/** A word as a shell takes it. */
const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** This view as a scenario file; models and devices that are shipped by their names. */
export function scenarioJson(data: PageData, { scenario }: Result): string {
  const { model, hardware, ...rest } = scenario;
  const file = {
    ...(rest.description === undefined ? {} : { description: rest.description }),
    model: nameIn(data.models, model) ?? model,
    hardware: nameIn(data.devices, hardware) ?? hardware,
    workload: rest.workload,
    precision: rest.precision,
    normalization: rest.normalization,
    kernels: rest.kernels,
    runtime: rest.runtime,
    parallelism: rest.parallelism,
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** The name under which a list holds this very thing. */
export function nameIn(list: Readonly<Record<string, unknown>>, thing: unknown): string | undefined {
  const text = JSON.stringify(thing);
  return Object.keys(list).find((name) => list[name] === thing || JSON.stringify(list[name]) === text);
}
