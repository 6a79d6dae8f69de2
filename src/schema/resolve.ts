import { matmulPeak } from "../roofline/device.ts";
import type { Hardware } from "./hardware.ts";
import type { Model } from "./model.ts";
import type { Scenario, ScenarioFile } from "./scenario.ts";
import { DATA_TYPES } from "./vocabulary.ts";

export type Resolution =
  | { readonly scenario: Scenario; readonly problems?: never }
  | { readonly scenario?: never; readonly problems: readonly string[] };

/**
 * A valid scenario file, its model and its hardware become one scenario with every default filled in; or the problems
 * that only show where they meet. Pure.
 */
export function resolveScenario(file: ScenarioFile, model: Model, hardware: Hardware): Resolution {
  const scenario = fillIn(file, model, hardware);
  const problems = crossProblems(scenario);
  return problems.length > 0 ? { problems } : { scenario };
}

/** What only shows where valid parts of a scenario meet: types the hardware has, sizes that the ranks divide. */
export const crossProblems = (scenario: Scenario): string[] => [
  ...precisionProblems(scenario),
  ...parallelProblems(scenario),
];

function fillIn(file: ScenarioFile, model: Model, hardware: Hardware): Scenario {
  return {
    ...(file.description === undefined ? {} : { description: file.description }),
    model: withoutSchema(model),
    hardware: withoutSchema(hardware),
    workload: { ...file.workload, sequence: file.workload.sequence ?? 1 },
    precision: file.precision,
    normalization: {
      kind: file.normalization.kind ?? model.norm,
      implementation: file.normalization.implementation,
    },
    kernels: file.kernels,
    runtime: file.runtime,
    parallelism: file.parallelism,
  };
}

export function withoutSchema<T extends { $schema?: string | undefined }>(object: T): T {
  const { $schema, ...rest } = object;
  return rest as T;
}

function precisionProblems({ hardware, precision }: Scenario): string[] {
  const asked = precision.activations;
  if (matmulPeak(hardware, asked) !== undefined) return [];
  const known = DATA_TYPES.filter((type) => matmulPeak(hardware, type) !== undefined);
  const instead = known.find((type) => type === "bf16" || type === "fp16") ?? known[0];
  return [
    `precision.activations: ${hardware.name} has no ${asked} rate; it has ${known.join(", ")} (try --precision ${instead})`,
  ];
}

function parallelProblems({ model, workload, parallelism }: Scenario): string[] {
  const { tensor, sequenceParallel } = parallelism;
  const tokens = workload.batch * workload.sequence;
  const place = "parallelism.tensor";
  const problems: string[] = [];
  for (const name of ["heads", "ffn"] as const) {
    if (model[name] % tensor !== 0)
      problems.push(`${place}: expected a divisor of the model's ${name} (${model[name]}), got ${tensor}`);
  }
  if (model.kvHeads % tensor !== 0 && tensor % model.kvHeads !== 0)
    problems.push(
      `${place}: expected a divisor or a multiple of the model's kvHeads (${model.kvHeads}), got ${tensor}`,
    );
  if (sequenceParallel && tokens % tensor !== 0)
    problems.push(
      `${place}: sequenceParallel expects a divisor of the tokens (batch x sequence = ${tokens}), got ${tensor}`,
    );
  return problems;
}
