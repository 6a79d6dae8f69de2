import type { Calibration, CalibrationValues, Parameter } from "./calibration.ts";

/** A calibration parameter's place, as dotted path: "matmul.floorSeconds". */
export type ParameterPath = string;

/** A name that only older profiles have is left out of newer ones. */
type Tree = { readonly [name: string]: Tree | Parameter | undefined };

const isParameter = (node: Tree | Parameter): node is Parameter => "value" in node;

/** Every parameter of a calibration with its path, in the order of the schema. */
export function parametersOf(calibration: Calibration): [ParameterPath, Parameter][] {
  const walk = (node: Tree | Parameter, path: string): [ParameterPath, Parameter][] =>
    isParameter(node)
      ? [[path, node]]
      : Object.entries(node).flatMap(([name, child]) =>
          child === undefined ? [] : walk(child, path === "" ? name : `${path}.${name}`),
        );
  return walk(calibration, "");
}

/** The same calibration with some parameters replaced. */
export function replaceParameters(
  calibration: Calibration,
  replacement: (path: ParameterPath, parameter: Parameter) => Parameter,
): Calibration {
  const walk = (node: Tree | Parameter, path: string): Tree | Parameter =>
    isParameter(node)
      ? replacement(path, node)
      : Object.fromEntries(
          Object.entries(node).flatMap(([name, child]) =>
            child === undefined ? [] : [[name, walk(child, path === "" ? name : `${path}.${name}`)]],
          ),
        );
  return walk(calibration, "") as Calibration;
}

/** Plain values with some of them replaced; shares what it does not change. */
export function withValues(
  values: CalibrationValues,
  paths: readonly ParameterPath[],
  numbers: readonly number[],
): CalibrationValues {
  let result: Record<string, unknown> = values as unknown as Record<string, unknown>;
  paths.forEach((path, index) => {
    result = withValue(result, path.split("."), numbers[index]!);
  });
  return result as unknown as CalibrationValues;
}

function withValue(
  node: Record<string, unknown>,
  path: readonly string[],
  value: number,
): Record<string, unknown> {
  const [name, ...rest] = path as [string, ...string[]];
  return {
    ...node,
    [name]: rest.length === 0 ? value : withValue(node[name] as Record<string, unknown>, rest, value),
  };
}

export function valueAt(values: CalibrationValues, path: ParameterPath): number {
  let node: unknown = values;
  for (const name of path.split(".")) node = (node as Record<string, unknown>)[name];
  return node as number;
}
