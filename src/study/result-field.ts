import { ratio } from "../engine/device/math.ts";
import { savingError } from "../engine/saving-error.ts";
import { suggestion } from "../nearest.ts";
import type { Alternative, OperatorResult, Result } from "../schema/result.ts";
import { NORM_IMPLEMENTATIONS, NORM_KINDS, type NormImplementation } from "../schema/vocabulary.ts";
import type { Answers } from "./answers.ts";

/** What a number of the result is measured in. */
export type Unit =
  | "seconds"
  | "share"
  | "bytes"
  | "flops"
  | "count"
  | "intensity"
  | "rate"
  | "usd"
  | "watts"
  | "joules";

/** One number of the result, by name. */
export interface ResultField {
  readonly name: string;
  readonly unit: Unit;
  /**
   * undefined where this scenario has no such number: an operator that its layer does not have; null where nobody knows
   * it: times of norms on a device without a calibration
   */
  readonly read: (answers: Answers) => number | null | undefined;
  /** typical error of a saving, where it is known */
  readonly error?: (answers: Answers) => number | undefined;
}

export type ParsedField =
  | { readonly field: ResultField; readonly problem?: never }
  | { readonly field?: never; readonly problem: string };

const LAYER = {
  seconds: "seconds",
  idealSeconds: "seconds",
  flops: "flops",
  hbmBytes: "bytes",
  hbmTrafficBytes: "bytes",
  kernels: "count",
  modelFlopsUtilization: "share",
  hardwareFlopsUtilization: "share",
  bandwidthUtilization: "share",
  savedActivationBytes: "bytes",
} as const satisfies Record<keyof Result["layer"], Unit>;

const NORMALIZATION = {
  seconds: "seconds",
  shareOfTime: "share",
  flops: "flops",
  shareOfFlops: "share",
  hbmBytes: "bytes",
  shareOfHbmBytes: "share",
} as const satisfies Record<keyof Result["normalization"], Unit>;

const STATISTICAL = {
  shareOfTime: "share",
  shareOfFlops: "share",
} as const satisfies Record<keyof Result["statisticalNormalization"], Unit>;

const WHOLE_MODEL = {
  layers: "count",
  seconds: "seconds",
  tokensPerSecond: "rate",
  embeddingSeconds: "seconds",
  layersSeconds: "seconds",
  finalNormSeconds: "seconds",
  headSeconds: "seconds",
  optimizerSeconds: "seconds",
  flops: "flops",
  modelFlopsUtilization: "share",
  hardwareFlopsUtilization: "share",
  parameters: "count",
  activeParameters: "count",
  gpus: "count",
} as const satisfies Record<Exclude<keyof Result["wholeModel"], "kinds">, Unit>;

const MEMORY = {
  weightBytes: "bytes",
  kvCacheBytes: "bytes",
  activationBytes: "bytes",
  optimizerBytes: "bytes",
  totalBytes: "bytes",
  deviceBytes: "bytes",
} as const satisfies Record<keyof Result["memory"], Unit>;

const COST = {
  gpuHourUsd: "usd",
  usdPerMillionTokens: "usd",
  boardPowerWatts: "watts",
  joulesPerToken: "joules",
} as const satisfies Record<Exclude<keyof Result["cost"], "swapped">, Unit>;

const OPERATOR = {
  flops: "flops",
  hbmReadBytes: "bytes",
  hbmWriteBytes: "bytes",
  kernels: "count",
  arithmeticIntensity: "intensity",
  seconds: "seconds",
  idealSeconds: "seconds",
  shareOfTime: "share",
} as const satisfies Record<Exclude<keyof OperatorResult, "name" | "class" | "bound">, Unit>;

const ALTERNATIVE = {
  layerSeconds: "seconds",
  normalizationSeconds: "seconds",
  savedSeconds: "seconds",
  savedShareOfTime: "share",
  errorShareOfTime: "share",
  savedActivationBytes: "bytes",
  normalizationForwardHbmBytes: "bytes",
} as const satisfies Record<
  Exclude<keyof Alternative, "kind" | "implementation" | "resolved" | "secondsByClass">,
  Unit
>;

/** Share of the layer's time that RMSNorm by `rms` saves against LayerNorm by `layer`, whichever the scenario has. */
export function savingShare(
  answers: Answers,
  layer: NormImplementation,
  rms: NormImplementation,
): number | null {
  const before = answers.alternative("layernorm", layer).layerSeconds;
  const after = answers.alternative("rmsnorm", rms).layerSeconds;
  return before === null || after === null ? null : ratio(before - after, before);
}

/**
 * What RMSNorm by `rms` (by the same kernels where it is not given) saves against LayerNorm by the scenario's kernels;
 * against the scenario as given, or nothing, where it describes passes of its own, which have no twin.
 */
export function savingOfGiven(answers: Answers, rms?: NormImplementation): number | null | undefined {
  const { implementation } = answers.scenario.normalization;
  if (typeof implementation === "string") return savingShare(answers, implementation, rms ?? implementation);
  return rms && answers.alternative("rmsnorm", rms).savedShareOfTime;
}

/** Typical error of that saving; undefined where nobody has measured such pairs of layers. */
export function savingErrorOfGiven(answers: Answers, rms?: NormImplementation): number | undefined {
  const { scenario } = answers;
  const { implementation } = scenario.normalization;
  if (typeof implementation !== "string") return undefined;
  const from = { kind: "layernorm", implementation } as const;
  const to = { kind: "rmsnorm", implementation: rms ?? implementation } as const;
  return savingError(scenario, answers.operators(), from, to);
}

/** What people ask most, under names of their own. */
const NAMED: Readonly<Record<string, Omit<ResultField, "name">>> = {
  layerSeconds: { unit: "seconds", read: (answers) => answers.layer().seconds },
  normalizationShareOfTime: { unit: "share", read: (answers) => answers.normalization().shareOfTime },
  normalizationShareOfFlops: { unit: "share", read: (answers) => answers.normalization().shareOfFlops },
  rmsnormSavesShareOfTime: {
    unit: "share",
    read: (answers) => savingOfGiven(answers),
    error: (answers) => savingErrorOfGiven(answers),
  },
  eagerRmsnormSavesShareOfTime: {
    unit: "share",
    read: (answers) => savingOfGiven(answers, "eager"),
    error: (answers) => savingErrorOfGiven(answers, "eager"),
  },
};

/** All names that do not depend on the scenario, and how the others begin. */
export const FIELD_NAMES: readonly string[] = [
  ...Object.keys(NAMED),
  ...Object.keys(LAYER).map((key) => `layer.${key}`),
  ...Object.keys(NORMALIZATION).map((key) => `normalization.${key}`),
  ...Object.keys(STATISTICAL).map((key) => `statisticalNormalization.${key}`),
  ...Object.keys(WHOLE_MODEL).map((key) => `wholeModel.${key}`),
  ...Object.keys(MEMORY).map((key) => `memory.${key}`),
  ...Object.keys(COST).map((key) => `cost.${key}`),
  ...Object.keys(OPERATOR).map((key) => `operators.attention-norm.${key}`),
  ...Object.keys(ALTERNATIVE).map((key) => `alternatives.rmsnorm:fused.${key}`),
];

/**
 * A field by its path in the result, such as `normalization.shareOfTime`; operators by name or index
 * (`operators.rope.seconds`), alternatives by norm or index (`alternatives.rmsnorm:fused.savedShareOfTime`).
 */
export function parseField(name: string): ParsedField {
  const found =
    named(name) ??
    fixed(name, "layer", LAYER) ??
    fixed(name, "normalization", NORMALIZATION) ??
    fixed(name, "statisticalNormalization", STATISTICAL) ??
    fixed(name, "wholeModel", WHOLE_MODEL) ??
    fixed(name, "memory", MEMORY) ??
    fixed(name, "cost", COST) ??
    operatorField(name) ??
    alternativeField(name);
  return found === undefined ? { problem: unknownField(name) } : { field: { name, ...found } };
}

const unknownField = (name: string): string =>
  [
    `the result has no number ${JSON.stringify(name)};`,
    suggestion(name, FIELD_NAMES) ||
      "such as normalization.shareOfTime, layer.seconds, operators.attention-norm.seconds or alternatives.rmsnorm:fused.savedShareOfTime",
  ].join(" ");

type Found = Omit<ResultField, "name"> | undefined;

const named = (name: string): Found => (Object.hasOwn(NAMED, name) ? NAMED[name] : undefined);

type FixedPart = "layer" | "normalization" | "statisticalNormalization" | "wholeModel" | "memory" | "cost";

function fixed<P extends FixedPart>(
  name: string,
  part: P,
  units: Readonly<Partial<Record<keyof Result[P] & string, Unit>>>,
): Found {
  const key = afterPrefix(name, `${part}.`);
  if (key === undefined || !Object.hasOwn(units, key)) return undefined;
  const known = key as keyof Result[P] & string;
  return {
    unit: units[known]!,
    read: (answers) => (answers[part]() as Result[P])[known] as number | null | undefined,
  };
}

const afterPrefix = (name: string, prefix: string): string | undefined =>
  name.startsWith(prefix) ? name.slice(prefix.length) : undefined;

function operatorField(name: string): Found {
  const [, which, key] = /^operators\.([\w-]+)\.(\w+)$/.exec(name) ?? [];
  if (which === undefined || key === undefined || !Object.hasOwn(OPERATOR, key)) return undefined;
  const known = key as keyof typeof OPERATOR;
  const index = /^\d+$/.test(which) ? Number(which) : undefined;
  return {
    unit: OPERATOR[known],
    read: (answers) => {
      const operators = answers.operators();
      const one =
        index === undefined ? operators.find((operator) => operator.name === which) : operators[index];
      return one?.[known];
    },
  };
}

const ALTERNATIVES = NORM_KINDS.flatMap((kind) =>
  NORM_IMPLEMENTATIONS.map((implementation) => ({ kind, implementation })),
);

function alternativeField(name: string): Found {
  const [, which, key] = /^alternatives\.([\w:-]+)\.(\w+)$/.exec(name) ?? [];
  if (which === undefined || key === undefined || !Object.hasOwn(ALTERNATIVE, key)) return undefined;
  const known = key as keyof typeof ALTERNATIVE;
  const one = ALTERNATIVES.find(
    ({ kind, implementation }, index) => which === `${kind}:${implementation}` || which === String(index),
  );
  if (one === undefined) return undefined;
  return {
    unit: ALTERNATIVE[known],
    read: (answers) => answers.alternative(one.kind, one.implementation)[known],
    ...(known === "savedShareOfTime"
      ? { error: (answers: Answers) => answers.alternative(one.kind, one.implementation).errorShareOfTime }
      : {}),
  };
}
