import { type LayerFigures, layerFigures } from "./engine/layer-result.ts";
import { simulate as simulateValid } from "./engine/simulate.ts";
import { checkedScenario } from "./io/checked-scenario.ts";
import { type Outcome, validate } from "./io/validate.ts";
import type { Hardware } from "./schema/hardware.ts";
import type { Model } from "./schema/model.ts";
import { type Resolution, resolveScenario as resolve } from "./schema/resolve.ts";
import type { Result } from "./schema/result.ts";
import type { Scenario, ScenarioFile } from "./schema/scenario.ts";

/**
 * The library: the same engine as the command, without files, clock or network. What parses answers with the problems
 * it found; what computes throws them as a UserError, so that no answer is made of values that are none.
 */
export { UserError } from "./errors.ts";
export { type Import, type ImportedModel, importModel, type Origin } from "./hugging-face/import-model.ts";
export type { Hardware } from "./schema/hardware.ts";
export { HardwareSchema } from "./schema/hardware.ts";
export type { Model } from "./schema/model.ts";
export { ModelSchema } from "./schema/model.ts";
export type { Alternative, OperatorResult, Result } from "./schema/result.ts";
export { ResultSchema } from "./schema/result.ts";
export type { Scenario, ScenarioFile, ScenarioInput } from "./schema/scenario.ts";
export { ScenarioFileSchema } from "./schema/scenario.ts";
export type { LayerFigures, Outcome, Resolution };

/** The whole answer for one scenario, as `run --json` prints it. */
export const simulate = (scenario: Scenario): Result => simulateValid(checkedScenario(scenario));

/** Single figures of layers, each computed when it is asked for. */
export const layerSimulator =
  () =>
  (scenario: Scenario): LayerFigures =>
    layerFigures(checkedScenario(scenario));

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
  return resolve(file, model, hardware);
}

/** A scenario file, its model and its hardware as one scenario; or every problem found. */
export const resolveScenario = (file: ScenarioFile, model: Model, hardware: Hardware): Resolution =>
  scenarioOf({ ...file, model, hardware });
