import { matmulPeak, matmulTypesOf, usualTypeOf } from "./peaks.ts";
import { trains } from "./phases.ts";
import { MODEL_RULES, pathText, type Rule, WORKLOAD_RULES } from "./rules.ts";
import type { Scenario } from "./scenario.ts";
import { BYTES_PER_ELEMENT, isNarrow, WIDE_TYPES } from "./vocabulary.ts";

/** A rule between fields that are each valid on their own. */
export interface ScenarioRule {
  /** paths of the fields that it looks at */
  readonly reads: readonly string[];
  readonly problems: (scenario: Scenario) => readonly string[];
}

/** What only shows where valid fields of a scenario meet: types the hardware has, sizes that the ranks divide. */
export const scenarioProblems = (scenario: Scenario): string[] =>
  SCENARIO_RULES.flatMap(({ problems }) => problems(scenario));

function precisionProblem({ hardware, precision }: Scenario): string | undefined {
  const asked = precision.activations;
  if (matmulPeak(hardware, asked) !== undefined) return undefined;
  const known = matmulTypesOf(hardware);
  const weights = isNarrow(asked) ? `, or --set precision.weights=${asked} to store weights alone in it` : "";
  return `precision.activations: ${hardware.name} has no ${asked} rate; it has ${known.join(", ")} (try --precision ${usualTypeOf(hardware)}${weights})`;
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

/** A projection multiplies what its hardware multiplies: weights that are wider than its inputs would not fit. */
function weightsProblem({ precision: { weights, activations } }: Scenario): string | undefined {
  if (!isNarrow(activations) || BYTES_PER_ELEMENT[weights] <= BYTES_PER_ELEMENT[activations])
    return undefined;
  return `precision.weights: expected ${activations} or narrower beside activations of ${activations}, got ${weights} (try --precision ${activations})`;
}

function narrowTrainingProblem({ workload, precision }: Scenario): string | undefined {
  if (!trains(workload.phase)) return undefined;
  const field = (["weights", "activations"] as const).find((name) => isNarrow(precision[name]));
  if (field === undefined) return undefined;
  return `precision.${field}: expected ${WIDE_TYPES.join(", ")} in ${workload.phase}, got ${precision[field]} (training with quantized matmuls is not modelled)`;
}

function layerKindProblem({ model: { name, layerKinds }, layerKind }: Scenario): string | undefined {
  if (layerKind === undefined || layerKinds?.some((kind) => kind.name === layerKind)) return undefined;
  const known = layerKinds?.map((kind) => kind.name).join(", ");
  return `layerKind: ${name} has ${known === undefined ? "layers of one kind only" : `no kind ${JSON.stringify(layerKind)}; it has ${known}`}`;
}

function expertRanksProblem({
  model: { experts },
  parallelism: { expert = 1 },
}: Scenario): string | undefined {
  if (expert === 1) return undefined;
  if (experts === undefined) return "parallelism.expert: expected 1, as the model has no experts";
  return experts.count % expert === 0
    ? undefined
    : `parallelism.expert: expected a divisor of the model's experts (${experts.count}), got ${expert}`;
}

function expertWidthProblem({ model: { experts }, parallelism: { tensor } }: Scenario): string | undefined {
  const widths = experts && [experts.ffn, experts.sharedFfn ?? 0];
  const odd = widths?.find((width) => width % tensor !== 0);
  return odd === undefined
    ? undefined
    : `${TENSOR}: expected a divisor of the experts' width (${odd}), got ${tensor}`;
}

function stagesProblem({ model: { layers }, parallelism: { pipeline = 1 } }: Scenario): string | undefined {
  return pipeline <= layers
    ? undefined
    : `parallelism.pipeline: expected at most the model's layers (${layers}), got ${pipeline}`;
}

interface CrossRule {
  readonly reads: readonly string[];
  readonly problem: (scenario: Scenario) => string | undefined;
}

const CROSS_RULES: readonly CrossRule[] = [
  { reads: ["hardware", "precision.activations"], problem: precisionProblem },
  { reads: ["precision.weights", "precision.activations"], problem: weightsProblem },
  {
    reads: ["workload.phase", "precision.weights", "precision.activations"],
    problem: narrowTrainingProblem,
  },
  { reads: ["model.layerKinds", "layerKind"], problem: layerKindProblem },
  { reads: ["model.experts", "parallelism.expert"], problem: expertRanksProblem },
  { reads: ["model.experts", TENSOR], problem: expertWidthProblem },
  { reads: ["model.layers", "parallelism.pipeline"], problem: stagesProblem },
  { reads: ["model.heads", TENSOR], problem: divides("heads") },
  { reads: ["model.ffn", TENSOR], problem: divides("ffn") },
  { reads: ["model.kvHeads", TENSOR], problem: keyHeadsProblem },
  {
    reads: ["workload.batch", "workload.sequence", TENSOR, "parallelism.sequenceParallel"],
    problem: splitTokensProblem,
  },
];

/** Rules of one part, as rules of the scenario that it is in. */
const within = <T extends "model" | "workload">(
  part: T,
  rules: readonly Rule<Scenario[T]>[],
): ScenarioRule[] =>
  rules.map(({ reads, problems }) => ({
    reads: reads.map((field) => `${part}.${field}`),
    problems: (scenario) =>
      problems(scenario[part]).map(({ path, message }) => `${pathText([part, ...path])}: ${message}`),
  }));

/** Every rule between fields. The schemas hold those of one part as well, so that each file is right by itself. */
export const SCENARIO_RULES: readonly ScenarioRule[] = [
  ...CROSS_RULES.map(
    ({ reads, problem }): ScenarioRule => ({
      reads,
      problems: (scenario) => [problem(scenario) ?? []].flat(),
    }),
  ),
  ...within("model", MODEL_RULES),
  ...within("workload", WORKLOAD_RULES),
];
