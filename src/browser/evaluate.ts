import { isTaken, type Point, WHAT_IF_FLAGS } from "../ask/flags.ts";
import { changedAt, scenarioAt } from "../ask/scenario-at.ts";
import type { Space } from "../ask/space.ts";
import { simulate } from "../engine/simulate.ts";
import {
  openingState,
  type PageData,
  type PageScenario,
  type PageState,
  type SlowAnswers,
  TARGET,
} from "../report/page/data.ts";
import type { PageModel } from "../report/page/model.ts";
import type { Hardware } from "../schema/hardware.ts";
import type { Model } from "../schema/model.ts";
import { matmulPeak, usualTypeOf } from "../schema/peaks.ts";
import type { Result } from "../schema/result.ts";
import type { LoadedFile, Scenario } from "../schema/scenario.ts";
import { scenarioProblems } from "../schema/scenario-rules.ts";
import { claims } from "../study/claims.ts";
import { type Norm, reach, type ShareCurve, shareCurve } from "../study/reach.ts";

/** A view computed: the result that the command would print, or why there is none. */
export type Evaluation =
  | { readonly result: Result; readonly problems?: never }
  | { readonly result?: never; readonly problems: readonly string[] };

export function evaluate(data: PageData, state: PageState): Evaluation {
  const problems = flagProblems(data, state.point);
  if (problems.length > 0) return { problems };
  const space = spaceOf(data, state);
  const scenario = scenarioAt(space);
  const more = scenarioProblems(scenario);
  if (more.length > 0) return { problems: more };
  return { result: simulate(scenario, changedAt(space).notes) };
}

/** The scenario file with the view's flags, as the studies take it. */
export function spaceOf(data: PageData, { scenario, point }: PageState): Space {
  const { file, own, settings } = data.scenarios[scenario]!;
  return {
    file: loaded(data, file),
    own: modelOf(data, own),
    fixed: point,
    settings,
    axes: [],
    models: data.models,
    devices: data.devices,
  };
}

const loaded = (data: PageData, file: PageScenario["file"]): LoadedFile => ({
  ...file,
  model: modelOf(data, file.model),
  hardware: typeof file.hardware === "string" ? (data.devices[file.hardware] as Hardware) : file.hardware,
  stack: typeof file.stack === "object" ? file.stack : undefined,
});

const modelOf = ({ models }: PageData, model: PageScenario["own"]): Model =>
  typeof model === "string" ? (models[model] as Model) : model;

/** The schema's rules for what a control or an address may hold. */
const flagProblems = ({ models, devices }: PageData, point: Point): string[] =>
  WHAT_IF_FLAGS.flatMap((flag) => {
    const { name } = flag;
    const value = point[name];
    if (value === undefined) return [];
    const list = name === "model" ? models : name === "hardware" ? devices : undefined;
    if (list === undefined ? isTaken(flag, value) : Object.hasOwn(list, String(value))) return [];
    return [
      flag.kind === "numbers"
        ? `${name}: expected a ${flag.whole === true ? "whole " : ""}number of at least ${flag.least}, got ${Number.isNaN(value) ? "nothing" : value}`
        : `${name}: nothing here is called ${JSON.stringify(value)}`,
    ];
  });

const EAGER_LAYERNORM: Norm = { kind: "layernorm", implementation: "eager" };

/** The norms whose share of time is followed over the width: the scenario's own, and LayerNorm op by op. */
function normsAsked({ normalization }: Scenario): Norm[] {
  const { kind, implementation } = normalization;
  const isEager = kind === EAGER_LAYERNORM.kind && implementation === EAGER_LAYERNORM.implementation;
  return typeof implementation !== "string" || isEager
    ? [EAGER_LAYERNORM]
    : [{ kind, implementation }, EAGER_LAYERNORM];
}

const OPENING_WIDTH = 900;

/** The opening view; the data must be of a scenario that can be computed. */
export function openingModel(data: PageData): PageModel {
  const state = openingState(data);
  const { result, problems } = evaluate(data, state);
  if (result === undefined) throw new RangeError(problems.join("; "));
  return {
    data,
    state,
    shown: state,
    result,
    problems: [],
    curves: shareCurves(data, state),
    slow: data.opening,
    isPending: false,
    sort: undefined,
    width: OPENING_WIDTH,
  };
}

const CURVE_POINTS = 40;

export function shareCurves(data: PageData, state: PageState): ShareCurve[] {
  const space = spaceOf(data, state);
  return normsAsked(scenarioAt(space)).map((norm) => shareCurve(space, norm, CURVE_POINTS));
}

/** What takes longer than a frame. */
export function slowAnswers(data: PageData, state: PageState): SlowAnswers {
  const space = spaceOf(data, state);
  const scenario = scenarioAt(space);
  return {
    claims: claims(space, scenario.hardware.gpuHourUsd?.value),
    reaches: normsAsked(scenario).map((norm) => reach(space, norm, TARGET)),
  };
}

/** The scenario's type where the device has it, else one that it has: `undefined` where nothing has to change. */
export function precisionFor(
  hardware: Hardware,
  wanted: Scenario["precision"]["activations"],
): string | undefined {
  return matmulPeak(hardware, wanted) === undefined ? usualTypeOf(hardware) : undefined;
}
