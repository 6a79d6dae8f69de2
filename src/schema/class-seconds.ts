import type { OperatorClass, OperatorResult } from "./result.ts";

/** Seconds of a layer's operators by class; nothing of classes that it does not have. */
export type ClassSeconds = { readonly [C in OperatorClass]?: number };

export function secondsByClass(
  operators: readonly Pick<OperatorResult, "class" | "seconds">[],
): ClassSeconds {
  const sums: { [C in OperatorClass]?: number } = {};
  for (const { class: name, seconds } of operators) sums[name] = (sums[name] ?? 0) + seconds;
  return sums;
}
