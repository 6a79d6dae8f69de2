import type { Hardware } from "../schema/hardware.ts";
import type { Model } from "../schema/model.ts";
import type { ScenarioFile } from "../schema/scenario.ts";
import type { Point } from "./flags.ts";
import { scaleHidden } from "./scale-hidden.ts";
import { type Setting, setPath } from "./set-path.ts";

/** A valid scenario file whose model and hardware are loaded. */
export type LoadedFile = ScenarioFile & { readonly model: Model; readonly hardware: Hardware };

/** Not validated yet: flags hold what the user typed. */
export interface Changed {
  readonly input: unknown;
  readonly notes: readonly string[];
}

const DEFAULT_SEQUENCE = 4096;

/** The scenario with the flags' values in place of the file's: flags win over the file, the file over defaults. */
export function applyWhatIf(
  file: LoadedFile,
  point: Point,
  sequenceParallel: boolean,
  settings: readonly Setting[],
): Changed {
  const workload = changeWorkload(file.workload, point);
  const model = changeModel(file.model, point);
  const changed = {
    ...file,
    workload: workload.value,
    model: model.value,
    normalization: changeNorm(file.normalization, point.norm),
    kernels: {
      pointwise: point.pointwise ?? file.kernels.pointwise,
      attention: point.attention ?? file.kernels.attention,
    },
    precision: point.precision === undefined ? file.precision : everything(point.precision),
    runtime: point.runtime ?? file.runtime,
    parallelism: {
      tensor: point["tensor-parallel"] ?? file.parallelism.tensor,
      sequenceParallel: sequenceParallel || file.parallelism.sequenceParallel,
    },
  };
  const input = settings.reduce<unknown>((tree, { path, value }) => setPath(tree, path, value), changed);
  return { input, notes: [...workload.notes, ...model.notes] };
}

export const everything = (type: string) => ({ weights: type, activations: type, kvCache: type });

interface Change<T> {
  readonly value: T;
  readonly notes: readonly string[];
}

export function changeModel(model: Model, point: Point): Change<Model> {
  const { hidden, layers = model.layers, ffn, heads } = point;
  const kvHeads = point["kv-heads"];
  if (hidden === undefined || hidden === model.hidden) {
    const value = {
      ...model,
      layers,
      heads: heads ?? model.heads,
      kvHeads: kvHeads ?? model.kvHeads,
      ffn: ffn ?? model.ffn,
    };
    return { value, notes: [] };
  }
  const scaled = scaleHidden(model, hidden, { heads, kvHeads, ffn });
  return { value: { ...scaled.model, layers }, notes: [scaled.note] };
}

type Workload = ScenarioFile["workload"];

/** A change of phase takes the other phase's length along: the prompt becomes the context, and the other way round. */
export function changeWorkload(workload: Workload, point: Point): Change<object> {
  const { batch = workload.batch, sequence, context } = point;
  const phase = point.phase ?? workload.phase;
  const was = workload.phase;
  const given = { ...workload, phase, batch };
  if (phase === "decode") {
    const prompt = workload.context || (was === "decode" ? 0 : (workload.sequence ?? 0));
    return {
      value: { ...given, sequence: sequence ?? 1, context: context ?? prompt },
      notes:
        was === "decode" || context !== undefined
          ? []
          : [`decode: context ${prompt}, as --context was not given`],
    };
  }
  if (was === "decode") {
    const length = sequence ?? (workload.context || DEFAULT_SEQUENCE);
    return {
      value: { ...given, sequence: length, context: context ?? 0 },
      notes: sequence === undefined ? [`${phase}: sequence ${length}, as --sequence was not given`] : [],
    };
  }
  const kept = phase === "train" && was !== "train" ? 0 : workload.context;
  return {
    value: { ...given, sequence: sequence ?? workload.sequence, context: context ?? kept },
    notes:
      kept !== workload.context && context === undefined
        ? [`${phase}: the context of ${workload.context} tokens is dropped`]
        : [],
  };
}

/** `rmsnorm`, `rmsnorm:fused` or `:fused`; what is left out stays as the file has it. */
export function changeNorm(norm: ScenarioFile["normalization"], text: string | undefined): object {
  if (text === undefined) return norm;
  const [kind, ...rest] = text.split(":");
  return {
    ...norm,
    ...(kind === "" ? {} : { kind }),
    ...(rest.length === 0 ? {} : { implementation: rest.join(":") }),
  };
}
