import type { Hardware } from "../schema/hardware.ts";
import type { Model } from "../schema/model.ts";
import { generates, isPhase, trains } from "../schema/phases.ts";
import type { LoadedFile, ScenarioFile } from "../schema/scenario.ts";
import { differences, named } from "./differences.ts";
import { type Point, WHAT_IF_FLAGS } from "./flags.ts";
import { scaleHidden } from "./scale-hidden.ts";
import type { Setting } from "./set-path.ts";
import { withSettings } from "./with-settings.ts";

/** Not validated yet: flags hold what the user typed. */
export interface Changed {
  readonly input: unknown;
  readonly notes: readonly string[];
}

const DEFAULT_SEQUENCE = 4096;

/**
 * The scenario with the flags' values in place of the file's: flags win over the file, the file over defaults. Model and
 * hardware that a flag names are in the file already; `own` is the model that the file itself names.
 */
export function applyWhatIf(
  given: LoadedFile,
  point: Point,
  settings: readonly Setting[],
  own: Model = given.model,
): Changed {
  if (Object.keys(point).length === 0 && settings.length === 0) return { input: given, notes: [] };
  // what a file says of itself is not true of what flags make of it
  const { description: _, ...file } = given;
  const sizes = withNamedSizes(point, settings);
  const workload = changeWorkload(file.workload, sizes);
  const model = changeModel(file.model, sizes);
  const changed = {
    ...file,
    workload: workload.value,
    model: model.value,
    hardware: changeHardware(file.hardware, point),
    normalization: changeNorm(
      normFor(file.normalization, wholeModel(settings) ?? file.model, own),
      point.norm,
    ),
    kernels: changeKernels(file.kernels, point),
    precision: changePrecision(file.precision, point.precision),
    runtime: point.runtime ?? file.runtime,
    parallelism: changeParallelism(file.parallelism, point),
    layerKind: point["layer-kind"] ?? file.layerKind,
  };
  const input = withSettings(changed, settings) as typeof changed;
  return {
    input: { ...input, model: named(file.model, input.model) },
    notes: [...workload.notes, ...model.notes],
  };
}

/** The model that `--set model={...}` puts in place of the file's. */
const wholeModel = (settings: readonly Setting[]): Model | undefined =>
  settings.find(({ path, value }) => path.join(".") === "model" && typeof value === "object")?.value as
    | Model
    | undefined;

/** The kind of norm that a file asks for is about the file's own model: any other has the kind it was published with. */
function normFor(norm: Norm, model: Model, own: Model): Norm {
  if (norm.kind === undefined || differences(own, model).length === 0) return norm;
  return norm.implementation === undefined ? {} : { implementation: norm.implementation };
}

type Norm = ScenarioFile["normalization"];

/** Sizes that follow from others unless somebody names them. */
const DERIVED = WHAT_IF_FLAGS.filter(({ name }) =>
  ["sequence", "context", "heads", "kv-heads", "ffn"].includes(name),
);

/** `--set model.heads=48` names a size as `--heads` does: it is not scaled along. */
function withNamedSizes(point: Point, settings: readonly Setting[]): Point {
  const named = DERIVED.flatMap(({ name, field }) => {
    const value = settings.find(({ path }) => path.join(".") === field)?.value;
    return typeof value === "number" ? [[name, value]] : [];
  });
  return { ...point, ...Object.fromEntries(named) };
}

/** One type for everything it can be used for: int4 only stores weights, and no attention reads a cache of fp4. */
export function changePrecision(precision: ScenarioFile["precision"], type: string | undefined): object {
  switch (type) {
    case undefined:
      return precision;
    case "int4":
      return { ...precision, weights: type };
    case "fp4":
      return { ...precision, weights: type, activations: type };
    default:
      return { weights: type, activations: type, kvCache: type };
  }
}

const changeKernels = (kernels: ScenarioFile["kernels"], point: Point): object => ({
  ...kernels,
  pointwise: point.pointwise ?? kernels.pointwise,
  attention: point.attention ?? kernels.attention,
});

export function changeHardware(hardware: Hardware, point: Point): Hardware {
  const value = point["gpu-hour-usd"];
  return value === undefined ? hardware : { ...hardware, gpuHourUsd: { value, source: "as given" } };
}

function changeParallelism(given: ScenarioFile["parallelism"], point: Point): object {
  const { pipeline, "expert-parallel": expert } = point;
  return {
    ...given,
    tensor: point["tensor-parallel"] ?? given.tensor,
    sequenceParallel: point["sequence-parallel"] ?? given.sequenceParallel,
    ...(expert === undefined ? {} : { expert }),
    ...(pipeline === undefined ? {} : { pipeline }),
  };
}

interface Change<T> {
  readonly value: T;
  readonly notes: readonly string[];
}

export function changeModel(model: Model, point: Point): Change<Model> {
  const { hidden, ffn, heads, "kv-heads": kvHeads } = point;
  const sizes = [hidden, ffn, heads, kvHeads, point.layers];
  if (sizes.every((size) => size === undefined)) return { value: model, notes: [] };
  const layers = changeLayers(model, point.layers);
  if (hidden === undefined || hidden === model.hidden) {
    const value = {
      ...model,
      ...layers,
      heads: heads ?? model.heads,
      kvHeads: kvHeads ?? model.kvHeads,
      ffn: ffn ?? model.ffn,
    };
    return { value, notes: [] };
  }
  const scaled = scaleHidden(model, hidden, { heads, kvHeads, ffn });
  return { value: { ...scaled.model, ...layers }, notes: [scaled.note] };
}

/** Another number of layers; layers of several kinds keep their proportions, the last kind takes what is left. */
function changeLayers(model: Model, layers: number | undefined): Partial<Model> {
  const { layerKinds } = model;
  if (layers === undefined || layerKinds === undefined || layers < layerKinds.length)
    return layers === undefined ? {} : { layers };
  let left = layers;
  const kinds = layerKinds.map((kind, index) => {
    const others = layerKinds.length - 1 - index;
    const share = Math.round((kind.layers * layers) / model.layers);
    const own = others === 0 ? left : Math.min(left - others, Math.max(1, share));
    left -= own;
    return { ...kind, layers: own };
  });
  return { layers, layerKinds: kinds };
}

type Workload = ScenarioFile["workload"];

/** A change of phase takes the other phase's length along: the prompt becomes the context, and the other way round. */
export function changeWorkload(workload: Workload, point: Point): Change<object> {
  const { batch = workload.batch, sequence, context } = point;
  const phase = point.phase ?? workload.phase;
  const was = workload.phase;
  const given = { ...workload, phase, batch };
  // for the schema to refuse
  if (!isPhase(phase)) return { value: given, notes: [] };
  if (generates(phase)) {
    const prompt = workload.context || (generates(was) ? 0 : (workload.sequence ?? 0));
    return {
      value: { ...given, sequence: sequence ?? 1, context: context ?? prompt },
      notes:
        generates(was) || context !== undefined
          ? []
          : [`${phase}: context ${prompt}, as --context was not given`],
    };
  }
  if (generates(was)) {
    const length = sequence ?? (workload.context || DEFAULT_SEQUENCE);
    return {
      value: { ...given, sequence: length, context: context ?? 0 },
      notes: sequence === undefined ? [`${phase}: sequence ${length}, as --sequence was not given`] : [],
    };
  }
  const kept = trains(phase) && !trains(was) ? 0 : workload.context;
  return {
    value: { ...given, sequence: sequence ?? workload.sequence, context: context ?? kept },
    notes:
      kept !== workload.context && context === undefined
        ? [`${phase}: the context of ${workload.context} tokens is dropped`]
        : [],
  };
}

/** `rmsnorm`, `rmsnorm:fused` or `:fused`; what is left out stays as the file has it. */
export function changeNorm(norm: Norm, text: string | undefined): object {
  if (text === undefined) return norm;
  const [kind, ...rest] = text.split(":");
  return {
    ...norm,
    ...(kind === "" && rest.length > 0 ? {} : { kind }),
    ...(rest.length === 0 ? {} : { implementation: rest.join(":") }),
  };
}
