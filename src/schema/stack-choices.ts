import type { ScenarioFile } from "./scenario.ts";
import type { Stack } from "./stack.ts";
import type { NormImplementation, NormKind } from "./vocabulary.ts";

/** How norms of a kind are run where a scenario does not say. */
export const stackImplementation = (stack: Stack | undefined, kind: NormKind): NormImplementation =>
  stack?.normalization[kind] ?? "native";

/** What of a scenario file is about how its layer is run, before any default is filled in. */
type Choices = Partial<Pick<ScenarioFile, "normalization" | "runtime" | "training">> & {
  readonly kernels?: Partial<ScenarioFile["kernels"]>;
};

/** What a stack fills in where a scenario file names it: what the file says itself wins. */
export const underFile = <T extends Choices>(file: T, stack: Stack) => ({
  ...file,
  stack,
  kernels: { ...stack.kernels, ...file.kernels },
  runtime: file.runtime ?? stack.runtime ?? "graph",
  ...trainingOf(stack, { ...stack.training, ...file.training }),
});

/** A stack that a flag names takes the place of what the file says of kernels: flags win over the file. */
export const overFile = <T extends Choices>(file: T, stack: Stack) => ({
  ...file,
  stack,
  kernels: { pointwise: "eager" as const, attention: "flash" as const, ...stack.kernels },
  runtime: stack.runtime ?? "graph",
  ...(file.normalization === undefined ? {} : { normalization: kindAlone(file.normalization) }),
  ...trainingOf(stack, { ...file.training, ...stack.training }),
});

const kindAlone = ({ kind }: NonNullable<Choices["normalization"]>) => (kind === undefined ? {} : { kind });

const trainingOf = (stack: Stack, training: object) =>
  Object.keys(stack.training).length === 0 ? {} : { training };
