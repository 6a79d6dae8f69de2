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

/** Parts of the result that are one record of numbers each. */
interface Parts {
  readonly layer: keyof Result["layer"];
  readonly normalization: keyof Result["normalization"];
  readonly statisticalNormalization: keyof Result["statisticalNormalization"];
  readonly wholeModel: Exclude<keyof Result["wholeModel"], "kinds" | "normalization">;
  readonly memory: keyof Result["memory"];
  readonly cost: Exclude<keyof Result["cost"], "swapped">;
}

type Units<Key extends string> = Readonly<Record<Key, Unit>>;

const PARTS: { readonly [P in keyof Parts]: Units<Parts[P]> } = {
  layer: {
    seconds: "seconds",
    kernelSeconds: "seconds",
    idealSeconds: "seconds",
    flops: "flops",
    hbmBytes: "bytes",
    hbmTrafficBytes: "bytes",
    kernels: "count",
    modelFlopsUtilization: "share",
    hardwareFlopsUtilization: "share",
    bandwidthUtilization: "share",
    savedActivationBytes: "bytes",
  },
  normalization: {
    seconds: "seconds",
    shareOfTime: "share",
    flops: "flops",
    shareOfFlops: "share",
    hbmBytes: "bytes",
    shareOfHbmBytes: "share",
  },
  statisticalNormalization: { shareOfTime: "share", shareOfFlops: "share" },
  wholeModel: {
    layers: "count",
    seconds: "seconds",
    kernelSeconds: "seconds",
    tokensPerSecond: "rate",
    tokensPerSecondPerGpu: "rate",
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
  },
  memory: {
    weightBytes: "bytes",
    kvCacheBytes: "bytes",
    activationBytes: "bytes",
    optimizerBytes: "bytes",
    totalBytes: "bytes",
    deviceBytes: "bytes",
  },
  cost: {
    gpuHourUsd: "usd",
    usdPerMillionTokens: "usd",
    boardPowerWatts: "watts",
    joulesPerToken: "joules",
  },
};

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
  "wholeModel.normalization.seconds": {
    unit: "seconds",
    read: (answers) => answers.wholeModel().normalization.seconds,
  },
  "wholeModel.normalization.shareOfTime": {
    unit: "share",
    read: (answers) => answers.wholeModel().normalization.shareOfTime,
  },
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
  ...Object.entries(PARTS).flatMap(([part, units]) => Object.keys(units).map((key) => `${part}.${key}`)),
  ...Object.keys(OPERATOR).map((key) => `operators.attention-norm.${key}`),
  ...Object.keys(ALTERNATIVE).map((key) => `alternatives.rmsnorm:fused.${key}`),
];

/**
 * A field by its path in the result, such as `normalization.shareOfTime`; operators by name or index
 * (`operators.rope.seconds`), alternatives by norm or index (`alternatives.rmsnorm:fused.savedShareOfTime`).
 */
export function parseField(name: string): ParsedField {
  const found = named(name) ?? partField(name) ?? operatorField(name) ?? alternativeField(name);
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

function partField(name: string): Found {
  const [part = "", key = "", ...more] = name.split(".");
  if (more.length > 0 || !Object.hasOwn(PARTS, part)) return undefined;
  const known = part as keyof Parts;
  const units: Readonly<Record<string, Unit>> = PARTS[known];
  if (!Object.hasOwn(units, key)) return undefined;
  return {
    unit: units[key]!,
    read: (answers) => (answers[known]() as Readonly<Record<string, number | null | undefined>>)[key],
  };
}

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
