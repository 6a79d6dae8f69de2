import { scenarioAt } from "../ask/scenario-at.ts";
import type { Space } from "../ask/space.ts";
import { isBackward } from "../engine/layer/backward.ts";
import { knowsNormTimes } from "../engine/layer-result.ts";
import { usdPerMillionTokens } from "../engine/model/whole-model.ts";
import type { Claim, Place } from "../schema/claims.ts";
import { hbmBytesOf } from "../schema/operator-sums.ts";
import type { Bound, OperatorResult } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import type { NormImplementation, NormKind } from "../schema/vocabulary.ts";
import type { Answers } from "./answers.ts";
import { answersFor } from "./answers-for.ts";
import { parseField, savingErrorOfGiven, savingOfGiven } from "./result-field.ts";
import { scan } from "./scan.ts";
import { defaultRange, fieldAlong } from "./solve.ts";

/** What the article says, and what counts as its being right. Shares are fractions of 1. */
const ARTICLE = {
  flopShare: 0.0017,
  /** a factor of two either way */
  flopShareFrom: 0.00085,
  flopShareTo: 0.0034,
  runtimeShare: 0.25,
  /** "about 25%" */
  runtimeShareFrom: 0.2,
  saving: 0.25,
  savingFrom: 0.2,
  /** below this nobody sees a difference in utilization or in a bill */
  utilizationPoints: 1,
  costSaving: 0.02,
  /** bytes over those of one read and one write */
  severalPasses: 1.4,
} as const;

/** The eight claims of "The Normalization Paradox" (AI Interview Prep, 2026-04-27), judged in one scenario. */
export function claims(space: Space, gpuHourUsd: number | undefined): Claim[] {
  const scenario = scenarioAt(space);
  const at = (norm: Scenario["normalization"]): Answers => answersFor({ ...scenario, normalization: norm });
  const isTimed = knowsNormTimes(scenario.hardware);
  const context: Context = { isTimed, space, scenario, gpuHourUsd, at };
  return [
    flopShare(context),
    runtimeShare(context),
    rmsNormSaving(context),
    memoryBound(context),
    multiplePasses(context),
    utilization(context),
    cost(context),
    convergence(),
  ];
}

interface Context {
  /** false: the device has no calibration, and only counts can be judged */
  readonly isTimed: boolean;
  readonly space: Space;
  readonly scenario: Scenario;
  readonly gpuHourUsd: number | undefined;
  /** answers of the scenario with another norm */
  readonly at: (norm: Scenario["normalization"]) => Answers;
}

/** What the saving of the same kernels is worth, where pairs of such layers were measured. */
function savingErrorValues({ at, scenario }: Context): Claim["values"] {
  const error = savingErrorOfGiven(at(scenario.normalization));
  return error === undefined ? [] : [share("typical error of such a saving", error)];
}

/** A claim before it is judged. */
type Statement = Pick<Claim, "id" | "claim" | "threshold" | "evidence">;

const judged = (
  { id, claim, threshold, evidence }: Statement,
  { values, verdict, condition, places }: Omit<Claim, keyof Statement>,
): Claim => ({ id, claim, values, verdict, condition, threshold, places, evidence });

/** What of the claim is so: as it stands, under the first condition that holds, or not at all. */
function judgement(
  holds: boolean,
  conditions: readonly (readonly [isMet: boolean, condition: string])[],
): Pick<Claim, "verdict" | "condition"> {
  if (holds) return { verdict: "holds", condition: "" };
  const met = conditions.find(([isMet]) => isMet);
  return met === undefined
    ? { verdict: "does not hold", condition: "" }
    : { verdict: "holds only if", condition: met[1] };
}

/** A claim about time where nobody knows the time of norms. */
const unanswered = (statement: Statement): Claim =>
  judged(statement, {
    values: [],
    verdict: "cannot be answered here",
    condition: "without a calibration of this device",
    places: [],
  });

const share = (name: string, value: number): Claim["values"][number] => ({ name, value, unit: "share" });
const percent = (value: number): string => `${100 * value}%`;

/** The kind and kernels of a norm as flags name them. */
const normName = ({ kind, implementation }: Scenario["normalization"]): string =>
  `${kind}:${typeof implementation === "string" ? implementation : "own passes"}`;

/** Where a field reaches its target when the layer's width moves, under a norm. */
function place(
  { space }: Context,
  claim: string,
  fieldName: string,
  target: number,
  norm: { readonly kind: NormKind; readonly implementation: Scenario["normalization"]["implementation"] },
): Place {
  const field = parseField(fieldName).field!;
  const range = defaultRange("hidden", 0, true);
  const { norm: _, hidden: __, ...fixed } = space.fixed;
  const settings = space.settings.filter(({ path }) => path[0] !== "normalization");
  const there = { ...space, fixed, settings, file: { ...space.file, normalization: norm } };
  const found = scan(fieldAlong(there, field, "hidden"), target, range);
  return {
    claim,
    field: fieldName,
    target,
    parameter: "hidden",
    norm: normName(norm),
    crossings: found.crossings.map(({ before, after, direction }) => ({
      value: after.x,
      direction,
      before: before.y,
      after: after.y,
    })),
    nearest: found.nearest === undefined ? null : { value: found.nearest.x, field: found.nearest.y },
    from: range.from,
    to: range.to,
  };
}

const EAGER = { kind: "layernorm", implementation: "eager" } as const;

function flopShare(context: Context): Claim {
  const own = context.scenario.normalization;
  const answers = context.at(own);
  const { shareOfFlops } = answers.normalization();
  const withSoftmax = answers.statisticalNormalization().shareOfFlops;
  const isNear = (value: number): boolean => value >= ARTICLE.flopShareFrom && value <= ARTICLE.flopShareTo;
  const holds = isNear(shareOfFlops);
  return {
    id: "flop-share",
    claim: "LayerNorm is 0.17% of the FLOPs",
    values: [
      share("share of FLOPs", shareOfFlops),
      ...(withSoftmax === shareOfFlops ? [] : [share("with softmax", withSoftmax)]),
    ],
    ...judgement(holds, [[isNear(withSoftmax), "softmax counts as normalization, as in its source"]]),
    threshold: `within a factor of two of 0.17%`,
    places: holds
      ? []
      : [place(context, "0.17% of the FLOPs", "normalization.shareOfFlops", ARTICLE.flopShare, own)],
    evidence: [
      "0.17% is softmax and LayerNorm together in one BERT-large layer, trained (Ivanov et al., MLSys 2021, table 1)",
    ],
  };
}

const RUNTIME_SHARE: Statement = {
  id: "runtime-share",
  claim: "yet it is about 25% of the runtime",
  threshold: `at least ${percent(ARTICLE.runtimeShareFrom)} of the layer's time`,
  evidence: ["25.5% is softmax and LayerNorm together, PyTorch of 2020 on a V100 (the same table)"],
};

function runtimeShare(context: Context): Claim {
  if (!context.isTimed) return unanswered(RUNTIME_SHARE);
  const own = context.scenario.normalization;
  // behind the guard no time is null
  const here = context.at(own).normalization().shareOfTime!;
  const eager = context.at(EAGER).normalization().shareOfTime!;
  const holds = here >= ARTICLE.runtimeShareFrom;
  const ask = (norm: Scenario["normalization"]): Place =>
    place(context, "25% of the runtime", "normalization.shareOfTime", ARTICLE.runtimeShare, norm);
  return judged(RUNTIME_SHARE, {
    values: [share("share of runtime", here), share("as op-by-op LayerNorm", eager)],
    ...judgement(holds, [[eager >= ARTICLE.runtimeShareFrom, "LayerNorm runs op by op"]]),
    places: holds ? [] : [...(normName(own) === normName(EAGER) ? [] : [ask(own)]), ask(EAGER)],
  });
}

const BETTER_KERNELS = "the kernels get better with it";
const BETTER: readonly NormImplementation[] = ["fused", "residual-fused", "folded"];

const RMSNORM_SAVING: Statement = {
  id: "rmsnorm-saving",
  claim: "RMSNorm gives about a 25% reduction in wall-clock time",
  threshold: `at least ${percent(ARTICLE.savingFrom)} of the layer's time with the same kind of kernel`,
  evidence: [
    "7% to 64% of running time on small models with the kernels of 2019 (Zhang & Sennrich, arXiv 1910.07467)",
    "5.1% more steps per second for T5-base (Narang et al. 2021); 2.1% slower for GPT-NeoX with eager RMSNorm (its pull request 136)",
  ],
};

function rmsNormSaving(context: Context): Claim {
  if (!context.isTimed) return unanswered(RMSNORM_SAVING);
  const own = context.scenario.normalization;
  const same = savingOfGiven(context.at(own)) ?? 0;
  const best = Math.max(...BETTER.map((by) => savingOfGiven(context.at(own), by) ?? 0));
  const fromEager = context.at(EAGER).alternative("rmsnorm", "fused").savedShareOfTime!;
  const holds = same >= ARTICLE.savingFrom;
  return judged(RMSNORM_SAVING, {
    values: [
      share("saved by the formula (same kernels)", same),
      ...savingErrorValues(context),
      share("saved with the best kernels too", best),
      share("saved from op-by-op LayerNorm to one fused RMSNorm", fromEager),
    ],
    ...judgement(holds, [
      [best >= ARTICLE.savingFrom, BETTER_KERNELS],
      [fromEager >= ARTICLE.savingFrom, "an op-by-op LayerNorm becomes one fused RMSNorm"],
    ]),
    places: holds
      ? []
      : [
          place(context, "25% saved by the formula", "rmsnormSavesShareOfTime", ARTICLE.saving, own),
          place(
            context,
            "25% saved from op by op to fused",
            "alternatives.rmsnorm:fused.savedShareOfTime",
            ARTICLE.saving,
            EAGER,
          ),
        ],
  });
}

const secondsOf = (
  operators: readonly OperatorResult[],
  isMember: (one: OperatorResult) => boolean,
): number => operators.filter(isMember).reduce((sum, { seconds }) => sum + seconds, 0);

const OUTSIDE: readonly Bound[] = ["host", "network"];

const MEMORY_BOUND: Statement = {
  id: "memory-bound",
  claim: "GPU utilization is limited by bandwidth, not by compute",
  threshold: "less than half of the layer's time bound by compute, or by host and network, and no norm",
  evidence: [],
};

function memoryBound(context: Context): Claim {
  if (!context.isTimed) return unanswered(MEMORY_BOUND);
  const { scenario, at } = context;
  const answers = at(scenario.normalization);
  const operators = answers.operators();
  const { seconds, hardwareFlopsUtilization, bandwidthUtilization } = answers.layer();
  const shareOf = (...bounds: Bound[]): number =>
    secondsOf(operators, ({ bound }) => bounds.includes(bound)) / seconds;
  const computeShare = shareOf("compute");
  const outsideShare = shareOf(...OUTSIDE);
  const norms = operators.filter((one) => one.class === "normalization");
  const normsCompute = norms.some(({ bound }) => bound === "compute");
  const layerOnlyIf =
    outsideShare >= 0.5
      ? "one looks at the kernels themselves: the layer waits for the host, or for other GPUs"
      : computeShare >= 0.5
        ? "one looks at the norms alone, or in decode: the layer itself waits for arithmetic"
        : "";
  return judged(MEMORY_BOUND, {
    values: [
      share("time bound by compute", computeShare),
      ...(outsideShare > 0 ? [share("by the host or other GPUs", outsideShare)] : []),
      share("of peak FLOP/s used", hardwareFlopsUtilization),
      share("of peak bandwidth used", bandwidthUtilization),
    ],
    verdict: normsCompute ? "does not hold" : layerOnlyIf === "" ? "holds" : "holds only if",
    condition: normsCompute ? "" : layerOnlyIf,
    places: [],
  });
}

/** What the norms of a layer move in the forward pass, and how many kernels they are. */
function forwardTraffic(answers: Answers): { readonly kernels: number; readonly bytes: number } {
  const norms = answers.operators().filter((one) => one.class === "normalization" && !isBackward(one));
  return {
    kernels: norms.reduce((sum, { kernels }) => sum + kernels, 0),
    bytes: norms.reduce((sum, norm) => sum + hbmBytesOf(norm), 0),
  };
}

function multiplePasses({ scenario, at }: Context): Claim {
  const { implementation } = scenario.normalization;
  const layerNorm = forwardTraffic(at({ kind: "layernorm", implementation }));
  const rmsNorm = forwardTraffic(at({ kind: "rmsnorm", implementation }));
  const once = forwardTraffic(at({ kind: "rmsnorm", implementation: "fused" })).bytes;
  const ratio = once === 0 ? 0 : layerNorm.bytes / once;
  const saved = layerNorm.bytes === 0 ? 0 : 1 - rmsNorm.bytes / layerNorm.bytes;
  const holds = ratio >= ARTICLE.severalPasses;
  return {
    id: "multiple-passes",
    claim: "LayerNorm makes several passes over HBM; RMSNorm drops the mean and the bias",
    values: [
      { name: "kernels of LayerNorm", value: layerNorm.kernels, unit: "count" },
      { name: "kernels of RMSNorm", value: rmsNorm.kernels, unit: "count" },
      { name: "LayerNorm's bytes over one read and one write", value: ratio, unit: "ratio" },
      share("of its bytes that RMSNorm saves", saved),
    ],
    ...judgement(holds, [
      [true, "the kernels are textbook or op by op: these read the input once, for both norms"],
    ]),
    threshold: `at least ${ARTICLE.severalPasses} times the bytes of one read and one write`,
    places: [],
    evidence: [
      "textbook kernels: 3 reads and 1 write against 2 and 1, so RMSNorm moves 25% fewer bytes in the norms themselves",
    ],
  };
}

const UTILIZATION: Statement = {
  id: "utilization",
  claim: "with RMSNorm the compute engines stay fed: higher utilization",
  threshold: `at least ${ARTICLE.utilizationPoints} point of peak more`,
  evidence: [],
};

function utilization(context: Context): Claim {
  if (!context.isTimed) return unanswered(UTILIZATION);
  const { scenario, at } = context;
  const { implementation } = scenario.normalization;
  const before = at({ kind: "layernorm", implementation }).layer().hardwareFlopsUtilization;
  const after = at({ kind: "rmsnorm", implementation }).layer().hardwareFlopsUtilization;
  const best = at({ kind: "rmsnorm", implementation: "residual-fused" }).layer().hardwareFlopsUtilization;
  const points = 100 * (after - before);
  const bestPoints = 100 * (best - before);
  const holds = points >= ARTICLE.utilizationPoints;
  return judged(UTILIZATION, {
    values: [
      share("of peak FLOP/s with LayerNorm", before),
      share("with RMSNorm, same kernels", after),
      share("with RMSNorm, residual add fused in", best),
    ],
    ...judgement(holds, [[bestPoints >= ARTICLE.utilizationPoints, BETTER_KERNELS]]),
    places: [],
  });
}

const COST: Statement = {
  id: "cost",
  claim: "so cloud compute costs fall",
  threshold: `at least ${percent(ARTICLE.costSaving)} cheaper`,
  evidence: [],
};

function cost(context: Context): Claim {
  if (!context.isTimed) return unanswered(COST);
  const { scenario, at, gpuHourUsd } = context;
  const { implementation } = scenario.normalization;
  const usd = (norm: Scenario["normalization"]): number =>
    usdPerMillionTokens(at(norm).wholeModel(), gpuHourUsd ?? 0);
  const before = usd({ kind: "layernorm", implementation });
  const after = usd({ kind: "rmsnorm", implementation });
  const best = usd({ kind: "rmsnorm", implementation: "residual-fused" });
  const saved = savingOfGiven(at(scenario.normalization)) ?? 0;
  const bestSaved = savingOfGiven(at(scenario.normalization), "residual-fused") ?? 0;
  const holds = saved >= ARTICLE.costSaving && saved > (savingErrorOfGiven(at(scenario.normalization)) ?? 0);
  return judged(COST, {
    values: [
      share("saved, same kernels", saved),
      ...savingErrorValues(context),
      ...(gpuHourUsd === undefined
        ? []
        : ([
            { name: "$ per million tokens with LayerNorm", value: before, unit: "usd" },
            { name: "with RMSNorm, same kernels", value: after, unit: "usd" },
            { name: "with RMSNorm, residual add fused in", value: best, unit: "usd" },
          ] as const)),
    ],
    ...judgement(holds, [[bestSaved >= ARTICLE.costSaving, BETTER_KERNELS]]),
    places: [],
  });
}

const convergence = (): Claim => ({
  id: "convergence",
  claim: "and convergence is not hurt",
  values: [],
  verdict: "outside this model",
  condition: "",
  threshold: "nothing here trains a model",
  places: [],
  evidence: [
    "RMSNorm reaches quality comparable to LayerNorm's (Zhang & Sennrich 2019, arXiv 1910.07467, abstract)",
    "the Llama, Qwen, Gemma and Mistral models that are shipped here were trained with it",
    "held-out loss with RMSNorm against LayerNorm's in small byte-level models trained for this: +0.0% ± 0.9% at 11 M parameters (5 seeds), -0.1% ± 1.1% at 51 M (3 seeds), 95% intervals (measurements/training/convergence.jsonl); larger models and longer runs were not tried",
  ],
});
