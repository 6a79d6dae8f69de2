import type { Point } from "../ask/flags.ts";
import { scenarioAt } from "../ask/scenario-at.ts";
import { type SliderRange, sliderValue } from "../report/page/controls.ts";
import type { PageData, PageState } from "../report/page/data.ts";
import { precisionFor, spaceOf } from "./evaluate.ts";

/** What a control says, as a change of the view. */
export function withControl(data: PageData, state: PageState, name: string, value: string): PageState {
  switch (name) {
    case "scenario":
      return { scenario: Number(value), point: data.scenarios[Number(value)]!.point };
    case "model": {
      // sizes are those of the model that was chosen
      const { hidden, ffn, heads, layers, "kv-heads": _, ...point } = state.point;
      return withFlag(data, { ...state, point }, "model", value);
    }
    case "hardware":
      return withPrecision(data, withFlag(data, state, "hardware", value));
    case "phase": {
      const { sequence, context, ...point } = state.point;
      return withFlag(data, { ...state, point }, "phase", value);
    }
    case "norm-kind":
    case "norm-implementation":
      return withNorm(data, state, name, value);
    default: {
      const number = Number(value);
      const isNumber = NUMBERS.has(name);
      return withFlag(
        data,
        state,
        name as keyof Point,
        isNumber ? (value === "" ? Number.NaN : number) : value,
      );
    }
  }
}

const NUMBERS = new Set(["batch", "sequence", "context", "hidden", "tensor-parallel"]);

export const withSlider = (data: PageData, state: PageState, name: string, position: number): PageState =>
  withControl(data, state, name, String(sliderValue(name as SliderRange["name"], position)));

/** A flag that only says what the file says anyway is left out. */
function withFlag(data: PageData, state: PageState, name: keyof Point, value: string | number): PageState {
  const { [name]: before, ...rest } = state.point;
  const without: PageState = { ...state, point: rest };
  const isOwn = value === "" || fileValue(data, without, name) === value;
  return isOwn ? without : { ...state, point: { ...rest, [name]: value } };
}

/** What a view has where no flag says it. */
function fileValue(data: PageData, state: PageState, name: keyof Point): string | number | undefined {
  const { model, workload, precision, kernels, runtime, parallelism } = scenarioAt(spaceOf(data, state));
  const { file } = data.scenarios[state.scenario]!;
  const values: Readonly<Partial<Record<keyof Point, unknown>>> = {
    model: file.model,
    hardware: file.hardware,
    phase: workload.phase,
    batch: workload.batch,
    sequence: workload.sequence,
    context: workload.context,
    hidden: model.hidden,
    pointwise: kernels.pointwise,
    attention: kernels.attention,
    runtime,
    precision: new Set(Object.values(precision)).size === 1 ? precision.activations : undefined,
    "tensor-parallel": parallelism.tensor,
  };
  return values[name] as string | number | undefined;
}

function withNorm(data: PageData, state: PageState, name: string, value: string): PageState {
  // what nobody chose stays the scenario's and the model's own
  const [kind = "", by = ""] = (state.point.norm ?? "").split(":");
  const [newKind, newBy] = name === "norm-kind" ? [value, by] : [kind, value];
  return namedNorm(data, state, newBy === "" ? newKind : `${newKind}:${newBy}`);
}

/** `--norm`, unless the scenario has that norm anyway. */
function namedNorm(data: PageData, state: PageState, norm: string): PageState {
  const { norm: _, ...rest } = state.point;
  const without: PageState = { ...state, point: rest };
  const asked: PageState = { ...state, point: { ...rest, norm } };
  const [own, other] = [without, asked].map((one) => scenarioAt(spaceOf(data, one)).normalization);
  const isOwn = norm === "" || (own?.kind === other?.kind && own?.implementation === other?.implementation);
  return isOwn ? without : asked;
}

/** A device that lacks the scenario's type gets one that it has. */
function withPrecision(data: PageData, state: PageState): PageState {
  const { precision: _, ...rest } = state.point;
  const without: PageState = { ...state, point: rest };
  const { hardware, precision } = scenarioAt(spaceOf(data, without));
  const instead = precisionFor(hardware, precision.activations);
  return instead === undefined ? without : { ...state, point: { ...rest, precision: instead } as Point };
}

/** The view in which normalization takes what was asked for. */
export const goTo = (data: PageData, state: PageState, hidden: number, norm: string): PageState =>
  withFlag(data, namedNorm(data, state, norm), "hidden", hidden);
