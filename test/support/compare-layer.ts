import { expect } from "vitest";
import { type Operator, readBytes, writeBytes } from "../../src/engine/layer/kernel.ts";
import { layerOperators } from "../../src/engine/layer/layer.ts";
import type { Scenario } from "../../src/schema/scenario.ts";
import { type CountedOperator, countedLayer } from "./reference-layer.ts";

/** Shifted by a little, so that no sum of halves and quarters lies between two rounded numbers. */
const rounded = (bytes: number): number => Math.round(1e6 * bytes + 0.1234567) / 1e6;

/** The engine's operators in the counter's words. */
export const counted = (operators: readonly Operator[]): CountedOperator[] =>
  operators.map(({ name, class: kind, kernels }) => ({
    name,
    class: kind,
    kernels: kernels.map((kernel) => ({
      flops: rounded(kernel.flops),
      // a share of a tensor may come out a rounding error beside a whole number
      readBytes: rounded(readBytes(kernel)),
      writeBytes: rounded(writeBytes(kernel)),
    })),
  }));

/** What the counter found, rounded as the engine's figures are. */
export const roundedOperators = (operators: readonly CountedOperator[]): CountedOperator[] =>
  operators.map(({ kernels, ...operator }) => ({
    ...operator,
    kernels: kernels.map(({ flops, readBytes: read, writeBytes: written }) => ({
      flops: rounded(flops),
      readBytes: rounded(read),
      writeBytes: rounded(written),
    })),
  }));

/** Expects the operators, kernels, FLOPs and bytes that walking every element of the scenario's layer counts. */
export const compareLayer = (given: Scenario): void => compareKind(given, given);

/** The same of one kind of layer, which the counter is given as a model of that kind alone. */
export function compareKind(given: Scenario, ofKind: Scenario): void {
  const walked = roundedOperators(countedLayer(ofKind));
  const found = counted(layerOperators(given));
  // strings are compared faster than trees; where they differ the tree shows where
  if (JSON.stringify(found) !== JSON.stringify(walked)) expect(found).toEqual(walked);
}
