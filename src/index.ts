import { type Outcome, validate } from "./io/validate.ts";
import type { Hardware } from "./schema/hardware.ts";
import type { Model } from "./schema/model.ts";
import { type Resolution, resolveScenario } from "./schema/resolve.ts";
import type { ScenarioFile } from "./schema/scenario.ts";

/** The library: the same engine as the command, without files, clock or network. */
export { type Import, type ImportedModel, importModel, type Origin } from "./hugging-face/import-model.ts";
export type { Hardware } from "./schema/hardware.ts";
export { HardwareSchema } from "./schema/hardware.ts";
export type { Model } from "./schema/model.ts";
export { ModelSchema } from "./schema/model.ts";
export { resolveScenario } from "./schema/resolve.ts";
export type { Alternative, OperatorResult, Result } from "./schema/result.ts";
export { ResultSchema } from "./schema/result.ts";
export type { Scenario, ScenarioFile, ScenarioInput } from "./schema/scenario.ts";
export { ScenarioFileSchema } from "./schema/scenario.ts";
export { type LayerFigures, layerSimulator } from "./simulate/layer-result.ts";
export { simulate } from "./simulate.ts";
export type { Outcome, Resolution };

export const parseModel = (data: unknown): Outcome<Model> => validate("model", data);

export const parseHardware = (data: unknown): Outcome<Hardware> => validate("hardware", data);

/** A scenario file's content; its model and hardware may still be names. */
export const parseScenario = (data: unknown): Outcome<ScenarioFile> => validate("scenario", data);

/** A scenario whose model and hardware are given in full, ready to simulate; or every problem found. */
export function scenarioOf(data: unknown): Resolution {
  const { value: file, problems } = validate("scenario", data);
  if (problems !== undefined) return { problems };
  const { model, hardware } = file;
  if (typeof model === "string") return { problems: ["model: expected the model itself, got a name"] };
  if (typeof hardware === "string")
    return { problems: ["hardware: expected the profile itself, got a name"] };
  return resolveScenario(file, model, hardware);
}
