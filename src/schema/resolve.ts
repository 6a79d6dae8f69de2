import type { Hardware } from "./hardware.ts";
import type { Model } from "./model.ts";
import type { Scenario, ScenarioFile } from "./scenario.ts";
import { scenarioProblems } from "./scenario-rules.ts";
import { stackImplementation } from "./stack-choices.ts";
import type { NormKind } from "./vocabulary.ts";

export type Resolution =
  | { readonly scenario: Scenario; readonly problems?: never }
  | { readonly scenario?: never; readonly problems: readonly string[] };

/**
 * A valid scenario file, its model and its hardware become one scenario with every default filled in; or the problems
 * that only show where they meet. Pure.
 */
export function resolveScenario(file: ScenarioFile, model: Model, hardware: Hardware): Resolution {
  const scenario = fillIn(file, model, hardware);
  const problems = scenarioProblems(scenario);
  return problems.length > 0 ? { problems } : { scenario };
}

/** A valid file as one scenario, every default filled in. */
export function fillIn(file: ScenarioFile, model: Model, hardware: Hardware): Scenario {
  return {
    ...(file.description === undefined ? {} : { description: file.description }),
    model: withoutSchema(model),
    hardware: withoutSchema(hardware),
    workload: { ...file.workload, sequence: file.workload.sequence ?? 1 },
    precision: file.precision,
    ...(typeof file.stack === "object" ? { stack: withoutSchema(file.stack) } : {}),
    normalization: normalizationOf(file, file.normalization.kind ?? model.norm),
    kernels: file.kernels,
    runtime: file.runtime,
    parallelism: file.parallelism,
    ...(file.training === undefined ? {} : { training: file.training }),
    ...(file.layerKind === undefined ? {} : { layerKind: file.layerKind }),
  };
}

function normalizationOf({ normalization, stack }: ScenarioFile, kind: NormKind): Scenario["normalization"] {
  const byStack = typeof stack === "object" ? stack : undefined;
  return { kind, implementation: normalization.implementation ?? stackImplementation(byStack, kind) };
}

/** Editors want `$schema` in a file; nothing behind the files does. */
export function withoutSchema<T extends object>(object: T): T {
  if (!Object.hasOwn(object, "$schema")) return object;
  const { $schema, ...rest } = object as { $schema?: unknown };
  return rest as T;
}
