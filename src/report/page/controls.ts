import { matmulTypesOf } from "../../schema/peaks.ts";
import { PHASE_FACTS, type Phase } from "../../schema/phases.ts";
import type { Result } from "../../schema/result.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS, NORM_NAMES, PHASES } from "../../schema/vocabulary.ts";
import { type Child, type Element, element } from "../chart/tree.ts";
import { IMPLEMENTATION_HELP, shortName } from "../text/scenario-text.ts";
import type { PageData, PageState } from "./data.ts";

/** A number that a slider moves over its logarithm, between whole steps. */
export interface SliderRange {
  readonly name: "batch" | "sequence" | "context" | "hidden";
  readonly title: string;
  readonly least: number;
  readonly most: number;
  /** values are multiples of it */
  readonly step: number;
}

export const SLIDERS: readonly SliderRange[] = [
  { name: "batch", title: "Batch", least: 1, most: 512, step: 1 },
  { name: "sequence", title: "Sequence (new tokens)", least: 1, most: 131_072, step: 1 },
  { name: "context", title: "Context (tokens before)", least: 0, most: 131_072, step: 1 },
  { name: "hidden", title: "Hidden size", least: 256, most: 32_768, step: 64 },
];

/** Steps of a slider for each doubling. */
const STEPS = 8;

/** The values of a slider, each once: near the eighths of a doubling, multiples of the step. */
function sliderValues({ least, most, step }: SliderRange): readonly number[] {
  const first = Math.max(1, least);
  const count = Math.round(Math.log2(most / first) * STEPS);
  const values = Array.from(
    { length: count + 1 },
    (_, index) => Math.round((first * 2 ** (index / STEPS)) / step) * step,
  );
  return [...new Set([least, ...values])];
}

const VALUES = new Map(SLIDERS.map((range) => [range.name, sliderValues(range)]));

export const sliderValue = (name: SliderRange["name"], position: number): number =>
  VALUES.get(name)![position]!;

/** The slider's place that is nearest to a value. */
function sliderPosition(name: SliderRange["name"], value: number): number {
  const values = VALUES.get(name)!;
  const distance = (index: number): number => Math.abs(Math.log((values[index]! + 1) / (value + 1)));
  return values.reduce((best, _, index) => (distance(index) < distance(best) ? index : best), 0);
}

/** All that a reader can turn, each labelled. */
export function controls(data: PageData, state: PageState, { scenario }: Result): Child[] {
  const { hardware, workload, normalization, kernels, runtime, precision, parallelism } = scenario;
  const { implementation, kind } = normalization;
  const { point } = state;
  const file = data.scenarios[state.scenario]!.file;
  const types = matmulTypesOf(hardware);
  return [
    element("h2", {}, ["Turn the knobs"]),
    ...(data.scenarios.length > 1
      ? [
          select(
            "scenario",
            "Scenario",
            data.scenarios.map(({ reference }, index) => [String(index), reference]),
            String(state.scenario),
          ),
        ]
      : []),
    select("model", "Model", named(data.models, file.model), point.model ?? nameOf(file.model)),
    select(
      "hardware",
      "Hardware",
      named(data.devices, file.hardware, shortName),
      point.hardware ?? nameOf(file.hardware),
    ),
    select(
      "norm-kind",
      "Norm",
      NORM_KINDS.map((name) => [name, NORM_NAMES[name]]),
      kind,
    ),
    select(
      "norm-implementation",
      "Its kernels",
      [
        ...(typeof implementation === "string" ? [] : [["", "passes of your own"] as const]),
        ...NORM_IMPLEMENTATIONS.map((name) => [name, `${name}: ${IMPLEMENTATION_HELP[name]}`] as const),
      ],
      typeof implementation === "string" ? implementation : "",
    ),
    select("phase", "Phase", same(PHASES), workload.phase),
    ...SLIDERS.map((range) => slider(range, sizeOf(scenario, range), isFree(range, workload.phase))),
    select(
      "runtime",
      "Runtime",
      [
        ["graph", "CUDA graph"],
        ["eager", "eager: issued from Python"],
      ],
      runtime,
    ),
    select(
      "pointwise",
      "RoPE and activation",
      [
        ["eager", "op by op"],
        ["fused", "fused"],
      ],
      kernels.pointwise,
    ),
    select("attention", "Attention", same(["flash", "materialized"]), kernels.attention),
    select("precision", "Precision", same(types), precision.activations),
    select(
      "tensor-parallel",
      "Tensor parallel (GPUs)",
      same([...new Set([1, 2, 4, 8, 16, parallelism.tensor])].sort((a, b) => a - b).map(String)),
      String(parallelism.tensor),
    ),
    element("p", { class: "buttons" }, [
      element("button", { type: "button", "data-action": "reset" }, ["Start over"]),
    ]),
  ];
}

type Options = readonly (readonly [value: string, text: string])[];

const same = (values: readonly string[]): Options => values.map((value) => [value, value]);

const nameOf = (part: unknown): string => (typeof part === "string" ? part : "");

/** A list's names; a thing of the scenario's own, which is in no list, stands for itself. */
function named(
  list: Readonly<Record<string, { readonly name: string }>>,
  own: string | { readonly name: string },
  text: (name: string) => string = (name) => name,
): Options {
  const options: Options = Object.entries(list).map(([name, one]) => [name, text(one.name)]);
  return typeof own === "string" ? options : [...options, ["", text(own.name)]];
}

function select(name: string, text: string, options: Options, value: string): Element {
  const id = `control-${name}`;
  return element("div", { class: "control", "data-key": name }, [
    element("label", { for: id }, [text]),
    element(
      "select",
      { id, name, "data-control": name },
      options.map(([own, shown]) => element("option", { value: own, selected: own === value }, [shown])),
    ),
  ]);
}

function sizeOf({ model, workload }: Result["scenario"], { name }: SliderRange): number {
  return name === "hidden" ? model.hidden : workload[name];
}

/** Decode has one new token a sequence, training none before it. */
const isFree = ({ name }: SliderRange, phase: Phase): boolean =>
  (name !== "sequence" && name !== "context") || PHASE_FACTS[phase].lengths.includes(name);

function slider(range: SliderRange, value: number, isEnabled: boolean): Element {
  const { name, title, least } = range;
  const id = `control-${name}`;
  const disabled = !isEnabled;
  return element("div", { class: "control slider", "data-key": name }, [
    element("label", { for: id }, [title]),
    element("input", { id, type: "number", min: least, step: 1, value, disabled, "data-control": name }),
    element("input", {
      type: "range",
      min: 0,
      max: VALUES.get(name)!.length - 1,
      step: 1,
      value: sliderPosition(name, value),
      disabled,
      "data-slider": name,
      "aria-label": `${title}, slider`,
      "aria-valuetext": String(value),
    }),
  ]);
}
