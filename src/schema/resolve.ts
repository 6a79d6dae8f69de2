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

/** A rule between fields that are each valid on their own. */
export interface CrossRule {
  /** paths of the fields that it looks at */
  readonly reads: readonly string[];
  readonly problem: (scenario: Scenario) => string | undefined;
}

/** What only shows where valid parts of a scenario meet: types the hardware has, sizes that the ranks divide. */
export const crossProblems = (scenario: Scenario): string[] =>
  CROSS_RULES.flatMap(({ problem }) => problem(scenario) ?? []);

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

function precisionProblem({ hardware, precision }: Scenario): string | undefined {
  const asked = precision.activations;
  if (matmulPeak(hardware, asked) !== undefined) return undefined;
  const known = DATA_TYPES.filter((type) => matmulPeak(hardware, type) !== undefined);
  const instead = known.find((type) => type === "bf16" || type === "fp16") ?? known[0];
  return `precision.activations: ${hardware.name} has no ${asked} rate; it has ${known.join(", ")} (try --precision ${instead})`;
}

const TENSOR = "parallelism.tensor";

const divides =
  (name: "heads" | "ffn"): CrossRule["problem"] =>
  ({ model, parallelism: { tensor } }) =>
    model[name] % tensor === 0
      ? undefined
      : `${TENSOR}: expected a divisor of the model's ${name} (${model[name]}), got ${tensor}`;

function keyHeadsProblem({ model: { kvHeads }, parallelism: { tensor } }: Scenario): string | undefined {
  if (kvHeads % tensor === 0 || tensor % kvHeads === 0) return undefined;
  return `${TENSOR}: expected a divisor or a multiple of the model's kvHeads (${kvHeads}), got ${tensor}`;
}

function splitTokensProblem({ workload, parallelism }: Scenario): string | undefined {
  const { tensor, sequenceParallel } = parallelism;
  const tokens = workload.batch * workload.sequence;
  if (!sequenceParallel || tokens % tensor === 0) return undefined;
  return `${TENSOR}: sequenceParallel expects a divisor of the tokens (batch x sequence = ${tokens}), got ${tensor}`;
}

export const CROSS_RULES: readonly CrossRule[] = [
  { reads: ["hardware", "precision.activations"], problem: precisionProblem },
  { reads: ["model.heads", TENSOR], problem: divides("heads") },
  { reads: ["model.ffn", TENSOR], problem: divides("ffn") },
  { reads: ["model.kvHeads", TENSOR], problem: keyHeadsProblem },
  {
    reads: ["workload.batch", "workload.sequence", TENSOR, "parallelism.sequenceParallel"],
    problem: splitTokensProblem,
  },
];
