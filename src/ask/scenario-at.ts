import { fillIn } from "../schema/resolve.ts";
import type { LoadedFile, Scenario } from "../schema/scenario.ts";
import { overFile } from "../schema/stack-choices.ts";
import { isFlag, type Point } from "./flags.ts";
import type { Setting } from "./set-path.ts";
import type { AxisValue, Space } from "./space.ts";
import { applyWhatIf, type Changed } from "./what-if.ts";

/** The scenario where the axes of a space have these values. What was typed is in it as it is: nothing is validated. */
export function scenarioAt(space: Space, values: readonly AxisValue[] = []): Scenario {
  const file = changedAt(space, values).input as LoadedFile;
  return fillIn(file, file.model, file.hardware);
}

/** The same as a scenario file, and what the flags changed in it beyond what they say. */
export function changedAt(space: Space, values: readonly AxisValue[] = []): Changed {
  const { file, own, models, devices, stacks } = space;
  const { point, settings } = askedAt(space, values);
  const stack = point.stack === undefined ? undefined : stacks?.[point.stack];
  const named = {
    ...(stack === undefined ? file : overFile(file, stack)),
    model: point.model === undefined ? file.model : models[point.model]!,
    hardware: point.hardware === undefined ? file.hardware : devices[point.hardware]!,
  };
  return applyWhatIf(named, point, settings, own);
}

/** What is fixed, and what the axes say in their turn. */
function askedAt(
  { fixed, settings, axes }: Space,
  values: readonly AxisValue[],
): { readonly point: Point; readonly settings: readonly Setting[] } {
  const point: Record<string, AxisValue> = { ...fixed };
  const paths = [...settings];
  axes.forEach(({ name }, index) => {
    if (isFlag(name)) point[name] = values[index]!;
    else paths.push({ path: name.split("."), value: values[index]! });
  });
  return { point: point as Point, settings: paths };
}
